"""``python -m services.dispatch api|worker|…``."""

from services.dispatch.service import SERVICE
from shared.commands import commands

commands(SERVICE)()
