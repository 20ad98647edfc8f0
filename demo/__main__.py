"""``make demo``: a street's day, from the city's notice to the household's bag, through the gateway alone."""

import asyncio
from pathlib import Path

from rich.console import Console

from demo import gate, market, office, volunteers
from demo.books import read_books
from demo.client import Api, Refused
from demo.invariants import CHECKS
from demo.report import Report
from demo.world import World, eventually, wanted_households
from deploy.laptop.environment import ROOT
from deploy.laptop.ports import free_port
from deploy.laptop.supervisor import Stack

FOLDER = ROOT / "var" / "demo"


def main(stack: Stack) -> None:
    """Plays the day on a running stack. Raises SystemExit when an invariant is broken."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    report = Report(Console())
    try:
        asyncio.run(_play(stack, report))
    except (Refused, RuntimeError, TimeoutError) as error:
        raise SystemExit(f"the day stopped: {error}; logs are in {stack.data_dir / 'logs'}") from error
    report.write(FOLDER / "report.json")
    report.show(
        [
            ("this report as JSON", str((FOLDER / "report.json").relative_to(ROOT))),
            ("bag labels of one community", str((FOLDER / "labels-1.pdf").relative_to(ROOT))),
            ("telephone messages", str(stack.sms_outbox)),
            ("the same system to try by hand", "make run"),
            ("how one request and one event travel", "README.md"),
        ]
    )
    if not report.ok:
        raise SystemExit(1)


async def _play(stack: Stack, report: Report) -> None:
    async with Api(stack.gateway_url) as api:
        world = World(api, report, stack.env, _fresh(FOLDER), wanted_households())
        try:
            await _morning(world)
            await _day(world)
            await _evening(world)
        finally:
            for partner in world.partners.values():
                partner.stop()


def _fresh(folder: Path) -> Path:
    for old in folder.glob("*"):
        if old.is_file():
            old.unlink()
    return folder


async def _morning(world: World) -> None:
    await office.import_divisions(world)
    await office.appoint(world)
    await office.load_places(world)
    await office.receive_notice(world)
    await office.agree_with_store(world)
    await office.connect_partners(world, (free_port(), free_port()))
    await market.residents_sign_in(world)
    await gate.appoint_heads(world)


async def _day(world: World) -> None:
    await market.open_rounds(world)
    await market.take_orders(world)
    await market.change_minds(world)
    await gate.collect_transfers(world)
    world.partners["district"].stop()
    world.report.tell(
        "the district's receiver",
        "was down from before the cut-off until the shortage was shared out; it missed nothing",
    )
    await volunteers.recruit(world)
    await market.cut_off(world)
    await market.share_out(world)
    await world.partners["district"].start()
    await gate.collect_cash(world)


async def _evening(world: World) -> None:
    await gate.receive(world)
    await gate.pack_and_stage(world)
    await gate.hand_over(world)
    await gate.settle(world)
    with world.report.step("Everything comes to rest") as counts:
        counts["API calls"], counts["repeated"] = world.api.calls, world.api.retries
        await _quiet(world)
        ledgers = {partner.endpoint_id: partner.ledger for partner in world.partners.values()}
        books = await read_books(world.env, ledgers)
    world.report.invariants = [check(books, world.ledger) for check in CHECKS]


async def _quiet(world: World) -> None:
    """Waits until no delivery is under way and two readings of the outbox tell the same."""

    async def nothing_pending() -> bool:
        pending = await world.official.items("/v1/webhook-deliveries?state=pending")
        return not pending

    await eventually(nothing_pending, "the last webhook", seconds=180)
    await asyncio.sleep(3)
