"""Suggested units: learning from 100 000 confirmed dispatches, answering, and how many answers are right.

The city asks for less than a minute of learning and less than 20 ms an answer. The history is made of the shipped
examples, stretched and mixed: it is long enough, but teaches nothing new, so how many are right is told of what ships.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
from sqlalchemy import create_engine, insert

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.categories.service import Categories
from crm_bridge.sheets.reading import read
from crm_bridge.suggestions.adviser import Adviser
from crm_bridge.suggestions.evaluation import COLUMNS, Labelled, evaluate, labelled
from crm_bridge.suggestions.model import load
from crm_bridge.suggestions.service import Suggestions
from crm_bridge.suggestions.settings import SuggestionSettings
from crm_bridge.suggestions.shipped import (
    examples_to_learn,
    file_to_test,
    shipped_matters,
    shipped_units,
)
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketState,
    TicketType,
    Urgency,
)
from crm_bridge.units.service import Units
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.run.tables import whole_metadata

TICKETS = 100_000
ASKED = 3_000
_BATCH = 5_000
_LENGTH = 120


def main() -> None:
    """Run the bench."""
    with tempfile.TemporaryDirectory(prefix="lianxin-bench-") as folder:
        asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> None:
    url = f"sqlite:///{folder}/bench.db"
    engine = create_engine(url)
    whole_metadata().create_all(engine)
    engine.dispose()
    database, clock = Database(url), SystemClock()
    for seeding in (
        Categories(database, clock),
        Units(database, clock),
        Catalogue(database, clock),
    ):
        await seeding.seed()
    settings = SuggestionSettings(model_file=folder / "model.npz")
    suggestions = Suggestions(database, clock, Catalogue(database, clock), settings, timedelta())
    asked = labelled(read(file_to_test(), COLUMNS), [unit.code for unit in shipped_units()])

    trained = await suggestions.train()
    assert trained is not None
    _tell_right("what ships", settings.model_file, asked)
    _write_history(url)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked_before = children.ru_utime + children.ru_stime
    began = time.perf_counter()
    trained = await suggestions.train()
    seconds = time.perf_counter() - began
    assert trained is not None
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = children.ru_utime + children.ru_stime - worked_before
    print(
        f"learning from {trained.confirmed:,} dispatches: {seconds:.1f} s in all, of which the process that learns"
        f" had a processor for {worked:.1f} s; at most {children.ru_maxrss / 1024:.0f} MB there;"
        f" {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )
    before = psutil.Process().memory_info().rss
    model = load(settings.model_file)
    after = psutil.Process().memory_info().rss
    size = settings.model_file.stat().st_size
    print(
        f"the model: {len(model.vocabulary):,} terms, {size / 1e6:.1f} MB on disk,"
        f" {(after - before) / 1e6:.0f} MB read"
    )
    await _tell_speed(suggestions, asked)
    await database.close()


def _tell_right(title: str, path: Path, asked: Labelled) -> None:
    adviser = Adviser(shipped_units(), shipped_matters(), load(path))
    bare = [(replace(question, category=""), unit) for question, unit in asked]
    for name, questions in ((title, asked), (f"{title}, nobody chose a category", bare)):
        found = evaluate(adviser, questions)
        print(
            f"{name}: top-1 {found.first}/{found.asked} = {found.first / found.asked:.1%},"
            f" top-3 {found.shown}/{found.asked} = {found.shown / found.asked:.1%}"
        )


async def _tell_speed(suggestions: Suggestions, asked: Labelled) -> None:
    """Print how long an answer takes, with all that it reads from the database."""
    chance = random.Random(1)
    for question, _ in asked[:20]:
        await suggestions.suggest(question)
    taken = []
    for _ in range(ASKED):
        question, _unit = chance.choice(asked)
        began = time.perf_counter()
        await suggestions.suggest(question)
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    print(
        f"an answer: p50 {taken[len(taken) // 2]:.2f} ms, p99 {taken[len(taken) * 99 // 100]:.2f} ms,"
        f" longest {taken[-1]:.2f} ms"
    )


def _write_history(url: str) -> None:
    engine = create_engine(url)
    chance, examples = random.Random(12345), examples_to_learn()
    now = SystemClock().now()
    ids = iter(range(1, TICKETS + 1))
    while batch := [number for number, _ in zip(ids, range(_BATCH), strict=False)]:
        tickets, assignments = [], []
        for number in batch:
            question, unit = chance.choice(examples)
            at = now - timedelta(minutes=TICKETS - number)
            text = "，".join(_stretched(chance, examples, question.text))[:_LENGTH]
            tickets.append(
                {
                    "id": number,
                    "number": f"{number:012}",
                    "type": TicketType.complaint,
                    "category": question.category,
                    "title": question.title,
                    "text": text,
                    "address": f"{question.address}{chance.randrange(1, 200)}号",
                    "urgency": Urgency.normal,
                    "confidential": False,
                    "call_me_not": False,
                    "created_at": at,
                    "state": TicketState.archived,
                    "round": 1,
                    "version": 6,
                    "instructed": False,
                    "redos": 0,
                    "transfers": 0,
                }
            )
            assignments.append(
                {
                    "ticket_id": number,
                    "n": 1,
                    "round": 1,
                    "unit": unit,
                    "role": AssignmentRole.lead,
                    "state": AssignmentState.finished,
                    "designated": False,
                    "dispatched_at": at,
                    "sign_due_at": at,
                    "due_at": at,
                    "due_provisional": False,
                    "limit": "5wd",
                    "category": question.category,
                    "channel": "voice",
                    "type": TicketType.complaint,
                }
            )
        with engine.begin() as connection:
            connection.execute(insert(TicketRow), tickets)
            connection.execute(insert(AssignmentRow), assignments)
    engine.dispose()


def _stretched(chance: random.Random, examples: Labelled, text: str) -> Iterator[str]:
    """Yield a text with what a caller adds: a name, a number, pieces of other matters."""
    name = "".join(chr(chance.randrange(0x4E00, 0x6000)) for _ in range(3))
    yield f"{name}来电反映"
    yield text
    for _ in range(3):
        yield chance.choice(examples)[0].text[: chance.randrange(8, 30)]
    yield f"联系电话1{chance.randrange(10**9, 10**10)}"


if __name__ == "__main__":
    main()
