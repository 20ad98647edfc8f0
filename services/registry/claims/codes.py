"""The code on paper: whoever holds it lives there, or was trusted with it by somebody who does."""

import secrets
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.claims.tables import ClaimCode
from services.registry.households.tables import Household
from services.registry.policies.kinds import HouseholdValues
from shared.database import transaction_time
from shared.identifiers import make_code
from shared.ids import new_id
from shared.privacy import DataClass, Plain, Sealed, Vault

DIGITS = 9
_TRY = text("SELECT registry_try_code(:attempt, :household, :person, :code, :tries, :daily, :claims)")


def new_code() -> str:
    """Eight random digits and their check digit."""
    return make_code(secrets.randbelow(10 ** (DIGITS - 1)), DIGITS)


def code_key(vault: Vault, household_id: UUID, code: str) -> bytes:
    return vault.lookup(f"{household_id}|{code}", "code")


async def sealed_codes(vault: Vault, household_ids: Sequence[UUID]) -> list[tuple[bytes, bytes]]:
    """A fresh code for each household, as (keyed hash, sealed)."""
    codes = [new_code() for _ in household_ids]
    plains = [
        Plain(code, household_id, DataClass.IDENTITY, "claim_code")
        for code, household_id in zip(codes, household_ids, strict=True)
    ]
    sealed = await vault.seal_many(plains)
    keys = [code_key(vault, one, code) for one, code in zip(household_ids, codes, strict=True)]
    return list(zip(keys, sealed, strict=True))


async def issue_codes(db: AsyncSession, vault: Vault, households: Sequence[Household]) -> None:
    """Issues codes; an older one of the same household is void."""
    codes = await sealed_codes(vault, [household.id for household in households])
    rows = [
        {
            "household_id": household.id, "area": household.area, "code_key": key, "code_sealed": sealed,
            "issued_at": transaction_time(db),
        }
        for household, (key, sealed) in zip(households, codes, strict=True)
    ]  # fmt: skip
    for start in range(0, len(rows), 1000):
        statement = insert(ClaimCode).values(rows[start : start + 1000])
        fresh = {name: statement.excluded[name] for name in ("code_key", "code_sealed", "issued_at")}
        await db.execute(statement.on_conflict_do_update(index_elements=["household_id"], set_=fresh))


async def open_codes(vault: Vault, codes: Sequence[ClaimCode]) -> list[str]:
    """The codes in clear, for printing."""
    stored = [Sealed(code.code_sealed, code.household_id, DataClass.IDENTITY, "claim_code") for code in codes]
    return [code or "" for code in await vault.open_many(stored)]


async def try_code(
    db: AsyncSession, vault: Vault, household_id: UUID, person_id: UUID, code: str, limits: HouseholdValues
) -> str:
    """``accepted``, ``wrong`` or ``exhausted`` (within the policy's limits); every try is counted and stays counted."""
    found = await db.execute(
        _TRY,
        {
            "attempt": new_id(), "household": household_id, "person": person_id,
            "code": code_key(vault, household_id, code), "tries": limits.code_tries,
            "daily": limits.code_tries_daily, "claims": limits.claims_by_code,
        },
    )  # fmt: skip
    return str(found.scalar_one())
