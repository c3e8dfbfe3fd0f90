"""A scripted Asterisk manager interface on a real socket: AstDB, queue members and channels in memory, and every fault.

It answers in the bytes that Asterisk 22 was heard to answer in.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.parts import free_port

Action = dict[str, list[str]]

BANNER = b"Asterisk Call Manager/11.0.0\r\n"


def message(**headers: str | int) -> bytes:
    """Return one message as Asterisk writes it."""
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return ("".join(lines) + "\r\n").encode()


@dataclass
class Member:
    paused: str = "0"
    reason: str = ""


@dataclass
class FakePbx:
    """What the PBX holds, what it was told, and how it misbehaves.

    Attributes:
        actions: Every action received, over all connections; header → its values.
        silent: Names of actions that are not answered.
        refused: Names of actions that are answered with an error.
        replies: Names of actions with answers of the test's own; called with the action.
        drop_items: List items swallowed, per list action, while `ListItems` still counts them.
    """

    secret: str = "secret"
    uptime: int = 1000
    boots: bool = True
    actions: list[Action] = field(default_factory=list)
    connections: int = 0
    silent: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    replies: dict[str, Callable[[Action], Awaitable[bytes]]] = field(default_factory=dict)
    drop_items: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    astdb: dict[str, str] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    channels: list[bytes] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _server: asyncio.Server | None = None

    def names(self) -> list[str]:
        """Return the names of the actions received, without the link's own."""
        names = [action["Action"][0] for action in self.actions]
        return [name for name in names if name not in {"Login", "Ping"}]

    def sent(self, name: str) -> list[Action]:
        """Return the actions of one name that were received."""
        return [action for action in self.actions if action["Action"][0] == name]

    def say(self, raw: bytes) -> None:
        """Write bytes to every connection."""
        for writer in self._writers:
            writer.write(raw)

    def cut(self) -> None:
        """End every connection at once."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def listen(self) -> None:
        """Accept connections, again too: the port is one that nobody else is given meanwhile."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Accept no more, and end what there is."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        writer.write(BANNER)
        try:
            while True:
                action = _parse(await reader.readuntil(b"\r\n\r\n"))
                self.actions.append(action)
                name = action["Action"][0]
                if name not in self.silent:
                    writer.write(await self._answer(name, action))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            if writer in self._writers:
                self._writers.remove(writer)

    async def _answer(self, name: str, action: Action) -> bytes:
        if name in self.replies:
            return await self.replies[name](action)
        if name in self.refused:
            return self.error(action, "refused by the test")
        match name:
            case "Login":
                return self._login(action)
            case "DBPut" | "DBDel" | "DBDelTree" | "DBGetTree":
                return self._database(name, action)
            case "QueueAdd" | "QueuePause" | "QueueRemove":
                return self._queue(name, action)
            case "QueueStatus":
                return self._queue_status(action)
            case "CoreShowChannels":
                return self.listing(action, "CoreShowChannels", self.channels)
            case _:
                return self.success(action)

    def _login(self, action: Action) -> bytes:
        if action["Secret"][0] != self.secret:
            return self.error(action, "Authentication failed")
        booted = message(
            Event="FullyBooted",
            Privilege="system,all",
            Uptime=self.uptime,
            LastReload=self.uptime,
            Status="Fully Booted",
        )
        return self.success(action) + (booted if self.boots else b"")

    def _database(self, name: str, action: Action) -> bytes:
        family = action["Family"][0]
        path = f"{family}/{action['Key'][0]}" if "Key" in action else family
        if name == "DBPut":
            self.astdb[path] = action["Val"][0]
            return self.success(action)
        below = {k: v for k, v in self.astdb.items() if f"{k}/".startswith(f"{path}/")}
        if name == "DBGetTree":
            items = [
                message(Event="DBGetTreeResponse", Key=f"/{key}", Val=value, ActionID=_id(action))
                for key, value in below.items()
            ]
            return self.listing(action, "DBGetTree", items)
        if not below:
            return self.error(action, "Database entry not found")
        for key in below:
            del self.astdb[key]
        return self.success(action)

    def _queue(self, name: str, action: Action) -> bytes:
        interface = action["Interface"][0]
        if name == "QueueAdd":
            paused = "1" if action["Paused"][0] == "true" else "0"
            self.members[interface] = Member(paused=paused)
        elif interface not in self.members:
            return self.error(action, "Interface not found")
        elif name == "QueueRemove":
            del self.members[interface]
        else:
            paused = "1" if action["Paused"][0] == "true" else "0"
            self.members[interface] = Member(paused=paused, reason=action["Reason"][0])
        return self.success(action)

    def _queue_status(self, action: Action) -> bytes:
        action_id = _id(action)
        members = [
            message(
                Event="QueueMember",
                Queue="hotline",
                Name=interface.removeprefix("PJSIP/"),
                Location=interface,
                StateInterface=interface,
                Membership="dynamic",
                Paused=member.paused,
                PausedReason=member.reason,
                ActionID=action_id,
            )
            for interface, member in self.members.items()
        ]
        queue = message(Event="QueueParams", Queue="hotline", Max=0, ActionID=action_id)
        return self.listing(action, "QueueStatus", [queue, *members, *self.entries])

    def success(self, action: Action) -> bytes:
        """Return a plain success."""
        return message(Response="Success", ActionID=_id(action), Message="done")

    def error(self, action: Action, words: str) -> bytes:
        """Return an error."""
        return message(Response="Error", ActionID=_id(action), Message=words)

    def listing(self, action: Action, name: str, items: Sequence[bytes]) -> bytes:
        """Return a list with its announcement and its end."""
        action_id = _id(action)
        start = message(
            Response="Success", ActionID=action_id, EventList="start", Message="will follow"
        )
        end = message(
            Event=f"{name}Complete",
            ActionID=action_id,
            EventList="Complete",
            ListItems=len(items),
        )
        marked = [
            item if b"ActionID: " in item else item[:-2] + f"ActionID: {action_id}\r\n\r\n".encode()
            for item in items
        ]
        return start + b"".join(marked[self.drop_items[name] :]) + end


def _id(action: Action) -> str:
    return action["ActionID"][0]


def _parse(raw: bytes) -> Action:
    headers: Action = defaultdict(list)
    for line in raw.decode().strip().split("\r\n"):
        name, _, value = line.partition(": ")
        headers[name].append(value)
    return headers


@asynccontextmanager
async def running_pbx() -> AsyncIterator[FakePbx]:
    """Yield a PBX that listens on a free port."""
    pbx = FakePbx()
    await pbx.listen()
    try:
        yield pbx
    finally:
        await pbx.stop()
