"""The simulated telephone network as a whole: rendered and running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from telephony.asterisk.install import Installation
from telephony.asterisk.process import AsteriskProcess
from telephony.phone_network.render import render
from telephony.phone_network.settings import PhoneNetworkSettings


@asynccontextmanager
async def running(
    settings: PhoneNetworkSettings,
    installation: Installation,
    say: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[AsteriskProcess]:
    """Renders the network, starts it, and stops it at the end.

    Raises:
        Misconfigured: A port is taken, or its Asterisk does not start.
    """
    await asyncio.to_thread(render, settings, installation, say)
    process = AsteriskProcess(installation, settings, "phone_network")
    await process.start()
    try:
        yield process
    finally:
        await process.stop()
