"""What orders reads from its environment."""

from pydantic import SecretStr

from shared.settings import ServiceSettings, default_port, service_config


class OrdersSettings(ServiceSettings):
    """``LINLI_ORDERS_*``; ``intake_url`` is the role of the order batcher."""

    model_config = service_config("orders")

    intake_url: SecretStr
    port: int = default_port("orders")
    worker_port: int = default_port("orders", worker=True)
