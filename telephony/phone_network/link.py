"""A very small AMI client: log in, send one action, read events. Enough for a simulated network and for tests.

The hotline's own link, with all that a service must survive, is `telephony.ami`; this one lives as long as one call.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

from infra.kit.errors import Invalid, TryLater
from telephony.asterisk.credentials import ami_secret
from telephony.asterisk.settings import PbxSettings

Message: TypeAlias = dict[str, str]

ANSWER_SECONDS = 10.0
"""How long an action may go unanswered."""


class ManagerLink:
    """One connection to an Asterisk's manager interface; made by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        # an OriginateResponse is told to everybody, with the id that its asker chose
        self._name = secrets.token_hex(4)
        self._ids = itertools.count(1)
        self._events: list[Message] = []

    async def act(
        self, action: str, fields: Mapping[str, str | list[str]] | None = None
    ) -> Message:
        """Sends an action and returns its response; events that come before it are kept for `event`.

        Args:
            action: E.g. `Originate`.
            fields: Its headers; a list becomes one header for each element.

        Raises:
            Invalid: A value holds a control character, which would be a header of its own.
            TimeoutError: No response within ten seconds.
            TryLater: The connection was lost.
        """
        action_id = f"{self._name}-{next(self._ids)}"
        lines = [f"Action: {action}", f"ActionID: {action_id}"]
        for name, value in (fields or {}).items():
            lines += [f"{name}: {item}" for item in ([value] if isinstance(value, str) else value)]
        if any(ord(character) < 32 for line in lines for character in line):
            raise Invalid("an AMI value may not hold control characters", "参数中不能含有控制字符")
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._writer.drain()
            while True:
                message = await self._read()
                if "Event" not in message and message.get("ActionID") == action_id:
                    return message
                self._events.append(message)

    async def event(self, *names: str, seconds: float, **fields: str) -> Message:
        """Waits for the next event of one of these names whose fields have these values; others are passed over.

        Raises:
            TimeoutError: It did not come in time.
            TryLater: The connection was lost.
        """
        async with asyncio.timeout(seconds):
            while True:
                message = self._events.pop(0) if self._events else await self._read()
                if message.get("Event") in names and fields.items() <= message.items():
                    return message

    async def _read(self) -> Message:
        try:
            block = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise TryLater(
                "the manager interface closed the connection", "管理接口断开了连接"
            ) from error
        pairs = (line.partition(":") for line in block.decode(errors="replace").splitlines())
        return {name: value.strip() for name, colon, value in pairs if colon}


@asynccontextmanager
async def connect(settings: PbxSettings) -> AsyncIterator[ManagerLink]:
    """A logged-in connection to the Asterisk of these settings.

    Raises:
        TryLater: It does not run, or does not let us in.
        TimeoutError: It did not answer within ten seconds.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(settings.ami_host, settings.ami_port)
            await reader.readline()  # Asterisk Call Manager/…
    except OSError as error:
        where = f"{settings.ami_host}:{settings.ami_port}"
        raise TryLater(
            f"No Asterisk answers at {where}. Is it running?",
            f"{where} 没有 Asterisk 应答，请确认它已启动。",
        ) from error
    try:
        link = ManagerLink(reader, writer)
        login = {"Username": settings.ami_user, "Secret": ami_secret(settings)}
        answer = await link.act("Login", login)
        if answer.get("Response") != "Success":
            raise TryLater("the manager interface refused the login", "管理接口拒绝登录")
        yield link
    finally:
        writer.close()
