from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy.exc import OperationalError

from agent_console.sip_proxy import LARGEST_MESSAGE, SipProxy
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.hints import MemoryHints
from infra.kit.vault import Vault
from tests.integration.agent_console.conftest import (
    Browser,
    Console,
    Person,
    add_people,
    eventually,
)


@dataclass
class Pbx:
    """Stands where Asterisk's WebSocket would: echoes, and keeps what it heard."""

    url: str = ""
    heard: list[str | bytes] = field(default_factory=list)
    open: set[web.WebSocketResponse] = field(default_factory=set)
    answers: bool = True

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if not self.answers:
            return web.Response(status=503)
        socket = web.WebSocketResponse(protocols=("sip",))
        await socket.prepare(request)
        self.open.add(socket)
        async for message in socket:
            self.heard.append(message.data)
            if message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(f"SIP/2.0 200 OK {message.data}")
            else:
                await socket.send_bytes(message.data)
        self.open.discard(socket)
        return socket


@pytest.fixture
async def pbx() -> AsyncIterator[Pbx]:
    pbx = Pbx()
    app = web.Application()
    app.router.add_get("/ws", pbx.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    pbx.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/ws"
    yield pbx
    await runner.cleanup()


@pytest.fixture
async def console(
    sqlite_database: Database, clock: ManualClock, vault: Vault, pbx: Pbx
) -> AsyncIterator[Console]:
    def attach(console: Console, app: web.Application) -> None:
        SipProxy(console.sessions, console.hints, pbx.url, look_every=0.2).attach(app)

    built = Console(sqlite_database, clock, vault, MemoryHints(), attach=attach)
    await add_people(built)
    async with built.running():
        yield built


async def telephone(person: Person, **options: Any) -> aiohttp.ClientWebSocketResponse:
    options = {"protocols": ("sip",)} | options
    return await person.http.ws_connect(f"{person.console.base}/sip", **options)


async def somebody(open_browser: Browser, number: str = "1001") -> Person:
    person = await open_browser()
    await person.log_in(number)
    return person


async def test_messages_pass_both_ways_unchanged(pbx: Pbx, open_browser: Browser) -> None:
    phone = await telephone(await somebody(open_browser))
    assert phone.protocol == "sip"
    await phone.send_str("REGISTER sip:lianxin SIP/2.0\r\n\r\n")
    assert await phone.receive_str() == "SIP/2.0 200 OK REGISTER sip:lianxin SIP/2.0\r\n\r\n"
    await phone.send_bytes(b"\r\n\r\n")
    assert await phone.receive_bytes() == b"\r\n\r\n"
    assert pbx.heard == ["REGISTER sip:lianxin SIP/2.0\r\n\r\n", b"\r\n\r\n"]


async def test_when_the_page_goes_asterisk_is_told(pbx: Pbx, open_browser: Browser) -> None:
    phone = await telephone(await somebody(open_browser))
    await eventually(lambda: len(pbx.open) == 1)
    await phone.close()
    await eventually(lambda: not pbx.open)


async def test_when_asterisk_goes_the_page_is_told(pbx: Pbx, open_browser: Browser) -> None:
    phone = await telephone(await somebody(open_browser))
    await eventually(lambda: len(pbx.open) == 1)
    for socket in tuple(pbx.open):
        await socket.close()
    async with asyncio.timeout(5):
        assert (await phone.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING)


async def test_the_telephone_goes_with_the_login(pbx: Pbx, open_browser: Browser) -> None:
    agent = await somebody(open_browser)
    phone = await telephone(agent)
    await eventually(lambda: len(pbx.open) == 1)
    await agent.request("DELETE", "/api/v1/session")
    async with asyncio.timeout(5):
        assert (await phone.receive()).type is aiohttp.WSMsgType.CLOSE
    await eventually(lambda: not pbx.open)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await telephone(agent)
    assert refused.value.status == 401


async def test_a_telephone_stays_while_the_database_is_away_and_goes_with_the_login_after(
    console: Console, open_browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    touch = console.sessions.touch

    async def away(_session_ids: Collection[int]) -> frozenset[int]:
        nonlocal looks
        looks += 1
        raise OperationalError("UPDATE", None, OSError("no connection"))

    phone = await telephone(await somebody(open_browser))
    monkeypatch.setattr(console.sessions, "touch", away)
    await eventually(lambda: looks >= 2)
    await phone.send_str("OPTIONS")
    assert (await phone.receive(timeout=5)).data == "SIP/2.0 200 OK OPTIONS"
    monkeypatch.setattr(console.sessions, "touch", touch)
    console.clock.advance(13 * 3600)
    assert (await phone.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_a_message_too_large_ends_the_connection(pbx: Pbx, open_browser: Browser) -> None:
    phone = await telephone(await somebody(open_browser))
    await phone.send_str("x" * (LARGEST_MESSAGE + 1))
    async with asyncio.timeout(5):
        assert (await phone.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    await eventually(lambda: not pbx.open)
    assert pbx.heard == []


@pytest.mark.parametrize(
    ("number", "options", "status"),
    [
        ("9001", {}, 409),
        ("1001", {"protocols": ()}, 400),
        ("1001", {"headers": {"Origin": "https://evil.example"}}, 403),
    ],
)
async def test_who_may_not_telephone_is_refused(
    number: str, options: dict[str, object], status: int, pbx: Pbx, open_browser: Browser
) -> None:
    person = await somebody(open_browser, number)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await telephone(person, **options)
    assert refused.value.status == status
    assert not pbx.open


async def test_without_asterisk_the_page_is_told_to_try_later(
    pbx: Pbx, open_browser: Browser
) -> None:
    pbx.answers = False
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await telephone(await somebody(open_browser))
    assert refused.value.status == 503


async def test_stopping_closes_both_ends(console: Console, pbx: Pbx, open_browser: Browser) -> None:
    phone = await telephone(await somebody(open_browser))
    await eventually(lambda: len(pbx.open) == 1)
    stopping = asyncio.create_task(console.stop())
    async with asyncio.timeout(10):
        assert (await phone.receive()).type is aiohttp.WSMsgType.CLOSE
        await stopping
    await eventually(lambda: not pbx.open)
