"""The whole API's document, and a page that shows it."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from services.gateway.openapi.use_cases import merged_document
from shared.web import NotModified, ResourcesOf

router = APIRouter(include_in_schema=False)
PAGE = (Path(__file__).parent / "reference.html").read_text()
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "public, max-age=300",
}


@router.get("/v1/openapi.json")
async def document(request: Request, resources: ResourcesOf) -> Response:
    """OpenAPI 3.1 of all services; fetched anew every five minutes."""
    merged = await merged_document(resources, request.app.openapi())
    if request.headers.get("if-none-match") == merged.etag:
        raise NotModified
    headers = {"Cache-Control": "public, max-age=300", "ETag": merged.etag}
    return Response(merged.content, media_type="application/json", headers=headers)


@router.get("/docs")
async def page() -> HTMLResponse:
    """A reference to read; it loads nothing from elsewhere."""
    return HTMLResponse(PAGE, headers=PAGE_HEADERS)
