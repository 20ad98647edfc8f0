"""A street for tests: communities, households, agreements and policies as registry would have told them, a store with
signed prices, and short ways to open a round and to order.

Times are offsets in seconds from the database's present; every street has areas of its own, so tests of one module do
not meet.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from shared.auth import Grant, Principal
from shared.clock import shanghai_date
from shared.contracts.base import Contract
from shared.contracts.registry import (
    AgreementV1,
    ClaimV1,
    ConsentV1,
    HouseholdV1,
    OrganizationV1,
    PlaceV1,
    PolicyV1,
)
from shared.database import transaction_time
from shared.ids import new_id
from shared.timers import schedule
from tests.integration.service import Running, person

_numbers = count(1)
PRICES = {"cabbage": 700, "pork": 3500, "rice": 2800}


@dataclass
class Home:
    """A household and somebody who lives there."""

    id: UUID
    area: str
    resident: Principal


@dataclass
class Street:
    orders: Running
    area: str
    communities: list[str]
    store_id: UUID
    official: Principal
    workers: dict[str, Principal]
    manager: Principal
    items: dict[str, UUID] = field(default_factory=dict)
    price_list_id: UUID | None = None
    _clients: dict[UUID, httpx.AsyncClient] = field(default_factory=dict)

    @classmethod
    async def found(cls, orders: Running) -> "Street":
        number = next(_numbers)
        area = f"42.01.{number // 1000 + 10:02}.{number % 1000:03}"
        communities = [f"{area}.001", f"{area}.002"]
        store_id = new_id()
        street = cls(
            orders=orders,
            area=area,
            communities=communities,
            store_id=store_id,
            official=person(Grant("street_official", area=area)),
            workers={c: person(Grant("community_worker", area=c)) for c in communities},
            manager=person(Grant("store_manager", organization_id=store_id)),
        )
        await street._settle()
        return street

    async def _settle(self) -> None:
        store = OrganizationV1(
            id=self.store_id,
            version=1,
            area=None,
            kind="store",
            name="武商量贩",
            uscc=None,
            filing_no=None,
            state="active",
        )
        await self.tell("organization_copies", store)
        for community in self.communities:
            await self.agree(community)
            await self.ok(self.as_(self.workers[community]).post, "/v1/store-pairings", self._pair(community))
        store_client = self.as_(self.manager)
        for name in PRICES:
            item = {"store_id": str(self.store_id), "name": name, "unit": "份", "weight_g": 1000, "storage": "normal"}
            self.items[name] = UUID((await self.ok(store_client.post, "/v1/catalog-items", item))["id"])
        self.price_list_id = UUID((await self.sign_prices(PRICES))["id"])

    def _pair(self, community: str) -> dict[str, str]:
        return {"area": community, "store_id": str(self.store_id)}

    async def sign_prices(self, prices: dict[str, int]) -> dict[str, Any]:
        """The next version of the store's prices, signed."""
        lines = [{"item_id": str(self.items[name]), "price": money(fen)} for name, fen in prices.items()]
        body = {"store_id": str(self.store_id), "valid_from": at(-3600), "lines": lines}
        store = self.as_(self.manager)
        draft = await self.ok(store.post, "/v1/price-lists", body)
        return await self.ok(store.post, f"/v1/price-lists/{draft['id']}/sign", {})

    def as_(self, who: Principal) -> httpx.AsyncClient:
        """A client with that person's token; the same one again for the same person."""
        if who.id not in self._clients:
            self._clients[who.id] = self.orders.client(who)
        return self._clients[who.id]

    def worker(self, community: int = 0) -> httpx.AsyncClient:
        return self.as_(self.workers[self.communities[community]])

    @staticmethod
    async def ok(call: Any, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """The JSON of an answer that must be a success."""
        sent = options if body is None else options | {"json": body}
        answer: httpx.Response = await call(path, **sent)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def tell(self, table: str, *states: Contract) -> None:
        """What the consumer of copies would have written."""
        async with self.orders.worker.transaction() as db:
            for state in states:
                await db.execute(
                    text(
                        f"INSERT INTO {table} (key, seq, payload) VALUES (:key, :seq, CAST(:payload AS jsonb))"
                        " ON CONFLICT (key) DO UPDATE SET seq = excluded.seq, payload = excluded.payload"
                    ),
                    {"key": state.id, "seq": state.version, "payload": state.to_json().decode()},  # type: ignore[attr-defined]
                )

    async def agree(self, community: str, state: str = "active", version: int = 1, id: UUID | None = None) -> UUID:
        agreement = AgreementV1(
            id=id or new_id(),
            version=version,
            area=community,
            organization_id=self.store_id,
            community_area=community,
            purposes=["group_buy"],
            areas=[community],
            data_classes=[],
            starts_on=date(2020, 1, 1),
            ends_on=date(2099, 12, 31),
            capacity=None,
            state=state,
        )
        await self.tell("agreement_copies", agreement)
        return agreement.id

    async def policy(self, kind: str, values: dict[str, Any], area: str | None = None) -> None:
        policy = PolicyV1(
            id=new_id(),
            version=1,
            area=area or self.area,
            kind=kind,
            values=values,
            valid_from=datetime(2020, 1, 1, tzinfo=UTC),
            valid_until=None,
            state="active",
        )
        await self.tell("policy_copies", policy)

    async def homes(
        self, n: int, community: int = 0, *, claim: str = "confirmed", consents: bool = False, priority: int = 0
    ) -> list[Home]:
        """Households, ten to a building, each with a resident; ``consents``: community workers may order for them."""
        homes = []
        states = []
        for index in range(n):
            area = f"{self.communities[community]}.c01.b{index // 10 + 1:02}"
            home = Home(new_id(), area, person())
            consent = ConsentV1(
                id=new_id(),
                person_id=None,
                role="community_worker",
                area=self.communities[community],
                until=datetime(2099, 1, 1, tzinfo=UTC),
            )
            homes.append(home)
            states.append(
                HouseholdV1(
                    id=home.id,
                    version=1,
                    area=area,
                    priority_class=priority,
                    claims=[ClaimV1(person_id=home.resident.id, state=claim)],
                    consents=[consent] if consents else [],
                    notify="inbox",
                    merged_into=None,
                    state="active",
                )
            )
        await self.tell("household_copies", *states)
        return homes

    async def lock_down(self, area: str) -> None:
        """A building is sealed."""
        place = PlaceV1(
            id=new_id(),
            version=1,
            area=area,
            kind="building",
            name="1栋",
            code=None,
            parent_id=None,
            state="lockdown_control",
            state_notice_id=None,
            abolished_on=None,
        )
        await self.tell("place_copies", place)

    async def merge(self, lost: Home, kept: Home) -> None:
        """``lost`` was a duplicate of ``kept``."""
        merged = HouseholdV1(
            id=lost.id,
            version=2,
            area=lost.area,
            priority_class=0,
            claims=[],
            consents=[],
            notify="inbox",
            merged_into=kept.id,
            state="merged",
        )
        await self.tell("household_copies", merged)

    async def purchase(
        self,
        stock: dict[str, int] | None = None,
        rations: dict[str, int] | None = None,
        send_in: float = 3600,
        **fields: Any,
    ) -> dict[str, Any]:
        """An open purchase of all communities for tomorrow."""
        body = {
            "store_id": str(self.store_id),
            "areas": self.communities,
            "delivery_on": str(shanghai_date(datetime.now(UTC)) + timedelta(days=2)),
            "send_at": at(send_in),
            "items": [
                {"item_id": str(self.items[name]), "initial": n, "ration": (rations or {}).get(name)}
                for name, n in (stock or dict.fromkeys(PRICES, 100)).items()
            ],
        }
        return await self.ok(self.as_(self.official).post, "/v1/purchases", body | fields)

    async def draft(self, purchase: dict[str, Any], community: int = 0, **fields: Any) -> dict[str, Any]:
        """A draft that opens in a minute, cuts off in half an hour, and takes late entries for ten minutes more."""
        body = {
            "purchase_id": purchase["id"],
            "area": self.communities[community],
            "opens_at": at(60),
            "cut_off_at": at(1800),
            "late_entry_until": at(2400),
        }
        return await self.ok(self.worker(community).post, "/v1/rounds", body | fields)

    async def open_round(
        self, purchase: dict[str, Any] | None = None, community: int = 0, **fields: Any
    ) -> dict[str, Any]:
        draft = await self.draft(purchase or await self.purchase(), community, **fields)
        return await self.ok(self.worker(community).post, f"/v1/rounds/{draft['id']}/open", {})

    def wish(self, round: dict[str, Any], home: Home, **quantities: int) -> dict[str, Any]:
        """The body of an order."""
        lines = [{"item_id": str(self.items[name]), "qty": qty} for name, qty in quantities.items()]
        return {"round_id": round["id"], "household_id": str(home.id), "lines": lines}

    async def order(self, round: dict[str, Any], home: Home, **quantities: int) -> dict[str, Any]:
        """An order by the resident's app."""
        return await self.ok(self.as_(home.resident).post, "/v1/orders", self.wish(round, home, **quantities))

    async def shift(self, round_id: str, **columns: float) -> None:
        """Moves times of a round to seconds from now, as if time had passed."""
        sets = ", ".join(f"{name} = now() + make_interval(secs => :{name})" for name in columns)
        async with self.orders.worker.transaction() as db:
            await db.execute(text(f"UPDATE rounds SET {sets} WHERE id = :id"), {"id": UUID(round_id), **columns})

    async def wake(self, kind: str, ref: str) -> None:
        """Makes a timer due now; its handler looks at the row, and the timers that were set stay."""
        async with self.orders.worker.transaction() as db:
            await schedule(db, kind, UUID(ref), transaction_time(db))

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """What a statement finds with the worker's eyes."""
        async with self.orders.worker.transaction() as db:
            return [dict(row) for row in (await db.execute(text(statement), values)).mappings()]

    async def value(self, statement: str, **values: Any) -> Any:
        [row] = await self.rows(statement, **values)
        [value] = row.values()
        return value

    async def books_balance(self, round: dict[str, Any]) -> None:
        """initial = net sold + left; counters, quotas and charges equal what the orders say."""
        purchase = UUID(round["purchase_id"])
        wrong = await self.rows(_STOCK_DIFFERS, purchase=purchase)
        wrong += await self.rows(_COUNTERS_DIFFER, purchase=purchase)
        wrong += await self.rows(_QUOTAS_DIFFER, purchase=purchase)
        wrong += await self.rows(_CHARGES_DIFFER, purchase=purchase)
        assert wrong == []

    async def events(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        """(type, payload) of what was told of one thing, in order."""
        found = await self.rows("SELECT type, payload FROM outbox WHERE key = :key ORDER BY seq", key=UUID(key))
        return [(row["type"], _json(row["payload"])) for row in found]


_STOCK_DIFFERS = """
SELECT i.item_id, i.initial, i."left", coalesce(sum(l.requested), 0) AS sold FROM purchase_items i
LEFT JOIN (order_lines l JOIN orders o ON o.id = l.order_id AND o.state <> 'cancelled')
  ON l.purchase_id = i.purchase_id AND l.item_id = i.item_id AND l.substitute_for IS NULL
WHERE i.purchase_id = :purchase GROUP BY i.purchase_id, i.item_id
HAVING i.initial <> i."left" + coalesce(sum(l.requested), 0)
"""
_COUNTERS_DIFFER = """
SELECT c.*, r.capacity_orders, count(o.id) AS counted FROM round_counters c JOIN rounds r ON r.id = c.round_id
LEFT JOIN orders o ON o.round_id = r.id AND o.state <> 'cancelled' WHERE r.purchase_id = :purchase
GROUP BY c.round_id, r.id
HAVING c.orders <> count(o.id) OR c.capacity_left <> r.capacity_orders - count(o.id)
"""
_QUOTAS_DIFFER = """
SELECT q.* FROM quota_uses q JOIN rounds r ON r.id = q.round_id AND r.purchase_id = :purchase
WHERE q.used <> (SELECT coalesce(sum(l.requested), 0) FROM orders o JOIN order_lines l ON l.order_id = o.id
  WHERE o.round_id = q.round_id AND o.household_id = q.household_id AND o.state <> 'cancelled'
  AND l.item_id = q.item_id AND l.substitute_for IS NULL)
"""
_CHARGES_DIFFER = """
SELECT o.id, m.owed_fen FROM orders o JOIN order_money m ON m.order_id = o.id WHERE o.purchase_id = :purchase
AND (m.owed_fen <> (SELECT coalesce(sum(l.charged_fen), 0) FROM order_lines l WHERE l.order_id = o.id)
  OR m.owed_fen <> -(SELECT coalesce(sum(p.amount_fen), 0) FROM postings p JOIN journals j ON j.id = p.journal_id
    WHERE j.order_id = o.id AND p.account = 'store_payable' AND j.kind IN ('charge', 'discharge')))
"""


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def at(seconds: float) -> str:
    """The present plus some seconds, as a request writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def money(fen: int) -> dict[str, Any]:
    return {"amount_fen": fen, "currency": "CNY"}
