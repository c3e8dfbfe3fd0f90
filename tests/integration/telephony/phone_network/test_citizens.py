from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from infra.kit.errors import Invalid, Misconfigured, TryLater
from telephony.phone_network import citizens
from telephony.phone_network.link import connect
from telephony.phone_network.network import running
from telephony.phone_network.records import What, read
from tests.integration import pbx

pytestmark = pytest.mark.asterisk

CITIZEN = "13912345678"


@pytest.fixture
async def exchange() -> AsyncIterator[pbx.Exchange]:
    async with pbx.exchange() as both:
        yield both
        assert pbx.complaints(both) == []


async def test_a_citizen_calls_presses_keys_and_hangs_up(exchange: pbx.Exchange) -> None:
    said: list[str] = []
    async with connect(exchange.hotline) as hotline:
        call = asyncio.create_task(
            citizens.call(
                exchange.network, CITIZEN, "12345", stay_seconds=4, press="1w2#", say=said.append
            )
        )
        pressed = [
            (await hotline.event("DTMFEnd", seconds=10, Direction="Received"))["Digit"]
            for _ in range(3)
        ]
        ending = await call

    assert pressed == ["1", "2", "#"]
    assert (ending.answered, ending.cause) == (True, 16)
    assert said == ["接通 / answered"]
    own = [seen for seen in read(exchange.network) if seen.id == ending.call_id]
    assert [seen.event for seen in own] == [What.calls, What.answered, What.ended]
    assert {(seen.citizen, seen.other) for seen in own} == {(CITIZEN, "12345")}
    assert 3 <= own[2].at - own[1].at <= 6


async def test_a_number_that_the_hotline_has_not_is_not_answered(exchange: pbx.Exchange) -> None:
    ending = await citizens.call(exchange.network, CITIZEN, "95588")

    assert (ending.answered, ending.cause) == (False, 1)
    assert [seen.event for seen in read(exchange.network)] == [What.calls, What.unanswered]


async def test_numbers_cannot_smuggle_a_header_into_the_manager(exchange: pbx.Exchange) -> None:
    with pytest.raises(Invalid):
        await citizens.call(exchange.network, "1\r\nAction: Logoff", "12345")

    assert read(exchange.network) == []


async def test_a_network_that_dies_in_a_call_is_told(exchange: pbx.Exchange) -> None:
    call = asyncio.create_task(citizens.call(exchange.network, CITIZEN, "12345", stay_seconds=60))
    async with connect(exchange.hotline) as hotline:
        await hotline.event("QueueCallerJoin", seconds=10)

    await exchange.network_process.kill()

    with pytest.raises(TryLater):
        await call


async def test_a_second_network_names_the_port_that_is_taken(exchange: pbx.Exchange) -> None:
    with pytest.raises(Misconfigured, match=r"phone_network\.ami_port"):
        async with running(exchange.network, pbx.installed()):
            pytest.fail("it started")
