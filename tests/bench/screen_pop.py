"""Screen pop: from the bytes of `AgentCalled` to the frame on the agent's console, and memory a console.

The whole of Lianxin (`lianxin serve`: calls written down, contacts made, feeds and presence kept, on SQLite) and the
plain wiring of panoramisk and python-socketio, which keeps nothing, are given the same calls one after the other.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from agent_console.accounts.sessions import Sessions
from agent_console.accounts.tables import UserRow
from agent_console.presence.rules import PresenceState
from agent_console.presence.tables import PresenceRow
from infra.kit.audit_chain import Chain
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.hints import MemoryHints
from infra.kit.identity import Role
from infra.kit.vault import open_vault
from tests.bench.consoles import (
    AGENTS,
    CALLS_A_SECOND,
    CONSOLES,
    OTHER_EVENTS_A_SECOND,
    Door,
    describe,
    measure,
)
from tests.installation import Installation
from tests.unit.telephony.fake_pbx import FakePbx, running_pbx

_QUERY = "/socket.io/?EIO=4&transport=websocket"


@asynccontextmanager
async def lianxin(pbx: FakePbx, folder: Path) -> AsyncIterator[tuple[int, Mapping[str, Door]]]:
    """Run the product inside the block; yield its process and the doors of its consoles."""
    installation = Installation(
        folder,
        {
            "telephony": {"start_asterisk": False},
            "asterisk": {"ami_port": pbx.port, "ami_secret": pbx.secret},
            "logs": {"level": "warning"},
        },
    )
    await installation.prepare()
    tokens = await log_everybody_in(installation)
    await installation.start()
    assert installation.process is not None
    try:
        yield (
            installation.process.pid,
            {
                agent: Door(
                    url=installation.url + _QUERY, headers={"Cookie": f"lianxin_session={token}"}
                )
                for agent, token in tokens.items()
            },
        )
    finally:
        installation.stop()
        await asyncio.sleep(0.1)  # the manager interface hears of it


async def log_everybody_in(installation: Installation) -> dict[str, str]:
    """Return a session token for every agent, who is online; without the cost of so many passwords."""
    settings, clock = installation.settings, SystemClock()
    database = Database(settings.database.url)
    vault = open_vault(settings.security.data_key_file)
    await Chain(database, vault).begin()
    sessions = Sessions(database, clock, vault, MemoryHints())
    tokens = {}
    async with database.transaction() as session:
        for agent in AGENTS:
            now = clock.now()
            user = UserRow(
                number=agent, name=agent, role=Role.AGENT, password_hash="-", created_at=now
            )
            session.add(user)
            online = PresenceState.online
            session.add(
                PresenceRow(agent=agent, state=online, rest=online, since=now, page_seen_at=now)
            )
            await session.flush()
            tokens[agent] = (await sessions.start(session, user)).token
    await database.close()
    return tokens


@asynccontextmanager
async def plain(pbx: FakePbx) -> AsyncIterator[tuple[int, Mapping[str, Door]]]:
    """Run the base of the comparison inside the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.plain_console",
        str(pbx.port),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            port = int(await process.stdout.readline())
        url = f"http://127.0.0.1:{port}{_QUERY}"
        yield process.pid, {agent: Door(url=f"{url}&agent={agent}", headers={}) for agent in AGENTS}
    finally:
        process.kill()
        await process.wait()
        await asyncio.sleep(0.1)  # the manager interface hears of it


async def run() -> None:
    """Print both, and their ratio."""
    print(
        f"screen pop: {CONSOLES} consoles, {CALLS_A_SECOND} calls/s, "
        f"{OTHER_EVENTS_A_SECOND} other AMI events/s"
    )
    async with running_pbx() as pbx, plain(pbx) as (process, doors):
        base = await measure(pbx, doors, process)
    print(" ", describe("panoramisk + python-socketio, nothing kept", base))
    with tempfile.TemporaryDirectory() as folder:
        async with running_pbx() as pbx, lianxin(pbx, Path(folder)) as (process, doors):
            ours = await measure(pbx, doors, process)
    print(" ", describe("lianxin, everything kept", ours))
    print(
        f"  ratio: p50 {ours.quantile(0.5) / base.quantile(0.5):.2f}, "
        f"p99 {ours.quantile(0.99) / base.quantile(0.99):.2f}, "
        f"memory {ours.bytes_a_console / base.bytes_a_console:.2f}"
    )


def main() -> None:
    """Run the bench."""
    asyncio.run(run())


if __name__ == "__main__":
    main()
