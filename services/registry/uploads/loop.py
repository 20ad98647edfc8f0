"""The worker's loop over uploads."""

from services.registry.uploads import households, places
from services.registry.uploads.household_apply import HOUSEHOLDS_UPLOAD
from shared.contracts.registry import RECORD
from shared.jobs import run_jobs
from shared.service import Resources

KINDS = {places.KIND: places.PLACES_UPLOAD, households.KIND: HOUSEHOLDS_UPLOAD}


async def uploads(resources: Resources) -> None:
    """Checks and applies uploads until cancelled."""
    await run_jobs(resources, RECORD, KINDS)
