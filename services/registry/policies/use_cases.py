"""Publishing a policy. It is pinned where it is used; a later one does not reach back."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.places.queries import place_at
from services.registry.policies.kinds import KINDS
from services.registry.policies.messages import policy_state
from services.registry.policies.schemas import PolicyCreate
from services.registry.policies.tables import Policy
from shared.answers import same_or_conflict
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts.registry import POLICY
from shared.database import locked, transaction_time
from shared.ids import new_id
from shared.problems import Invalid, invalid
from shared.timers import schedule
from shared.validation import field_errors

END = "policy.end"
"""Timer: a policy's time is over; ``ref`` is its id."""


async def create_policy(db: AsyncSession, who: Principal, body: PolicyCreate) -> Policy:
    """Publishes values for an area; they must be those of the kind, within its bounds."""
    who.must("policies.create", on=body.area)
    if await place_at(db, body.area) is None:
        raise invalid("/area", "unknown", "没有此地点。", "There is no such place; check the area path.")
    now = transaction_time(db)
    values = _checked(body.kind, body.values)
    if body.id and (present := await db.get(Policy, body.id)):
        return same_or_conflict(present, {"area": body.area, "kind": body.kind, "values": values})
    valid_from = body.valid_from or now
    if body.valid_until is not None and body.valid_until <= max(valid_from, now):
        raise invalid("/valid_until", "too_early", "结束时间过早。", "It must end after it begins, and after now.")
    policy = Policy(
        id=body.id or new_id(),
        area=body.area,
        kind=body.kind,
        values=values,
        valid_from=valid_from,
        valid_until=body.valid_until,
        created_by=who.id,
        created_at=now,
    )
    db.add(policy)
    if policy.valid_until is not None:
        await schedule(db, END, policy.id, policy.valid_until)
    record(db, POLICY, "policy.created", policy_state(policy))
    return policy


def _checked(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """All values of the kind, defaults filled in. Raises Invalid with pointers below ``/values``."""
    try:
        return KINDS[kind].values.model_validate(values).model_dump()
    except ValidationError as error:
        inside = [raw | {"loc": ("body", "values", *raw["loc"])} for raw in error.errors()]
        raise Invalid(errors=field_errors(RequestValidationError(inside))) from None


async def end_policy(db: AsyncSession, policy_id: UUID, now: datetime) -> None:
    """Timer: what was used keeps its pinned values; from now on the next policy counts."""
    policy = await locked(db, Policy, policy_id)
    if policy.state != "active" or policy.valid_until is None or policy.valid_until > now:
        return
    policy.state = "ended"
    policy.version += 1
    record(db, POLICY, "policy.ended", policy_state(policy))
