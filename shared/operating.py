"""What operators do with a running service: compare copies, republish, and look after parked events.

Prints JSON, one document per command, so that a script can read it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from shared.bus import parking
from shared.bus.republish import copy_hashes, owner_hashes, request_republish
from shared.database import Database, make_engine
from shared.service import Service

Actor = Annotated[str, typer.Option(help="Who does it; kept in the audit of parked events.")]
Note = Annotated[str | None, typer.Option(help="Why; no personal data.")]


def add_operating_commands(app: typer.Typer, service: Service) -> None:
    """Adds ``hashes``, ``listens``, ``republish`` and ``parked …`` to a service's commands."""

    @app.command()
    def hashes() -> None:
        """Print the hash of every state topic it owns and of every copy it holds."""

        async def read(db: Any) -> dict[str, dict[str, str]]:
            return {
                "owned": await owner_hashes(db, service.snapshots),
                "copied": await copy_hashes(db, service.subscriptions),
            }

        _print(_in_transaction(service, read))

    @app.command()
    def listens() -> None:
        """Print the topics and types it listens to, as copies and as effects."""
        subscriptions = [
            {"topic": s.topic.name, "kind": s.kind, "types": sorted(t for t in s.topic.all_types if s.wants(t))}
            for s in service.subscriptions
        ]
        _print({"subscriptions": subscriptions})

    @app.command()
    def republish(reason: Annotated[str, typer.Option()] = "asked by an operator") -> None:
        """Send every event again and then the whole state; the relay begins within seconds."""
        _in_transaction(service, lambda db: request_republish(db, reason))
        _print({"requested": True})

    app.add_typer(_parked_commands(service), name="parked")


def _parked_commands(service: Service) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Events that could not be applied, and those that wait behind them.")

    @app.command("list")
    def list_(state: str = "parked", after: int = 0, limit: Annotated[int, typer.Option(max=200)] = 50) -> None:
        """Print parked events, oldest first."""
        rows = _in_transaction(service, lambda db: parking.listing(db, state=state, after=after, limit=limit))
        _print({"items": [asdict(row) for row in rows]})

    @app.command()
    def fix(parked_id: int, payload: str, actor: Actor = "operator", note: Note = None) -> None:
        """Replace an event's payload by a JSON document that fits its topic."""
        _in_transaction(service, lambda db: parking.fix(db, parked_id, json.loads(payload), actor, note))
        _print({"fixed": parked_id})

    @app.command()
    def replay(parked_id: int, actor: Actor = "operator", note: Note = None) -> None:
        """Apply the events of this one's key again, oldest first."""
        _in_transaction(service, lambda db: parking.request_replay(db, parked_id, actor, note))
        _print({"asked": parked_id})

    @app.command()
    def discard(parked_id: int, actor: Actor = "operator", note: Note = None) -> None:
        """Give an event up; what waited behind it is replayed."""
        _in_transaction(service, lambda db: parking.discard(db, parked_id, actor, note))
        _print({"discarded": parked_id})

    return app


def _in_transaction(service: Service, act: Callable[[Any], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        db = Database(make_engine(service.settings().worker_url.get_secret_value(), pool_size=1))
        try:
            async with db.transaction() as session:
                return await act(session)
        finally:
            await db.close()

    try:
        return asyncio.run(run())
    except (parking.NotParked, ValueError) as error:
        raise typer.BadParameter(str(error)) from error


def _print(document: Any) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, default=str))
