"""The base of the gateway's tables."""

from shared.database import row_base

Base = row_base("gateway")
