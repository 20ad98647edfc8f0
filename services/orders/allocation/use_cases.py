"""Share out what is short, tell every household concerned once, and prove it again from the record."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.allocation import run as runs
from services.orders.allocation.domain import ALLOCATION
from services.orders.allocation.messages import allocation_event
from services.orders.allocation.queries import IN_SCOPE, Reason, Scope, Supply, supplies
from services.orders.allocation.run import Run
from services.orders.allocation.schemas import AllocationCreate
from services.orders.allocation.settlement import Settled, settle_missing
from services.orders.allocation.substitution import Missing
from services.orders.allocation.tables import Allocation, AllocationLine
from services.orders.allocation.telling import tell
from services.orders.intake.messages import order_events_of
from services.orders.parcels.completion import complete_orders
from services.orders.purchasing.tables import Purchase
from shared.answers import id_conflict
from shared.areas import covers
from shared.auth import Principal
from shared.bus.outbox import record, record_many
from shared.contracts import orders as contracts
from shared.database import fetched, locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.problems import Conflict, NotFound, Text, TransitionNotAllowed

_RAISE = text(
    "UPDATE orders o SET version = version + 1 FROM (SELECT o.id FROM orders o"  # noqa: S608
    f" WHERE {IN_SCOPE} ORDER BY o.id FOR UPDATE) AS held WHERE o.id = held.id RETURNING o.id"
)


async def allocate(
    db: AsyncSession, purchase_id: UUID, reason: Reason, now: datetime, area: str | None = None
) -> Allocation | None:
    """Gives every line of the scope its numbers, shares out what is short, settles the rest and tells everybody.

    ``confirmed_short``: the whole purchase, from what the store confirmed. ``received_short``: the lines of ``area``,
    from what the completed receipt of that area brought. The caller holds the purchase and may see all of its orders
    (a timer of the worker). Done once per scope: again, it returns what counts. None when nothing is short.
    """
    purchase = await fetched(db, Purchase, purchase_id)
    scope = Scope(purchase_id, reason, area or purchase.area)
    if (counts := await _that_counts(db, scope)) is not None:
        return counts
    held = await _hold_orders(db, scope)
    run = await runs.compute(db, scope, await supplies(db, scope), now)
    allocation = None
    if run.shares:
        allocation = _allocation(purchase, scope, run, now)
        await _propose(db, allocation, run)
    await _carry_out(db, scope, run, allocation, held, now)
    return allocation


async def _that_counts(db: AsyncSession, scope: Scope) -> Allocation | None:
    query = select(Allocation).where(
        col(Allocation.purchase_id) == scope.purchase_id,
        col(Allocation.reason) == scope.reason,
        col(Allocation.area) == scope.area,
        col(Allocation.state) == "applied",
    )
    return (await db.execute(query)).scalar_one_or_none()


async def _hold_orders(db: AsyncSession, scope: Scope) -> list[UUID]:
    """Locks the orders of the scope and raises their versions: each gets one event of what follows."""
    return sorted((await db.execute(_RAISE, scope.parameters())).scalars())


async def _propose(db: AsyncSession, allocation: Allocation, run: Run) -> None:
    db.add(allocation)
    await db.flush()
    await runs.record_lines(db, allocation.id, run)
    record(db, contracts.RECORD, "allocation.created", allocation_event(allocation))


async def _carry_out(
    db: AsyncSession,
    scope: Scope,
    run: Run,
    allocation: Allocation | None,
    held: Sequence[UUID],
    now: datetime,
    by: UUID | None = None,
) -> None:
    """Writes the numbers; then deficits, substitution, one sentence per household, and the orders' events."""
    await runs.write_lines(db, scope, run)
    settled = Settled([], [])
    if allocation is not None:
        allocation.state, allocation.applied_by, allocation.applied_at = "applied", by, now
        allocation.version += 1
        record(db, contracts.RECORD, "allocation.applied", allocation_event(allocation))
        await runs.remember_deficits(db, scope, run, now)
        settled = await settle_missing(db, scope, missing_of(run), run.seed, by)
        await tell(db, scope, run, settled.settlements, now)
    await _tell_orders(db, held, settled)
    await complete_orders(db, {s.missing.order_id for s in settled.settlements}, now)


def missing_of(run: Run) -> list[Missing]:
    """The units of every line that came short."""
    found = []
    for line_id, share in run.shares.items():
        if share.short:
            line = run.lines[line_id]
            found.append(
                Missing(
                    claim=share.missing_claim(),
                    order_id=line.order_id,
                    round_id=line.round_id,
                    ordered_for=line.ordered_for,
                    unit_price_fen=line.unit_price_fen,
                    substitution=line.substitution,
                    swap_item_id=line.swap_item_id,
                )
            )
    return found


def _allocation(purchase: Purchase, scope: Scope, run: Run, now: datetime) -> Allocation:
    return Allocation(
        id=new_id(),
        purchase_id=purchase.id,
        reason=scope.reason,
        state="proposed",
        area=scope.area,
        areas=[area for area in purchase.areas if covers(scope.area, area)],
        seed=str(run.seed),
        inputs=run.inputs(),
        policy_id=run.policy_id,
        created_at=now,
    )


async def _tell_orders(db: AsyncSession, ids: Sequence[UUID], settled: Settled) -> None:
    """One event per order: ``order.substituted`` for those that got a swap, ``order.allocated`` for the others."""
    swapped = {line.order_id for line in settled.swap_lines}
    for event, chosen in (
        ("order.substituted", [id for id in ids if id in swapped]),
        ("order.allocated", [id for id in ids if id not in swapped]),
    ):
        await record_many(db, contracts.ORDER, event, await order_events_of(db, chosen))


async def propose(db: AsyncSession, who: Principal, body: AllocationCreate) -> Allocation:
    """What the rule would give from what is known now, for the store's confirmation or for figures of one's own."""
    if body.id and (there := await db.get(Allocation, body.id)):
        if (there.purchase_id, there.reason) != (body.purchase_id, body.reason):
            raise id_conflict()
        return there
    purchase = await _purchase(db, body.purchase_id)
    who.must("allocations.create", on=purchase.area)
    now = transaction_time(db)
    scope = Scope(purchase.id, body.reason, body.area or purchase.area)
    run = await runs.compute(db, scope, _assumed(await supplies(db, scope), body), now)
    if not run.shares:
        raise Conflict(
            ("没有短缺的商品, 无需分配。", "Nothing is short, so there is nothing to share out."), code="limit_reached"
        )
    allocation = _allocation(purchase, scope, run, now)
    allocation.id, allocation.created_by = body.id or allocation.id, who.id
    await _propose(db, allocation, run)
    return allocation


async def _purchase(db: AsyncSession, purchase_id: UUID) -> Purchase:
    try:
        return await fetched(db, Purchase, purchase_id)
    except NotFound:
        raise unknown_reference(purchase_id, "/purchase_id") from None


def _assumed(found: Sequence[Supply], body: AllocationCreate) -> list[Supply]:
    """The supplies with the caller's own figures; of items it does not name, what is known, or enough."""
    own: Mapping[UUID, int] = {s.item_id: s.qty for s in body.supplies}
    if not own:
        return list(found)
    return [Supply(s.item_id, s.wanted, own.get(s.item_id, s.wanted)) for s in found]


async def apply(db: AsyncSession, who: Principal, allocation_id: UUID) -> Allocation:
    """Makes a proposal count before it happens by itself, as when the worker is down.

    Raises Conflict (duplicate) when another run counts already or the figures have changed.
    """
    purchase_id = (await fetched(db, Allocation, allocation_id)).purchase_id
    purchase = await locked(db, Purchase, purchase_id)
    who.must("allocations.apply", on=purchase.area)
    allocation = await locked(db, Allocation, allocation_id)
    if ALLOCATION.step(allocation.state, "apply") == allocation.state:
        return allocation
    scope = Scope(purchase.id, cast(Reason, allocation.reason), allocation.area)
    await _must_be_due(db, purchase, scope)
    held = await _hold_orders(db, scope)
    now = transaction_time(db)
    run = await runs.compute(db, scope, await supplies(db, scope), now)
    proposed = {line.line_id: line.allocated for line in await recorded_lines(db, allocation.id)}
    if run.inputs() != allocation.inputs or proposed != {id: share.allocated for id, share in run.shares.items()}:
        raise _not_again(("情况已变, 请重新试算。", "The figures have changed since; propose it again."))
    await _carry_out(db, scope, run, allocation, held, now, who.id)
    return allocation


async def _must_be_due(db: AsyncSession, purchase: Purchase, scope: Scope) -> None:
    if await _that_counts(db, scope) is not None:
        raise _not_again(("该次短缺已分配。", "This shortage has been shared out already; read that run."))
    if purchase.state != ("receiving" if scope.of_receipt else "confirmed"):
        raise TransitionNotAllowed("allocation", "proposed", "apply", [])


def _not_again(detail: Text) -> Conflict:
    return Conflict(detail, code="duplicate")


async def recorded_lines(db: AsyncSession, allocation_id: UUID) -> list[AllocationLine]:
    query = select(AllocationLine).where(col(AllocationLine.allocation_id) == allocation_id)
    return list((await db.execute(query)).scalars())


async def replay(db: AsyncSession, who: Principal, allocation_id: UUID) -> Allocation:
    """Draws again from the recorded inputs and writes down whether the same came out."""
    allocation = await locked(db, Allocation, allocation_id)
    who.must("allocations.replay", on=allocation.area)
    allocation.replay_differences = runs.differences(allocation, await recorded_lines(db, allocation.id))
    allocation.replayed_at = transaction_time(db)
    allocation.version += 1
    record(db, contracts.RECORD, "allocation.replayed", allocation_event(allocation))
    return allocation
