"""What dispatch reads from its environment."""

from shared.settings import ServiceSettings, default_port, service_config


class DispatchSettings(ServiceSettings):
    """``LINLI_DISPATCH_*``."""

    model_config = service_config("dispatch")

    port: int = default_port("dispatch")
    worker_port: int = default_port("dispatch", worker=True)
