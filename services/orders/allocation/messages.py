"""Allocations and shortages → contracts and answers."""

from services.orders.allocation.schemas import AllocationPublic
from services.orders.allocation.tables import Allocation, Shortage
from shared.contracts.orders import ShortageV1
from shared.contracts.record import RecordV1


def allocation_event(allocation: Allocation) -> RecordV1:
    return RecordV1(
        id=allocation.id,
        version=allocation.version,
        area=allocation.area,
        kind="allocation",
        state=allocation.state,
        refs={"purchase_id": allocation.purchase_id},
        reason=allocation.reason,
    )


def shortage_event(shortage: Shortage) -> ShortageV1:
    return ShortageV1.model_validate(shortage.model_dump())


def public(row: Allocation) -> AllocationPublic:
    """A run as its readers see it: recorded inputs by name, the last replay judged."""
    replay = None
    if row.replayed_at is not None:
        replay = {"at": row.replayed_at, "differences": row.replay_differences, "same": not row.replay_differences}
    return AllocationPublic.model_validate(row.model_dump() | row.inputs | {"replay": replay})
