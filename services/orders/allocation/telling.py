"""Tells every household that came short exactly once, and has those called that want or need it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.allocation.messages import shortage_event
from services.orders.allocation.queries import Scope
from services.orders.allocation.run import Run
from services.orders.allocation.sentences import Asked, sentences
from services.orders.allocation.substitution import Settlement
from services.orders.allocation.tables import Shortage
from services.orders.callbacks.opening import Call, open_calls
from shared.bus.outbox import record_many
from shared.contracts import orders as contracts
from shared.database import insert_rows
from shared.ids import new_id

_NAMES = text("SELECT id, name, unit FROM catalog_items WHERE id = ANY(:ids)")
_BY_CALL = text("SELECT key FROM household_copies WHERE key = ANY(:ids) AND payload->>'notify' = 'call'")
_TOLD = text(
    "SELECT household_id FROM shortages"
    " WHERE purchase_id = :purchase_id AND reason = :reason AND household_id = ANY(:households)"
)


async def tell(db: AsyncSession, scope: Scope, run: Run, settlements: Sequence[Settlement], now: datetime) -> None:
    """One shortage and ``shortage.decided`` per household; a call where it chose one or takes news by telephone."""
    short: dict[UUID, list[Settlement]] = defaultdict(list)
    for settlement in settlements:
        short[settlement.missing.claim.household_id].append(settlement)
    shortages = await _shortages(db, scope, run, short, now)
    await insert_rows(db, Shortage, [shortage.model_dump() for shortage in shortages])
    await record_many(db, contracts.SHORTAGE, "shortage.decided", [shortage_event(s) for s in shortages])
    await open_calls(db, await _calls(db, scope, run, short), now, now + run.call_within)


async def _shortages(
    db: AsyncSession, scope: Scope, run: Run, short: Mapping[UUID, list[Settlement]], now: datetime
) -> list[Shortage]:
    parameters = {"purchase_id": scope.purchase_id, "reason": scope.reason, "households": list(short)}
    told = set((await db.execute(_TOLD, parameters)).scalars())
    asked = await _asked(db, run, [s for of_household in short.values() for s in of_household])
    made = []
    for household_id, settlements in sorted(short.items()):
        if household_id in told:
            continue
        zh, en = sentences(scope.reason, settlements, asked)
        first = run.lines[settlements[0].missing.claim.line_id]
        made.append(
            Shortage(
                id=new_id(),
                area=first.area,
                household_id=household_id,
                purchase_id=scope.purchase_id,
                order_id=first.order_id,
                reason=scope.reason,
                zh=zh,
                en=en,
                created_at=now,
            )
        )
    return made


async def _asked(db: AsyncSession, run: Run, settlements: Sequence[Settlement]) -> dict[UUID, Asked]:
    """What each short line was about, by line id."""
    lines = [run.lines[s.missing.claim.line_id] for s in settlements]
    ids = {line.item_id for line in lines} | {line.swap_item_id for line in lines if line.swap_item_id}
    names = {row.id: (row.name, row.unit) for row in await db.execute(_NAMES, {"ids": list(ids)})}
    asked = {}
    for line in lines:
        share = run.shares[line.claim.line_id]
        name, unit = names[line.item_id]
        swap_name, swap_unit = names.get(line.swap_item_id, ("", "")) if line.swap_item_id else ("", "")
        asked[line.claim.line_id] = Asked(name, unit, share.claim.requested, share.allocated, swap_name, swap_unit)
    return asked


async def _calls(db: AsyncSession, scope: Scope, run: Run, short: Mapping[UUID, list[Settlement]]) -> list[Call]:
    """A call per line whose household chose to be asked; one for a household that takes news by telephone."""
    by_call = set((await db.execute(_BY_CALL, {"ids": list(short)})).scalars())
    calls = []
    for household_id, settlements in sorted(short.items()):
        chosen = [s for s in settlements if s.to_call]
        for s in chosen:
            line = run.lines[s.missing.claim.line_id]
            calls.append(Call(line.area, household_id, line.order_id, scope.reason, line.claim.line_id, s.to_call))
        if household_id in by_call and not chosen:
            line = run.lines[settlements[0].missing.claim.line_id]
            calls.append(Call(line.area, household_id, line.order_id, scope.reason))
    return calls
