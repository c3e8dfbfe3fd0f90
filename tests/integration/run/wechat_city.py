"""A whole installation with both accounts of WeChat, and the stub WeChat that brings it messages and takes replies."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import aiohttp
import socketio

from channels.wechat.stub.server import StubWeChat
from channels.wechat.stub.state import Person as WeChatPerson
from channels.wechat.stub.state import StubAccount
from infra.kit.clock import SystemClock
from infra.kit.identity import Role
from tests.installation import Installation, Person
from tests.integration.channels.wechat.account import ACCOUNT, MINI, settings_of
from tests.parts import free_port

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WeChatCity:
    """The installation, and WeChat around it.

    Attributes:
        official: The official account at WeChat.
        mini: The mini program at WeChat.
    """

    installation: Installation
    wechat: StubWeChat
    official: StubAccount
    mini: StubAccount


def installed(folder: Path, wechat: StubWeChat, /, **more: Mapping[str, Any]) -> WeChatCity:
    """Return an installation that is not started yet, and let WeChat know its address."""
    port = free_port()
    sections: dict[str, dict[str, Any]] = {
        "telephony": {"enabled": False},
        "server": {"port": port, "public_url": f"http://127.0.0.1:{port}"},
        "wechat": settings_of(ACCOUNT, wechat.url),
        "wechat_mini": settings_of(MINI, wechat.url),
    }
    for name, section in more.items():
        sections.setdefault(name, {}).update(section)
    made = Installation(folder, sections, port=port)
    official = replace(ACCOUNT, callback=f"{made.url}/channels/wechat")
    mini = replace(MINI, callback=f"{made.url}/channels/wechat-mini")
    wechat.state.accounts.update({official.appid: official, mini.appid: mini})
    return WeChatCity(made, wechat, official, mini)


def wechat() -> StubWeChat:
    """Return a WeChat that keeps the real time, as the installation does, and keeps its port when it is stopped."""
    return StubWeChat((ACCOUNT, MINI), SystemClock(), port=free_port())


async def made_ready(city: WeChatCity, *people: tuple[str, str, Role]) -> None:
    """Make tables and people, and start it."""
    await city.installation.prepare(*people)
    await city.installation.start()


async def until(found: Callable[[], Awaitable[T | None]], seconds: float = 20.0) -> T:
    """Return what is found, once there is something."""
    async with asyncio.timeout(seconds):
        while (value := await found()) is None:  # noqa: ASYNC110  # what is waited for is another process's
            await asyncio.sleep(0.05)
    return value


async def told(city: WeChatCity, openid: str, pattern: str) -> str:
    """Return what a citizen was told that fits, once he was."""

    async def find() -> str | None:
        for text in city.wechat.texts(openid):
            if re.search(pattern, text):
                return text
        return None

    return await until(find)


async def told_more(city: WeChatCity, openid: str, before: int) -> None:
    """Return once a citizen was told more than so many things."""

    async def find() -> bool | None:
        return True if len(city.wechat.texts(openid)) > before else None

    await until(find)


class Telephone:
    """Somebody's telephone with the mini program.

    Args:
        city: Where it reports.
        person: Whose it is.
    """

    def __init__(self, city: WeChatCity, person: WeChatPerson) -> None:
        self.city = city
        self.person = person
        self.token = ""

    async def log_in(self) -> Mapping[str, Any]:
        """Log in as `wx.login` does, and return the session."""
        code = self.city.wechat.citizens.code_for(self.person)
        session = await self.call("POST", "/sessions", {"code": code}, expect=201)
        self.token = session["token"]
        return dict(session)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        expect: int | None = None,
        key: str = "",
    ) -> Any:
        """Return the JSON of an answer; `expect` is its status."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key:
            headers["Idempotency-Key"] = key
        url = f"{self.city.installation.url}/api/v1/mini{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, json=body, headers=headers) as response,
        ):
            text = await response.text()
            assert expect is None or response.status == expect, f"{response.status}: {text}"
            return json.loads(text) if text else None

    async def upload(self, name: str, content: bytes, *, expect: int = 201) -> Any:
        """Send a file as `wx.uploadFile` does."""
        form = aiohttp.FormData()
        form.add_field("file", content, filename=name, content_type="application/octet-stream")
        url = f"{self.city.installation.url}/api/v1/mini/attachments"
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=form, headers=headers) as response,
        ):
            text = await response.text()
            assert response.status == expect, f"{response.status}: {text}"
            return json.loads(text)


def new_key() -> str:
    """Return an `Idempotency-Key` as a draft has it."""
    return uuid4().hex


class Screen:
    """An agent's socket: every entry of his feed, acknowledged, in order, and every hint.

    Args:
        agent: Who is logged in.
    """

    def __init__(self, agent: Person) -> None:
        self._url = agent.url
        self._client = socketio.AsyncClient(http_session=agent.session, reconnection=False)
        self.seen: list[dict[str, Any]] = []
        self.hints: list[dict[str, Any]] = []

    async def __aenter__(self) -> Screen:
        async def entry(body: dict[str, Any]) -> int:
            self.seen.append(body)
            return int(body.get("seq", 0))

        async def hint(body: dict[str, Any]) -> None:
            self.hints.append(body)

        self._client.on("event", entry)
        self._client.on("hint", hint)
        greeted = asyncio.Event()
        self._client.on("hello", lambda _body: greeted.set())
        await self._client.connect(self._url, auth={"last_seq": 0}, transports=["websocket"])
        async with asyncio.timeout(20):
            await greeted.wait()  # who is not known yet is sent no hints
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._client.disconnect()

    async def shows(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """Return the data of the first entry of a kind whose data has these values, once it has come."""

        async def find() -> dict[str, Any] | None:
            for entry in self.seen:
                told = entry["data"]
                if entry["type"] == kind and all(
                    told.get(name) == value for name, value in wanted.items()
                ):
                    return dict(told)
            return None

        return await until(find)
