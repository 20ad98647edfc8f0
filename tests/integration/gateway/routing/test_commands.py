"""The first administrator, and a developer's token (feature G2)."""

import asyncio

import pytest
from aiohttp import web
from joserfc.jwk import KeySet
from typer.testing import CliRunner

from services.gateway.__main__ import app
from shared.auth import read_token
from tests.integration.gateway.routing.conftest import Served
from tests.integration.gateway.stubs import Upstreams, person_of, registry_of_people
from tests.integration.service import signing_key

pytestmark = pytest.mark.feature("G2")


async def command(*arguments: str) -> tuple[int, str]:
    """Exit status and output."""
    result = await asyncio.to_thread(lambda: CliRunner().invoke(app, list(arguments)))
    return result.exit_code, result.output


async def test_the_first_administrator_is_made_once(door: Served, upstream: Upstreams) -> None:
    roles: list[dict[str, str]] = []

    async def registry(request: web.Request) -> web.StreamResponse:
        claims = read_token(request.headers["Authorization"].removeprefix("Bearer "), KeySet([signing_key()]))
        assert claims["kind"] == "service"
        if request.path == "/v1/people/ensure":
            return await registry_of_people(request)
        if request.method == "POST":
            roles.append(await request.json())
        return web.json_response({"items": roles, "next_cursor": None})

    upstream.handler = registry
    for _ in range(2):
        status, output = await command("admin", "--phone", "139 1234 5678", "--name", "李主任")
        assert status == 0, output
    person_id = str(person_of("+8613912345678"))
    assert roles == [{"person_id": person_id, "role": "administrator", "area": "42.01"}]
    assert person_id in output


async def test_a_developer_gets_a_ready_token_on_a_laptop_only(door: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_GATEWAY_PUBLIC_URL", door.url)
    status, output = await command("sign-in", "--phone", "13912345678")
    assert status == 0, output
    async with door.client() as client:
        me = await client.get("/v1/me", headers={"Authorization": f"Bearer {output.strip()}"})
    assert me.json()["id"] == str(person_of("+8613912345678"))


async def test_what_goes_wrong_is_one_clear_line(door: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await command("sign-in", "--phone", "12") == (1, "--phone: This is not a Chinese mobile number\n")
    monkeypatch.setenv("LINLI_GATEWAY_PUBLIC_URL", "http://127.0.0.1:9")
    status, output = await command("sign-in", "--phone", "13912345678")
    assert status == 1
    assert "does not answer" in output
    monkeypatch.setenv("LINLI_PROFILE", "production")
    for role in ("API", "WORKER", "KEYS"):
        monkeypatch.setenv(f"LINLI_GATEWAY_{role}_URL", f"postgresql://a:{'x1' * 12}@127.0.0.1/b")
    status, output = await command("sign-in", "--phone", "13912345678")
    assert status == 1
    assert "laptop profile only" in output
