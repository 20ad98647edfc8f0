"""Money through the API on the real database: every fen on both sides, nothing half-done."""

from typing import Any

import pytest

from services.orders.money.uploads import KIND, PAYMENTS_UPLOAD
from shared.auth import Grant
from shared.contracts.orders import RECORD
from shared.ids import new_id
from shared.jobs import run_waiting
from tests.integration.orders.street import Street, money
from tests.integration.service import person

pytestmark = pytest.mark.feature("O11")


async def paid_order(street: Street, **quantities: int) -> tuple[dict[str, Any], Any]:
    round_ = await street.open_round()
    [home] = await street.homes(1)
    order = await street.order(round_, home, **quantities)
    return order, home


async def balances(street: Street) -> dict[str, int]:
    rows = await street.rows("SELECT account, sum(amount_fen)::bigint AS fen FROM postings GROUP BY account")
    return {row["account"]: row["fen"] for row in rows}


async def test_placing_owes_and_collecting_pays(street: Street) -> None:
    order, home = await paid_order(street, rice=2)
    body = {"order_id": order["id"], "amount": money(5600), "method": "cash", "payer": "王小明"}
    before = await balances(street)
    payment = await street.ok(street.worker(0).post, "/v1/payments", body)
    assert (payment["state"], payment["payer"], payment["masked"]) == ("collected", "王**", ["payer"])
    after = await balances(street)
    assert after["held"] - before.get("held", 0) == 5600
    assert after["receivable"] - before["receivable"] == -5600
    statement = (await street.as_(home.resident).get(f"/v1/statements/{home.id}")).json()
    assert statement["outstanding"] == money(0)
    assert statement["orders"][0]["memo"] == order["code"]


async def test_more_than_owed_is_refused_and_says_the_most(street: Street) -> None:
    order, _ = await paid_order(street, rice=1)
    body = {"order_id": order["id"], "amount": money(2801), "method": "cash"}
    answer = await street.worker(0).post("/v1/payments", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0] | {"detail": ""} == {
        "location": "body",
        "pointer": "/amount",
        "code": "too_large",
        "detail": "",
        "params": {"max": 2800},
    }
    assert await street.rows("SELECT 1 FROM payments WHERE order_id = :id", id=order["id"]) == []


async def test_a_payment_twice_with_one_key_is_one(street: Street) -> None:
    order, _ = await paid_order(street, rice=1)
    body = {"order_id": order["id"], "amount": money(1000), "method": "cash"}
    headers = {"Idempotency-Key": str(new_id())}
    first = await street.worker(0).post("/v1/payments", json=body, headers=headers)
    again = await street.worker(0).post("/v1/payments", json=body, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await street.value("SELECT collected_fen FROM order_money WHERE order_id = :id", id=order["id"]) == 1000


async def test_another_community_neither_sees_nor_collects(street: Street) -> None:
    order, home = await paid_order(street, rice=1)
    foreign = street.worker(1)
    answer = await foreign.post("/v1/payments", json={"order_id": order["id"], "amount": money(1), "method": "cash"})
    assert answer.status_code == 422
    assert (await foreign.get(f"/v1/statements/{home.id}")).status_code == 404
    neighbor = street.as_(person(Grant("building_head", area=f"{street.communities[0]}.c99")))
    assert (await neighbor.get(f"/v1/statements/{home.id}")).status_code == 404


async def test_cancelling_a_paid_order_owes_the_household_and_the_street_approves(street: Street) -> None:
    order, home = await paid_order(street, pork=1)
    worker, official = street.worker(0), street.as_(street.official)
    await street.ok(worker.post, "/v1/payments", {"order_id": order["id"], "amount": money(3500), "method": "wechat"})
    await street.ok(
        street.as_(home.resident).post, f"/v1/orders/{order['id']}/cancel", {"reason_code": "household_request"}
    )
    [refund] = (await worker.get(f"/v1/refunds?order_id={order['id']}")).json()["items"]
    assert (refund["state"], refund["amount"]) == ("due", money(3500))
    early = await worker.post(f"/v1/refunds/{refund['id']}/pay", json={})
    assert early.json()["code"] == "transition_not_allowed"
    assert (await worker.post(f"/v1/refunds/{refund['id']}/approve", json={})).status_code == 403
    await street.ok(official.post, f"/v1/refunds/{refund['id']}/approve", {})
    paid = await street.ok(worker.post, f"/v1/refunds/{refund['id']}/pay", {})
    assert paid["state"] == "paid"
    sums = await street.rows(
        "SELECT account, sum(amount_fen)::bigint AS fen FROM postings p JOIN journals j ON j.id = p.journal_id"
        " WHERE j.order_id = :id GROUP BY account HAVING sum(amount_fen) <> 0",
        id=order["id"],
    )
    assert sums == []


async def test_transfers_match_by_code_and_amount_and_the_rest_is_asked(street: Street) -> None:
    round_ = await street.open_round()
    homes = await street.homes(3)
    orders = [await street.order(round_, home, rice=1) for home in homes]
    table = (
        "流水号,金额,备注,付款人\n"
        f"T1,28.00,{orders[0]['code']},张三\n"
        f"T2,27.00,{orders[1]['code']},李四\n"
        "T3,28.00,谢谢团长,王五\n"
    )
    counts = await upload(street, round_, table.encode("gb18030"))
    assert counts == {"matched": 1, "unmatched": 2, "known_already": 0}
    again = await upload(street, round_, table.encode("utf-8-sig"))
    assert again == {"matched": 0, "unmatched": 0, "known_already": 3}
    area = street.communities[0]
    waiting = (await street.worker(0).get(f"/v1/payments?state=unmatched&area={area}")).json()["items"]
    third = next(p for p in waiting if p["amount"] == money(2800))
    matched = await street.ok(street.worker(0).post, f"/v1/payments/{third['id']}/match", {"order_id": orders[2]["id"]})
    assert matched["state"] == "matched"
    elsewhere = await street.worker(0).post(f"/v1/payments/{third['id']}/match", json={"order_id": orders[1]["id"]})
    assert elsewhere.status_code == 409


async def upload(street: Street, round_: dict[str, Any], content: bytes) -> dict[str, int]:
    worker = street.worker(0)
    answer = await worker.post(
        "/v1/payments/upload", files={"file": ("a.csv", content)}, data={"round_id": round_["id"]}
    )
    assert answer.status_code == 202, answer.text
    url = answer.headers["Location"]
    resources = street.orders.resources
    worker_resources = type(resources)(**vars(resources) | {"db": street.orders.worker})
    await run_waiting(worker_resources, RECORD, {KIND: PAYMENTS_UPLOAD})
    await street.ok(worker.post, f"{url}/confirm", {})
    await run_waiting(worker_resources, RECORD, {KIND: PAYMENTS_UPLOAD})
    job = (await worker.get(url)).json()
    assert job["state"] == "succeeded", job
    return dict(job["counts"])


async def test_a_wrong_row_applies_nothing(street: Street) -> None:
    round_ = await street.open_round()
    worker = street.worker(0)
    content = b"reference,amount\nA1,10.00\nA2,ten\nA1,5.00\n"
    answer = await worker.post(
        "/v1/payments/upload", files={"file": ("a.csv", content)}, data={"round_id": round_["id"]}
    )
    resources = street.orders.resources
    await run_waiting(
        type(resources)(**vars(resources) | {"db": street.orders.worker}), RECORD, {KIND: PAYMENTS_UPLOAD}
    )
    job = (await worker.get(answer.headers["Location"])).json()
    assert (job["state"], [error["row"] for error in job["row_errors"]]) == ("failed", [3, 4])
    assert await street.rows("SELECT 1 FROM payments WHERE external_ref LIKE 'A%'") == []


async def test_a_voided_payment_leaves_both_sides_as_before(street: Street) -> None:
    order, _ = await paid_order(street, rice=1)
    before = await balances(street)
    worker = street.worker(0)
    payment = await street.ok(
        worker.post, "/v1/payments", {"order_id": order["id"], "amount": money(2800), "method": "cash"}
    )
    await street.ok(worker.post, f"/v1/payments/{payment['id']}/void", {"reason_code": "entered_twice"})
    assert await balances(street) == before


async def test_postings_are_never_changed(street: Street) -> None:
    await paid_order(street, rice=1)
    with pytest.raises(Exception, match="permission denied"):
        await street.rows("UPDATE postings SET amount_fen = amount_fen + 1 RETURNING id")
