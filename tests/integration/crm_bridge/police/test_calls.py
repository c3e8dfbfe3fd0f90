"""Calls of three in the log of who had a matter when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from crm_bridge.police.service import Words
from telephony.numbers import PhoneNumber
from telephony.three_way.rules import Third, ThirdState
from tests.integration.crm_bridge.house import LI
from tests.integration.crm_bridge.police.station import Station

CALL = ("pbx-1", "1740879000.1")


class Telephony:
    """Calls of three as the test tells of them."""

    pbx = CALL[0]

    def __init__(self) -> None:
        self.listeners: list[Callable[[Third], None]] = []
        self.present: Third | None = None

    async def invite(self, agent: str, linkedid: str, number: PhoneNumber) -> Third:
        raise NotImplementedError  # the tests tell what happened; nobody rings

    async def dismiss(self, agent: str, third_id: str) -> None:
        raise NotImplementedError  # the tests tell what happened; nobody rings

    def of_call(self, linkedid: str) -> Third | None:
        return self.present if self.present and self.present.linkedid == linkedid else None

    def when_known(self, listener: Callable[[], None]) -> None:
        self.known = listener

    def subscribe(self, listener: Callable[[Third], None]) -> None:
        self.listeners.append(listener)

    def tell(self, third: Third) -> None:
        self.present = third
        for listener in self.listeners:
            listener(third)


@pytest.fixture
def telephony(station_on_each: Station) -> Telephony:
    made = Telephony()
    station_on_each.three.attach(made)
    return made


async def ringing(station: Station) -> Third:
    """110 is rung into a call that is handed over."""
    await station.ring()
    await station.handing.call(LI, CALL, Words(), emergency=True)
    return Third(
        id="lx3-0011223344556677",
        pbx=CALL[0],
        linkedid=CALL[1],
        agent="1001",
        number=PhoneNumber("110"),
        state=ThirdState.calling,
        at=station.clock.now(),
    )


@asynccontextmanager
async def writing(station: Station) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(station.three.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def story_is(station: Station, *steps: str) -> None:
    """Return when the log says this."""
    async with asyncio.timeout(20):
        while [step for step, _ in await station.story()] != list(steps):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.01)


async def test_a_line_that_the_database_refused_is_written_by_the_next_run(
    station_on_each: Station, telephony: Telephony, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = station_on_each
    third = await ringing(station)
    log = station.book.log

    async def away(*_: Any, **__: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(station.book, "log", away)
    telephony.tell(third)
    async with writing(station) as task, asyncio.timeout(20):
        with pytest.raises(ConnectionError):
            await task
    monkeypatch.setattr(station.book, "log", log)

    async with writing(station):
        await story_is(station, "offered", "call_rung")
        telephony.tell(replace(third, state=ThirdState.joined))
        await story_is(station, "offered", "call_rung", "call_joined")


async def test_what_is_heard_while_it_looks_for_lost_calls_is_written_at_once(
    station_on_each: Station, telephony: Telephony, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = station_on_each
    third = await ringing(station)
    looks: list[str] = []

    async def heard_meanwhile() -> None:
        looks.append("look")
        if len(looks) == 1:
            telephony.tell(third)
            telephony.known()

    monkeypatch.setattr(station.three, "_end_lost", heard_meanwhile)
    telephony.known()
    async with writing(station):
        await story_is(station, "offered", "call_rung")
    assert looks == ["look", "look"]


async def test_who_is_found_again_after_a_restart_is_in_the_log_once(
    station_on_each: Station, telephony: Telephony
) -> None:
    station = station_on_each
    third = await ringing(station)
    joined = replace(third, state=ThirdState.joined)
    async with writing(station):
        telephony.tell(third)
        telephony.tell(joined)
        await story_is(station, "offered", "call_rung", "call_joined")

    async with writing(station):
        telephony.tell(joined)
        telephony.known()
        telephony.tell(replace(third, state=ThirdState.alone))
        await story_is(station, "offered", "call_rung", "call_joined", "agent_left")


async def test_who_left_while_nobody_listened_is_ended_in_the_log_once(
    station_on_each: Station, telephony: Telephony
) -> None:
    station = station_on_each
    third = await ringing(station)
    async with writing(station):
        telephony.tell(third)
        telephony.tell(replace(third, state=ThirdState.joined))
        await story_is(station, "offered", "call_rung", "call_joined")

    telephony.present = None
    telephony.known()
    async with writing(station):
        await story_is(station, "offered", "call_rung", "call_joined", "call_ended")
    await station.three._end_lost()
    assert (await station.story())[-2:] == [("call_joined", "both"), ("call_ended", "hotline")]


async def test_calls_of_another_pbx_are_left_to_who_follows_it(
    station_on_each: Station, telephony: Telephony, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = station_on_each
    third = await ringing(station)
    async with writing(station):
        telephony.tell(third)
        await story_is(station, "offered", "call_rung")

    monkeypatch.setattr(telephony, "pbx", "pbx-2")
    telephony.present = None
    await station.three._end_lost()
    assert [step for step, _ in await station.story()] == ["offered", "call_rung"]
