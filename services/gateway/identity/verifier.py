"""The gateway checks tokens with its own keys; everybody else fetches them."""

from typing import cast

from joserfc.jwk import KeySet

from services.gateway.identity.keys import key_set
from services.gateway.settings import GatewaySettings
from shared.service import Resources
from shared.verifier import Verifier


class OwnKeys(Verifier):
    """As ``Verifier``, without a request to itself."""

    def __init__(self, resources: Resources) -> None:
        settings = cast(GatewaySettings, resources.settings)
        super().__init__(settings.common.jwks_url, resources.service.rights, resources.db, resources.http)
        self._own = key_set(settings)

    async def _key_set(self) -> KeySet:
        return self._own
