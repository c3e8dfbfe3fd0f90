"""Has a model learned in a process of its own: learning takes a while, and the event loop must not wait for it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.suggestions.past import confirmed, units_of
from crm_bridge.suggestions.settings import SuggestionSettings
from crm_bridge.suggestions.training import Task, example_line, matter_as_json
from crm_bridge.units.rules import UnitKind
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import LianxinError

log = structlog.get_logger()


class TrainingFailed(LianxinError):
    """The process that learns has failed or taken too long; the model that there was stays."""

    slug = "training-failed"
    title_zh = "派单模型训练失败，原有模型保持不变，请稍后重试"
    title_en = "Training failed; the model that there was stays. Try again later"


class NothingToLearn(TrainingFailed):
    """The city has no unit yet that could be given tickets."""

    slug = "nothing-to-learn"
    title_zh = "还没有承办单位：请先启动一次系统，或用 lianxin import units 导入"
    title_en = (
        "There are no units yet: start the system once, or import them (lianxin import units)"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What became of a training.

    Attributes:
        version: Of the new model.
        confirmed: How many confirmed dispatches it learned from.
        shipped: How many examples that ship.
        terms: How large its vocabulary is.
        seconds: How long the learning itself took.
    """

    version: str
    confirmed: int
    shipped: int
    terms: int
    seconds: float


class Trainer:
    """Makes models.

    Args:
        database: Where the past lies.
        clock: Gives the time.
        catalogue: Which unit answers for what.
        settings: How far back is learned from, and where the model goes.
    """

    def __init__(
        self, database: Database, clock: Clock, catalogue: Catalogue, settings: SuggestionSettings
    ) -> None:
        self._database = database
        self._clock = clock
        self._catalogue = catalogue
        self._settings = settings

    async def train(self) -> Trained | None:
        """Make a new model; None when another process is just doing so.

        Raises:
            TrainingFailed: It failed or took too long.
        """
        with _alone(self._settings.model_file) as mine:
            if not mine:
                return None
            process = await _start()
            try:
                async with asyncio.timeout(self._settings.train_minutes_at_most * 60):
                    return await self._teach(process)
            except TimeoutError:
                raise TrainingFailed("training took too long", "训练超时") from None
            finally:
                await _end(process)

    async def _teach(self, process: Process) -> Trained:
        assert process.stdin is not None  # noqa: S101  # it was asked for
        assert process.stdout is not None  # noqa: S101  # it was asked for
        with suppress(BrokenPipeError, ConnectionResetError):  # then its exit code tells
            process.stdin.write((await self._task()).line())
            settings = self._settings
            since = self._clock.now() - settings.history
            async for question, unit in confirmed(self._database, since, settings.history_tickets):
                process.stdin.write(example_line(question, unit))
                await process.stdin.drain()
        process.stdin.close()
        told = await process.stdout.read()
        if await process.wait() != 0:
            raise TrainingFailed("the process that learns has failed", "训练进程异常退出")
        return Trained(**json.loads(told))

    async def _task(self) -> Task:
        snapshot = await self._catalogue.current()
        async with self._database.reading() as session:
            units = await units_of(session)
        if not units:
            raise NothingToLearn
        return Task(
            out=str(self._settings.model_file.absolute()),
            at=self._clock.now().isoformat(),
            least=self._settings.least_tickets,
            units=[unit.code for unit in units],
            areas=[unit.code for unit in units if unit.kind is UnitKind.subdistrict],
            matters=[matter_as_json(matter) for matter in snapshot.matters],
            catalogue=snapshot.version.number,
        )


async def _start() -> Process:
    # It gets no setting and no key, only where Python finds its modules.
    environment = {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONIOENCODING": "utf-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": os.environ.get("PATH", ""),
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),  # noqa: S108  # its own folder is made below it
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "crm_bridge.suggestions.training"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,  # a trace would show the texts that it was at
        env=environment,
    )


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextmanager
def _alone(model_file: Path) -> Iterator[bool]:
    """Yield whether no other process is making this model; while in the block none other will."""
    model_file.parent.mkdir(parents=True, exist_ok=True)
    with model_file.with_suffix(".lock").open("a") as file:
        mine = _lock(file)
        try:
            yield mine
        finally:
            if mine:
                fcntl.flock(file, fcntl.LOCK_UN)


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
