"""The base of the gateway's tables."""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Base(SQLModel, registry=registry()):
    """A row of the gateway's database; its metadata is its own, since every service has an ``outbox``."""
