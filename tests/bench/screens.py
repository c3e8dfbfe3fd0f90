"""Open screens from outside: raw WebSockets that speak just enough Socket.IO, and note when something appears."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

_QUERY = "/socket.io/?EIO=4&transport=websocket"


class Screens:
    """Screens of agents and of the centre.

    Attributes:
        seen: When each thing first appeared, by what it is known as: `(conversation, seq)` or `(ticket number,)`.
    """

    def __init__(self) -> None:
        self.seen: dict[tuple[Any, ...], float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, http: aiohttp.ClientSession, url: str, tokens: Mapping[str, str]) -> None:
        """Return when everybody is connected."""
        for token in tokens.values():
            socket = await http.ws_connect(
                url + _QUERY, headers={"Cookie": f"lianxin_session={token}"}, compress=0
            )
            await socket.receive_str()
            await socket.send_str('40{"last_seq":null}')
            while not (await socket.receive_str()).startswith("40"):
                pass
            self._tasks.append(asyncio.create_task(self._look(socket)))

    def close(self) -> None:
        """Stop looking."""
        for task in self._tasks:
            task.cancel()

    async def _look(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            now = time.monotonic()
            frame = message.data
            if frame == "2":
                await socket.send_str("3")
                continue
            if not frame.startswith("42"):
                continue
            start = frame.index("[")
            if start > 2:
                await socket.send_str(f"43{frame[2:start]}[{frame[2:start]}]")
            if '"message.received"' in frame:
                data = json.loads(frame[start:])[1]["data"]
                self.seen.setdefault((data["conversation_id"], data["seq"]), now)
            elif '"tickets.arrived"' in frame:
                for number in json.loads(frame[start:])[1]["data"]["numbers"]:
                    self.seen.setdefault((number,), now)
