"""From a provider's webhook to an agent's socket: 200 messages a second of each channel, and a burst of 10 000 in ten.

`lianxin serve` has one processor, the providers and the screens have the others. A message of a chat counts when the
agent whose chat it is has its number on his socket, a matter when a dispatcher has the number of its ticket there. All
clocks are one: the measuring process sends and receives. Which message became what is read from the database after.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Mapping, Sequence
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
from tests.bench.providers import PROVIDERS, Provider
from tests.bench.screens import Screens
from tests.installation import Installation

SECONDS = 10
STEADY_A_SECOND = 200
BURST = 10_000
PROVIDER_WAITS_SECONDS = 5.0
"""WeChat gives up after this and sends again; no provider is known to wait less."""

AGENTS = tuple(str(1000 + n) for n in range(50))
LEAD = "2001"
DISPATCHER = "3001"
_STRAGGLER_SECONDS = 20.0
_CONNECTIONS = 64


@dataclass(slots=True)
class Run:
    """What came of so many messages.

    Attributes:
        sent: When each was sent, by its external id.
        answered: How long its answer took, in seconds; None for one that was not taken.
        shown: How long it took to an agent's socket, in seconds, of those that came.
    """

    sent: dict[str, float] = field(default_factory=dict)
    answered: list[float | None] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)

    def describe(self, name: str) -> str:
        """Return the figures in one line."""
        answers = sorted(one for one in self.answered if one is not None)
        in_time = sum(one <= PROVIDER_WAITS_SECONDS for one in answers)
        shown = sorted(self.shown)
        return (
            f"  {name:34} {len(self.sent):6,} sent  {in_time:6,} answered in time"
            f" (p99 {_at(answers, 0.99):7.1f} ms)  {len(shown):6,} on a screen"
            f" (p50 {_at(shown, 0.5):7.1f}  p99 {_at(shown, 0.99):7.1f} ms)"
        )


def _at(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000 if ordered else 0.0


class City:
    """A running installation, its providers and its screens."""

    def __init__(self, installation: Installation, http: aiohttp.ClientSession) -> None:
        self._installation = installation
        self._http = http
        self.screens = Screens()

    async def send(self, provider: Provider, first: int, count: int, seconds: float) -> Run:
        """Send messages evenly over some seconds, whatever becomes of them, and wait for the screens."""
        run = Run()
        began = time.monotonic()
        coming = iter(range(count))

        async def send() -> None:
            for n in coming:
                await asyncio.sleep(max(0.0, began + n * seconds / count - time.monotonic()))
                message = provider.message(first + n)
                run.sent[message.external_id] = time.monotonic()
                run.answered.append(await self._post(message.path, message.headers, message.body))

        await asyncio.gather(*(send() for _ in range(_CONNECTIONS)))
        until = time.monotonic() + _STRAGGLER_SECONDS
        while time.monotonic() < until:
            keys = self._keys(provider)
            if all(keys.get(one) in self.screens.seen for one in run.sent):
                break
            await asyncio.sleep(0.2)
        run.shown = [
            self.screens.seen[keys[one]] - at
            for one, at in run.sent.items()
            if keys.get(one) in self.screens.seen
        ]
        return run

    async def _post(self, path: str, headers: Mapping[str, str], body: bytes) -> float | None:
        started = time.monotonic()
        url = f"{self._installation.url}{path}"
        async with self._http.post(url, data=body, headers=dict(headers)) as answer:
            await answer.read()
            return time.monotonic() - started if answer.status < 300 else None

    def _keys(self, provider: Provider) -> dict[str, tuple[Any, ...]]:
        """Return by what each contact of a channel is known on the screens."""
        of_talk = (
            "SELECT c.external_id, m.conversation_id, m.seq FROM contacts c"
            " JOIN conversation_messages m ON m.contact_id = c.id WHERE c.channel = ?"
        )
        of_matter = (
            "SELECT c.external_id, t.number FROM contacts c"
            " JOIN ticket_contacts tc ON tc.contact_id = c.id"
            " JOIN tickets t ON t.id = tc.ticket_id WHERE c.channel = ?"
        )
        statement = of_talk if provider.purpose is Purpose.talk else of_matter
        path = self._installation.settings.database.url.removeprefix("sqlite:///")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            rows = connection.execute(statement, (provider.channel,)).fetchall()
        return {external_id: tuple(key) for external_id, *key in rows}

    async def begin_chats(self, provider: Provider, tokens: Mapping[str, str]) -> None:
        """Let every citizen of a channel of chats say a first word, and give each chat to an agent."""
        for n in range(provider.citizens):
            message = provider.message(n - provider.citizens)
            assert await self._post(message.path, message.headers, message.body) is not None
        headers = {"Cookie": f"lianxin_session={tokens[LEAD]}"}
        url, server = f"{self._installation.url}/api/v1", self._installation.settings.server
        async with self._http.get(f"{url}/session", headers=headers) as answer:
            headers["X-CSRF-Token"] = (await answer.json())["csrf_token"]
        headers["Origin"] = server.public_url or self._installation.url
        for n, conversation_id in enumerate(
            sorted({key[0] for key in self._keys(provider).values()})
        ):
            body = {"agent": AGENTS[n % len(AGENTS)]}
            assign = f"{url}/conversations/{conversation_id}/assign"
            async with self._http.post(assign, headers=headers, json=body) as answer:
                assert answer.status < 300, await answer.text()


async def log_everybody_in(installation: Installation) -> dict[str, str]:
    """Return a session token for every agent and the dispatcher, without the cost of so many passwords."""
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


async def measure(provider: Provider) -> None:
    """Print what one channel comes to, in a city of its own."""
    with tempfile.TemporaryDirectory() as folder:
        off: dict[str, dict[str, Any]] = {
            "telephony": {"enabled": False},
            "logs": {"level": "error"},
        }
        installation = Installation(Path(folder), {**off, **provider.settings})
        await installation.prepare()
        tokens = await log_everybody_in(installation)
        await installation.start()
        assert installation.process is not None
        _share_processors(installation.process.pid)
        try:
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(60)
            ) as http:
                city = City(installation, http)
                await city.screens.open(http, installation.url, tokens)
                if provider.purpose is Purpose.talk:
                    await city.begin_chats(provider, tokens)
                steady = STEADY_A_SECOND * SECONDS
                found = await city.send(provider, 0, steady, SECONDS)
                print(found.describe(f"{provider.channel}, {STEADY_A_SECOND}/s"), flush=True)
                burst = await city.send(provider, steady, BURST, SECONDS)
                print(burst.describe(f"{provider.channel}, burst"), flush=True)
                city.screens.close()
        finally:
            installation.stop()


def _share_processors(server: int) -> None:
    """Give the server one processor, and the measuring process the others, when there are two."""
    processors = psutil.Process().cpu_affinity() or []
    if len(processors) > 1:
        psutil.Process(server).cpu_affinity(processors[:1])
        psutil.Process().cpu_affinity(processors[1:])


async def run() -> None:
    """Print what every channel comes to."""
    print(
        f"webhook to an agent's socket: {STEADY_A_SECOND} messages/s for {SECONDS} s, then"
        f" {BURST:,} in {SECONDS} s; one processor; in time: within {PROVIDER_WAITS_SECONDS:.0f} s"
    )
    processors = psutil.Process().cpu_affinity()
    for provider in PROVIDERS:
        await measure(provider)
        psutil.Process().cpu_affinity(processors)


def main() -> None:
    """Run the bench."""
    asyncio.run(run())


if __name__ == "__main__":
    main()
