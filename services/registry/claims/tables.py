"""Who says they live in a household."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import RegistryRow, moment, required_moment
from shared.database import AreaText


class HouseholdClaim(RegistryRow, table=True):
    """``code_result``: what became of the code on paper that was given last."""

    __tablename__ = "household_claims"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    household_id: UUID
    person_id: UUID
    state: str = "pending"
    code_result: str | None = None
    confirmed_how: str | None = None
    decided_by: UUID | None = None
    decided_at: datetime | None = moment()
    reason: str | None = None
    emergency_id: UUID | None = None
    created_at: datetime = required_moment()


class ClaimCode(RegistryRow, table=True):
    """The code on paper that proves a household: found by keyed hash, sealed for printing."""

    __tablename__ = "claim_codes"

    household_id: UUID = Field(primary_key=True)
    area: str = Field(sa_type=AreaText)
    code_key: bytes
    code_sealed: bytes
    issued_at: datetime = required_moment()
