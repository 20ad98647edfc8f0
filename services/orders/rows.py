"""The base of this service's tables, and the column kinds that they share."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database import AreaText


class Base(SQLModel, registry=registry()):
    """A row of orders's database; its metadata is its own, since every service has an ``outbox``."""


def area_field() -> Any:
    """An area path, compared byte by byte."""
    return Field(sa_type=AreaText)


def areas_field() -> Any:
    """The area paths that a row spans."""
    return Field(sa_column=Column(ARRAY(AreaText), nullable=False))


def moment() -> Any:
    """An instant, always known."""
    return Field(sa_type=DateTime(timezone=True))


def maybe_moment() -> Any:
    """An instant that is null until it happens."""
    return Field(default=None, sa_type=DateTime(timezone=True))


def fen(default: Any = ...) -> Any:
    """An amount in fen."""
    return Field(default=default, sa_type=BigInteger)


def document(default: Any = ...) -> Any:
    """A JSON document; null only where that is its default."""
    return Field(default=default, sa_column=Column(JSONB(none_as_null=True), nullable=default is None))
