"""Background tasks, each with an owner that starts it again when it fails and ends it when the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

import structlog
from prometheus_client import CollectorRegistry, Counter

from infra.kit.backoff import Backoff

log = structlog.get_logger()

Work = Callable[[], Awaitable[None]]
"""What a task does; called again when it raised."""

_BACKOFF = Backoff(first=timedelta(seconds=0.2), longest=timedelta(seconds=30))
_HEALTHY_AFTER = 30.0


@dataclass(slots=True)
class _Watched:
    task: asyncio.Task[None]
    restarts: int = 0
    failing: bool = False


class Supervisor:
    """Owns background tasks.

    A task that raises is started again after a jittered, growing delay; one that returns is done. Leaving the
    `async with` block cancels all of them and waits for them.

    Args:
        registry: Where the restart counter is registered.
    """

    def __init__(self, *, registry: CollectorRegistry | None = None) -> None:
        self._watched: dict[str, _Watched] = {}
        self._restarts = Counter(
            "lianxin_task_restarts", "Background tasks started again", ["task"], registry=registry
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def spawn(self, name: str, work: Work) -> None:
        """Run `work()` under this name until it returns or the supervisor stops.

        Raises:
            ValueError: The name is taken by a task that still runs.
        """
        known = self._watched.get(name)
        if known is not None and not known.task.done():
            raise ValueError(f"a task named {name} is running")
        self._watched[name] = _Watched(asyncio.create_task(self._watch(name, work), name=name))

    @asynccontextmanager
    async def running(self, **work: Work) -> AsyncIterator[None]:
        """Run tasks inside the block, under their keywords; leaving it ends them."""
        for name, function in work.items():
            self.spawn(name, function)
        try:
            yield
        finally:
            await self._cancel([self._watched.pop(name).task for name in work])

    async def stop(self) -> None:
        """Cancel every task and return when all have ended."""
        await self._cancel([watched.task for watched in self._watched.values()])

    async def _cancel(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def failing(self) -> list[str]:
        """Return the names of the tasks that are waiting to be started again."""
        return sorted(name for name, watched in self._watched.items() if watched.failing)

    async def _watch(self, name: str, work: Work) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await work()
            except Exception as error:  # whatever it was, the task is started again
                watched = self._watched[name]
                watched.restarts += 1
                watched.failing = True
                self._restarts.labels(name).inc()
                log.exception("task_failed", task=name, error=type(error).__name__)
            else:
                return
            failures = 1 if loop.time() - started > _HEALTHY_AFTER else failures + 1
            await asyncio.sleep(_BACKOFF.after(failures).total_seconds())
            self._watched[name].failing = False
