"""The compose file says what the code says: every process, port, health path, environment name and step."""

import importlib.util
import json
import re

import pytest
from pydantic_settings import BaseSettings

from deploy.laptop import environment
from deploy.laptop.kafka import _SETTINGS as LAPTOP_KAFKA
from deploy.laptop.postgres import _SETTINGS as LAPTOP_POSTGRES
from deploy.laptop.state import State
from services.dispatch.settings import DispatchSettings
from services.gateway.settings import GatewaySettings
from services.orders.settings import OrdersSettings
from services.registry.settings import RegistrySettings
from shared.settings import PORTS, SERVICES, Common, ServiceSettings
from tests.integration.deploy.compose import DEPLOY, Container, containers, ours

pytestmark = pytest.mark.feature("X1")

_SETTINGS: dict[str, type[ServiceSettings]] = {
    "registry": RegistrySettings,
    "orders": OrdersSettings,
    "dispatch": DispatchSettings,
    "gateway": GatewaySettings,
}
_PROCESSES = {f"{service}-{role}": (service, role) for service in SERVICES for role in ("api", "worker")}


def _names(settings: type[BaseSettings]) -> dict[str, bool]:
    """Environment name → whether the process refuses to start without it."""
    prefix = settings.model_config["env_prefix"]
    found: dict[str, bool] = {}
    for name, field in settings.model_fields.items():
        inner = field.default_factory
        if isinstance(inner, type) and issubclass(inner, BaseSettings):
            found |= _names(inner)
        else:
            found[f"{prefix}{name}".upper()] = field.is_required()
    return found


def _waits_for(container: Container) -> set[tuple[str, str]]:
    return {(name, one["condition"]) for name, one in container["depends_on"].items()}


def test_every_process_and_step_is_there_and_nothing_else() -> None:
    steps = {"databases", "topics", *(f"{service}-migrate" for service in SERVICES)}
    assert set(containers()) == {"postgres", "kafka"} | steps | set(_PROCESSES)
    assert set(SERVICES) == set(environment.SERVICES)
    assert set(ours()) == steps | set(_PROCESSES)


@pytest.mark.parametrize("name", _PROCESSES)
def test_a_process_runs_its_command_and_answers_where_its_settings_say(name: str) -> None:
    service, role = _PROCESSES[name]
    container = containers()[name]
    assert container["command"] == ["python", "-m", f"services.{service}", role]
    assert importlib.util.find_spec(f"services.{service}.__main__")
    port = PORTS[service][1 if role == "worker" else 0]
    assert container["environment"][f"LINLI_{service.upper()}_{'WORKER_' if role == 'worker' else ''}PORT"] == str(port)
    assert f"http://127.0.0.1:{port}/health/ready" in container["healthcheck"]["test"][-1]
    assert container["environment"]["LINLI_HOST"] == "0.0.0.0"
    assert container["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", _PROCESSES)
def test_a_process_has_every_name_it_needs_and_none_that_nobody_reads(name: str) -> None:
    service, _ = _PROCESSES[name]
    known = _names(Common) | _names(_SETTINGS[service])
    given = {one for one in containers()[name]["environment"] if one.startswith("LINLI_")}
    assert given <= set(known), "no process reads these"
    assert {one for one, needed in known.items() if needed} <= given
    assert f"LINLI_{service.upper()}_OWNER_URL" not in given, "the owner's password is for migrations alone"


def test_a_process_starts_after_its_migration_and_the_topics() -> None:
    for name, (service, _) in _PROCESSES.items():
        waits = _waits_for(containers()[name])
        assert {(f"{service}-migrate", "service_completed_successfully")} <= waits
        assert {("topics", "service_completed_successfully"), ("postgres", "service_healthy")} <= waits


def test_steps_run_their_commands_in_order_with_what_they_need() -> None:
    databases, topics = containers()["databases"], containers()["topics"]
    assert databases["command"] == ["python", "-m", "shared.provision"]
    assert _waits_for(databases) == {("postgres", "service_healthy")}
    assert topics["command"] == ["python", "-m", "shared.bus.topics"]
    assert _waits_for(topics) == {("kafka", "service_healthy")}
    assert set(topics["environment"]) == {"LINLI_KAFKA_BOOTSTRAP"}
    for service in SERVICES:
        migrate = containers()[f"{service}-migrate"]
        assert migrate["command"] == ["python", "-m", "shared.migrate", service]
        assert _waits_for(migrate) == {("databases", "service_completed_successfully")}
        assert set(migrate["environment"]) == {f"LINLI_{service.upper()}_OWNER_URL"}
    for step in (databases, topics):
        assert importlib.util.find_spec(step["command"][2])
        assert step["restart"] == "no"


def test_databases_are_given_every_role_with_the_password_that_its_user_has() -> None:
    made = containers()["databases"]["environment"]
    assert made["LINLI_POSTGRES_ADMIN_URL"].startswith("postgresql://postgres:")
    for name, container in ours().items():
        urls = {key: url for key, url in container["environment"].items() if url.startswith("postgresql://")}
        assert urls == {key: made.get(key) for key in urls}, name


def test_it_wires_what_the_laptop_wires(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("laptop")
    laptop = environment.build(
        State(folder / "state"), "postgresql://postgres:x@h/postgres", "h:1", folder / "sms", None
    )
    compose = {name: value for one in ours().values() for name, value in one["environment"].items()}
    optional = {"LINLI_LOG_LEVEL", "LINLI_GATEWAY_PREVIOUS_SIGNING_KEY"}
    optional |= {"LINLI_GATEWAY_CORS_ORIGINS", "LINLI_GATEWAY_TRUSTED_PROXIES"}
    assert set(compose) - optional <= set(laptop)
    known = set(_names(Common)).union(*(_names(settings) for settings in _SETTINGS.values()))
    assert set(laptop) <= known | {"LINLI_POSTGRES_ADMIN_URL"}
    for name, value in laptop.items():
        if value.startswith("postgresql://"):
            # But for the password and where the server is: same roles, same databases.
            assert re.sub(r":[^:@/]+@[^/]+/", "@", value) == re.sub(r":[^:@/]+@[^/]+/", "@", compose[name])


def test_engines_are_set_as_on_the_laptop() -> None:
    ours_alone = ("process.roles", "auto.create", "group.initial", "offsets.topic", "transaction.state", "share.coord")
    here = [line for line in LAPTOP_KAFKA.splitlines() if line.startswith(ours_alone)]
    there = (DEPLOY / "kafka" / "server.properties").read_text().splitlines()
    assert set(here) <= set(there)
    command = " ".join(containers()["postgres"]["command"])
    for name in ("max_connections", "max_locks_per_transaction", "log_min_error_statement", "log_error_verbosity"):
        assert f"{name}={LAPTOP_POSTGRES[name]}" in command


def test_the_gateway_finds_the_services_and_they_its_keys() -> None:
    gateway = containers()["gateway-api"]["environment"]
    for owner in ("registry", "orders", "dispatch"):
        assert gateway[f"LINLI_GATEWAY_{owner.upper()}_URL"] == f"http://{owner}-api:{PORTS[owner][0]}"
        keys = containers()[f"{owner}-api"]["environment"]["LINLI_JWKS_URL"]
        assert keys == f"http://gateway-api:{PORTS['gateway'][0]}/v1/.well-known/jwks.json"
    for container in ours().values():
        assert container["environment"].get("LINLI_KAFKA_BOOTSTRAP", "kafka:9092") == "kafka:9092"
    assert "advertised.listeners=BROKER://kafka:9092" in (DEPLOY / "kafka" / "server.properties").read_text()


def test_generated_secrets_satisfy_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (service, _) in _PROCESSES.items():
        with monkeypatch.context() as patch:
            for key, value in containers()[name]["environment"].items():
                patch.setenv(key, value)
            assert _SETTINGS[service]().common.profile == "production"
            patch.setenv(f"LINLI_{service.upper()}_API_URL", "postgresql://x:postgres@postgres:5432/x")
            with pytest.raises(ValueError, match="at least 16 characters"):
                _SETTINGS[service]()
    assert json.loads(containers()["gateway-api"]["environment"]["LINLI_GATEWAY_CORS_ORIGINS"]) == []
