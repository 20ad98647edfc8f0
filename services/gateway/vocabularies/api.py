"""Words for user interfaces: nobody writes their own translation of a state."""

from functools import cache

from fastapi import APIRouter, Response

from services.gateway.vocabularies.kinds import KINDS
from services.gateway.vocabularies.schemas import ErrorCode, Term, VocabulariesPublic, Vocabulary
from services.gateway.vocabularies.states import STATES
from shared.openapi import PUBLIC
from shared.problems import CODES

router = APIRouter(prefix="/v1/vocabularies", tags=["vocabularies"])


@router.get("", operation_id="vocabularies_get", openapi_extra=PUBLIC)
async def get(response: Response) -> VocabulariesPublic:
    """Chinese and English words of states, kinds and error codes."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return _all()


@cache
def _all() -> VocabulariesPublic:
    vocabularies = [
        Vocabulary(name=name, terms=[Term(value=value, zh=zh, en=en) for value, (zh, en) in terms.items()])
        for name, terms in sorted({**STATES, **KINDS}.items())
    ]
    codes = [ErrorCode(code=code, status=status, zh=zh, en=en) for code, (status, (zh, en)) in CODES.items()]
    return VocabulariesPublic(vocabularies=vocabularies, error_codes=codes)
