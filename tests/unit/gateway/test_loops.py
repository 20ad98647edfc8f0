"""Loops wait for a database that is away and stop for a defect."""

import asyncio

import pytest

from services.gateway import loops


async def test_goes_on_after_a_failure_that_passes_and_raises_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "AWAY_SECONDS", 0.001)
    calls: list[int] = []

    async def step() -> int:
        calls.append(len(calls))
        if len(calls) == 1:
            raise ConnectionRefusedError
        if len(calls) == 4:
            raise ValueError("a defect")
        return 1

    with pytest.raises(ValueError, match="a defect"):
        await asyncio.wait_for(loops.keep_doing("test", step, 60), timeout=5)
    assert calls == [0, 1, 2, 3]


async def test_pauses_when_there_is_nothing_to_do() -> None:
    calls: list[int] = []

    async def step() -> int:
        calls.append(1)
        return 0

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(loops.keep_doing("test", step, 60), timeout=0.05)
    assert calls == [1]
