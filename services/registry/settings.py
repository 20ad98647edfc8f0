"""What registry reads from its environment."""

from shared.settings import ServiceSettings, default_port, service_config


class RegistrySettings(ServiceSettings):
    model_config = service_config("registry")

    port: int = default_port("registry")
    worker_port: int = default_port("registry", worker=True)
