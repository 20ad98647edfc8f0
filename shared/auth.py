"""Who calls, and what they may do where.

Registry's role assignments are the only source of authority. The gateway projects them into a five-minute token; every
service checks the token's signature and decides by its own table of verbs (``services/<service>/rights.py``). No
header but ``Authorization`` is trusted.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet, OKPKey

from shared import areas
from shared.problems import Forbidden, Unauthenticated

AUDIENCE = "linli"
ISSUER = "linli-gateway"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type, RFC 9068
TOKEN_SECONDS = 300
LEEWAY_SECONDS = 5
"""How far the clocks of two hosts may differ."""
ALGORITHM = "Ed25519"
"""RFC 9864; older programs call it EdDSA."""
CACHED_TOKENS = 20_000


class Reach(StrEnum):
    """``SUBTREE``: the role's area or anything below. ``EXACT``: that very area; nobody above can do it for them."""

    SUBTREE = "subtree"
    EXACT = "exact"


@dataclass(frozen=True)
class Right:
    """Who may use one verb.

    ``roles`` bound to an area act within ``reach``; roles bound to an organization act on what belongs to it.
    ``anyone``: every signed-in person may call it, and the use case judges by household, consent or authorship.
    ``service``: only Linli's own services. ``public``: no token at all.
    """

    summary: str
    roles: frozenset[str] = frozenset()
    reach: Reach = Reach.SUBTREE
    anyone: bool = False
    service: bool = False
    public: bool = False


def right(
    summary: str,
    *roles: str,
    reach: Reach = Reach.SUBTREE,
    anyone: bool = False,
    service: bool = False,
    public: bool = False,
) -> Right:
    return Right(summary, frozenset(roles), reach, anyone, service, public)


@dataclass(frozen=True)
class Grant:
    """One role of the caller, bound to an area path or to an organization."""

    role: str
    area: str | None = None
    organization_id: UUID | None = None


@dataclass(frozen=True)
class Principal:
    """The caller of one request. ``scopes`` limits an API client to named verbs; None means no such limit."""

    id: UUID
    kind: Literal["person", "client", "service"]
    session_id: UUID
    grants: tuple[Grant, ...] = ()
    scopes: frozenset[str] | None = None
    rights: Mapping[str, Right] = field(default_factory=dict, repr=False)

    @property
    def visible_areas(self) -> Sequence[str]:
        """Areas that row-level security shows; ``*`` for services."""
        return ("*",) if self.kind == "service" else sorted({g.area for g in self.grants if g.area})

    @property
    def organization_ids(self) -> Sequence[UUID]:
        return sorted({g.organization_id for g in self.grants if g.organization_id})

    def may(self, verb: str, *, on: str | None = None, organization: UUID | None = None) -> bool:
        """Whether a role of the caller allows ``verb`` on the area ``on`` or for the organization.

        With neither, whether any role of the caller allows it anywhere. Raises KeyError for a verb that is not in the
        service's table: a verb nobody declared is a defect.
        """
        entry = self.rights[verb]
        if self.scopes is not None and verb not in self.scopes:
            return False
        if self.kind == "service":
            return True
        if entry.service:
            return False
        return any(_grants(grant, entry, on, organization) for grant in self.grants)

    def must(self, verb: str, *, on: str | None = None, organization: UUID | None = None) -> None:
        """Raises Forbidden unless ``may``."""
        if not self.may(verb, on=on, organization=organization):
            raise Forbidden(
                (
                    f"您的角色不能在此范围执行 {verb}。",
                    f"None of your roles allows {verb} here; ask the street office for the role that does.",
                )
            )

    def areas_for(self, verb: str) -> list[str]:
        """The area paths in which the caller may use ``verb``; ``["*"]`` for services; empty for nowhere."""
        entry = self.rights[verb]
        if self.kind == "service":
            return ["*"]
        if self.scopes is not None and verb not in self.scopes:
            return []
        return sorted({g.area for g in self.grants if g.area and g.role in entry.roles})

    def organizations_for(self, verb: str) -> list[UUID]:
        """The organizations for which the caller may use ``verb``."""
        entry = self.rights[verb]
        return sorted({g.organization_id for g in self.grants if g.organization_id and g.role in entry.roles})


def _grants(grant: Grant, entry: Right, on: str | None, organization: UUID | None) -> bool:
    if grant.role not in entry.roles:
        return False
    if on is None and organization is None:
        return True
    if on is not None and grant.area is not None:
        return grant.area == on if entry.reach is Reach.EXACT else areas.covers(grant.area, on)
    return organization is not None and grant.organization_id == organization


def claims_of(principal: Principal, issued_at: float, lifetime: int = TOKEN_SECONDS) -> dict[str, Any]:
    """The JWT claims that carry a principal. ``issued_at`` is epoch seconds to the millisecond (RFC 7519, NumericDate):
    a revocation separates tokens of the same second.
    """
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(principal.id),
        "sid": str(principal.session_id),
        "kind": principal.kind,
        "iat": round(issued_at, 3),
        "exp": int(issued_at) + lifetime,
        "roles": [
            {"role": g.role, "area": g.area, "organization_id": g.organization_id and str(g.organization_id)}
            for g in principal.grants
        ],
        "scope": None if principal.scopes is None else " ".join(sorted(principal.scopes)),
    }


def principal_of(claims: Mapping[str, Any], rights: Mapping[str, Right]) -> Principal:
    scope = claims.get("scope")
    return Principal(
        id=UUID(claims["sub"]),
        kind=claims["kind"],
        session_id=UUID(claims["sid"]),
        grants=tuple(
            Grant(r["role"], r.get("area"), UUID(r["organization_id"]) if r.get("organization_id") else None)
            for r in claims.get("roles", ())
        ),
        scopes=None if scope is None else frozenset(scope.split()),
        rights=rights,
    )


def sign_token(
    principal: Principal, key: OKPKey, lifetime: int = TOKEN_SECONDS, *, issued_at: float | None = None
) -> str:
    """A compact Ed25519-signed JWT; ``key`` carries its ``kid``; ``issued_at`` is now unless given."""
    header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": key.kid}
    claims = claims_of(principal, time.time() if issued_at is None else issued_at, lifetime)
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


def read_token(token: str, keys: KeySet) -> dict[str, Any]:
    """The claims of a token whose algorithm, type, issuer, audience and times are ours.

    Raises Unauthenticated (``token_expired`` when only its time is over). Header fields such as ``jku`` or ``jwk``
    are never followed.
    """
    try:
        decoded = jwt.decode(token, keys, algorithms=[ALGORITHM])
        if decoded.header.get("typ") != TOKEN_TYPE:
            raise Unauthenticated(("令牌类型不符。", "This is not an access token; sign in to get one."))
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        ).validate(decoded.claims)
    except ExpiredTokenError as error:
        raise Unauthenticated(
            ("登录已过期, 请刷新。", "The token has expired; refresh it, then repeat."), code="token_expired"
        ) from error
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise Unauthenticated(("令牌无效, 请重新登录。", "The token is not valid; sign in again.")) from error
    return dict(decoded.claims)


class TokenCache:
    """Tokens already checked in this process, until they expire; bounded, oldest out first."""

    def __init__(self) -> None:
        self._checked: dict[str, tuple[float, float, Principal]] = {}

    def get(self, token: str) -> tuple[float, Principal] | None:
        """(issued at, principal), or None when it is unknown or its time is over."""
        found = self._checked.get(token)
        if found is None or found[0] <= time.time():
            self._checked.pop(token, None)
            return None
        return found[1], found[2]

    def put(self, token: str, claims: Mapping[str, Any], principal: Principal) -> None:
        while len(self._checked) >= CACHED_TOKENS:
            self._checked.pop(next(iter(self._checked)))
        self._checked[token] = (float(claims["exp"]), float(claims["iat"]), principal)
