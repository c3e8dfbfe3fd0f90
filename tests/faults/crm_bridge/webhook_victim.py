"""A process that sends webhooks until it is killed; run by `test_webhook_worker_killed.py`."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from crm_bridge.webhooks.deliverer import Deliverer
from crm_bridge.webhooks.sender import Sender
from crm_bridge.webhooks.settings import WebhookSettings
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.vault import Vault

SETTINGS = WebhookSettings(allow_http=True, allow_private=True, timeout_seconds=10)
LEASE = timedelta(seconds=1)


async def main(url: str) -> None:
    clock, database = SystemClock(), Database(url)
    deliverer = Deliverer(
        database,
        clock,
        Vault(bytes(range(32))),
        Sender(clock, SETTINGS),
        SETTINGS,
        lease=LEASE,
        idle_seconds=0.05,
    )
    await deliverer.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
