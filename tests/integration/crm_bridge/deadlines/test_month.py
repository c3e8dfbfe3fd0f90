"""A simulated month with two workers at once: everything that the clock demands happens exactly once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlmodel import col, select

from crm_bridge.callbacks.tables import CallbackRow
from crm_bridge.deadlines.worker import DeadlineWorker
from crm_bridge.supervision.tables import PaperRow
from crm_bridge.tickets.details import Decided
from crm_bridge.tickets.happenings import Happening
from crm_bridge.tickets.projection import differences, happening_of
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.tables import TicketEventRow
from infra.kit.database import Database
from infra.kit.errors import Invalid
from infra.kit.outbox import OutboxRow
from tests.integration.crm_bridge.deadlines.city import City, supervision
from tests.integration.crm_bridge.deadlines.month import (
    BEGIN,
    Effects,
    Story,
    effects_of,
    looks,
    stories,
)

TICKETS = {"postgresql": 110, "sqlite": 60}
"""On SQLite two processes take turns by looking again and again, which is slow."""
SEED = 20260302


@pytest.fixture
async def workers(city: City) -> AsyncIterator[list[DeadlineWorker]]:
    """Two workers with connections of their own, as two processes have them, and the papers of supervision."""
    others = [Database(city.database.url.render_as_string(hide_password=False)) for _ in range(2)]
    yield [city.new_worker(other, supervision(city, other)) for other in others]
    for other in others:
        await other.close()


@pytest.mark.timeout(400)
async def test_in_a_month_with_two_workers_everything_happens_exactly_once(
    city: City, workers: list[DeadlineWorker]
) -> None:
    moments = looks(SEED)
    plans = stories(SEED, TICKETS[city.database.dialect])
    tickets: dict[int, Story] = {}
    before = BEGIN
    for moment in moments:
        await act(city, plans, tickets, before, moment)
        city.clock.set(moment)
        await asyncio.gather(*(one.run_once() for one in workers))
        before = moment

    logs = await logs_of(city)
    expected, found = effects_of(logs, moments), await effects_in(city, logs)
    assert found.told == expected.told
    assert found.papers == expected.papers
    assert found.callbacks == expected.callbacks
    assert found.accepted == expected.accepted
    # The month has something of everything.
    kinds = Counter(what for _, what, *_ in found.told.elements())
    rungs = Counter(kind for _, kind, *_ in found.papers.elements())
    assert set(kinds) == {"warning 48", "warning 24", "sign_overdue"}
    assert len(rungs) == 4
    assert min(*kinds.values(), *rungs.values(), len(found.accepted)) >= 2
    reminders = Counter((ticket, n) for _, kind, ticket, n in found.papers if "reminder" in kind)
    assert max(reminders.values()) == 2, "nobody let an extended deadline pass, too"
    for ticket in tickets:
        async with city.database.reading() as session:
            assert await differences(session, ticket) == []


async def act(
    city: City,
    plans: list[Story],
    tickets: dict[int, Story],
    after: datetime,
    before: datetime,
) -> None:
    """Let everything happen that was planned between two looks; what a ticket's rules refuse does not happen."""
    acts = [
        (at, ticket, event, detail)
        for ticket, story in tickets.items()
        for at, event, detail in story.acts
        if after <= at < before
    ]
    async with city.database.transaction() as session:
        while plans and plans[0].at < before:
            story = plans.pop(0)
            city.clock.set(story.at)
            ticket = await city.dispatch(
                session,
                lead=story.lead,
                helpers=story.helpers,
                type=story.type,
                urgency=story.urgency,
            )
            tickets[ticket] = story
            acts += [(at, ticket, event, detail) for at, event, detail in story.acts if at < before]
        for at, ticket, event, detail in sorted(acts, key=lambda one: one[:2]):
            city.clock.set(at)
            try:
                await city.ledger.happen(session, ticket, event, detail=detail)
            except (TransitionRefused, Invalid):
                continue


async def logs_of(city: City) -> dict[int, list[Happening]]:
    statement = select(TicketEventRow).order_by(
        col(TicketEventRow.ticket_id), col(TicketEventRow.seq)
    )
    logs: dict[int, list[Happening]] = {}
    async with city.database.reading() as session:
        for row in (await session.exec(statement)).all():
            logs.setdefault(row.ticket_id, []).append(happening_of(row))
    return logs


async def effects_in(city: City, logs: dict[int, list[Happening]]) -> Effects:
    """Return what the outbox, the papers, the callbacks and the logs say has happened."""
    found = Effects()
    async with city.database.reading() as session:
        outbox = (await session.exec(select(OutboxRow))).all()
        papers = (await session.exec(select(PaperRow))).all()
        callbacks = (await session.exec(select(CallbackRow))).all()
    for row in outbox:
        data = row.body.get("data", row.body)
        if row.kind.startswith("deadline."):
            hours = f" {data['hours']}" if "hours" in data else ""
            what = row.kind.removeprefix("deadline.") + hours
            deadline = data.get("due_at") or data["sign_due_at"]
            found.told[row.created_at, what, data["ticket_id"], data["n"], deadline] += 1
    for paper in papers:
        assert paper.n is not None
        found.papers[paper.issued_at, f"{paper.rung}:{paper.cause}", paper.ticket_id, paper.n] += 1
    found.callbacks = {row.ticket_id: row.created_at for row in callbacks}
    for ticket, log in logs.items():
        for happening in log:
            if isinstance(happening.detail, Decided) and happening.detail.by_rule:
                found.accepted[ticket, happening.detail.n] = happening.at
    return found
