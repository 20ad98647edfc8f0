"""The place tree, official codes, and states (R1, R2)."""

import pytest

from services.registry.commands import OPERATOR
from services.registry.places.divisions import import_divisions, read_list
from tests.integration.registry.town import Town, ok, refused
from tests.integration.service import Running


@pytest.mark.feature("R1")
async def test_the_real_list_is_there_and_a_second_import_changes_nothing(registry: Running) -> None:
    async with registry.worker.transaction(OPERATOR) as db:
        again = await import_divisions(db, read_list())
    assert (again.created, again.renamed, again.unchanged) == (0, 0, 3702)


@pytest.mark.feature("R1")
async def test_changqing_garden_is_a_management_office_with_seven_communities(town: Town) -> None:
    found = ok(await town.worker.get("/v1/places", params={"code": "420112013000"}), 200)["items"]
    assert [(one["kind"], one["area"]) for one in found] == [("management_office", "42.01.12.013")]
    below = await town.worker.get("/v1/places", params={"parent_id": found[0]["id"], "kind": "community"})
    assert len(ok(below, 200)["items"]) == 7


async def test_an_unknown_code_is_refused(town: Town) -> None:
    answer = await town.street.post(
        "/v1/places", json={"parent_code": "420112013099", "kind": "compound", "name": "无名小区"}
    )
    refused(answer, 422, "validation_failed", "/parent_code")


async def test_the_number_of_a_building_is_its_key(town: Town) -> None:
    assert town.building == f"{town.compound}.b08"
    assert town.entrance == f"{town.compound}.b08.e1"
