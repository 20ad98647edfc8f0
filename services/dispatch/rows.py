"""The base of dispatch's tables, and the column kinds that they share."""

from typing import Any

from sqlalchemy import Column, DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database import AreaText


class DispatchRow(SQLModel, registry=registry()):
    """A row of dispatch's database; its metadata is its own, since every service has an ``outbox``."""


def area_field() -> Any:
    """An area path, compared byte by byte."""
    return Field(sa_type=AreaText)


def areas_field() -> Any:
    """The area paths that a row spans."""
    return Field(sa_column=Column(ARRAY(AreaText), nullable=False))


def words() -> Any:
    """A list of glossary words."""
    return Field(default=[], sa_column=Column(ARRAY(Text), nullable=False))


def document() -> Any:
    """A JSON list."""
    return Field(default=[], sa_column=Column(JSONB, nullable=False))


def moment() -> Any:
    """An instant, always known."""
    return Field(sa_type=DateTime(timezone=True))


def maybe_moment() -> Any:
    """An instant that is null until it happens."""
    return Field(default=None, sa_type=DateTime(timezone=True))
