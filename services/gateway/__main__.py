"""``python -m services.gateway COMMAND``."""

from services.gateway.commands import admin, sign_in
from services.gateway.service import SERVICE
from shared.commands import commands

app = commands(SERVICE)
app.command()(admin)
app.command(name="sign-in")(sign_in)

if __name__ == "__main__":
    app()
