"""``python -m services.gateway COMMAND``."""

from services.gateway.service import SERVICE
from shared.commands import commands

app = commands(SERVICE)

if __name__ == "__main__":
    app()
