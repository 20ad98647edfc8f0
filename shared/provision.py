"""``python -m shared.provision``: roles and databases of every service, idempotent; no grant crosses services.

Reads the superuser's URL from LINLI_POSTGRES_ADMIN_URL and each role's name and password from the service URLs.
"""

import asyncio
import os
import sys
from urllib.parse import unquote, urlsplit

import asyncpg

from shared.keys import install
from shared.settings import SERVICES

ROLE_LIMITS = {
    "api": {"transaction_timeout": "10s", "lock_timeout": "3s", "statement_timeout": "10s"},
    "intake": {"transaction_timeout": "10s", "lock_timeout": "3s", "statement_timeout": "5s"},
    "worker": {"transaction_timeout": "120s", "lock_timeout": "10s", "statement_timeout": "60s"},
    "keys": {"transaction_timeout": "30s", "lock_timeout": "5s"},
    "owner": {"lock_timeout": "30s"},
}
DATA_ROLES = ("api", "worker", "intake")


def _url(service: str, role: str) -> str | None:
    return os.environ.get(f"LINLI_{service.upper()}_{role.upper()}_URL")


async def _role(admin: "asyncpg.Connection", url: str, kind: str) -> str:
    parts = urlsplit(url)
    name, password = parts.username or "", unquote(parts.password or "")
    literal = await admin.fetchval("SELECT quote_literal($1)", password)
    verb = "ALTER" if await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name) else "CREATE"
    await admin.execute(f'{verb} ROLE "{name}" LOGIN PASSWORD {literal} NOSUPERUSER NOCREATEDB NOCREATEROLE')
    for setting, value in ROLE_LIMITS[kind].items():
        await admin.execute(f"ALTER ROLE \"{name}\" SET {setting} = '{value}'")
    return name


async def _database(admin: "asyncpg.Connection", name: str, owner: str, users: list[str]) -> None:
    if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        await admin.execute(
            f'CREATE DATABASE "{name}" OWNER "{owner}" TEMPLATE template0 ENCODING UTF8 LOCALE \'C.UTF-8\''
        )
    await admin.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    for user in users:
        await admin.execute(f'GRANT CONNECT ON DATABASE "{name}" TO "{user}"')


async def _grants(admin_url: str, database: str, owner: str, users: list[str]) -> None:
    parts = urlsplit(admin_url)
    inside = await asyncpg.connect(parts._replace(path=f"/{database}").geturl())
    try:
        await inside.execute(f'ALTER SCHEMA public OWNER TO "{owner}"')
        await inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await inside.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        for user in users:
            await inside.execute(f'GRANT USAGE ON SCHEMA public TO "{user}"')
            for what, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
                await inside.execute(
                    f'ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" IN SCHEMA public GRANT {rights} ON {what} TO "{user}"'
                )
    finally:
        await inside.close()


async def _keys_table(keys_url: str) -> None:
    own = await asyncpg.connect(keys_url)
    try:
        await install(own)
    finally:
        await own.close()


async def provision_service(admin_url: str, service: str) -> None:
    """Roles, the data database and the keys database of one service."""
    admin = await asyncpg.connect(admin_url)
    try:
        urls = {kind: url for kind in ROLE_LIMITS if (url := _url(service, kind))}
        for kind in ("owner", "api", "worker", "keys"):
            if kind not in urls:
                raise SystemExit(f"LINLI_{service.upper()}_{kind.upper()}_URL is not set; see .env.example")
        names = {kind: await _role(admin, url, kind) for kind, url in urls.items()}
        users = [names[kind] for kind in DATA_ROLES if kind in names]
        database, keys = (urlsplit(urls[kind]).path.lstrip("/") for kind in ("owner", "keys"))
        await _database(admin, database, names["owner"], users)
        await _database(admin, keys, names["keys"], [])
    finally:
        await admin.close()
    await _grants(admin_url, database, names["owner"], users)
    await _keys_table(urls["keys"])


async def main() -> None:
    admin_url = os.environ.get("LINLI_POSTGRES_ADMIN_URL")
    if not admin_url:
        raise SystemExit("LINLI_POSTGRES_ADMIN_URL is not set; see .env.example")
    for service in SERVICES:
        await provision_service(admin_url, service)
        print(f"{service}: roles and databases are there")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (OSError, asyncpg.PostgresError) as error:
        sys.exit(f"PostgreSQL refused: {error}; check LINLI_POSTGRES_ADMIN_URL")
