"""The link to Asterisk is cut around the order to ring a citizen: he is rung once, and his rating is there."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from telephony.phone_network.link import connect
from telephony.phone_network.records import What, read, times_rung
from tests.faults.hotline import RATES_2, Hotline, close_ticket, hotline, rated, until
from tests.faults.plain import plain_manager
from tests.faults.proxy import Way, proxying
from tests.integration import pbx

pytestmark = [
    pytest.mark.asterisk,
    pytest.mark.timeout(90),
    pytest.mark.asyncio(loop_scope="module"),
]

ORDER = b"Action: Originate"
QUEUED = b"Message: Originate successfully queued"
CUTS = [
    pytest.param("13800011121", Way.to_pbx, ORDER, False, id="before-the-order-arrives"),
    pytest.param("13800011122", Way.from_pbx, QUEUED, False, id="before-the-response"),
    pytest.param("13800011123", Way.from_pbx, QUEUED, True, id="after-successfully-queued"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hotline]:
    async with hotline(tmp_path_factory.mktemp("hotline")) as running:
        await running.installation.start()
        yield running


@pytest.mark.parametrize(("citizen", "way", "text", "deliver"), CUTS)
async def test_link_cut_around_the_order_rings_once_and_keeps_the_rating(
    house: Hotline, citizen: str, way: Way, text: bytes, deliver: bool
) -> None:
    agent = await house.person("1001")
    before = house.proxy.accepted
    cut = house.proxy.cut_at(way, text, deliver=deliver)

    ticket = await close_ticket(agent, citizen)
    async with asyncio.timeout(10):
        await cut.wait()
    found = await rated(agent, ticket["id"])

    assert times_rung(house.exchange.network, citizen) == 1
    assert found["rating"] == 2
    assert [attempt["result"] for attempt in found["callbacks"][0]["attempts"]] == ["answered"]
    assert house.proxy.accepted == before + 1


def order() -> dict[str, str]:
    return {
        "Action": "Originate",
        "Channel": f"PJSIP/{RATES_2}@trunk",
        "Application": "Wait",
        "Data": "2",
        "Async": "true",
    }


async def calls_over(exchange: pbx.Exchange, number: int) -> None:
    async def over() -> bool:
        return sum(seen.event is What.ended for seen in read(exchange.network)) == number

    await until(over, f"{number} calls are over")


async def test_plain_panoramisk_rings_again_when_cut_before_the_response() -> None:
    async with pbx.exchange() as exchange, proxying(exchange.hotline.ami_port) as proxy:
        manager = plain_manager(exchange, proxy)
        await manager.connect()
        cut = proxy.cut_at(Way.from_pbx, QUEUED, deliver=False)
        future = manager.send_action(order())
        try:
            async with asyncio.timeout(10):
                await cut.wait()
            await calls_over(exchange, 2)

            assert times_rung(exchange.network, RATES_2) == 2
        finally:
            future.cancel()
            manager.close()


async def test_plain_panoramisk_waits_for_ever_when_cut_after_successfully_queued() -> None:
    async with pbx.exchange() as exchange, proxying(exchange.hotline.ami_port) as proxy:
        manager = plain_manager(exchange, proxy)
        await manager.connect()
        cut = proxy.cut_at(Way.from_pbx, QUEUED, deliver=True)
        future = manager.send_action(order())
        try:
            async with asyncio.timeout(10):
                await cut.wait()
            await calls_over(exchange, 1)

            async def back() -> bool:
                return proxy.accepted == 2 and manager.authenticated

            await until(back, "panoramisk has come back")
            pong = await manager.send_action({"Action": "Ping"})

            assert pong.success
            assert not future.done()
        finally:
            future.cancel()
            manager.close()


async def test_same_order_sent_twice_rings_once_because_the_pbx_remembers(house: Hotline) -> None:
    # Even if an order got out twice: the guard in the dialplan is the second line.
    agent = await house.person("1001")
    ticket = await close_ticket(agent, RATES_2)
    await rated(agent, ticket["id"])

    sent = [
        message for way, message in house.proxy.passed if way is Way.to_pbx and ORDER in message
    ]
    again = re.sub(rb"LX_UNTIL=\d+", b"LX_UNTIL=%d" % (time.time() + 60), sent[-1])
    async with connect(house.exchange.hotline) as witness:
        manager = plain_manager(house.exchange, house.proxy)
        await manager.connect()
        manager.protocol.transport.write(again)
        manager.protocol.transport.write(again.replace(b"ATTEMPT=", b"ATTEMPT=other-"))
        await witness.event("UserEvent", seconds=20, UserEvent="LianxinAttempt", State="answered")
        manager.close()

    assert times_rung(house.exchange.network, RATES_2) == 2  # the first, and the other
