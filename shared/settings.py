"""What a process reads from its environment, and what it refuses to start with."""

import base64
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PORTS = {"gateway": (8000, 9000), "registry": (8001, 9001), "orders": (8002, 9002), "dispatch": (8003, 9003)}
SERVICES = tuple(PORTS)


class Common(BaseSettings):
    """Read by every process; names carry no service."""

    model_config = SettingsConfigDict(env_prefix="LINLI_", extra="ignore")

    profile: Literal["production", "laptop"] = "production"
    host: str = "127.0.0.1"
    kafka_bootstrap: str = "127.0.0.1:9092"
    jwks_url: str = "http://127.0.0.1:8000/v1/.well-known/jwks.json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class ServiceSettings(BaseSettings):
    """Read by one service; a subclass sets ``env_prefix`` to ``LINLI_<SERVICE>_``."""

    model_config = SettingsConfigDict(extra="ignore")

    common: Common = Field(default_factory=Common)
    owner_url: SecretStr = SecretStr("")
    api_url: SecretStr
    worker_url: SecretStr
    keys_url: SecretStr
    master_keys: SecretStr
    port: int
    worker_port: int
    pool_size: int = Field(default=12, ge=1, le=200)

    @model_validator(mode="after")
    def _refuse_weak_secrets(self) -> Self:
        if self.common.profile == "production":
            for name in ("api_url", "worker_url", "keys_url"):
                refuse_weak_password(name, getattr(self, name).get_secret_value())
        return self


def refuse_weak_password(name: str, url: str) -> None:
    """Raises ValueError when the password inside a database URL is missing, short or a well-known default."""
    password = urlsplit(url).password or ""
    if len(password) < 16 or password.lower() in {"postgres", "password", "changeme"}:
        raise ValueError(f"{name}: the production profile wants a password of at least 16 characters; set it in .env")


def decode_key(name: str, value: str, length: int = 32) -> bytes:
    """A base64 secret of exactly ``length`` bytes; raises ValueError that says which setting is wrong."""
    try:
        raw = base64.b64decode(value, validate=True)
    except ValueError as error:
        raise ValueError(f"{name}: not base64; make one with `openssl rand -base64 {length}`") from error
    if len(raw) != length or len(set(raw)) < 8:
        raise ValueError(f"{name}: {length} random bytes are wanted; make them with `openssl rand -base64 {length}`")
    return raw


def service_config(service: str) -> SettingsConfigDict:
    return SettingsConfigDict(env_prefix=f"LINLI_{service.upper()}_", extra="ignore")


def default_port(service: str, worker: bool = False) -> Any:
    return Field(default=PORTS[service][1 if worker else 0], ge=1, le=65535)
