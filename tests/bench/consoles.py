"""Five hundred open consoles and a busy Asterisk, from outside: what a server under measurement is given and asked.

Consoles are raw WebSockets that speak just enough Socket.IO; Asterisk is a scripted manager interface on a real
socket. Both live in the measuring process, so a pop is timed on one clock: from just before the bytes of `AgentCalled`
are written to the moment at which the console's frame has been read. What this process itself needs is in the figure.
"""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle, islice

import aiohttp
import psutil

from telephony.ami.events import PARSERS
from tests.unit.telephony.fake_pbx import FakePbx
from tests.unit.telephony.recorded import QUEUE_CALL, messages, named, renumbered

CONSOLES = 500
CALLS_A_SECOND = 50
OTHER_EVENTS_A_SECOND = 5_000
WARM_UP_SECONDS = 3
SECONDS = 10
TICK = 0.01
CALL_SECONDS = 1.0
AGENTS = tuple(str(1000 + number) for number in range(CONSOLES))

_LINKEDID = re.compile(rb"Linkedid: (\S+)")
_WANTED = [m for m in messages(QUEUE_CALL) if named(m).encode() in PARSERS]
_OTHERS = [m for m in messages(QUEUE_CALL) if named(m).encode() not in PARSERS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How an agent's console gets in."""

    url: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Measured:
    """What came of one run.

    Attributes:
        waited: Seconds from the bytes to the console, one a pop that arrived.
        expected: Pops that should have arrived.
        bytes_a_console: Growth of the server's resident memory by each console.
    """

    waited: list[float] = field(default_factory=list)
    expected: int = 0
    bytes_a_console: float = 0.0

    def quantile(self, share: float) -> float:
        """Return the wait, in milliseconds, that this share of the pops stayed below."""
        return sorted(self.waited)[min(len(self.waited) - 1, int(share * len(self.waited)))] * 1e3


class Consoles:
    """Open consoles that note when a ringing call appears."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, http: aiohttp.ClientSession, doors: Mapping[str, Door]) -> None:
        """Return when every console is connected."""
        for agent, door in doors.items():
            socket = await http.ws_connect(door.url, headers=door.headers, compress=0)
            await socket.receive_str()
            await socket.send_str('40{"last_seq":null}')
            while not (await socket.receive_str()).startswith("40"):
                pass
            self._tasks.append(asyncio.create_task(self._look(agent, socket)))

    def close(self) -> None:
        """Stop looking."""
        for task in self._tasks:
            task.cancel()

    async def _look(self, agent: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            now = time.monotonic()
            frame = message.data
            if frame == "2":
                await socket.send_str("3")
            elif frame.startswith("42") and '"call.ringing"' in frame:
                start = frame.index('"linkedid":"') + 12
                self.seen.setdefault((agent, frame[start : frame.index('"', start)]), now)
            elif frame.startswith("42") and frame[2] != "[":
                number = frame[2 : frame.index("[")]
                await socket.send_str(f"43{number}[{number}]")


class Exchange:
    """Calls and other events, written to whoever is connected to the manager interface."""

    def __init__(self, pbx: FakePbx) -> None:
        self._pbx = pbx
        self._other = cycle(_OTHERS)
        self._due: dict[int, list[tuple[bytes, str | None]]] = {}
        self.rung: dict[tuple[str, str], float] = {}

    async def run(self, first_call: int, seconds: float) -> None:
        """Write for so many seconds, and until the calls have ended."""
        started = time.monotonic()
        ticks = int(seconds / TICK)
        begun = 0
        for tick in range(ticks + int(CALL_SECONDS / TICK) + 2):
            await asyncio.sleep(max(0.0, started + tick * TICK - time.monotonic()))
            while tick < ticks and begun < (tick + 1) * TICK * CALLS_A_SECOND:
                self._begin(first_call + begun, tick)
                begun += 1
            if tick < ticks:
                amount = int(OTHER_EVENTS_A_SECOND * TICK)
                self._pbx.say(b"".join(islice(self._other, amount)))
            for message, agent in self._due.pop(tick, ()):
                if agent is not None:
                    found = _LINKEDID.search(message)
                    assert found is not None
                    self.rung[agent, found[1].decode()] = time.monotonic()
                self._pbx.say(message)

    def _begin(self, call: int, tick: int) -> None:
        first, second = AGENTS[2 * call % CONSOLES], AGENTS[(2 * call + 1) % CONSOLES]
        for number, recorded in enumerate(_WANTED):
            message = renumbered(recorded, call)
            message = message.replace(b"agent-1002", f"agent-{second}".encode())
            message = message.replace(b"agent-1001", f"agent-{first}".encode())
            at = tick + int(number * CALL_SECONDS / TICK / len(_WANTED))
            rings = first if f"agent-{first}".encode() in message else second
            called = rings if named(message) == "AgentCalled" else None
            self._due.setdefault(at, []).append((message, called))


async def measure(pbx: FakePbx, doors: Mapping[str, Door], server: int) -> Measured:
    """Open the consoles, let the calls ring, and return what was measured.

    Args:
        pbx: The manager interface to which the server is connected.
        doors: By agent.
        server: Process id of the server.
    """
    process = psutil.Process(server)
    result = Measured()
    exchange, consoles = Exchange(pbx), Consoles()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        before = process.memory_info().rss
        await consoles.open(http, doors)
        await asyncio.sleep(1)
        result.bytes_a_console = (process.memory_info().rss - before) / len(doors)
        gc.collect()
        gc.disable()  # a pause of ours would be taken for one of the server's
        await exchange.run(0, WARM_UP_SECONDS)
        exchange.rung.clear()
        await exchange.run(WARM_UP_SECONDS * CALLS_A_SECOND, SECONDS)
        await asyncio.sleep(1)
        gc.enable()
        consoles.close()
    result.expected = len(exchange.rung)
    result.waited = [
        consoles.seen[pop] - rung for pop, rung in exchange.rung.items() if pop in consoles.seen
    ]
    return result


def describe(name: str, measured: Measured) -> str:
    """Return one line about a run."""
    return (
        f"{name}: {len(measured.waited)} of {measured.expected} pops, "
        f"p50 {measured.quantile(0.5):.2f} ms, p99 {measured.quantile(0.99):.2f} ms, "
        f"{measured.bytes_a_console / 1024:.0f} KiB a console"
    )
