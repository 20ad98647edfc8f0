"""Every service hears of revoked sessions; the gateway, which revokes, writes its own row (promise AZ4)."""

from importlib import import_module

import pytest

from shared.revocation import REVOCATIONS
from shared.settings import SERVICES


@pytest.mark.promise("AZ4")
@pytest.mark.parametrize("service", [name for name in SERVICES if name != "gateway"])
def test_a_service_subscribes(service: str) -> None:
    assert REVOCATIONS in import_module(f"services.{service}.service").SERVICE.subscriptions
