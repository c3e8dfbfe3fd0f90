"""Waiting for what is to happen, on a machine that may be busy with something else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 30.0
_LOOK_EVERY = 0.1


async def eventually(
    look: Callable[[], Awaitable[T]],
    fits: Callable[[T], bool],
    what: str,
    seconds: float = PATIENCE_SECONDS,
) -> T:
    """Look again and again until what is seen fits, and return it.

    Raises:
        AssertionError: It did not in time; the message shows what was seen last.
    """
    until = time.monotonic() + seconds
    while True:
        seen = await look()
        if fits(seen):
            return seen
        assert time.monotonic() < until, f"{what} did not happen within {seconds:.0f} s: {seen}"
        await asyncio.sleep(_LOOK_EVERY)
