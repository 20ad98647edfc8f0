"""How webhooks go out (``LINLI_GATEWAY_WEBHOOK_*``)."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.gateway.webhooks.domain import SCHEDULE


class WebhookSettings(BaseSettings):
    """Lists are comma-separated. Durations in seconds."""

    model_config = SettingsConfigDict(env_prefix="LINLI_GATEWAY_WEBHOOK_", extra="ignore")

    schedule: Annotated[tuple[float, ...], NoDecode] = SCHEDULE
    """Delays between the attempts; one attempt more than delays. Demo and tests use a short one."""
    allowed_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks (CIDR) that may be reached although they are not public; a laptop allows 127.0.0.0/8 and ::1/128."""
    concurrency: int = Field(default=64, ge=1, le=1000)
    """Requests under way from one worker."""
    concurrency_per_endpoint: int = Field(default=32, ge=1, le=1000)
    """Requests under way to one endpoint, from one worker."""
    deadline: float = Field(default=15, gt=0, le=60)
    """For one attempt, the answer's body included."""

    @field_validator("schedule", mode="before")
    @classmethod
    def _numbers(cls, value: object) -> object:
        return [float(part) for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("allowed_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        assert isinstance(parts, list | tuple)
        return [str(ip_network(part)) for part in parts]
