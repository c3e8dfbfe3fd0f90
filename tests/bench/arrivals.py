"""A running installation in front of which people sit: what comes in, and when each thing was on a screen.

`lianxin serve` has one processor, whoever sends and the screens have the others. All clocks are one: the measuring
process sends and looks. Which message became what is read from the database afterwards.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from agent_console.accounts.sessions import Sessions
from agent_console.accounts.tables import UserRow
from agent_console.presence.rules import PresenceState
from agent_console.presence.tables import PresenceRow
from channels.contacts.rules import Purpose
from infra.kit.audit_chain import Chain
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.hints import MemoryHints
from infra.kit.identity import Role
from infra.kit.vault import open_vault
from tests.bench.screens import Screens
from tests.installation import Installation

AGENTS = tuple(str(1000 + n) for n in range(50))
LEAD = "2001"
DISPATCHER = "3001"
STRAGGLER_SECONDS = 20.0
_START_SECONDS = 120.0

_OF_TALK = (
    "SELECT c.external_id, m.conversation_id, m.seq FROM contacts c"
    " JOIN conversation_messages m ON m.contact_id = c.id WHERE c.channel = ?"
)
_OF_MATTER = (
    "SELECT c.external_id, t.number FROM contacts c"
    " JOIN ticket_contacts tc ON tc.contact_id = c.id"
    " JOIN tickets t ON t.id = tc.ticket_id WHERE c.channel = ?"
)


@dataclass(slots=True)
class Run:
    """What came of so many messages.

    Attributes:
        sent: When each was sent, by its external id.
        answered: How long its answer took, in seconds; None for one that was not taken.
        shown: How long it took to an agent's socket, in seconds, of those that came.
        ended: When the last of them came.
        busy: Processor seconds that the installation took for all of them; a loaded machine changes them little.
    """

    sent: dict[str, float] = field(default_factory=dict)
    answered: list[float | None] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    ended: float = 0.0
    busy: float = 0.0

    @property
    def on_screens(self) -> str:
        """How many came, and how long that took, as it is printed."""
        shown = sorted(self.shown)
        return (
            f"{len(shown):6,} on a screen"
            f" (p50 {at(shown, 0.5):7.1f}  p99 {at(shown, 0.99):7.1f} ms)"
            f"  {self.busy / max(1, len(self.sent)) * 1000:5.2f} ms of processor each"
        )


def at(ordered: Sequence[float], part: float) -> float:
    """Return what so large a part of them does not exceed, in milliseconds."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000 if ordered else 0.0


class City:
    """A running installation and its screens.

    Attributes:
        installation: The process.
        screens: Of the agents and of the dispatcher.
    """

    def __init__(
        self, installation: Installation, http: aiohttp.ClientSession, tokens: Mapping[str, str]
    ) -> None:
        self.installation = installation
        self.screens = Screens()
        self._http = http
        self._tokens = tokens

    @property
    def busy(self) -> float:
        """How much processor time the installation has taken, in seconds."""
        assert self.installation.process is not None
        times = psutil.Process(self.installation.process.pid).cpu_times()
        return float(times.user + times.system)

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> float | None:
        """Return how long an answer took, in seconds; None when it was a refusal."""
        started = time.monotonic()
        url = f"{self.installation.url}{path}"
        async with self._http.post(url, data=body, headers=dict(headers)) as answer:
            await answer.read()
            return time.monotonic() - started if answer.status < 300 else None

    async def call(self, number: str, path: str, **more: Any) -> Any:
        """Post as somebody who is logged in, and return what is answered."""
        url, server = f"{self.installation.url}/api/v1", self.installation.settings.server
        headers = {"Cookie": f"lianxin_session={self._tokens[number]}"}
        async with self._http.get(f"{url}/session", headers=headers) as answer:
            headers["X-CSRF-Token"] = (await answer.json())["csrf_token"]
        headers["Origin"] = server.public_url or self.installation.url
        async with self._http.post(f"{url}{path}", headers=headers, **more) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json(content_type=None)

    async def look_on(self) -> None:
        """Open everybody's screen."""
        await self.screens.open(self._http, self.installation.url, self._tokens)

    async def wait(
        self, run: Run, channel: str, purpose: Purpose, seconds: float = STRAGGLER_SECONDS
    ) -> None:
        """Note when each message was on a screen; those that are not for so long are given up.

        `run.busy` was what the installation had taken before, and is then what it took since.
        """
        until = time.monotonic() + seconds
        seen = self.screens.seen
        while True:
            keys = self.keys(channel, purpose)
            if all(keys.get(one) in seen for one in run.sent) or time.monotonic() > until:
                break
            await asyncio.sleep(0.2)
        came = {one: seen[keys[one]] for one in run.sent if keys.get(one) in seen}
        run.shown = [moment - run.sent[one] for one, moment in came.items()]
        run.busy = self.busy - run.busy
        run.ended = max(came.values(), default=time.monotonic())

    def keys(self, channel: str, purpose: Purpose) -> dict[str, tuple[Any, ...]]:
        """Return by what each contact of a channel is known on the screens."""
        statement = _OF_TALK if purpose is Purpose.talk else _OF_MATTER
        path = self.installation.settings.database.url.removeprefix("sqlite:///")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            rows = connection.execute(statement, (channel,)).fetchall()
        return {external_id: tuple(key) for external_id, *key in rows}


@asynccontextmanager
async def running_city(settings: Mapping[str, Any]) -> AsyncIterator[City]:
    """Yield a city of its own, with everybody before his screen.

    Args:
        settings: What differs from an installation without telephones.
    """
    processors = psutil.Process().cpu_affinity()
    off: dict[str, dict[str, Any]] = {"telephony": {"enabled": False}, "logs": {"level": "error"}}
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder), {**off, **settings})
        await installation.prepare()
        tokens = await _log_everybody_in(installation)
        await installation.start(seconds=_START_SECONDS)
        assert installation.process is not None
        _share_processors(installation.process.pid)
        try:
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(300)
            ) as http:
                city = City(installation, http, tokens)
                await city.look_on()
                yield city
                city.screens.close()
        finally:
            installation.stop()
            psutil.Process().cpu_affinity(processors)


async def _log_everybody_in(installation: Installation) -> dict[str, str]:
    """Return a session token for everybody, without the cost of so many passwords."""
    settings, clock = installation.settings, SystemClock()
    database = Database(settings.database.url)
    vault = open_vault(settings.security.data_key_file)
    await Chain(database, vault).begin()
    sessions = Sessions(database, clock, vault, MemoryHints())
    tokens = {}
    async with database.transaction() as session:
        people = {
            **dict.fromkeys(AGENTS, Role.AGENT),
            LEAD: Role.LEAD,
            DISPATCHER: Role.DISPATCHER,
        }
        for number, role in people.items():
            user = UserRow(
                number=number, name=number, role=role, password_hash="-", created_at=clock.now()
            )
            session.add(user)
            now, online = clock.now(), PresenceState.online
            session.add(
                PresenceRow(agent=number, state=online, rest=online, since=now, page_seen_at=now)
            )
            await session.flush()
            tokens[number] = (await sessions.start(session, user)).token
    await database.close()
    return tokens


def _share_processors(server: int) -> None:
    """Give the server one processor, and the measuring process the others, when there are two."""
    processors = psutil.Process().cpu_affinity() or []
    if len(processors) > 1:
        psutil.Process(server).cpu_affinity(processors[:1])
        psutil.Process().cpu_affinity(processors[1:])
