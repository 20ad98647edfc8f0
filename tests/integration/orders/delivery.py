"""A purchase on its way from the store to the gates: ordered, sent, confirmed, received."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.integration.orders.street import Home, Street


@dataclass
class Delivery:
    """One purchase of a street, with a round for each of its communities."""

    street: Street
    purchase: dict[str, Any]
    rounds: list[dict[str, Any]]

    @classmethod
    async def opened(cls, street: Street, **options: Any) -> "Delivery":
        purchase = await street.purchase(**options)
        rounds = [await street.open_round(purchase, n) for n in range(len(street.communities))]
        return cls(street, purchase, rounds)

    @property
    def id(self) -> str:
        return str(self.purchase["id"])

    async def order(
        self,
        home: Home,
        community: int = 0,
        choice: str = "refund",
        swap: str | None = None,
        **quantities: int,
    ) -> dict[str, Any]:
        """An order whose lines say what to do when there is not enough; the item swapped in is refunded itself."""
        body = self.street.wish(self.rounds[community], home, **quantities)
        swap_item_id = swap and str(self.street.items[swap])
        for line in body["lines"]:
            if line["item_id"] != swap_item_id:
                line |= {"substitution": choice, "swap_item_id": swap_item_id}
        return await self.street.ok(self.street.as_(home.resident).post, "/v1/orders", body)

    async def sent(self) -> None:
        """Rounds closed, orders locked, the store asked."""
        for community, round in enumerate(self.rounds):
            await self.street.ok(self.street.worker(community).post, f"/v1/rounds/{round['id']}/close", {})
        await self.street.orders.run_timers()
        official = self.street.as_(self.street.official)
        self.purchase = await self.street.ok(official.post, f"/v1/purchases/{self.id}/send", {})

    async def confirmed(self, **less: int) -> None:
        """The store confirms everything, or less of the items named; what follows by itself has happened."""
        store = self.street.as_(self.street.manager)
        ordered = (await self.street.ok(store.get, f"/v1/purchases/{self.id}"))["items"]
        ids = {str(self.street.items[name]): qty for name, qty in less.items()}
        lines = [
            {"item_id": item["item_id"], "confirmed_qty": ids.get(item["item_id"], item["ordered"])}
            for item in ordered
            if item["ordered"]
        ]
        self.purchase = await self.street.ok(store.post, f"/v1/purchases/{self.id}/confirm", {"lines": lines})
        await self.street.orders.run_timers()

    async def received(self, community: int = 0, **less: int) -> dict[str, Any]:
        """The truck is at a community's gate with everything, or less of the items named; bags are ready to pack."""
        receipt = await self.counted(community, **less)
        worker = self.street.worker(community)
        answer = await self.street.ok(worker.post, f"/v1/goods-receipts/{receipt['id']}/complete", {})
        await self.street.orders.run_timers()
        return answer

    async def counted(self, community: int = 0, **less: int) -> dict[str, Any]:
        """A draft receipt with every item counted."""
        worker = self.street.worker(community)
        body = {"purchase_id": self.id, "area": self.street.communities[community]}
        receipt = await self.street.ok(worker.post, "/v1/goods-receipts", body)
        path = f"/v1/goods-receipts/{receipt['id']}/lines"
        lines = self.lines(receipt, less)
        return await self.street.ok(worker.put, path, {"lines": lines}, headers={"If-Match": f'"{receipt["version"]}"'})

    def lines(self, receipt: Mapping[str, Any], less: Mapping[str, int]) -> list[dict[str, Any]]:
        ids = {str(self.street.items[name]): qty for name, qty in less.items()}
        return [
            {"item_id": item["item_id"], "received": ids.get(item["item_id"], item["confirmed"]), "lot_no": "L1"}
            for item in receipt["items"]
            if item["confirmed"]
        ]

    async def line(self, order: Mapping[str, Any], name: str) -> dict[str, Any]:
        """One line of an order as its rows say, without lines that substitute."""
        [row] = await self.street.rows(
            "SELECT * FROM order_lines WHERE order_id = :id AND item_id = :item AND substitute_for IS NULL",
            id=UUID(order["id"]),
            item=self.street.items[name],
        )
        return row

    async def allocated(self, name: str) -> int:
        return int(
            await self.street.value(
                "SELECT coalesce(sum(allocated), 0) FROM order_lines WHERE purchase_id = :id AND item_id = :item",
                id=UUID(self.id),
                item=self.street.items[name],
            )
        )
