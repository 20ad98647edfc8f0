"""A volunteer's profile: made by an approval, one per person, kept by the volunteer and the staff (feature D2)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.clock import now, shanghai_date
from tests.integration.dispatch.street import (
    ELSEWHERE,
    FIRST,
    OTHER_STREET,
    SECOND,
    STREET,
    answered,
    happened,
    official,
    published,
    resident_id,
    signed_up,
    worker,
)
from tests.integration.service import Running, person

pytestmark = pytest.mark.feature("D2")
VOLUNTEERS = "/v1/volunteers"


async def approved(dispatch: Running, who: Any = None, **fields: Any) -> dict[str, Any]:
    """Somebody who was approved for a call of the street, as the street sees them."""
    call = await published(dispatch)
    made = await signed_up(dispatch, call["id"], who or person(), **fields)
    street = dispatch.client(official())
    answered(await street.post(f"/v1/sign-ups/{made['id']}/approve", json={}), 200)
    return answered(await street.get(f"{VOLUNTEERS}/{made['person_id']}"), 200)


async def test_an_approval_makes_the_profile_from_the_sign_up(dispatch: Running) -> None:
    me = person()
    health = {"fit_to_serve": True, "symptoms": False, "contact_with_case": False, "note": "腰不好"}
    made = await approved(dispatch, me, home_area=ELSEWHERE, phone="13812345678", health=health)
    assert made["id"] == str(me.id)
    assert (made["area"], made["serves"], made["state"], made["version"]) == (ELSEWHERE, [FIRST, SECOND], "active", 1)
    assert (made["name"], made["phone"], made["health_note"]) == ("王*", "138****5678", None)
    assert made["masked"] == ["health_note", "id_number", "name", "phone"]
    assert made["skills"] == ["sorting", "driving"]
    assert made["carrying_capacity_kg"] == 20
    assert made["health_declared_on"] == shanghai_date(now()).isoformat()
    assert (made["trainings"], made["insured_until"]) == ([], None)
    assert len(made["volunteer_no"]) == 12
    assert str(me.id) not in made["volunteer_no"]
    clear = await dispatch.client(me).post(
        f"{VOLUNTEERS}/{me.id}/reveal", json={"fields": ["phone", "health_note"], "purpose": "本人查看"}
    )
    assert answered(clear, 200)["phone"] == "+8613812345678"
    assert clear.json()["health_note"] == "腰不好"
    assert await happened(dispatch, me.id) == ["volunteer.created"]


async def test_another_call_joins_the_same_profile(dispatch: Running) -> None:
    me = person()
    first = await approved(dispatch, me, skills=["nursing"])
    far = await published(dispatch, official(OTHER_STREET), areas=[ELSEWHERE])
    again = await signed_up(dispatch, far["id"], me, skills=["cooking"])
    other_street = dispatch.client(official(OTHER_STREET))
    answered(await other_street.get(f"{VOLUNTEERS}/{me.id}"), 404)
    answered(await other_street.post(f"/v1/sign-ups/{again['id']}/approve", json={}), 200)
    joined = answered(await other_street.get(f"{VOLUNTEERS}/{me.id}"), 200)
    assert (joined["serves"], joined["version"]) == ([FIRST, SECOND, ELSEWHERE], 2)
    assert (joined["skills"], joined["volunteer_no"]) == (["nursing"], first["volunteer_no"])
    same_place = await published(dispatch)
    third = await signed_up(dispatch, same_place["id"], me)
    answered(await dispatch.client(official()).post(f"/v1/sign-ups/{third['id']}/approve", json={}), 200)
    assert await happened(dispatch, me.id) == ["volunteer.created", "volunteer.updated"]


async def test_two_streets_approve_one_person_at_once(dispatch: Running) -> None:
    for _ in range(5):
        me = person()
        near, far = await published(dispatch), await published(dispatch, official(OTHER_STREET), areas=[ELSEWHERE])
        here, there = await signed_up(dispatch, near["id"], me), await signed_up(dispatch, far["id"], me)
        answers = await asyncio.gather(
            dispatch.client(official()).post(f"/v1/sign-ups/{here['id']}/approve", json={}),
            dispatch.client(official(OTHER_STREET)).post(f"/v1/sign-ups/{there['id']}/approve", json={}),
        )
        assert [answer.status_code for answer in answers] == [200, 200]
        assert await happened(dispatch, me.id) == ["volunteer.created", "volunteer.updated"]
        shown = answered(await dispatch.client(me).get(f"{VOLUNTEERS}/{me.id}"), 200)
        assert (sorted(shown["serves"]), shown["version"]) == ([FIRST, SECOND, ELSEWHERE], 2)


async def test_one_identity_number_is_one_volunteer(dispatch: Running) -> None:
    number = resident_id()
    await approved(dispatch, id_number=number)
    call = await published(dispatch)
    twin, third = [await signed_up(dispatch, call["id"], id_number=n) for n in (number, resident_id())]
    street = dispatch.client(official())
    refusal = answered(await street.post(f"/v1/sign-ups/{twin['id']}/approve", json={}), 409)
    assert refusal["code"] == "duplicate"
    same = resident_id()
    fourth, fifth = [await signed_up(dispatch, call["id"], id_number=same) for _ in range(2)]
    rows = [{"row_id": str(n), "sign_up_id": one["id"]} for n, one in enumerate((twin, third, fourth, fifth))]
    result = answered(await street.post("/v1/sign-ups/batch-approve", json={"rows": rows}), 200)["rows"]
    assert [row["outcome"] for row in result] == ["rejected", "updated", "updated", "rejected"]


async def test_volunteers_keep_their_own_profile_and_staff_the_rest(dispatch: Running) -> None:
    me = person()
    made = await approved(dispatch, me)
    mine, url = dispatch.client(me), f"{VOLUNTEERS}/{made['id']}"
    own = {"skills": ["medical"], "availability": [], "carrying_capacity_kg": 5, "area": SECOND, "phone": "13900001111"}
    changed = answered(await mine.patch(url, json=own, headers={"If-Match": '"1"'}), 200)
    assert (changed["version"], changed["skills"], changed["area"]) == (2, ["medical"], SECOND)
    assert (changed["availability"], changed["carrying_capacity_kg"], changed["phone"]) == ([], 5, "139****1111")
    for theirs in ({"insured_until": "2030-12-31"}, {"trainings": []}, {"name": "王小芳"}):
        answered(await mine.patch(url, json=theirs, headers={"If-Match": '"2"'}), 403)
    for never in ({"id_number": resident_id()}, {"state": "suspended"}, {"volunteer_no": "1"}):
        answered(await mine.patch(url, json=never, headers={"If-Match": '"2"'}), 422)
    training = {
        "name": "防护培训",
        "content": "防护服穿脱",
        "study_minutes": 30,
        "unit": "社区卫生服务中心",
        "trained_on": "2020-02-24",
    }
    given = {"trainings": [training], "insured_until": "2030-12-31", "name": "王小芳"}
    staff = dispatch.client(worker(SECOND))
    changed = answered(await staff.patch(url, json=given, headers={"If-Match": '"2"'}), 200)
    assert (changed["trainings"], changed["insured_until"], changed["name"]) == ([training], "2030-12-31", "王**")
    same = answered(await staff.patch(url, json=given, headers={"If-Match": '"3"'}), 200)
    assert same["version"] == 3
    cleared = answered(await staff.patch(url, json={"insured_until": None}, headers={"If-Match": '"3"'}), 200)
    assert cleared["insured_until"] is None
    answered(await mine.patch(url, json={"area": "42.01.12.013.009"}, headers={"If-Match": '"4"'}), 422)
    answered(await mine.patch(url, json={"skills": []}), 428)
    answered(await mine.patch(url, json={"skills": []}, headers={"If-Match": '"1"'}), 412)
    assert await happened(dispatch, made["id"]) == ["volunteer.created"] + ["volunteer.updated"] * 3


async def test_who_is_suspended_is_approved_for_nothing_until_reinstated(dispatch: Running) -> None:
    me = person()
    made = await approved(dispatch, me)
    street, url = dispatch.client(official()), f"{VOLUNTEERS}/{made['id']}"
    answered(await street.post(f"{url}/suspend", json={}), 422)
    body = {"reason_code": "incident", "note": "搬运时扭伤"}
    suspended = answered(await street.post(f"{url}/suspend", json=body), 200)
    assert (suspended["state"], suspended["reason"]) == ("suspended", "incident")
    assert "note" in suspended["masked"]
    assert answered(await street.post(f"{url}/suspend", json=body), 200) == suspended
    call = await published(dispatch)
    again = await signed_up(dispatch, call["id"], me)
    refusal = answered(await street.post(f"/v1/sign-ups/{again['id']}/approve", json={}), 409)
    assert (refusal["code"], refusal["state"]) == ("transition_not_allowed", "suspended")
    back = answered(await street.post(f"{url}/reinstate", json={}), 200)
    assert (back["state"], back["reason"], back["suspended_at"]) == ("active", None, None)
    answered(await street.post(f"/v1/sign-ups/{again['id']}/approve", json={}), 200)
    assert await happened(dispatch, made["id"]) == ["volunteer.created", "volunteer.suspended", "volunteer.reinstated"]
    actions = answered(await street.get(url, params={"expand": "allowed_actions"}), 200)["allowed_actions"]
    assert actions == ["suspend"]


async def test_volunteers_are_seen_where_they_live_or_serve(dispatch: Running) -> None:
    made = await approved(dispatch, home_area=ELSEWHERE)
    url = f"{VOLUNTEERS}/{made['id']}"
    verbs: list[tuple[str, dict[str, Any]]] = [
        ("suspend", {"reason_code": "other"}),
        ("reinstate", {}),
        ("reveal", {"fields": ["phone"], "purpose": "通知上岗"}),
    ]
    for stranger in (person(), official("42.01.12.015"), worker("42.01.12.013.003")):
        client = dispatch.client(stranger)
        answered(await client.get(url), 404)
        assert answered(await client.get(VOLUNTEERS), 200)["items"] == []
        answered(await client.patch(url, json={"skills": []}, headers={"If-Match": '"1"'}), 404)
        for verb, body in verbs:
            answered(await client.post(f"{url}/{verb}", json=body), 404)
    for near in (official(), official(OTHER_STREET), worker(FIRST), worker(ELSEWHERE)):
        assert made["id"] in {item["id"] for item in (await dispatch.client(near).get(VOLUNTEERS)).json()["items"]}
    answered(await dispatch.client(worker(FIRST)).post(f"{url}/suspend", json={"reason_code": "other"}), 403)
    clear = await dispatch.client(worker(FIRST)).post(f"{url}/reveal", json=verbs[2][1])
    assert answered(clear, 200)["phone"].startswith("+86138")
    assert answered(await dispatch.client(official(STREET)).get(url), 200)["version"] == 1


async def test_lists_by_home_skill_state_and_number(dispatch: Running) -> None:
    made = await approved(dispatch, home_area=SECOND, skills=["sign_language"])
    street = dispatch.client(official())

    async def ids(**query: Any) -> list[str]:
        page = answered(await street.get(VOLUNTEERS, params={"limit": 200} | query), 200)
        return [item["id"] for item in page["items"]]

    assert await ids(skill="sign_language") == [made["id"]]
    assert await ids(volunteer_no=made["volunteer_no"]) == [made["id"]]
    assert made["id"] in await ids(area=SECOND)
    assert made["id"] not in await ids(area=FIRST)
    assert made["id"] not in await ids(state="suspended")


async def test_the_database_holds_one_volunteer_per_identity_number(dispatch: Running) -> None:
    first, second = [await approved(dispatch) for _ in range(2)]
    with pytest.raises(IntegrityError):
        async with dispatch.worker.transaction() as db:
            await db.execute(
                text(
                    "UPDATE volunteers SET id_number_key = (SELECT id_number_key FROM volunteers WHERE id = :first)"
                    " WHERE id = :second"
                ),
                {"first": first["id"], "second": second["id"]},
            )
