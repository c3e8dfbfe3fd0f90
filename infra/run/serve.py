"""Everything in one process: a small city's whole installation."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from infra.run.floors import running_desk
from infra.run.foundation import Foundation, foundation
from infra.run.settings import Settings
from infra.run.telephones import Say, own_asterisk
from infra.run.web import listening

log = structlog.get_logger()


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; then answer what is being answered, write down what was heard, and return."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings):
        log.info("serving", host=settings.server.host, port=settings.server.port)
        await stop.wait()
        log.info("stopping")
    log.info("stopped")


@asynccontextmanager
async def running(settings: Settings, say: Say = lambda _: None) -> AsyncIterator[Foundation]:
    """Run the whole installation inside the block.

    Args:
        settings: All of them.
        say: Told what takes time at the start.

    Raises:
        LianxinError: Something that is needed is missing; the message says what to do.
    """
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(foundation(settings))
        if settings.telephony.enabled and settings.telephony.start_asterisk:
            await stack.enter_async_context(own_asterisk(base, say))
        app = await stack.enter_async_context(running_desk(base))
        await stack.enter_async_context(listening(app, settings.server))
        _spare_the_collector()
        yield base


def _spare_the_collector() -> None:
    """Keep the garbage collector from stopping the loop: a full search of everything takes a tenth of a second.

    What was loaded at the start stays for good and is left out; the rest is searched in full far more rarely, while
    what is young, where nearly all garbage is, is searched as often as it needs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 100)
