"""What people tell when they sign up is nowhere in clear: not at rest, in events, logs, problems (features D1, D2)."""

from typing import Any

import pytest
from sqlalchemy import text

from shared.telemetry import configure_logging
from tests.integration.dispatch.street import answered, official, published, resident_id, sign_up_body
from tests.integration.service import Running, person

NAME, PHONE, NOTE, REMARK = "欧阳金丝雀", "13887654321", "对青霉素过敏", "电话里说明过"


def spellings(id_number: str) -> list[str]:
    """Every canary as text, and as the bytes that PostgreSQL prints."""
    clear = [NAME, PHONE, NOTE, REMARK, id_number]
    return clear + [one.encode().hex() for one in clear]


async def everything_at_rest(dispatch: Running) -> dict[str, str]:
    """Table → all of its rows as text."""
    async with dispatch.worker.transaction() as db:
        names = await db.execute(text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 2200"))
        tables = list(names.scalars())
        found = {}
        for table in tables:
            if table != "alembic_version":
                rows = await db.execute(text(f"SELECT one::text FROM {table} AS one"))
                found[table] = "\n".join(rows.scalars())
        return found


async def live_a_life(dispatch: Running, id_number: str) -> list[str]:
    """Signs up in right and wrong ways, is refused, approved, suspended; returns every problem that came back."""
    call = await published(dispatch)
    me, street = dispatch.client(person()), dispatch.client(official())
    health = {"fit_to_serve": True, "symptoms": False, "contact_with_case": False, "note": NOTE}
    body = sign_up_body(call["id"], name=NAME, phone=PHONE, id_number=id_number, health=health)
    wrongs: list[dict[str, Any]] = [
        {"phone": PHONE + "0"},
        {"id_number": id_number[:-1] + ("0" if id_number[-1] != "0" else "1")},
        {"skills": [NAME]},
        {"risks_read": NAME},
        {"health": health | {"symptoms": True}},
        {"extra": id_number},
    ]
    problems = [await me.post("/v1/sign-ups", json=body | wrong) for wrong in wrongs]
    made = answered(await me.post("/v1/sign-ups", json=body), 201)
    problems.append(await me.post("/v1/sign-ups", json=body))
    answered(await street.post(f"/v1/sign-ups/{made['id']}/approve", json={}), 200)
    suspension = {"reason_code": "other", "note": REMARK}
    answered(await street.post(f"/v1/volunteers/{made['person_id']}/suspend", json=suspension), 200)
    look = {"fields": ["name", "phone", "id_number", "health_note", "note"], "purpose": "核实身份"}
    shown = answered(await street.post(f"/v1/volunteers/{made['person_id']}/reveal", json=look), 200)
    assert (shown["name"], shown["phone"], shown["id_number"]) == (NAME, f"+86{PHONE}", id_number)
    assert (shown["health_note"], shown["note"]) == (NOTE, REMARK)
    other = answered(await dispatch.client(person()).post("/v1/sign-ups", json=body), 201)
    problems.append(await street.post(f"/v1/sign-ups/{other['id']}/approve", json={}))
    refusal = {"reason_code": "other", "note": REMARK}
    answered(await street.post(f"/v1/sign-ups/{other['id']}/refuse", json=refusal), 200)
    assert {answer.status_code for answer in problems} == {409, 422}
    return [answer.text for answer in problems]


@pytest.mark.feature("D1", "D2")
@pytest.mark.promise("PD1", "PD2")
async def test_no_canary_anywhere(dispatch: Running, capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging("dispatch", "api", "debug")
    id_number = resident_id()
    problems = await live_a_life(dispatch, id_number)
    said = capfd.readouterr()
    places = await everything_at_rest(dispatch) | {"problems": "\n".join(problems), "logs": said.out + said.err}
    assert "volunteer.suspended" in "".join(rows for table, rows in places.items() if table.startswith("outbox"))
    for place, content in places.items():
        leaked = [canary for canary in spellings(id_number) if canary in content]
        assert not leaked, f"{place} holds {leaked}"
