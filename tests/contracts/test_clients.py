"""The pins of the client generators, and that what they dislike fails the check (feature G1)."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.contracts import clients

pytestmark = pytest.mark.feature("G1")


def packages() -> dict[str, str]:
    found: dict[str, str] = json.loads((clients.NODE / "package.json").read_text())["dependencies"]
    return found


def test_every_generator_is_pinned_exactly_and_documented() -> None:
    lock = json.loads((clients.NODE / "package-lock.json").read_text())
    told = (clients.ROOT / "docs" / "clients.md").read_text("utf-8")
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", pin) for pin in packages().values())
    assert lock["packages"][""]["dependencies"] == packages()
    assert f"`@hey-api/openapi-ts` {packages()['@hey-api/openapi-ts']}," in told
    assert f"openapi-ts@{packages()['@hey-api/openapi-ts']} " in told
    assert f"`openapi-python-client` {version('openapi-python-client')}." in told


def test_the_lock_names_no_host_and_a_hash_of_everything() -> None:
    text = (clients.NODE / "package-lock.json").read_text()
    assert "://" not in text
    assert all("integrity" in one for name, one in json.loads(text)["packages"].items() if name)


@pytest.mark.parametrize("missing", ["node", "npm"])
def test_without_node_one_line_says_what_to_do(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {"node", "npm"} - {missing}:
        (tmp_path / name).write_text("#!/bin/sh\necho v24.1.0\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(clients, "sys", type("Here", (), {"executable": str(tmp_path / "python")}))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(clients.Unfit, match="install Node") as unfit:
        clients.install_node_packages()
    assert "\n" not in str(unfit.value)


def test_what_the_generator_leaves_out_fails(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    answer = {"200": {"description": "", "content": {"image/png": {"schema": {"type": "string"}}}}}
    paths = {"/v1/places": {"get": {"operationId": "places_get", "tags": ["places"], "responses": answer}}}
    document.write_text(json.dumps({"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths}))
    with pytest.raises(clients.Unfit, match="image/png"):
        clients.python(document, tmp_path)
