"""The recruitment call: 109 people sign up on the first day, and are vetted."""

from datetime import UTC, datetime, timedelta

from demo.client import Json
from demo.world import World, community, numbers, together

VOLUNTEERS = 109
SKILLS = ("sorting", "gate_duty", "loading", "delivery", "driving")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
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
            {
                "rows": [
                    {"row_id": str(n), "sign_up_id": s["id"], "reason_code": "unreachable"}
                    for n, s in enumerate(refused)
                ]
            },
        )
        await world.official.post(
            "/v1/sign-ups/batch-approve",
            {"rows": [{"row_id": str(n), "sign_up_id": s["id"]} for n, s in enumerate(approved)]},
        )
        everyone = await world.official.items(f"/v1/sign-ups?recruitment_call_id={call['id']}")
        states: dict[str, int] = {}
        for one in everyone:
            states[one["state"]] = states.get(one["state"], 0) + 1
        counts |= {"signed up": len(everyone)} | states
        world.report.tell("volunteers", f"{len(everyone)} signed up on the first day: {states}")


def _call() -> Json:
    today = datetime.now(UTC).date()
    return {
        "title": "常青花园志愿者招募令",
        "areas": [community(number) for number in numbers()],
        "content": "卸货、分拣、门岗秩序, 帮助老人取菜。",
        "skills": ["sorting", "gate_duty", "loading"],
        "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=60)).isoformat(),
        "service_hours": "每天 8:00-18:00, 每班 4 小时",
        "meeting_point": "社区居委会门口",
        "conditions": "身体健康, 14 天内无发热, 住在本社区。",
        "minimum_age": 18,
        "maximum_age": 65,
        "wanted": WANTED,
        "how_to_apply": "在本应用内报名。",
        "risks": "与居民有接触, 有感染风险; 需要搬运重物。",
        "protection": "发放口罩、手套、防护服, 购买意外保险。",
        "dangerous": True,
        "insured": True,
        "training": "上岗前半小时防护培训。",
    }


async def _sign_up(world: World, call_id: str, number: int) -> None:
    phone = f"+8619810000{number:03d}"
    caller = await world.sign_in(phone)
    home = world.homes[number * 13 % len(world.homes)]
    await caller.post(
        "/v1/sign-ups",
        {
            "recruitment_call_id": call_id,
            "name": f"{home.name[0]}志愿",
            "phone": phone,
            "id_number": _id_number(number),
            "home_area": home.area,
            "skills": [SKILLS[number % len(SKILLS)]],
            "availability": [{"weekday": number % 7 + 1, "from_time": "08:00", "until_time": "12:00"}],
            "carrying_capacity_kg": 10 + number % 30,
            "health": {"fit_to_serve": True, "symptoms": False, "contact_with_case": False},
            "risks_read": True,
            "consent": True,
        },
    )


def _id_number(number: int) -> str:
    """A made-up resident ID of somebody of working age, with its right check digit (GB 11643)."""
    first = f"420112{1970 + number % 30}{number % 12 + 1:02}{number % 28 + 1:02}{number:03}"
    return first + "10X98765432"[sum(int(d) * w for d, w in zip(first, WEIGHTS, strict=True)) % 11]
