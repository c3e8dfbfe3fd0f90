"""One process of many does something, and another goes on with it when that one is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from channels.marks.service import Lease, LeaseLost, Marks
from infra.kit.errors import TryLater

log = structlog.get_logger()

_SECONDS = 30.0


async def alone(
    marks: Marks,
    name: str,
    work: Callable[[Lease], Awaitable[None]],
    *,
    seconds: float = _SECONDS,
) -> None:
    """Wait until nobody else does this, then do it; return when it is done.

    The work is cancelled when the lease is lost, which shows as an error so that the supervisor begins anew. What it
    writes down it writes under its lease (`Marks.put`), so that nothing of it counts that came too late.

    Args:
        marks: Knows who does what.
        name: What is done, e.g. `mailbox/mayor`.
        work: Does it; gets the lease that it began under, whose token stays the same.
        seconds: For how long the lease holds without a sign of life.

    Raises:
        LeaseLost: Another has taken over.
        Exception: What the work raised.
    """
    while (lease := await marks.lease(name, seconds)) is None:  # noqa: ASYNC110  # who is gone gives no sign
        await asyncio.sleep(seconds / 3)
    working = asyncio.ensure_future(work(lease))
    keeping = asyncio.ensure_future(_keep(marks, lease, seconds))
    try:
        await asyncio.wait((working, keeping), return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            keeping.result()
        await working
    finally:
        for task in (working, keeping):
            task.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)
        await _release(marks, lease)


async def _keep(marks: Marks, lease: Lease, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    held_until = loop.time() + seconds
    while True:
        await asyncio.sleep(seconds / 3)
        renewed_from = loop.time()
        try:
            await marks.renew(lease, seconds)
        except (SQLAlchemyError, TryLater, OSError):
            # The database is away: for others too, so nobody takes it before its time.
            if loop.time() >= held_until - seconds / 3:
                raise LeaseLost from None
        else:
            held_until = renewed_from + seconds


async def _release(marks: Marks, lease: Lease) -> None:
    try:
        await marks.release(lease)
    except (SQLAlchemyError, TryLater, OSError) as error:
        log.warning("lease_not_released", lease=lease.name, error=type(error).__name__)
