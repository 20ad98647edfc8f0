"""One limit per caller over all processes of the gateway (promises GW5, GW6).

Time is cut into windows; each window of a caller has a quota. A process leases a few of the window's tokens from the
UNLOGGED table ``rate_leases`` and spends them from memory, so most requests cost no statement. A lease is at most a
twentieth of the quota and shrinks to one token as the quota nears its end: a caller never gets more than the quota,
and loses only what other processes leased and did not spend. Two windows meet, so within one window's length around
their border a caller may get up to twice the quota.

Fail mode, when the table cannot be reached: an ordinary policy falls back to the process's own count, at worst the
quota once per process; an ``exact`` policy (sign-in codes) is closed and answers 503. A crash of PostgreSQL empties an
UNLOGGED table: the window starts anew.
"""

import asyncio
import math
import time
from dataclasses import dataclass, field

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.problems import RateLimited, Unavailable

log = structlog.get_logger()
LEASE_SECONDS = 0.5
"""How long a lease may take before the process goes by its own count."""
PRUNE_SECONDS = 60
MOST_CALLERS = 50_000

_LEASE = text(
    "INSERT INTO rate_leases AS mine (bucket, span, taken, expires_at)"
    " VALUES (:bucket, :span, :want, now() + make_interval(secs => :seconds))"
    " ON CONFLICT (bucket, span) DO UPDATE SET taken = mine.taken + excluded.taken WHERE mine.taken < :quota"
    " RETURNING taken"
)
_PRUNE = text("DELETE FROM rate_leases WHERE expires_at < now()")


@dataclass(frozen=True)
class Policy:
    """``quota`` requests in ``seconds``. ``exact``: every token is asked for at the table, and no table means no."""

    name: str
    quota: int
    seconds: int
    exact: bool = False


@dataclass(frozen=True)
class Standing:
    """How a caller stands after asking for one token."""

    policy: Policy
    allowed: bool
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """``RateLimit-Policy`` and ``RateLimit`` (IETF draft)."""
        policy = self.policy
        return {
            "RateLimit-Policy": f'"{policy.name}";q={policy.quota};w={policy.seconds}',
            "RateLimit": f'"{policy.name}";r={self.remaining};t={self.reset}',
        }

    def must(self) -> None:
        """Raises RateLimited with when to come again."""
        if not self.allowed:
            raise RateLimited(
                (
                    f"请求过于频繁, 请在 {self.reset} 秒后重试。",
                    f"Too many requests; come again in {self.reset} s.",
                ),
                headers=self.headers() | {"Retry-After": str(self.reset)},
            )


@dataclass
class _Lease:
    span: int
    left: int = 0
    taken: int = 0
    over: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Limiter:
    """The limits of one process; all processes share the table."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._leases: dict[tuple[str, str], _Lease] = {}
        self._pruned_at = time.monotonic()

    async def take(self, policy: Policy, caller: str) -> Standing:
        """Spends one token of the caller's present window. Raises Unavailable for an exact policy without its table."""
        now = time.time()
        span = int(now // policy.seconds)
        lease = self._leases.get((policy.name, caller))
        if lease is None or lease.span != span:
            lease = self._begin(policy, caller, span)
        if lease.left <= 0 and not lease.over:
            async with lease.lock:
                if lease.left <= 0 and not lease.over:
                    await self._lease(policy, caller, lease)
        if allowed := lease.left > 0:
            lease.left -= 1
        remaining = lease.left + max(0, policy.quota - lease.taken) if not lease.over else lease.left
        return Standing(policy, allowed, remaining, math.ceil((span + 1) * policy.seconds - now))

    def _begin(self, policy: Policy, caller: str, span: int) -> _Lease:
        if len(self._leases) >= MOST_CALLERS:
            self._leases.clear()  # leased tokens are lost, never doubled
        lease = self._leases[policy.name, caller] = _Lease(span)
        return lease

    async def _lease(self, policy: Policy, caller: str, lease: _Lease) -> None:
        want = 1 if policy.exact else max(1, min(policy.quota // 20, (policy.quota - lease.taken) // 8))
        try:
            taken = await asyncio.wait_for(self._ask(policy, caller, lease.span, want), LEASE_SECONDS)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            if policy.exact:
                raise Unavailable(headers={"Retry-After": "2"}) from error
            log.warning("rate_limit_by_own_count", policy=policy.name, error=type(error).__name__)
            taken = lease.taken + want if lease.taken < policy.quota else None
        if taken is None:
            lease.over, lease.taken = True, policy.quota
            return
        lease.taken = min(taken, policy.quota)
        lease.left = want - max(0, taken - policy.quota)

    async def _ask(self, policy: Policy, caller: str, span: int, want: int) -> int | None:
        values = {"bucket": f"{policy.name} {caller}", "span": span, "want": want, "quota": policy.quota}
        async with self._engine.connect() as connection:
            leased = await connection.execute(_LEASE, values | {"seconds": 2 * policy.seconds})
            taken = leased.scalar_one_or_none()
            if time.monotonic() - self._pruned_at > PRUNE_SECONDS:
                self._pruned_at = time.monotonic()
                await connection.execute(_PRUNE)
        return taken
