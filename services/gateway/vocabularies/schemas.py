"""The words of the API, for user interfaces."""

from pydantic import ConfigDict

from shared.web import Public


class Term(Public):
    """One value of the API and how to show it."""

    value: str
    zh: str
    en: str


class Vocabulary(Public):
    """All values of one field: ``order.state`` of one resource, ``role`` of every."""

    name: str
    terms: list[Term]


class ErrorCode(Public):
    """One ``code`` of a problem, with its status and title."""

    code: str
    status: int
    zh: str
    en: str


class VocabulariesPublic(Public):
    """States, kinds and error codes in Chinese and English."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "vocabularies": [
                    {"name": "refund.state", "terms": [{"value": "due", "zh": "待审批", "en": "due"}]},
                ],
                "error_codes": [{"code": "round_closed", "status": 409, "zh": "本轮已截单", "en": "Closed"}],
            }
        }
    )

    vocabularies: list[Vocabulary]
    error_codes: list[ErrorCode]
