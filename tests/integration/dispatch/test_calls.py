"""A call for volunteers: what it must state, who may publish it, when it ends (feature D1)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.clock import now, to_wire
from shared.ids import new_id
from tests.integration.dispatch.street import (
    ELSEWHERE,
    FIRST,
    OTHER_STREET,
    SECOND,
    STREET,
    answered,
    call_body,
    emergency,
    event_of,
    happened,
    hear,
    know,
    official,
    organization,
    place,
    published,
    sign_up_body,
    signed_up,
    worker,
    years_ago,
)
from tests.integration.service import Running, client_of, person

pytestmark = pytest.mark.feature("D1")
CALLS = "/v1/recruitment-calls"


async def test_a_call_is_drafted_published_and_closed(dispatch: Running) -> None:
    client = dispatch.client(official())
    draft = answered(await client.post(CALLS, json=call_body()), 201)
    assert (draft["state"], draft["version"], draft["area"]) == ("draft", 1, STREET)
    assert draft["places"] == [{"area": FIRST, "name": "一社区"}, {"area": SECOND, "name": "二社区"}]
    shown = await client.post(f"{CALLS}/{draft['id']}/publish", json={})
    assert answered(shown, 200)["state"] == "published"
    assert shown.headers["ETag"] == '"2"'
    closed = answered(await client.post(f"{CALLS}/{draft['id']}/close", json={"reason_code": "filled"}), 200)
    assert (closed["state"], closed["reason"]) == ("closed", "filled")
    again = answered(await client.post(f"{CALLS}/{draft['id']}/close", json={}), 200)
    assert again == closed
    assert await happened(dispatch, draft["id"]) == [
        "recruitment_call.created",
        "recruitment_call.published",
        "recruitment_call.closed",
    ]


@pytest.mark.parametrize(
    "fact",
    ["content", "starts_on", "ends_on", "service_hours", "conditions", "how_to_apply", "risks", "protection"],
)
async def test_a_call_is_not_published_while_a_fact_is_missing(dispatch: Running, fact: str) -> None:
    client = dispatch.client(official())
    body = {name: value for name, value in call_body().items() if name != fact}
    draft = answered(await client.post(CALLS, json=body), 201)
    refusal = answered(await client.post(f"{CALLS}/{draft['id']}/publish", json={}), 422)
    assert [(error["pointer"], error["code"]) for error in refusal["errors"]] == [(f"/{fact}", "required")]
    assert answered(await client.get(f"{CALLS}/{draft['id']}"), 200)["version"] == 1
    filled = await client.patch(f"{CALLS}/{draft['id']}", json={fact: call_body()[fact]}, headers={"If-Match": '"1"'})
    assert answered(filled, 200)["version"] == 2
    assert answered(await client.post(f"{CALLS}/{draft['id']}/publish", json={}), 200)["state"] == "published"


async def test_the_database_holds_what_a_published_call_states(dispatch: Running) -> None:
    call = await published(dispatch)
    for change in ("risks = NULL", "protection = NULL", "dangerous = true", "minimum_age = 16"):
        with pytest.raises(IntegrityError):
            async with dispatch.worker.transaction() as db:
                await db.execute(text(f"UPDATE recruitment_calls SET {change} WHERE id = :id"), {"id": call["id"]})


async def test_dangerous_work_wants_insurance_first(dispatch: Running) -> None:
    client = dispatch.client(official())
    draft = answered(await client.post(CALLS, json=call_body(dangerous=True)), 201)
    refusal = answered(await client.post(f"{CALLS}/{draft['id']}/publish", json={}), 422)
    assert refusal["errors"][0]["pointer"] == "/insured"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"areas": [FIRST, "42.01.12.013.009"]}, "/areas/1"),
        ({"areas": []}, "/areas"),
        ({"areas": [FIRST, "41.01.01.001"]}, "/areas"),
        ({"wanted": 0}, "/wanted"),
        ({"minimum_age": 16}, "/minimum_age"),
        ({"minimum_age": 60, "maximum_age": 50}, "/maximum_age"),
        ({"ends_on": "2020-01-01"}, "/ends_on"),
        ({"emergency_id": "0195c2a0-0000-7000-8000-000000000001"}, "/emergency_id"),
        ({"organization_id": "0195c2a0-0000-7000-8000-000000000001"}, "/organization_id"),
        ({"state": "published"}, "/state"),
    ],
)
async def test_what_a_draft_says_must_be_possible(dispatch: Running, fields: dict[str, Any], pointer: str) -> None:
    answer = await dispatch.client(official("42")).post(CALLS, json=call_body(**fields))
    assert [error["pointer"] for error in answered(answer, 422)["errors"]] == [pointer]


async def test_places_of_two_communities_below_an_abolished_one(dispatch: Running) -> None:
    gone = "42.01.12.013.008"
    await know(dispatch, place(gone, "旧社区", years_ago(1)))
    answer = await dispatch.client(official()).post(CALLS, json=call_body(areas=[gone]))
    assert answered(answer, 422)["errors"][0]["pointer"] == "/areas/0"


async def test_an_organization_and_an_emergency_are_known_by_their_events(dispatch: Running) -> None:
    active, closed, here = organization(), organization("closed"), emergency(STREET)
    await know(dispatch, active, closed, here)
    client = dispatch.client(official())
    made = await client.post(CALLS, json=call_body(organization_id=str(active.id), emergency_id=str(here.id)))
    assert answered(made, 201)["organization_id"] == str(active.id)
    refusal = answered(await client.post(CALLS, json=call_body(organization_id=str(closed.id))), 422)
    assert refusal["errors"][0]["code"] == "closed"
    elsewhere = emergency(OTHER_STREET)
    await know(dispatch, elsewhere)
    refusal = answered(await client.post(CALLS, json=call_body(emergency_id=str(elsewhere.id))), 422)
    assert refusal["errors"][0]["code"] == "elsewhere"
    fresh = await client.post(CALLS, json=call_body(emergency_id=str(new_id())))
    assert answered(fresh, 409)["code"] == "not_yet_known"


async def test_only_the_covering_area_drafts_a_call(dispatch: Running) -> None:
    assert answered(await dispatch.client(official(FIRST)).post(CALLS, json=call_body()), 403)["code"] == "forbidden"
    alone = await dispatch.client(official(FIRST)).post(CALLS, json=call_body(areas=[FIRST]))
    assert answered(alone, 201)["area"] == FIRST
    for other in (worker(STREET), person(), official(OTHER_STREET)):
        answered(await dispatch.client(other).post(CALLS, json=call_body()), 403)


async def test_a_draft_is_seen_in_its_areas_and_a_published_call_by_everybody(dispatch: Running) -> None:
    mine = dispatch.client(official())
    draft = answered(await mine.post(CALLS, json=call_body()), 201)
    url = f"{CALLS}/{draft['id']}"
    assert answered(await dispatch.client(worker(SECOND)).get(url), 200)["id"] == draft["id"]
    for stranger in (person(), official(OTHER_STREET)):
        answered(await dispatch.client(stranger).get(url), 404)
        answered(await dispatch.client(stranger).post(f"{url}/publish", json={}), 404)
    answered(await dispatch.client(worker(SECOND)).post(f"{url}/publish", json={}), 403)
    answered(await mine.post(f"{url}/publish", json={}), 200)
    assert answered(await dispatch.client(person()).get(url), 200)["state"] == "published"
    for action, body in (("close", {}), ("cancel", {})):
        answered(await dispatch.client(official(OTHER_STREET)).post(f"{url}/{action}", json=body), 403)


async def test_after_publication_only_number_and_last_day_change(dispatch: Running) -> None:
    call = await published(dispatch, wanted=2)
    client, url = dispatch.client(official()), f"{CALLS}/{call['id']}"
    refusal = await client.patch(url, json={"risks": "没有风险"}, headers={"If-Match": '"2"'})
    assert answered(refusal, 409)["code"] == "transition_not_allowed"
    answered(await client.patch(url, json={"wanted": 3}), 428)
    assert (
        answered(await client.patch(url, json={"wanted": 3}, headers={"If-Match": '"1"'}), 412)["current_version"] == 2
    )
    assert answered(await client.patch(url, json={"wanted": 3}, headers={"If-Match": '"2"'}), 200)["version"] == 3
    unchanged = await client.patch(url, json={"wanted": 3}, headers={"If-Match": '"2"'})
    assert answered(unchanged, 200)["version"] == 3
    for _ in range(2):
        await signed_up(dispatch, call["id"])
    refusal = await client.patch(url, json={"wanted": 1}, headers={"If-Match": '"3"'})
    assert answered(refusal, 409)["code"] == "limit_reached"


async def test_it_closes_by_itself_when_sign_up_is_over(dispatch: Running) -> None:
    call = await published(dispatch)
    soon = {"apply_until": to_wire(now() + timedelta(seconds=0.2))}
    url = f"{CALLS}/{call['id']}"
    answered(await dispatch.client(official()).patch(url, json=soon, headers={"If-Match": '"2"'}), 200)
    await asyncio.sleep(0.25)
    refusal = await dispatch.client(person()).post("/v1/sign-ups", json=sign_up_body(call["id"]))
    assert answered(refusal, 409)["state"] == "published"  # the timer is late, the clock is not
    await dispatch.run_timers()
    shown = answered(await dispatch.client(person()).get(url), 200)
    assert (shown["state"], shown["reason"]) == ("closed", "time")


async def test_the_end_of_an_emergency_closes_its_calls(dispatch: Running) -> None:
    here = emergency(STREET)
    await know(dispatch, here)
    open_call = await published(dispatch, emergency_id=str(here.id))
    other = await published(dispatch)
    client = dispatch.client(official())
    draft = answered(await client.post(CALLS, json=call_body(emergency_id=str(here.id))), 201)
    over = event_of(emergency(STREET, id=here.id, closed=True), "emergency.closed")
    await hear(dispatch, over)
    await hear(dispatch, over)
    states = {}
    for call in (open_call, other, draft):
        shown = answered(await client.get(f"{CALLS}/{call['id']}"), 200)
        states[call["id"]] = (shown["state"], shown["reason"])
    assert states[open_call["id"]] == ("closed", "emergency_over")
    assert states[other["id"]] == ("published", None)
    assert states[draft["id"]] == ("cancelled", "emergency_over")
    assert (await happened(dispatch, open_call["id"])).count("recruitment_call.closed") == 1
    late = answered(await client.post(CALLS, json=call_body(emergency_id=str(here.id))), 422)
    assert late["errors"][0]["code"] == "closed"


async def test_whoever_waits_for_a_cancelled_call_is_refused_with_that_reason(dispatch: Running) -> None:
    call = await published(dispatch, wanted=2)
    approved, queued, waiting = [await signed_up(dispatch, call["id"]) for _ in range(3)]
    client = dispatch.client(official())
    answered(await client.post(f"/v1/sign-ups/{approved['id']}/approve", json={}), 200)
    answered(await client.post(f"{CALLS}/{call['id']}/cancel", json={"reason_code": "unsafe", "note": "防护未到"}), 200)
    await dispatch.run_timers()
    found = {}
    for one in (approved, queued, waiting):
        shown = answered(await client.get(f"/v1/sign-ups/{one['id']}"), 200)
        found[one["id"]] = (shown["state"], shown["reason"], shown["phone"] is None)
    assert found[approved["id"]] == ("approved", None, False)
    assert found[queued["id"]] == found[waiting["id"]] == ("refused", "call_cancelled", True)


async def test_lists_by_place_state_and_skill(dispatch: Running) -> None:
    both = await published(dispatch, skills=["medical"])
    far = await published(dispatch, official(OTHER_STREET), areas=[ELSEWHERE], skills=["medical"])
    client = dispatch.client(person())

    async def ids(**query: Any) -> set[str]:
        page = answered(await client.get(CALLS, params={"state": "published", "limit": 200} | query), 200)
        return {item["id"] for item in page["items"]}

    assert {both["id"], far["id"]} <= await ids(skill="medical")
    for touching in (STREET, FIRST, f"{FIRST}.c01.b02"):
        found = await ids(area=touching, skill="medical")
        assert both["id"] in found
        assert far["id"] not in found
    assert both["id"] not in await ids(area="42.01.12.013.009")
    assert not await ids(skill="teaching")


async def test_a_create_is_one_call_however_often_it_comes(dispatch: Running) -> None:
    client, body = dispatch.client(official()), call_body(id=str(new_id()))
    first = answered(await client.post(CALLS, json=body), 201)
    assert answered(await client.post(CALLS, json=body), 200) == first
    assert answered(await client.post(CALLS, json=body | {"wanted": 7}), 409)["code"] == "id_conflict"
    key = {"Idempotency-Key": "the-same-key-twice"}
    made = answered(await client.post(CALLS, json=call_body(), headers=key), 201)
    replay = await client.post(CALLS, json=call_body(), headers=key)
    assert replay.headers["Idempotency-Replayed"] == "true"
    assert replay.json()["id"] == made["id"]


async def test_a_system_does_not_act_beyond_its_scopes(dispatch: Running) -> None:
    from shared.auth import Grant

    system = client_of(Grant("street_official", area=STREET), scopes=frozenset({"recruitment_calls.read"}))
    answered(await dispatch.client(system).post(CALLS, json=call_body()), 403)
