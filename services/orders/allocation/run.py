"""One run of the rule over what is short: computed from the rows, written to them, and drawn again from its record."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders import policy
from services.orders.allocation.domain import Claim, Share, Weights, seed_of, share_out
from services.orders.allocation.queries import IN_SCOPE, Scope, ShortLine, Supply, short_lines
from services.orders.allocation.tables import Allocation, AllocationLine
from services.orders.rounds.tables import Round
from shared.database import insert_rows

RULE = "first_units_then_even_by_weight.v1"
"""Names ``domain.share_out`` as it is; another rule gets another name, so that old records say what they followed."""

_FULL_CONFIRMED = text(
    "UPDATE order_lines l SET confirmed = l.requested, allocated = l.requested FROM orders o"  # noqa: S608
    f" WHERE o.id = l.order_id AND {IN_SCOPE} AND l.substitute_for IS NULL AND l.item_id <> ALL(:items)"
)
_FULL_RECEIVED = text(
    "UPDATE order_lines l SET received = l.allocated FROM orders o"  # noqa: S608
    f" WHERE o.id = l.order_id AND {IN_SCOPE} AND (l.item_id <> ALL(:items) OR l.allocated = 0)"
)
_SHARES = "FROM unnest(CAST(:ids AS uuid[]), CAST(:units AS integer[])) AS n(id, units) WHERE l.id = n.id"
_CONFIRMED = text(f"UPDATE order_lines l SET confirmed = n.units, allocated = n.units {_SHARES}")  # noqa: S608
_RECEIVED = text(f"UPDATE order_lines l SET received = n.units, allocated = n.units {_SHARES}")  # noqa: S608
_DEFICITS = text(
    "INSERT INTO deficits (household_id, purchase_id, area, short, decided_at)"
    " SELECT household_id, :purchase_id, area, short, :now FROM unnest(CAST(:households AS uuid[]),"
    " CAST(:areas AS text[]), CAST(:short AS integer[])) AS t(household_id, area, short)"
    " ON CONFLICT (household_id, purchase_id) DO UPDATE SET short = deficits.short + excluded.short"
)


@dataclass(frozen=True)
class Run:
    """The rule's inputs and what came out. ``lines`` and ``shares``: of the short items, by line id."""

    supplies: list[Supply]
    weights: Weights
    policy_id: UUID | None
    seed: int
    lines: dict[UUID, ShortLine]
    shares: dict[UUID, Share]
    call_within: timedelta

    @property
    def short_items(self) -> list[UUID]:
        return [supply.item_id for supply in self.supplies if supply.is_short]

    def inputs(self) -> dict[str, Any]:
        """What is recorded beside the lines, so that the run can be repeated."""
        return {
            "rule": RULE,
            "weights": self.weights.values(),
            "supplies": [
                {"item_id": str(s.item_id), "wanted": s.wanted, "supply": s.supply} for s in self.supplies if s.is_short
            ],
        }


async def compute(db: AsyncSession, scope: Scope, found: Sequence[Supply], now: datetime) -> Run:
    """Shares out every short item of the scope; writes nothing."""
    rules, policy_id = await _pinned(db, scope.purchase_id)
    weights = Weights(tuple(rules.by_class), rules.sealed_building, rules.deficit_days)
    seed = seed_of(scope.purchase_id, scope.reason, scope.area)
    short = [supply for supply in found if supply.is_short]
    lines = await short_lines(db, scope, [s.item_id for s in short], weights, now) if short else []
    claims: dict[UUID, list[Claim]] = defaultdict(list)
    for line in lines:
        claims[line.item_id].append(line.claim)
    shares = [share for s in short for share in share_item(claims[s.item_id], s.item_id, s.supply, seed)]
    return Run(
        supplies=list(found),
        weights=weights,
        policy_id=policy_id,
        seed=seed,
        lines={line.claim.line_id: line for line in lines},
        shares={share.claim.line_id: share for share in shares},
        call_within=timedelta(minutes=rules.callback_minutes),
    )


def share_item(claims: Sequence[Claim], item_id: UUID, supply: int, seed: int) -> list[Share]:
    """One item of a run; every item draws lots of its own."""
    return share_out(claims, supply, seed_of(str(seed), item_id))


async def _pinned(db: AsyncSession, purchase_id: UUID) -> tuple[policy.Policy, UUID | None]:
    """What the first round of the purchase pinned when it opened, and the policy that its weights came from."""
    first = (
        select(col(Round.policy))
        .where(col(Round.purchase_id) == purchase_id, col(Round.opened_at).is_not(None))
        .order_by(col(Round.opened_at), col(Round.id))
        .limit(1)
    )
    pinned = (await db.execute(first)).scalar_one_or_none() or {}
    sources = {source["kind"]: UUID(source["id"]) for source in pinned.get("sources", ())}
    return policy.of_pinned(pinned), sources.get(policy.SHORTAGE)


async def write_lines(db: AsyncSession, scope: Scope, run: Run) -> None:
    """Every line of the scope gets its numbers: in full where its item suffices, its share where it does not."""
    parameters = scope.parameters() | {"items": run.short_items}
    await db.execute(_FULL_RECEIVED if scope.of_receipt else _FULL_CONFIRMED, parameters)
    if run.shares:
        units = {"ids": list(run.shares), "units": [share.allocated for share in run.shares.values()]}
        await db.execute(_RECEIVED if scope.of_receipt else _CONFIRMED, units)


async def remember_deficits(db: AsyncSession, scope: Scope, run: Run, now: datetime) -> None:
    """What each household missed of what was short; 0 says that it has had its turn."""
    short: dict[UUID, int] = defaultdict(int)
    areas: dict[UUID, str] = {}
    for line_id, share in run.shares.items():
        household = share.claim.household_id
        short[household] += share.short
        areas[household] = run.lines[line_id].area
    if short:
        rows = {"households": list(short), "areas": [areas[h] for h in short], "short": list(short.values())}
        await db.execute(_DEFICITS, rows | {"purchase_id": scope.purchase_id, "now": now})


async def record_lines(db: AsyncSession, allocation_id: UUID, run: Run) -> None:
    """The rule's inputs and result, line by line."""
    rows = [
        {
            "allocation_id": allocation_id,
            "line_id": line_id,
            "household_id": share.claim.household_id,
            "item_id": run.lines[line_id].item_id,
            "requested": share.claim.requested,
            "priority": share.claim.weight,
            "deficit": share.claim.deficit,
            "cut_last": share.claim.cut_last,
            "allocated": share.allocated,
        }
        for line_id, share in run.shares.items()
    ]
    await insert_rows(db, AllocationLine, rows)


def differences(allocation: Allocation, lines: Iterable[AllocationLine]) -> int:
    """Draws again from what is recorded: how many lines come out otherwise (0: it was done as it says)."""
    claims: dict[UUID, list[Claim]] = defaultdict(list)
    was: dict[UUID, int] = {}
    for line in lines:
        claims[line.item_id].append(
            Claim(line.line_id, line.household_id, line.requested, line.priority, line.deficit, line.cut_last)
        )
        was[line.line_id] = line.allocated
    supplies = {UUID(s["item_id"]): s["supply"] for s in allocation.inputs["supplies"]}
    again = {
        share.claim.line_id: share.allocated
        for item_id, of_item in claims.items()
        for share in share_item(of_item, item_id, supplies[item_id], int(allocation.seed))
    }
    return sum(was[line_id] != units for line_id, units in again.items())
