"""The base of registry's tables, and the column types that they share."""

from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, String
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database import AreaText


class RegistryRow(SQLModel, registry=registry()):
    """A row of registry's database; its metadata is its own, since every service has an ``outbox``."""


Moment = DateTime(timezone=True)
Texts = ARRAY(String)
Areas = ARRAY(AreaText)


def moment(**options: Any) -> Any:
    """A ``timestamptz`` column that may be empty."""
    return Field(default=None, sa_type=Moment, **options)


def required_moment(**options: Any) -> Any:
    """A ``timestamptz`` column that is always filled."""
    return Field(sa_type=Moment, **options)


COMMAND_LINE = UUID(int=0)
"""Who acts when an operator uses the command line."""
