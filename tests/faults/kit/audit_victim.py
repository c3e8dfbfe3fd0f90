"""Writes acts into the audit log, one transaction each and several at a time, and says what is on disk."""

from __future__ import annotations

import asyncio
import sys

from infra.kit import audit
from infra.kit.audit_chain import Chain
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.vault import Vault

PAUSE_SECONDS = 0.01
"""SQLite gives its one write lock to whoever asks at the right moment: without a pause the other would never get it."""


async def main(url: str, name: str) -> None:
    database, clock = Database(url), SystemClock()
    await Chain(database, Vault(bytes(range(32)))).begin()

    async def write(writer: int) -> None:
        for number in range(1_000):
            subject = f"act:{name}-{writer}-{number}"
            async with database.transaction() as session:
                await audit.write(session, clock, actor=None, action="x", subject=subject)
            print(subject, flush=True)
            await asyncio.sleep(PAUSE_SECONDS)

    await asyncio.gather(*(write(writer) for writer in range(3)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
