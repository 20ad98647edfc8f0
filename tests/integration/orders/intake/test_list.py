"""A list of orders at once, as a worker keys them: each row by itself, or all or none."""

from typing import Any

import pytest

from shared.ids import new_id
from tests.integration.orders.street import Home, Street, at

pytestmark = pytest.mark.feature("O3")


def _rows(street: Street, round: dict[str, Any], homes: list[Home]) -> list[dict[str, Any]]:
    return [
        street.wish(round, home, rice=1) | {"row_id": f"r{i}", "channel": "phone", "taken_at": at(-1)}
        for i, home in enumerate(homes)
    ]


async def test_each_row_by_itself(street: Street) -> None:
    round = await street.open_round()
    with_consent = await street.homes(3, consents=True)
    [without] = await street.homes(1)
    rows = _rows(street, round, [*with_consent[:2], without, with_consent[2]])
    rows[1]["lines"][0]["qty"] = 200
    answer = await street.ok(street.worker().post, "/v1/orders/batch", {"rows": rows})
    assert [(row["row_id"], row["outcome"]) for row in answer["rows"]] == [
        ("r0", "created"),
        ("r1", "rejected"),
        ("r2", "rejected"),
        ("r3", "created"),
    ]
    assert [row["problem"]["code"] for row in answer["rows"] if row["problem"]] == [
        "validation_failed",
        "consent_required",
    ]
    await street.books_balance(round)


async def test_again_with_the_same_key(street: Street) -> None:
    round = await street.open_round()
    homes = await street.homes(2, consents=True)
    rows, key = _rows(street, round, homes), {"Idempotency-Key": str(new_id())}
    first = await street.worker().post("/v1/orders/batch", json={"rows": rows}, headers=key)
    again = await street.worker().post("/v1/orders/batch", json={"rows": rows}, headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert [row["id"] for row in again.json()["rows"]] == [row["id"] for row in first.json()["rows"]]
    assert {row["outcome"] for row in again.json()["rows"]} == {"unchanged"}
    other = await street.worker().post("/v1/orders/batch", json={"rows": rows[:1]}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_all_or_none(street: Street) -> None:
    round = await street.open_round(await street.purchase({"rice": 2}))
    homes = await street.homes(3, consents=True)
    rows = _rows(street, round, homes)
    refused = await street.worker().post("/v1/orders/batch", json={"atomic": True, "rows": rows})
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [("/rows/2/lines/0/qty", "stock")]
    assert await street.value('SELECT "left" FROM purchase_items WHERE purchase_id = :id', id=round["purchase_id"]) == 2
    done = await street.ok(street.worker().post, "/v1/orders/batch", {"atomic": True, "rows": rows[:2]})
    assert [row["outcome"] for row in done["rows"]] == ["created", "created"]
    await street.books_balance(round)


async def test_residents_send_no_lists_and_rows_have_names(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1, consents=True)
    rows = _rows(street, round, [home, home])
    assert (await street.as_(home.resident).post("/v1/orders/batch", json={"rows": rows})).status_code == 403
    rows[1]["row_id"] = rows[0]["row_id"]
    answer = await street.worker().post("/v1/orders/batch", json={"rows": rows})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "duplicate")
    answer = await street.worker().post("/v1/orders/batch", json={"rows": rows * 300})
    assert answer.json()["errors"][0]["code"] == "too_long"
