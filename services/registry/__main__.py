"""``python -m services.registry api|worker|import-divisions|grant-role|…``."""

from services.registry.commands import add_commands
from services.registry.service import SERVICE
from shared.commands import commands

app = commands(SERVICE)
add_commands(app)

if __name__ == "__main__":
    app()
