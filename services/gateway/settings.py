"""What the gateway reads from its environment (``LINLI_GATEWAY_*``)."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from services.gateway.webhooks.settings import WebhookSettings
from shared.settings import ServiceSettings, decode_key, default_port, service_config


class GatewaySettings(ServiceSettings):
    """Limits are per caller over all processes of the gateway; quotas of a window in seconds."""

    model_config = service_config("gateway")

    port: int = default_port("gateway")
    worker_port: int = default_port("gateway", worker=True)

    registry_url: str = "http://127.0.0.1:8001"
    orders_url: str = "http://127.0.0.1:8002"
    dispatch_url: str = "http://127.0.0.1:8003"
    public_url: str = "http://127.0.0.1:8000"

    signing_key: SecretStr
    previous_signing_key: SecretStr = SecretStr("")
    """Still published for the five minutes in which its tokens live."""

    sms_outbox: Path = Path("var/sms.jsonl")
    cors_origins: list[str] = Field(default_factory=list)
    trusted_proxies: list[str] = Field(default_factory=list)
    """Networks (CIDR) whose X-Forwarded-For tells the client's address; without one the peer is the client."""

    requests_per_minute: int = Field(default=600, ge=1)
    anonymous_requests_per_minute: int = Field(default=300, ge=1)
    codes_per_phone: int = Field(default=5, ge=1)
    """Sign-in codes for one phone within 15 minutes."""
    codes_per_phone_and_day: int = Field(default=20, ge=1)
    codes_per_address: int = Field(default=30, ge=1)
    """Sign-in codes for one client address within 15 minutes."""
    upstream_concurrency: int = Field(default=256, ge=1)
    """Requests in flight to one service, from one process."""

    webhooks: WebhookSettings = Field(default_factory=WebhookSettings)

    @field_validator("registry_url", "orders_url", "dispatch_url", "public_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @model_validator(mode="after")
    def _refuse_weak_keys(self) -> Self:
        decode_key("LINLI_GATEWAY_SIGNING_KEY", self.signing_key.get_secret_value())
        if previous := self.previous_signing_key.get_secret_value():
            decode_key("LINLI_GATEWAY_PREVIOUS_SIGNING_KEY", previous)
        return self

    def url_of(self, owner: str) -> str:
        """Where a service is reached: ``registry``, ``orders`` or ``dispatch``."""
        return {"registry": self.registry_url, "orders": self.orders_url, "dispatch": self.dispatch_url}[owner]

    @property
    def webhook_networks(self) -> tuple[str, ...]:
        """Networks that webhooks may reach besides the public ones; a laptop's receivers listen on loopback."""
        loopback = ("127.0.0.0/8", "::1/128") if self.common.profile == "laptop" else ()
        return self.webhooks.allowed_networks or loopback
