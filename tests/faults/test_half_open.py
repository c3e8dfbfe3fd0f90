"""The link to Asterisk is half open, or its login is refused: noticed, said by `/readyz`, mended by itself."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from telephony.asterisk.credentials import ami_secret
from telephony.phone_network import citizens
from telephony.phone_network.link import connect
from tests.faults.hotline import dependency, hotline, members, until
from tests.faults.plain import plain_manager
from tests.faults.proxy import Way, proxying
from tests.installation import Person
from tests.integration import pbx

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(90)]

PING_SECONDS = 2.0
NOISE_SECONDS = 3.5
"""A loaded machine is late; the remedy is not measured in its lateness."""
CITIZEN = "13912345678"


async def link_is(person: Person, *, ok: bool, seconds: float = 20.0) -> float:
    async def reported() -> bool:
        return bool((await dependency(person, "asterisk"))["ok"] is ok)

    return await until(reported, f"/readyz says ok={ok} of Asterisk", seconds)


async def test_half_open_link_is_noticed_within_two_pings_and_the_calls_are_put_right(
    tmp_path: Path,
) -> None:
    async with hotline(tmp_path, ping_seconds=PING_SECONDS) as house:
        await house.installation.start()
        agent = await house.person("1001")
        telephone = await house.telephone_of(agent)
        await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
        async with connect(house.exchange.hotline) as witness:

            async def in_the_queue() -> bool:
                return await members(witness) == {"1001": (False, "")}

            await until(in_the_queue, "the agent is in the queue")

            house.proxy.freeze()
            house.proxy.refuses = True
            noticed = await link_is(agent, ok=False, seconds=2 * PING_SECONDS + NOISE_SECONDS)
            report = await dependency(agent, "asterisk")
            call = asyncio.create_task(
                citizens.call(house.exchange.network, CITIZEN, "12345", stay_seconds=40)
            )
            async with asyncio.timeout(20):
                await telephone.talking.wait()
            house.proxy.refuses = False
            back = await link_is(agent, ok=True)

            async def as_asterisk_says() -> bool:
                shown = (await agent.call("GET", "/calls/current", expect=200))["call"]
                presence = await agent.call("GET", "/presence", expect=200)
                talks = shown is not None and shown["state"] == "answered"
                listed = await members(witness) == {"1001": (True, "wrap_up")}
                return talks and presence["state"] == "on_call" and listed

            right = await until(as_asterisk_says, "our state is Asterisk's", 15.0)
            call.cancel()

    print(f"noticed after {noticed:.2f} s, back after {back:.2f} s, right after {right:.2f} s")
    assert report["status"] == 503
    assert "重连" in report["detail_zh"] or "连接" in report["detail_zh"]


async def test_plain_panoramisk_does_not_notice_that_its_pings_stay_unanswered() -> None:
    async with pbx.exchange() as exchange, proxying(exchange.hotline.ami_port) as proxy:
        manager = plain_manager(exchange, proxy, ping_delay=1, ping_interval=1)
        await manager.connect()

        async def logged_in() -> bool:
            return bool(manager.authenticated)

        await until(logged_in, "panoramisk is logged in")
        proxy.freeze()

        async def pinged_in_vain() -> bool:
            return [way for way, _ in proxy.swallowed].count(Way.to_pbx) >= 4

        await until(pinged_in_vain, "four pings stay unanswered")

        assert proxy.accepted == 1
        assert manager.authenticated
        manager.close()


async def test_refused_login_is_said_and_tried_again_slowly_until_it_is_mended(
    tmp_path: Path,
) -> None:
    again_seconds = 1.0
    async with hotline(
        tmp_path, ami_secret="not-the-secret", login_again_seconds=again_seconds
    ) as house:
        started = time.monotonic()
        await house.installation.start(ready=False)
        agent = await house.person("1001")

        async def tried_often() -> bool:
            return house.proxy.accepted >= 3

        await until(tried_often, "the login was tried three times")
        report = await dependency(agent, "asterisk")
        assert (report["status"], report["ok"]) == (503, False)
        assert house.proxy.accepted <= 1 + (time.monotonic() - started) / again_seconds

        settings = house.exchange.hotline
        file = settings.home / "etc" / "manager.conf"
        file.write_text(file.read_text().replace(ami_secret(settings), "not-the-secret"))
        await house.exchange.hotline_process.console("module reload manager")

        took = await link_is(agent, ok=True)
    print(f"up {took:.2f} s after the secret was mended")
