from __future__ import annotations

import asyncio
import logging
import time

import aiohttp
import pytest

from agent_console.feed.pages import WINDOW
from tests.integration.agent_console.conftest import Browser, Console, Person, eventually
from tests.integration.agent_console.page import PageClient, SocketClosed

NOISE_SECONDS = 5
"""How long a busy machine may hold up a test."""


async def numbers(page: PageClient, count: int) -> list[tuple[int, int]]:
    """Return number and content of the next `count` feed entries."""
    entries = [await page.next("event") for _ in range(count)]
    return [(entry["seq"], entry["data"]["ticket_id"]) for entry in entries]


async def logged_in(open_browser: Browser, number: str = "1001") -> Person:
    person = await open_browser()
    assert (await person.log_in(number)).status == 200
    return person


async def test_a_page_that_was_away_for_a_minute_gets_exactly_what_it_missed(
    console: Console, open_browser: Browser
) -> None:
    agent = await logged_in(open_browser)
    page = await agent.page()
    await page.next("hello")
    await console.tell("1001", 10, 11)
    assert await numbers(page, 2) == [(1, 10), (2, 11)]
    await page.close()

    await console.tell("1001", 12, 13)
    console.clock.advance(60)
    await console.tell("1002", 99)
    await console.tell("1001", 14)

    page = await agent.page(last_seq=2)
    assert await page.next("hello") == {"event": "feed.resume", "last_seq": 2}
    assert await numbers(page, 3) == [(3, 12), (4, 13), (5, 14)]
    await console.tell("1001", 15)
    assert await numbers(page, 1) == [(6, 15)]
    assert [body["seq"] for name, body in page.seen if name == "event"] == [3, 4, 5, 6]


async def test_what_is_written_while_a_page_comes_back_is_neither_lost_nor_doubled(
    console: Console, open_browser: Browser
) -> None:
    agent = await logged_in(open_browser)
    await console.tell("1001", *range(100))
    writing = asyncio.create_task(console.tell("1001", *range(100, 200)))
    page = await agent.page(last_seq=0)
    assert await numbers(page, 200) == [(n + 1, n) for n in range(200)]
    await writing


async def test_a_page_that_does_not_know_where_it_was_is_told_and_gets_no_replay(
    console: Console, open_browser: Browser
) -> None:
    agent = await logged_in(open_browser)
    await console.tell("1001", 10)
    for last_seq in (None, 500):
        page = await agent.page(last_seq=last_seq)
        assert await page.next("hello") == {"event": "feed.start", "last_seq": 1}
    await console.tell("1001", 11)
    assert await numbers(page, 1) == [(2, 11)]


async def test_two_tabs_get_the_same(console: Console, open_browser: Browser) -> None:
    agent = await logged_in(open_browser)
    first = await agent.page()
    await first.next("hello")
    await console.tell("1001", 10)
    second = await agent.page(last_seq=0)
    await second.next("hello")
    await console.tell("1001", 11)
    assert await numbers(first, 2) == await numbers(second, 2) == [(1, 10), (2, 11)]


async def test_agents_get_only_their_own(console: Console, open_browser: Browser) -> None:
    pages = {}
    for number in ("1001", "1002"):
        pages[number] = await (await logged_in(open_browser, number)).page()
        await pages[number].next("hello")
    await console.tell("1001", 10)
    console.pages.hint("1001", "call.ringing", "now", {"linkedid": "1"})
    await console.tell("1002", 20)
    console.pages.hint("1002", "call.ringing", "now", {"linkedid": "2"})
    for number, ticket, linkedid in (("1001", 10, "1"), ("1002", 20, "2")):
        seen = await pages[number].until(lambda seen: len(seen) == 3)
        assert [body["data"]["ticket_id"] for name, body in seen if name == "event"] == [ticket]
        assert [body["data"]["linkedid"] for name, body in seen if name == "hint"] == [linkedid]


async def test_a_broadcast_reaches_every_page(console: Console, open_browser: Browser) -> None:
    pages = [await (await logged_in(open_browser, n)).page() for n in ("1001", "1002")]
    for page in pages:
        await page.next("hello")
    await console.pages.broadcast("queue.changed", "now", {"waiting": 3})
    assert [(await page.next("hint"))["data"] for page in pages] == [{"waiting": 3}] * 2


async def test_a_page_that_acknowledges_nothing_gets_a_window_and_is_cut(
    console: Console, open_browser: Browser
) -> None:
    agent = await logged_in(open_browser)
    page = await agent.page(acknowledge=False)
    await page.next("hello")
    await console.tell("1001", *range(WINDOW + 10))
    await numbers(page, WINDOW)
    console.clock.advance(9)
    await page.until_closed()
    assert [body["seq"] for name, body in page.seen if name == "event"] == list(
        range(1, WINDOW + 1)
    )
    await eventually(lambda: not console.pages.agents())


async def test_a_page_that_stops_reading_is_cut_within_ten_seconds_and_a_megabyte(
    console: Console, open_browser: Browser
) -> None:
    slow = await (await logged_in(open_browser, "1001")).page(reads=False)
    quick = await (await logged_in(open_browser, "1002")).page()
    await quick.next("hello")
    await eventually(lambda: len(list(console.pages.all())) == 2)
    (stuck,) = console.pages.of("1001")
    started = time.monotonic()
    async with asyncio.timeout(20):
        while "1001" in console.pages.agents():
            console.pages.hint("1001", "call.ringing", "now", {"linkedid": "x" * 2000})
            assert stuck._queue.pending < 1_000_000
            console.pages.hint("1002", "call.ringing", "now", {"linkedid": "1"})
            await asyncio.sleep(0.001)
    assert time.monotonic() - started < 10 + NOISE_SECONDS
    assert sum(name == "hint" for name, _ in quick.seen) > 100
    await slow.close()


async def test_a_dropped_hint_does_not_disturb_the_feed(
    console: Console, open_browser: Browser
) -> None:
    agent = await logged_in(open_browser)
    page = await agent.page()
    await page.next("hello")
    await eventually(lambda: bool(console.pages.agents()))
    for _ in range(100):
        console.pages.hint("1001", "call.ringing", "now", {"linkedid": "x" * 2000})
    await console.tell("1001", 1)
    assert await numbers(page, 1) == [(1, 1)]
    assert 20 < sum(name == "hint" for name, _ in page.seen) < 100


@pytest.mark.parametrize(
    "frame", ["", "9", "x", "4", "49", "451-[]", "42{", "42[", "43[", "421[1]", "2", "5", "6"]
)
async def test_a_frame_that_no_page_sends_harms_nobody(
    frame: str, console: Console, open_browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "engineio.server")
    agent = await logged_in(open_browser)
    odd, good = await agent.page(), await agent.page()
    for page in (odd, good):
        await page.next("hello")
    await odd.socket.send_str(frame)
    await odd.socket.send_bytes(b"\x00\xff")
    await odd.until_closed()
    await console.tell("1001", 1)
    assert await numbers(good, 1) == [(1, 1)]
    await eventually(lambda: len(list(console.pages.of("1001"))) == 1)


@pytest.mark.parametrize("ack", ["43999[999]", "430[0]", "43-1[]", '43["x"]', "431[]"])
async def test_an_acknowledgement_of_what_was_not_sent_means_nothing(
    ack: str, console: Console, open_browser: Browser
) -> None:
    agent = await logged_in(open_browser)
    page = await agent.page()
    await page.next("hello")
    await page.socket.send_str(ack)
    await console.tell("1001", 1, 2)
    assert await numbers(page, 2) == [(1, 1), (2, 2)]
    (open_page,) = console.pages.of("1001")
    await eventually(lambda: open_page.acked == 2)


async def test_without_a_login_there_is_no_socket(console: Console, open_browser: Browser) -> None:
    stranger = await open_browser()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await stranger.page()
    assert refused.value.status == 401


async def test_another_sites_page_gets_no_socket(console: Console, open_browser: Browser) -> None:
    agent = await logged_in(open_browser)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await PageClient.connect(agent.http, console.base, headers={"Origin": "http://evil"})
    assert refused.value.status == 403
    own = {"Origin": console.base.replace("http:", "https:")}  # behind a proxy that ends TLS
    page = await PageClient.connect(agent.http, console.base, headers=own)
    assert await page.next("hello")


async def test_there_is_no_polling(console: Console, open_browser: Browser) -> None:
    agent = await logged_in(open_browser)
    for method in ("GET", "POST"):
        response = await agent.request(method, "/socket.io/?EIO=4&transport=polling")
        assert response.status in (400, 405)


async def test_one_login_opens_only_so_many_pages(console: Console, open_browser: Browser) -> None:
    agent = await logged_in(open_browser)
    pages = [await agent.page() for _ in range(8)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await agent.page()
    assert refused.value.status == 429
    await pages[0].close()
    await eventually(lambda: len(list(console.pages.all())) == 7)
    await agent.page()


async def test_a_page_goes_with_its_login_and_only_with_its_own(
    console: Console, open_browser: Browser
) -> None:
    first, second = [await logged_in(open_browser) for _ in range(2)]
    pages = [await person.page() for person in (first, second)]
    for page in pages:
        await page.next("hello")
    await first.request("DELETE", "/api/v1/session")
    assert ("disconnect", None) in await pages[0].until_closed()
    await console.tell("1001", 1)
    assert await numbers(pages[1], 1) == [(1, 1)]


async def test_a_page_whose_login_expires_is_dropped_though_the_hint_is_lost(
    console: Console, open_browser: Browser
) -> None:
    agent = await logged_in(open_browser)
    page = await agent.page()
    await page.next("hello")
    console.clock.advance(13 * 3600)
    await page.until_closed()


async def test_an_open_page_keeps_the_login_and_the_agent_present(
    console: Console, open_browser: Browser
) -> None:
    agent = await logged_in(open_browser)
    page = await agent.page()
    await page.next("hello")
    await agent.request("PUT", "/api/v1/presence", {"state": "online"})
    for _ in range(10):
        console.clock.advance(600)
        await console.socket.beat()
        await console.presence.sweep()
    shown = await (await agent.request("GET", "/api/v1/presence")).json()
    assert shown["state"] == "online"
    await page.close()
    await eventually(lambda: not console.pages.agents())
    console.clock.advance(31)
    await console.presence.sweep()
    shown = await (await agent.request("GET", "/api/v1/presence")).json()
    assert shown["state"] == "offline"


async def test_stopping_closes_every_page_and_loses_nothing(
    console: Console, open_browser: Browser
) -> None:
    agent = await logged_in(open_browser)
    page = await agent.page()
    await page.next("hello")
    runner_stopped = asyncio.create_task(console.stop())
    seen = await page.until_closed()
    async with asyncio.timeout(10):
        await runner_stopped
    assert ("disconnect", None) not in seen  # so that the page comes back by itself
    with pytest.raises((SocketClosed, aiohttp.ClientError, OSError)):
        await agent.page()
