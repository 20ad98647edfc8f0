"""Old deliveries and events go; what still waits, and what it needs, stays."""

from uuid import UUID

import pytest
from sqlalchemy import text

from services.gateway.webhooks.housekeeping import FORGET_DELIVERIES, FORGET_EVENTS, forget_step
from shared.ids import new_id
from tests.integration.gateway.receivers import Receiver
from tests.integration.gateway.webhooks.conftest import Outside, a_round


@pytest.mark.feature("G3")
async def test_what_is_old_goes(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    old, needed, young = a_round(new_id(), 1), a_round(new_id(), 1), a_round(new_id(), 1)
    await outside.tell(old, needed, young)
    async with outside.gateway.worker.transaction() as db:
        renamed = "UPDATE webhook_deliveries SET id = uuidv7(interval '-31 days') WHERE event_id = :id"
        await db.execute(text(renamed), {"id": old.id})
        for event in (old, needed):
            await db.execute(
                text("UPDATE feed_events SET recorded_at = recorded_at - interval '61 days' WHERE id = :id"),
                {"id": event.id},
            )
    assert await forget_step(outside.resources, FORGET_DELIVERIES) == 1
    assert await forget_step(outside.resources, FORGET_EVENTS) == 1
    left = {UUID(one["event_id"]) for one in await outside.deliveries(endpoint["id"])}
    assert left == {needed.id, young.id}
    await outside.send()
    assert {UUID(got.headers["webhook-id"]) for got in receiver.got} == left
