"""Every webhook names a path at which its thing can be read."""

import re

import pytest

from services.gateway.webhooks.published import told
from tests.contracts.merged import merged


@pytest.mark.feature("G16")
def test_every_event_s_url_is_a_path_of_the_api() -> None:
    readable = {re.sub(r"\{[^}]+\}", "{id}", path) for path, verbs in merged()["paths"].items() if "get" in verbs}
    assert {path for path in told().values() if path not in readable} == set()
