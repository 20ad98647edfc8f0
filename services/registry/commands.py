"""Registry's own commands: the official list of places, and roles given by an operator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

import typer
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.people.schemas import PersonEnsure
from services.registry.people.use_cases import ensure_person
from services.registry.places.divisions import Imported, import_divisions, read_list
from services.registry.rights import RIGHTS
from services.registry.roles.schemas import RoleCreate
from services.registry.roles.use_cases import create_role, same_role
from services.registry.rows import COMMAND_LINE
from services.registry.service import SERVICE
from shared.auth import Principal
from shared.identifiers import normalize_phone
from shared.privacy import Vault
from shared.problems import Problem
from shared.service import Resources

OPERATOR = Principal(id=COMMAND_LINE, kind="service", session_id=COMMAND_LINE, rights=RIGHTS)
"""Whoever may run commands on this machine may do everything in registry."""


@asynccontextmanager
async def _transaction() -> AsyncIterator[tuple[AsyncSession, Vault]]:
    resources = await Resources.open(SERVICE, worker=True)
    try:
        async with resources.db.transaction(OPERATOR) as db:
            yield db, resources.vault
    finally:
        await resources.close()


async def _import() -> Imported:
    async with _transaction() as (db, _):
        return await import_divisions(db, read_list())


async def _grant(phone: str, role: str, area: str | None, organization_id: UUID | None) -> tuple[UUID, UUID]:
    async with _transaction() as (db, vault):
        person = await ensure_person(db, OPERATOR, PersonEnsure(phone=normalize_phone(phone)), vault)
        await db.flush()
        wanted = RoleCreate.model_validate(
            {"person_id": person.id, "role": role, "area": area, "organization_id": organization_id}
        )
        found = await same_role(db, wanted) or await create_role(db, OPERATOR, wanted)
        return person.id, found.id


def _reason(error: Exception) -> str:
    """One line that says what is wrong."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{first['loc'][0]}: {first['msg']}"
    return error.detail[1] if isinstance(error, Problem) else str(error).rpartition("|")[2]


def add_commands(app: typer.Typer) -> None:
    """Adds registry's commands to those that every service has."""

    @app.command("import-divisions")
    def divisions() -> None:
        """Add the official list of Wuhan: 3,702 places. A second run changes nothing."""
        done = asyncio.run(_import())
        typer.echo(f"places: {done.created} new, {done.renamed} renamed, {done.unchanged} unchanged")

    @app.command("grant-role")
    def grant(
        phone: Annotated[str, typer.Option(help="Mobile number; the person is created if unknown.")],
        role: Annotated[str, typer.Option(help="Such as administrator.")],
        area: Annotated[str | None, typer.Option(help="Area path, such as 42.01.")] = None,
        organization: Annotated[UUID | None, typer.Option(help="Organization's id, for store_manager.")] = None,
    ) -> None:
        """Give a role, such as the first administrator's. A second run changes nothing."""
        try:
            person_id, role_id = asyncio.run(_grant(phone, role, area, organization))
        except (Problem, ValueError) as error:
            typer.echo(f"refused: {_reason(error)}", err=True)
            raise typer.Exit(1) from None
        typer.echo(f"person {person_id} role {role_id}")
