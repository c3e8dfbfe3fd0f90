from __future__ import annotations

import asyncio

import pytest

from infra.kit.health import Health, Report
from infra.kit.tasks import Supervisor


async def test_a_task_that_raises_is_started_again() -> None:
    runs = 0
    enough = asyncio.Event()

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise RuntimeError
        enough.set()

    async with Supervisor() as supervisor, asyncio.timeout(10):
        supervisor.spawn("work", work)
        await enough.wait()
    assert runs == 3


async def test_stopping_ends_every_task_and_waits_for_its_last_words() -> None:
    said: list[str] = []
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            said.append("goodbye")

    async with Supervisor() as supervisor:
        supervisor.spawn("work", work)
        await started.wait()
    assert said == ["goodbye"]


async def test_a_name_is_used_once_at_a_time() -> None:
    async with Supervisor() as supervisor:
        supervisor.spawn("work", asyncio.Event().wait)  # type: ignore[arg-type]  # it never returns
        with pytest.raises(ValueError, match="work"):
            supervisor.spawn("work", asyncio.Event().wait)  # type: ignore[arg-type]  # it never returns


async def test_a_check_that_breaks_is_a_finding_and_not_a_crash() -> None:
    health = Health()

    async def good() -> Report:
        return Report(ok=True)

    async def bad() -> Report:
        raise ConnectionError("secret host")

    health.add("good", good)
    health.add("bad", bad)
    reports = await health.reports()
    assert (reports["good"].ok, reports["bad"].ok) == (True, False)
    assert reports["bad"].detail_en == "ConnectionError"


async def test_however_many_ask_a_dependency_is_asked_once() -> None:
    health = Health()
    asked = 0

    async def count() -> Report:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return Report(ok=True)

    health.add("count", count)
    reports = await asyncio.gather(*(health.reports() for _ in range(50)))
    assert asked == 1
    assert all(report["count"].ok for report in reports)


async def test_tasks_of_a_block_end_with_it_and_their_names_are_free_again() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    async with Supervisor() as supervisor:
        for _ in range(2):
            async with supervisor.running(work=work):
                await asyncio.sleep(0)
    assert ended == ["work", "work"]
