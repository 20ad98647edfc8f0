"""How a route answers: the version as ETag, 201 for what is new and 200 for what was there already."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from shared.database import transaction_time
from shared.problems import Conflict
from shared.web import Db, tagged


class Versioned(Protocol):
    @property
    def version(self) -> int: ...
    @property
    def created_at(self) -> datetime: ...


Answered = TypeVar("Answered", bound=Versioned)
Existing = TypeVar("Existing")


class Answer:
    """Puts the version of a row into the answer's headers and hands the row back."""

    def __init__(self, request: Request, response: Response, db: AsyncSession) -> None:
        self._request, self._response, self._db = request, response, db

    def one(self, row: Answered) -> Answered:
        """A row that was read or changed; 304 when the caller of a GET has this version."""
        return tagged(self._request, self._response, row)

    def created(self, row: Answered) -> Answered:
        """A row that was to be created: 200 when the same content was there under the client's id."""
        if row.created_at != transaction_time(self._db) and "Idempotency-Replayed" not in self._response.headers:
            self._response.status_code = 200
        return tagged(self._request, self._response, row)

    def secret(self) -> None:
        """Nobody on the way keeps a copy of what follows."""
        self._response.headers["Cache-Control"] = "no-store"


def _answer(request: Request, response: Response, db: Db) -> Answer:
    return Answer(request, response, db)


Answers = Annotated[Answer, Depends(_answer, scope="function")]


def id_conflict() -> Conflict:
    return Conflict(
        ("该编号已用于不同内容, 请换一个编号。", "This id was used for other content; make a new id and try again."),
        code="id_conflict",
    )


def same_or_conflict(row: Existing, content: Mapping[str, Any]) -> Existing:
    """The row that a client's id names already. Raises Conflict (id_conflict) when its content is another."""
    if any(getattr(row, name) != value for name, value in content.items()):
        raise id_conflict()
    return row
