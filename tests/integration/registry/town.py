"""A compound of Changqing Garden with its people, as tests need it."""

import itertools
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from services.registry.service import SERVICE
from services.registry.uploads.loop import KINDS
from shared.auth import Grant
from shared.contracts.registry import RECORD
from shared.ids import new_id
from shared.jobs import run_waiting
from shared.service import Resources
from tests.integration.service import Running, person, service_principal

STREET = "42.01.12.013"
COMMUNITY = f"{STREET}.001"
_numbers = itertools.count(1)


def phone() -> str:
    """A mobile number that no other test uses."""
    return f"+86139{next(_numbers):08d}"


def ok(answer: httpx.Response, status: int = 201) -> dict[str, Any]:
    """The body of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refused(answer: httpx.Response, status: int, code: str, pointer: str | None = None) -> dict[str, Any]:
    """The problem of an answer that must refuse with this code, at this field."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    if pointer is not None:
        assert [error["pointer"] for error in body["errors"]] == [pointer], body
    return body


@dataclass
class Town:
    """Clients by role, and a compound with one building of two entrances."""

    service: Running
    admin: httpx.AsyncClient
    street: httpx.AsyncClient
    worker: httpx.AsyncClient
    secretary: httpx.AsyncClient
    head: httpx.AsyncClient
    inside: httpx.AsyncClient
    compound: str
    building: str
    entrance: str

    @classmethod
    async def build(cls, service: Running) -> "Town":
        def staff(role: str, area: str) -> httpx.AsyncClient:
            return service.client(person(Grant(role, area=area)))

        worker = staff("community_worker", COMMUNITY)
        compound = await _place(worker, {"parent_code": "420112013001", "kind": "compound", "name": f"小区 {new_id()}"})
        building = await _place(worker, {"parent_id": compound["id"], "kind": "building", "name": "8栋"})
        entrance = await _place(worker, {"parent_id": building["id"], "kind": "entrance", "name": "1单元"})
        await _place(worker, {"parent_id": building["id"], "kind": "entrance", "name": "2单元"})
        return cls(
            service=service,
            admin=staff("administrator", "42.01"),
            street=staff("street_official", STREET),
            worker=worker,
            secretary=staff("committee_secretary", COMMUNITY),
            head=staff("building_head", building["area"]),
            inside=service.client(service_principal()),
            compound=compound["area"],
            building=building["area"],
            entrance=entrance["area"],
        )

    async def resident(self) -> tuple[httpx.AsyncClient, UUID]:
        """Somebody who signed in by phone."""
        found = ok(await self.inside.post("/v1/people/ensure", json={"phone": phone()}), 200)
        return self.service.client(person(id=UUID(found["id"]))), UUID(found["id"])

    async def household(self, unit: str = "1201", **fields: Any) -> dict[str, Any]:
        body = {"area": self.entrance, "floor": 12, "unit": unit, "size": 2} | fields
        return ok(await self.worker.post("/v1/households", json=body))


async def _place(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    return ok(await client.post("/v1/places", json=body))


async def work(service: Running) -> None:
    """Lets the worker check and apply what waits."""
    resources = await Resources.open(SERVICE, worker=True)
    try:
        while await run_waiting(resources, RECORD, KINDS):
            pass
    finally:
        await resources.close()


async def upload(client: httpx.AsyncClient, service: Running, path: str, area: str, content: bytes) -> dict[str, Any]:
    """Uploads a file and lets the worker check it; the job as it then is."""
    answer = await client.post(path, files={"file": ("list.csv", content, "text/csv")}, data={"area": area})
    job = ok(answer, 202)
    assert answer.headers["location"] == f"/v1/operations/registry/{job['id']}"
    await work(service)
    return ok(await client.get(answer.headers["location"]), 200)


async def confirmed(client: httpx.AsyncClient, service: Running, job: dict[str, Any]) -> dict[str, Any]:
    """Confirms a checked job and lets the worker apply it."""
    assert job["state"] == "awaiting_confirmation", job
    ok(await client.post(f"/v1/operations/registry/{job['id']}/confirm"), 200)
    await work(service)
    done = ok(await client.get(f"/v1/operations/registry/{job['id']}"), 200)
    assert done["state"] == "succeeded", done
    return done
