"""The example of docs/clients.md on a Python client generated from what the gateway serves (feature G1)."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from demo.world import eventually
from tests.contracts.clients import generate_python
from tests.e2e.town import Town


async def example(folder: Path, env: dict[str, str]) -> tuple[int, str]:
    """(status, what it printed) of the program."""
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "place_order.py",
        cwd=folder,
        env=os.environ | env,
        stdout=pipe,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await program.communicate()
    return program.returncode or 0, printed.decode()


@pytest.mark.feature("G1")
async def test_a_generated_client_places_an_order(town: Town, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(await town.api.as_(None).get("/v1/openapi.json")))
    await asyncio.to_thread(generate_python, document, tmp_path)
    home = town.homes(2, by_phone=False)[1]
    resident, round_ = await town.resident(home), await town.open_round(2)
    wish = town.order(round_, home)
    assert resident.tokens is not None
    env = {
        "LINLI_URL": town.api.base,
        "LINLI_TOKEN": resident.tokens.access,
        "ROUND": round_["id"],
        "HOUSEHOLD": wish["household_id"],
        "ITEM": wish["lines"][0]["item_id"],
    }
    printed: list[str] = []

    async def placed() -> bool:  # the claim takes a moment from registry to orders
        status, said = await example(tmp_path, env)
        printed[:] = [said]
        assert "Traceback" not in said
        return status == 0

    await eventually(placed, "the program to place its order")
    (order,) = await resident.items(f"/v1/orders?round_id={round_['id']}&household_id={wish['household_id']}")
    assert printed == [f"order {order['code']}: placed, {order['id']}\n"]
