"""Signing up is open and instant; the street vets, singly or in bulk; the waitlist moves up by itself (feature D1)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.contracts import registry
from shared.contracts.record import RecordV1
from shared.ids import new_id
from tests.integration.dispatch.street import (
    ELSEWHERE,
    FIRST,
    OTHER_STREET,
    SECOND,
    STREET,
    answered,
    count,
    event_of,
    happened,
    hear,
    official,
    published,
    resident_id,
    sign_up_body,
    signed_up,
    worker,
    years_ago,
)
from tests.integration.service import Running, client_of, person, service_principal

pytestmark = pytest.mark.feature("D1")
SIGN_UPS = "/v1/sign-ups"


async def test_anybody_signs_up_at_once_and_sees_it_masked(dispatch: Running) -> None:
    call, me = await published(dispatch), person()
    body = sign_up_body(call["id"], phone="13812345678", id_number="11010519491231002X")
    made = answered(await dispatch.client(me).post(SIGN_UPS, json=body), 201)
    assert (made["state"], made["version"], made["area"], made["person_id"]) == ("signed_up", 1, STREET, str(me.id))
    assert (made["name"], made["phone"], made["id_number"]) == ("王*", "138****5678", "1****************X")
    assert made["masked"] == ["id_number", "name", "phone"]
    assert made["age"] >= 70
    seen = answered(await dispatch.client(me).get(SIGN_UPS), 200)["items"]
    assert [item["id"] for item in seen] == [made["id"]]
    assert await happened(dispatch, made["id"]) == ["sign_up.created"]


@pytest.mark.parametrize(
    ("fields", "status", "code", "pointer"),
    [
        ({"id_number": resident_id(years_ago(18, days=1))}, 422, "minor", "/id_number"),
        ({"id_number": resident_id(years_ago(61))}, 422, "age_out_of_range", "/id_number"),
        ({"id_number": "110105194912310021"}, 422, "id_check", "/id_number"),
        ({"phone": "12345"}, 422, "phone", "/phone"),
        ({"home_area": "42.01.12.013.009"}, 422, "unknown", "/home_area"),
        ({"carrying_capacity_kg": -1}, 422, "too_small", "/carrying_capacity_kg"),
        ({"skills": ["magic"]}, 422, "unknown_value", "/skills/0"),
        (
            {"availability": [{"weekday": 1, "from_time": "12:00", "until_time": "08:00"}]},
            422,
            "invalid",
            "/availability/0",
        ),
        (
            {"health": {"fit_to_serve": True, "symptoms": True, "contact_with_case": False}},
            422,
            "not_fit",
            "/health/symptoms",
        ),
        ({"risks_read": False}, 422, "required", "/risks_read"),
        ({"state": "approved"}, 422, "unknown_field", "/state"),
        ({"recruitment_call_id": "0195c2a0-0000-7000-8000-000000000001"}, 422, "unknown", "/recruitment_call_id"),
    ],
)
async def test_who_cannot_sign_up_is_told_at_once_and_nothing_is_kept(
    dispatch: Running, fields: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    call = await published(dispatch, maximum_age=60)
    before = await count(dispatch, "sign_ups")
    refusal = answered(await dispatch.client(person()).post(SIGN_UPS, json=sign_up_body(call["id"]) | fields), status)
    assert [(error["pointer"], error["code"]) for error in refusal["errors"]] == [(pointer, code)]
    assert await count(dispatch, "sign_ups") == before
    for value in fields.values():
        if isinstance(value, str):
            assert value not in str(refusal)


async def test_eighteen_today_is_old_enough(dispatch: Running) -> None:
    call = await published(dispatch)
    made = await signed_up(dispatch, call["id"], id_number=resident_id(years_ago(18)))
    assert made["age"] == 18


@pytest.mark.promise("PD4")
async def test_without_consent_nothing_is_kept(dispatch: Running) -> None:
    call = await published(dispatch)
    body = sign_up_body(call["id"], consent=False)
    assert answered(await dispatch.client(person()).post(SIGN_UPS, json=body), 403)["code"] == "consent_required"


async def test_only_a_person_volunteers(dispatch: Running) -> None:
    call = await published(dispatch)
    for who in (service_principal(), client_of(scopes=frozenset({"sign_ups.create"}))):
        answered(await dispatch.client(who).post(SIGN_UPS, json=sign_up_body(call["id"])), 403)


async def test_once_per_person_and_call(dispatch: Running) -> None:
    call, me = await published(dispatch), person()
    first = await signed_up(dispatch, call["id"], me)
    again = answered(await dispatch.client(me).post(SIGN_UPS, json=sign_up_body(call["id"])), 409)
    assert (again["code"], again["sign_up_id"]) == ("duplicate", first["id"])
    other_call = await published(dispatch)
    await signed_up(dispatch, other_call["id"], me)
    withdrawn = await dispatch.client(me).post(f"{SIGN_UPS}/{first['id']}/withdraw", json={})
    assert answered(withdrawn, 200)["reason"] == "own_decision"
    assert (await signed_up(dispatch, call["id"], me))["state"] == "signed_up"


@pytest.mark.promise("ID3")
async def test_twenty_at_once_with_one_key_are_one_sign_up(dispatch: Running) -> None:
    call, me = await published(dispatch), person()
    client, body = dispatch.client(me, {"Idempotency-Key": "only-one-sign-up"}), sign_up_body(call["id"])
    answers = await asyncio.gather(*[client.post(SIGN_UPS, json=body) for _ in range(20)])
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert answered(await client.post(SIGN_UPS, json=body | {"name": "李雷"}), 422)["code"] == "idempotency_key_reused"


async def test_a_clients_own_id_names_one_content(dispatch: Running) -> None:
    call, me = await published(dispatch), person()
    body = sign_up_body(call["id"], id=str(new_id()))
    made = answered(await dispatch.client(me).post(SIGN_UPS, json=body), 201)
    assert answered(await dispatch.client(me).post(SIGN_UPS, json=body), 200) == made
    other = await dispatch.client(me).post(SIGN_UPS, json=body | {"phone": "13900000000"})
    assert answered(other, 409)["code"] == "id_conflict"


async def test_no_more_places_are_held_than_wanted_however_many_come_at_once(dispatch: Running) -> None:
    call = await published(dispatch, wanted=5)
    made = await asyncio.gather(*[signed_up(dispatch, call["id"]) for _ in range(20)])
    states = [one["state"] for one in made]
    assert (states.count("signed_up"), states.count("waitlisted")) == (5, 15)
    progress = answered(await dispatch.client(person()).get(f"/v1/recruitment-calls/{call['id']}/progress"), 200)
    assert (progress["places_left"], progress["signed_up"], progress["waitlisted"]) == (0, 5, 15)


async def state_of(dispatch: Running, sign_up: dict[str, Any]) -> str:
    shown = answered(await dispatch.client(official()).get(f"{SIGN_UPS}/{sign_up['id']}"), 200)
    return str(shown["state"])


async def test_the_waitlist_moves_up_in_order(dispatch: Running) -> None:
    call = await published(dispatch, wanted=2)
    people = [person() for _ in range(6)]
    made = [await signed_up(dispatch, call["id"], one) for one in people]
    street = dispatch.client(official())
    assert [one["state"] for one in made] == ["signed_up"] * 2 + ["waitlisted"] * 4
    skip = await street.post(f"{SIGN_UPS}/{made[2]['id']}/approve", json={})
    assert answered(skip, 409)["allowed_actions"] == ["refuse", "withdraw"]

    answered(await street.post(f"{SIGN_UPS}/{made[0]['id']}/approve", json={}), 200)
    answered(await dispatch.client(people[0]).post(f"{SIGN_UPS}/{made[0]['id']}/withdraw", json={}), 200)
    late = await signed_up(dispatch, call["id"])
    assert late["state"] == "waitlisted", "a free place is the first one's, not the next comer's"
    await dispatch.run_timers()
    assert [await state_of(dispatch, one) for one in made[2:4]] == ["signed_up", "waitlisted"]
    assert await happened(dispatch, made[2]["id"]) == ["sign_up.waitlisted", "sign_up.promoted"]

    refusal = await street.post(f"{SIGN_UPS}/{made[1]['id']}/refuse", json={"reason_code": "unreachable"})
    answered(refusal, 200)
    answered(await dispatch.client(people[4]).post(f"{SIGN_UPS}/{made[4]['id']}/withdraw", json={}), 200)
    await dispatch.run_timers()
    assert [await state_of(dispatch, one) for one in made[3:]] == ["signed_up", "withdrawn", "waitlisted"]

    url = f"/v1/recruitment-calls/{call['id']}"
    answered(await street.post(f"{url}/close", json={}), 200)
    answered(await street.patch(url, json={"wanted": 3}, headers={"If-Match": '"3"'}), 200)
    await dispatch.run_timers()
    assert await state_of(dispatch, made[5]) == "signed_up"
    assert await state_of(dispatch, late) == "waitlisted"
    progress = answered(await street.get(f"{url}/progress"), 200)
    assert (progress["places_left"], progress["waitlisted"], progress["signed_up"]) == (0, 1, 3)


async def test_the_database_holds_that_no_more_places_are_held_than_wanted(dispatch: Running) -> None:
    call = await published(dispatch, wanted=1)
    await signed_up(dispatch, call["id"])
    with pytest.raises(IntegrityError, match="no_more_than_wanted"):
        async with dispatch.worker.transaction() as db:
            await db.execute(
                text(
                    "UPDATE recruitment_call_places SET places_left = places_left - 1 WHERE recruitment_call_id = :id"
                ),
                {"id": call["id"]},
            )


async def test_a_refusal_has_a_reason_and_deletes_what_was_told(dispatch: Running) -> None:
    call, me = await published(dispatch), person()
    health = {"fit_to_serve": True, "symptoms": False, "contact_with_case": False, "note": "腰不好"}
    made = await signed_up(dispatch, call["id"], me, health=health)
    assert made["masked"] == ["health_note", "id_number", "name", "phone"]
    url, street = f"{SIGN_UPS}/{made['id']}", dispatch.client(official())
    answered(await street.post(f"{url}/refuse", json={}), 422)
    answered(await street.post(f"{url}/refuse", json={"reason_code": "no_idea"}), 422)
    refused = answered(await street.post(f"{url}/refuse", json={"reason_code": "health", "note": "请先养好腰"}), 200)
    assert (refused["state"], refused["reason"], refused["masked"]) == ("refused", "health", ["note"])
    assert (refused["name"], refused["phone"], refused["id_number"], refused["age"]) == (None, None, None, None)
    again = answered(await street.post(f"{url}/refuse", json={"reason_code": "other"}), 200)
    assert again == refused
    answered(await street.post(f"{url}/approve", json={}), 409)
    told = answered(
        await dispatch.client(me).post(f"{url}/reveal", json={"fields": ["note"], "purpose": "本人查看"}), 200
    )
    assert told["note"] == "请先养好腰"
    assert await happened(dispatch, made["id"]) == ["sign_up.created", "sign_up.refused"]


async def test_sign_ups_are_vetted_where_the_call_is_and_seen_by_nobody_else(dispatch: Running) -> None:
    call, me = await published(dispatch), person()
    made = await signed_up(dispatch, call["id"], me, home_area=ELSEWHERE)
    url = f"{SIGN_UPS}/{made['id']}"
    verbs: list[tuple[str, dict[str, Any]]] = [
        ("approve", {}),
        ("refuse", {"reason_code": "other"}),
        ("withdraw", {}),
        ("reveal", {"fields": ["phone"], "purpose": "核实"}),
    ]
    for stranger in (person(), official(OTHER_STREET), worker(FIRST), official(FIRST)):
        client = dispatch.client(stranger)
        answered(await client.get(url), 404)
        assert made["id"] not in str((await client.get(SIGN_UPS)).json())
        for verb, body in verbs:
            answered(await client.post(f"{url}/{verb}", json=body), 404)
    for verb, body in verbs:
        answered(await dispatch.client(worker(STREET)).post(f"{url}/{verb}", json=body), 403)
    answered(await dispatch.client(me).post(f"{url}/approve", json={}), 403)
    assert answered(await dispatch.client(official()).get(url), 200)["version"] == 1
    assert await count(dispatch, "sign_ups WHERE version > 1 AND home_area = '42.01.12.014.001'") == 0


@pytest.mark.promise("PD3")
async def test_looking_in_clear_wants_a_purpose_and_is_written_down(dispatch: Running) -> None:
    call = await published(dispatch)
    made = await signed_up(dispatch, call["id"], phone="13877778888")
    url, street = f"{SIGN_UPS}/{made['id']}/reveal", official()
    before = await count(dispatch, "access_log")
    refusal = answered(await dispatch.client(street).post(url, json={"fields": ["phone"]}), 403)
    assert refusal["code"] == "purpose_required"
    assert await count(dispatch, "access_log") == before
    answer = await dispatch.client(street).post(url, json={"fields": ["phone"], "purpose": "电话核实"})
    shown = answered(answer, 200)
    assert (shown["phone"], shown["name"], shown["id_number"]) == ("+8613877778888", None, None)
    assert answer.headers["Cache-Control"] == "no-store"
    async with dispatch.worker.transaction() as db:
        rows = await db.execute(
            text("SELECT caller, verb, purpose, fields FROM access_log WHERE ref = :id"), {"id": made["id"]}
        )
        assert [tuple(row) for row in rows] == [(street.id, "sign_ups.reveal", "电话核实", ["phone"])]


def rows_of(*ids: str, **fields: Any) -> dict[str, Any]:
    return {"rows": [{"row_id": str(index), "sign_up_id": id} | fields for index, id in enumerate(ids)]}


async def test_bulk_approval_judges_each_row_by_itself(dispatch: Running) -> None:
    call = await published(dispatch, wanted=3)
    fresh, done, refused, waiting = [await signed_up(dispatch, call["id"]) for _ in range(4)]
    far_call = await published(dispatch, official(OTHER_STREET), areas=[ELSEWHERE])
    far = await signed_up(dispatch, far_call["id"])
    street = dispatch.client(official())
    answered(await street.post(f"{SIGN_UPS}/{done['id']}/approve", json={}), 200)
    answered(await street.post(f"{SIGN_UPS}/{refused['id']}/refuse", json={"reason_code": "conduct"}), 200)
    nobody = str(new_id())
    body = rows_of(fresh["id"], done["id"], refused["id"], waiting["id"], far["id"], nobody)
    result = answered(await street.post(f"{SIGN_UPS}/batch-approve", json=body), 200)["rows"]
    outcomes = [(row["row_id"], row["outcome"], (row["problem"] or {}).get("code")) for row in result]
    assert outcomes == [
        ("0", "updated", None),
        ("1", "unchanged", None),
        ("2", "rejected", "transition_not_allowed"),
        ("3", "rejected", "transition_not_allowed"),
        ("4", "rejected", "not_found"),
        ("5", "rejected", "not_found"),
    ]
    assert await state_of(dispatch, fresh) == "approved"
    assert await happened(dispatch, fresh["id"]) == ["sign_up.created", "sign_up.approved"]
    assert await happened(dispatch, fresh["person_id"]) == ["volunteer.created"]
    assert await happened(dispatch, done["person_id"]) == ["volunteer.created"]


async def test_an_atomic_batch_is_all_or_nothing(dispatch: Running) -> None:
    call = await published(dispatch)
    first, second = [await signed_up(dispatch, call["id"]) for _ in range(2)]
    street = dispatch.client(official())
    body = rows_of(first["id"], str(new_id()), second["id"]) | {"atomic": True}
    refusal = answered(await street.post(f"{SIGN_UPS}/batch-approve", json=body), 422)
    assert [error["pointer"] for error in refusal["errors"]] == ["/rows/1/sign_up_id"]
    assert await state_of(dispatch, first) == "signed_up"
    assert await happened(dispatch, first["person_id"]) == []
    body = rows_of(first["id"], second["id"]) | {"atomic": True}
    result = answered(await street.post(f"{SIGN_UPS}/batch-approve", json=body), 200)
    assert [row["outcome"] for row in result["rows"]] == ["updated", "updated"]


async def test_bulk_refusal_has_a_reason_per_row_and_frees_the_places(dispatch: Running) -> None:
    call = await published(dispatch, wanted=2)
    first, second, waiting = [await signed_up(dispatch, call["id"]) for _ in range(3)]
    rows = [
        {"row_id": "a", "sign_up_id": first["id"], "reason_code": "home_too_far", "note": "离得太远"},
        {"row_id": "b", "sign_up_id": second["id"], "reason_code": "unreachable"},
    ]
    street = dispatch.client(official())
    result = answered(await street.post(f"{SIGN_UPS}/batch-refuse", json={"rows": rows}), 200)
    assert [row["outcome"] for row in result["rows"]] == ["updated", "updated"]
    shown = [answered(await street.get(f"{SIGN_UPS}/{one['id']}"), 200) for one in (first, second)]
    assert [one["reason"] for one in shown] == ["home_too_far", "unreachable"]
    await dispatch.run_timers()
    assert await state_of(dispatch, waiting) == "signed_up"


@pytest.mark.promise("ID1", "ID2")
async def test_a_batch_again_with_its_key_says_what_it_did_then(dispatch: Running) -> None:
    call = await published(dispatch)
    made = await signed_up(dispatch, call["id"])
    key = {"Idempotency-Key": "one-batch-of-vetting"}
    street, body = dispatch.client(official(), {"Accept-Language": "en"}), rows_of(made["id"], str(new_id()))
    first = await street.post(f"{SIGN_UPS}/batch-approve", json=body, headers=key)
    replay = await street.post(f"{SIGN_UPS}/batch-approve", json=body, headers=key)
    assert [row["outcome"] for row in answered(first, 200)["rows"]] == ["updated", "rejected"]
    assert first.json() == replay.json()
    assert first.json()["rows"][1]["problem"]["title"] == "Not found"
    assert replay.headers["Idempotency-Replayed"] == "true"
    keyless = await street.post(f"{SIGN_UPS}/batch-approve", json=body, headers={"Idempotency-Key": ""})
    answered(keyless, 400)
    assert await happened(dispatch, made["id"]) == ["sign_up.created", "sign_up.approved"]


async def test_who_has_no_right_anywhere_vets_nothing_and_batches_are_bounded(dispatch: Running) -> None:
    call = await published(dispatch)
    made = await signed_up(dispatch, call["id"])
    answered(await dispatch.client(worker(STREET)).post(f"{SIGN_UPS}/batch-approve", json=rows_of(made["id"])), 403)
    street = dispatch.client(official())
    too_many = rows_of(*[str(new_id()) for _ in range(501)])
    assert (
        answered(await street.post(f"{SIGN_UPS}/batch-approve", json=too_many), 422)["errors"][0]["code"] == "too_long"
    )
    answered(await street.post(f"{SIGN_UPS}/batch-approve", json=rows_of(made["id"], made["id"])), 422)
    assert await state_of(dispatch, made) == "signed_up"


async def test_an_erased_person_leaves_the_queue_and_the_record_stays(dispatch: Running) -> None:
    call = await published(dispatch, wanted=1)
    me = person()
    mine, waiting = await signed_up(dispatch, call["id"], me), await signed_up(dispatch, call["id"])
    street = dispatch.client(official())
    answered(await street.post(f"{SIGN_UPS}/{mine['id']}/approve", json={}), 200)
    erased = RecordV1(id=me.id, version=2, area=None, kind="person", state="erased", refs={}, reason=None)
    for _ in range(2):
        await hear(dispatch, event_of(erased, "person.erased", registry.RECORD))
    await dispatch.run_timers()
    shown = answered(await street.get(f"{SIGN_UPS}/{mine['id']}"), 200)
    assert (shown["state"], shown["reason"], shown["phone"]) == ("withdrawn", "person_erased", None)
    assert await state_of(dispatch, waiting) == "signed_up"
    assert answered(await street.get(f"/v1/volunteers/{me.id}"), 200)["masked"] == ["id_number", "name", "phone"]


async def test_the_queue_is_read_oldest_first_page_by_page(dispatch: Running) -> None:
    call = await published(dispatch)
    made = [await signed_up(dispatch, call["id"], skills=["medical"] if n % 2 else []) for n in range(7)]
    street = dispatch.client(official())

    async def pages(**query: Any) -> list[str]:
        found: list[str] = []
        asked: dict[str, Any] = {"recruitment_call_id": call["id"], "state": "signed_up", "limit": 3} | query
        while True:
            page = answered(await street.get(SIGN_UPS, params=asked), 200)
            found += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            asked |= {"cursor": page["next_cursor"]}

    assert await pages() == [one["id"] for one in made]
    assert await pages(skill="medical") == [one["id"] for one in made if one["skills"]]
    assert await pages(home_area=SECOND) == []
    # An answer cuts what is finer than a millisecond, so that "from" includes the one that was read.
    assert await pages(created_at_from=made[3]["created_at"]) == [one["id"] for one in made[3:]]
    assert await pages(created_at_before=made[3]["created_at"]) == [one["id"] for one in made[:3]]
