"""A stack of its own, whose parts the tests break."""

from tests.e2e.conftest import stack, street, town

__all__ = ["stack", "street", "town"]
