"""``python -m shared.migrate SERVICE``: alembic to the newest revision, with the owner's URL.

Each service keeps its own chain under ``services/<service>/migrations``; its ``env.py`` only calls ``run_env``.
"""

import asyncio
import os
import sys
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection

from shared.database import make_engine
from shared.settings import SERVICES

ROOT = Path(__file__).resolve().parent.parent


def config(service: str) -> Config:
    made = Config()
    made.set_main_option("script_location", str(ROOT / "services" / service / "migrations"))
    made.attributes["service"] = service
    return made


def run_env() -> None:
    """Called by a service's ``env.py``; runs the migrations over one connection of the owner."""
    asyncio.run(_online(context.config.attributes["service"]))


async def _online(service: str) -> None:
    url = os.environ.get(f"LINLI_{service.upper()}_OWNER_URL")
    if not url:
        raise SystemExit(f"LINLI_{service.upper()}_OWNER_URL is not set; see .env.example")
    engine = make_engine(url, pool_size=1)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
            await connection.commit()
    finally:
        await engine.dispose()


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in SERVICES:
        sys.exit(f"usage: python -m shared.migrate {'|'.join(SERVICES)}")
    command.upgrade(config(sys.argv[1]), "head")
    print(f"{sys.argv[1]}: migrated")


if __name__ == "__main__":
    main()
