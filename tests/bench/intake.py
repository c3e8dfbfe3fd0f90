"""Intake of tickets over HTTP, all on disk when answered (SQLite, synchronous=FULL), against the naive stack.

`lianxin serve` is asked with a bearer key and writes contact, citizen, ticket, its first event, its search terms and
what is told of it; the others (`plain_intake.py`) write four plain rows.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_console.keys.service import Keys, NewKey
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.hints import MemoryHints
from tests.bench.load import CONNECTIONS, Load, post
from tests.installation import Installation

_PLAIN = {
    "echo": ("aiohttp alone, nothing written", 10_000),
    "orm": ("naive: SQLAlchemy async, a transaction a request", 1_500),
    "bare": ("sqlite3 alone, a commit each", 6_000),
    "shared": ("sqlite3 alone, shared commits: this database's limit", 12_000),
}
_OURS = 8_000
_WARM_UP = 300
_MATTER = (
    "南岗街道长江路二十号院三单元从昨天夜里开始停水，家里有老人和刚出生的孩子，"
    "物业说不知道原因，希望供水公司尽快派人来维修，并告诉我们什么时候能来水。"
)


def _plain_body(n: int) -> Mapping[str, Any]:
    return {"channel": "api", "external_id": f"matter-{n}", "text": _MATTER}


def _our_body(n: int) -> Mapping[str, Any]:
    return {
        "external_id": f"matter-{n}",
        "title": "长江路二十号院停水",
        "text": _MATTER,
        "address": "南岗街道长江路20号",
        "phone": f"138{n % 3000:08d}",
    }


async def plain(kind: str, requests: int) -> Load:
    """Return what one of the others came to."""
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.plain_intake",
            kind,
            f"{folder}/plain.db",
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(20):
                port = int(await process.stdout.readline())
            await post(port, "/contacts", lambda n: _plain_body(-n - 1), _WARM_UP)
            return await post(port, "/contacts", _plain_body, requests)
        finally:
            process.kill()
            await process.wait()


async def ours() -> Load:
    """Return what `lianxin serve` came to."""
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(
            Path(folder), {"telephony": {"enabled": False}, "logs": {"level": "warning"}}
        )
        await installation.prepare()
        database = Database(installation.settings.database.url)
        keys = Keys(database, SystemClock(), MemoryHints())
        new = NewKey(name="bench", scopes=frozenset({"contact.write"}), per_minute=600_000)
        minted = await keys.add(None, new)
        await database.close()
        await installation.start()
        headers = {"Authorization": f"Bearer {minted.token}"}
        path = "/api/v1/contacts"
        try:
            port = installation.port
            await post(port, path, lambda n: _our_body(-n - 1), _WARM_UP, headers=headers)
            return await post(port, path, _our_body, _OURS, headers=headers)
        finally:
            installation.stop()


def _describe(name: str, load: Load) -> str:
    return (
        f"  {name:55} {load.a_second:7,.0f} requests/s"
        f"   p50 {load.quantile(0.5) * 1000:6.1f} ms   p99 {load.quantile(0.99) * 1000:6.1f} ms"
    )


async def run() -> None:
    """Print each, and the ratios."""
    print(f"intake: {CONNECTIONS} connections, answered when on disk")
    base = {}
    for kind, (name, requests) in _PLAIN.items():
        base[kind] = await plain(kind, requests)
        print(_describe(name, base[kind]), flush=True)
    load = await ours()
    print(_describe("lianxin: all that belongs to a ticket", load))
    print(
        "  ratio: "
        f"{load.a_second / base['orm'].a_second:.1f} × the naive stack, "
        f"{load.a_second / base['bare'].a_second:.2f} × a commit each, "
        f"{load.a_second / base['shared'].a_second:.2f} × the database's limit"
    )


def main() -> None:
    """Run the bench."""
    asyncio.run(run())


if __name__ == "__main__":
    main()
