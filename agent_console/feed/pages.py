"""The open pages of this process, and what each has been sent and has acknowledged."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from prometheus_client import CollectorRegistry, Counter, Gauge
from socketio.packet import DISCONNECT, EVENT
from socketio.packet import Packet as SocketPacket

from agent_console.feed.engine import SendQueue
from agent_console.feed.service import FeedEntry

WINDOW = 64
"""Entries that are sent ahead of their acknowledgement; the rest wait in the database."""
STALE_SECONDS = 8.0
"""How long a page may leave a full window unacknowledged before it is cut off."""
_HINTS_UP_TO = 64 * 1024
_SLICE = 20


class Page:
    """One open page.

    Attributes:
        agent: 工号 of the person.
        session_id: The login that opened it.
        permissions: What the person might do when the page was opened.
        sent: Number of the last feed entry that was sent.
        acked: Number of the last feed entry that was acknowledged.
    """

    __slots__ = ("_full_since", "_queue", "acked", "agent", "permissions", "sent", "session_id")

    def __init__(
        self,
        agent: str,
        session_id: int,
        queue: SendQueue,
        start: int,
        permissions: frozenset[str] = frozenset(),
    ) -> None:
        self.agent = agent
        self.session_id = session_id
        self.permissions = permissions
        self.sent = start
        self.acked = start
        self._queue = queue
        self._full_since: float | None = None

    @property
    def room(self) -> int:
        """How many more entries may be sent now."""
        return WINDOW - (self.sent - self.acked)

    def send(self, packet: EnginePacket) -> None:
        """Hand over a packet, whatever is waiting already."""
        self._queue.put_nowait(packet)

    def hint(self, packet: EnginePacket) -> bool:
        """Hand over a packet that may be lost; returns False if it was, because too much is waiting."""
        if self._queue.pending > _HINTS_UP_TO:
            return False
        self._queue.put_nowait(packet)
        return True

    def feed(self, entry: FeedEntry, packet: EnginePacket, now: float) -> None:
        """Send the feed entry that follows the last one."""
        self.sent = entry.seq
        self._queue.put_nowait(packet)
        if self.room <= 0:
            self._full_since = now

    def ack(self, seq: int) -> None:
        """Note an acknowledgement; one that is out of range means nothing."""
        if self.acked < seq <= self.sent:
            self.acked = seq
            self._full_since = None

    def is_stale(self, now: float) -> bool:
        """Return whether the page has left a full window lying for too long."""
        return self._full_since is not None and now - self._full_since > STALE_SECONDS

    def dismiss(self) -> None:
        """Close the page for good: its login is over, and it will not come back by itself."""
        self._queue.put_nowait(
            EnginePacket(MESSAGE, SocketPacket(DISCONNECT, namespace="/").encode())
        )
        self.close()

    def close(self) -> None:
        """Close the page after what is waiting; it will come back by itself."""
        self._queue.put_nowait(None)

    def cut(self) -> None:
        """Drop the connection at once, with everything that waits in it."""
        self._queue.cut()


class Pages:
    """All open pages of this process, by agent.

    Args:
        registry: Where the figures are registered.
    """

    def __init__(self, *, registry: CollectorRegistry | None = None) -> None:
        self._by_sid: dict[str, Page] = {}
        self._by_agent: dict[str, dict[str, Page]] = defaultdict(dict)
        self._open = Gauge("lianxin_console_pages", "Open pages", registry=registry)
        self._lost = Counter(
            "lianxin_console_hints_dropped", "Hints not sent to a slow page", registry=registry
        )

    def add(self, sid: str, page: Page) -> None:
        """Take in a page."""
        self._by_sid[sid] = page
        self._by_agent[page.agent][sid] = page
        self._open.inc()

    def remove(self, sid: str) -> None:
        """Let a page go; one that is not here is no error."""
        page = self._by_sid.pop(sid, None)
        if page is None:
            return
        mine = self._by_agent[page.agent]
        del mine[sid]
        if not mine:
            del self._by_agent[page.agent]
        self._open.dec()

    def get(self, sid: str) -> Page | None:
        """Return a page."""
        return self._by_sid.get(sid)

    def all(self) -> Iterable[Page]:
        """Return every page."""
        return tuple(self._by_sid.values())

    def agents(self) -> frozenset[str]:
        """Return the 工号 of everybody who has a page open."""
        return frozenset(self._by_agent)

    def of(self, agent: str) -> Iterable[Page]:
        """Return the pages of one agent."""
        return tuple(self._by_agent[agent].values()) if agent in self._by_agent else ()

    def hint(self, agent: str, kind: str, at: str, data: dict[str, Any]) -> None:
        """Send a hint to the pages of one agent, at once."""
        if agent not in self._by_agent:
            return
        packet = hint_packet(kind, at, data)
        for page in self._by_agent[agent].values():
            if not page.hint(packet):
                self._lost.inc()

    async def broadcast(
        self, kind: str, at: str, data: dict[str, Any], permission: str | None = None
    ) -> None:
        """Send a hint to every page, a slice at a time: a screen pop never waits for more than one slice.

        Args:
            kind: Type of the hint.
            at: When it was.
            data: What it says.
            permission: Only to the pages of who has it.
        """
        packet = hint_packet(kind, at, data)
        pages = tuple(
            page
            for page in self._by_sid.values()
            if permission is None or permission in page.permissions
        )
        for start in range(0, len(pages), _SLICE):
            for page in pages[start : start + _SLICE]:
                if not page.hint(packet):
                    self._lost.inc()
            await asyncio.sleep(0.005)


def hint_packet(kind: str, at: str, data: dict[str, Any]) -> EnginePacket:
    """Return the packet of a hint."""
    return _packet("hint", {"type": kind, "at": at, "data": data})


def hello_packet(*, anew: bool, last_seq: int) -> EnginePacket:
    """Return the packet that tells a page where its feed begins."""
    return _packet(
        "hello", {"event": "feed.start" if anew else "feed.resume", "last_seq": last_seq}
    )


def entry_packet(entry: FeedEntry) -> EnginePacket:
    """Return the packet of a feed entry; its number is the id that the acknowledgement brings back."""
    body = {
        "seq": entry.seq,
        "type": entry.type,
        "at": entry.at.isoformat(),
        "data": dict(entry.data),
    }
    return _packet("event", body, ack=entry.seq)


def _packet(name: str, body: dict[str, Any], ack: int | None = None) -> EnginePacket:
    packet = SocketPacket(EVENT, data=[name, body], id=ack)
    return EnginePacket(MESSAGE, packet.encode())
