"""``python -m services.orders api|worker|…``."""

from services.orders.service import SERVICE
from shared.commands import commands

commands(SERVICE)()
