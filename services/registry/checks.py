"""Refusals that several capabilities share."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, literal

from shared.identifiers import BadIdentifier
from shared.problems import Invalid, invalid


def bad_identifier(pointer: str, error: ValueError) -> Invalid:
    """A 422 at ``pointer`` from an error whose text is ``Chinese|English``."""
    zh, _, en = str(error).partition("|")
    return invalid(pointer, getattr(error, "code", "invalid"), zh, en or zh)


def checked(pointer: str, check: Callable[[str], Any], value: str) -> Any:
    """``check(value)``; raises Invalid at ``pointer`` instead of BadIdentifier."""
    try:
        return check(value)
    except BadIdentifier as error:
        raise bad_identifier(pointer, error) from None


def among(column: Any, ids: Sequence[UUID]) -> ColumnElement[bool]:
    """SQL: the column is one of ``ids``, as one array parameter however many they are."""
    condition: ColumnElement[bool] = column == any_(literal(list(ids), ARRAY(Uuid)))
    return condition
