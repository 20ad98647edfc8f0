"""Upload routes of places and households: 202 and a job."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from services.registry.uploads import households, places, use_cases
from services.registry.vaults import VaultOf
from shared.areas import AreaPath
from shared.idempotency import OnceKey
from shared.jobs import OperationPublic, accepted

places_router = APIRouter(prefix="/v1/places", tags=["places"])
households_router = APIRouter(prefix="/v1/households", tags=["households"])

Sheet = Annotated[UploadFile, File(description="CSV (UTF-8, with or without BOM, GB18030, UTF-16) or XLSX; ≤32 MiB.")]
About = Annotated[AreaPath, Form(description="The area that the file is about; every row must lie in it.")]


@places_router.post("/upload", status_code=202, operation_id="places_upload")
async def upload_places(
    file: Sheet, area: About, once: OnceKey, vault: VaultOf, request: Request, response: Response
) -> OperationPublic:
    """Upload compounds, buildings and entrances. The job checks every row and waits for its confirmation."""
    content = await file.read()
    once.covers(area.encode() + b"\0" + content)
    job = await once(use_cases.start_upload, places.KIND, area, content, vault)
    return accepted(request, response, job, "registry")


@households_router.post("/upload", status_code=202, operation_id="households_upload")
async def upload_households(
    file: Sheet, area: About, once: OnceKey, vault: VaultOf, request: Request, response: Response
) -> OperationPublic:
    """Upload households. The job checks every row and waits for its confirmation; each gets a code on paper."""
    content = await file.read()
    once.covers(area.encode() + b"\0" + content)
    job = await once(use_cases.start_upload, households.KIND, area, content, vault)
    return accepted(request, response, job, "registry")
