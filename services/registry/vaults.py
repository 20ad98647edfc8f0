"""The vault of this process, for routes."""

from typing import Annotated

from fastapi import Depends

from shared.privacy import Vault
from shared.web import ResourcesOf


def _vault(resources: ResourcesOf) -> Vault:
    vault: Vault = resources.vault
    return vault


VaultOf = Annotated[Vault, Depends(_vault)]
