"""The recruitment call: 109 people sign up on the first day, and are vetted."""

from demo.client import Json
from demo.seed import STREET_AREA
from demo.world import World, community, together

VOLUNTEERS = 109
WANTED = 90


async def recruit(world: World) -> None:
    """A call that says what is to be done and what is risky; open sign-up; vetting in bulk with reasons."""
    with world.report.step("Recruitment call, sign-ups, vetting") as counts:
        call = await world.official.post("/v1/recruitment-calls", _call())
        await world.official.post(f"/v1/recruitment-calls/{call['id']}/publish")
        await together(lambda number: _sign_up(world, call["id"], number), range(1, VOLUNTEERS + 1))
        waiting = await world.official.items(f"/v1/sign-ups?recruitment_call_id={call['id']}&state=signed_up")
        refused, approved = waiting[:6], waiting[6:]
        await world.official.post(
            "/v1/sign-ups/batch-refuse",
            {"rows": [{"row_id": str(n), "id": s["id"], "reason_code": "unreachable"} for n, s in enumerate(refused)]},
        )
        await world.official.post(
            "/v1/sign-ups/batch-approve", {"rows": [{"row_id": str(n), "id": s["id"]} for n, s in enumerate(approved)]}
        )
        everyone = await world.official.items(f"/v1/sign-ups?recruitment_call_id={call['id']}")
        states: dict[str, int] = {}
        for one in everyone:
            states[one["state"]] = states.get(one["state"], 0) + 1
        counts |= {"signed up": len(everyone)} | states
        world.report.tell("volunteers", f"{len(everyone)} signed up on the first day: {states}")


def _call() -> Json:
    return {"title": "志愿者招募令", "area": STREET_AREA, "wanted": WANTED}


async def _sign_up(world: World, call_id: str, number: int) -> None:
    caller = await world.sign_in(f"+8619810000{number:03d}")
    await caller.post(
        "/v1/sign-ups",
        {"recruitment_call_id": call_id, "area": community(number % 7 + 1), "name": f"志愿者{number}"},
    )
