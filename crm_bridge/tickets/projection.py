"""Rows that repeat what the events say, so that tickets can be listed and counted without reading their logs.

Everything here is a function of a ticket's life: writing a life's rows anew gives the same rows (`differences`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from crm_bridge.tickets.assignment import Assignment
from crm_bridge.tickets.details import Amended
from crm_bridge.tickets.happenings import Happening, detail_of
from crm_bridge.tickets.life import Life
from crm_bridge.tickets.rules import life_of
from crm_bridge.tickets.tables import (
    AssignmentRow,
    TicketContactRow,
    TicketEventRow,
    TicketRow,
    TicketWaitRow,
)
from crm_bridge.tickets.vocabulary import TicketType, Urgency
from infra.kit.errors import Refused

AMENDABLE: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "type": TicketType,
        "category": str,
        "urgency": Urgency,
        "title": str,
        "address": str,
        "confidential": bool,
    }
)
"""What of a registration can be put right, and the type of each."""

_ASSIGNMENT_FIELDS = tuple(field.name for field in fields(Assignment))


def happening_of(row: TicketEventRow) -> Happening:
    """Return the happening that an entry of the log is."""
    return Happening(
        event=row.event, at=row.at, actor=row.actor, detail=detail_of(row.event, row.detail)
    )


async def log_of(session: AsyncSession, ticket_id: int) -> Sequence[TicketEventRow]:
    """Return the whole log of a ticket, in order."""
    statement = (
        select(TicketEventRow)
        .where(TicketEventRow.ticket_id == ticket_id)
        .order_by(col(TicketEventRow.seq))
    )
    return (await session.exec(statement)).all()


async def stored_life(session: AsyncSession, ticket_id: int) -> Life:
    """Return what the log of a ticket says."""
    return life_of(happening_of(row) for row in await log_of(session, ticket_id))


async def project(session: AsyncSession, row: TicketRow, before: Life, after: Life) -> None:
    """Write what has changed in a ticket's life into its rows, in the caller's transaction."""
    assert row.id is not None  # noqa: S101  # the row is stored
    for name, value in ticket_fields(after).items():
        setattr(row, name, value)
    changed = [a for a in after.assignments if a not in before.assignments]
    if changed:
        await _write_assignments(session, row, changed, len(before.assignments))
    waiting, waits = before.waits(), after.waits()
    for kind, n in waiting.keys() - waits.keys():
        await session.exec(
            delete(TicketWaitRow).where(
                col(TicketWaitRow.ticket_id) == row.id,
                col(TicketWaitRow.kind) == kind,
                col(TicketWaitRow.n) == n,
            )
        )
    for (kind, n), since in waits.items():
        if waiting.get((kind, n)) != since:
            await session.merge(TicketWaitRow(ticket_id=row.id, kind=kind, n=n, since=since))


async def amend(session: AsyncSession, row: TicketRow, detail: Amended) -> None:
    """Put right what a ticket's registration says, and what its assignments repeat of it."""
    for name, value in detail.changes.items():
        setattr(row, name, AMENDABLE[name](value))
    await session.exec(
        update(AssignmentRow)
        .where(col(AssignmentRow.ticket_id) == row.id)
        .values(category=row.category, type=row.type)
    )


async def differences(session: AsyncSession, ticket_id: int) -> list[str]:
    """Return where a ticket's rows are not what its log says; nothing when all is well.

    Every name is that of a column, or of an assignment and its column; no values, as they may be personal.
    """
    row = await session.get_one(TicketRow, ticket_id)
    log = await log_of(session, ticket_id)
    try:
        life = life_of(happening_of(entry) for entry in log)
    except (Refused, ValueError):
        # No ticket can have lived so: somebody else has written into the log.
        return ["ticket_events"]
    found = [
        f"tickets.{name}"
        for name, value in ticket_fields(life).items()
        if getattr(row, name) != value
    ]
    if row.version != len(log) or [entry.seq for entry in log] != list(range(1, len(log) + 1)):
        found.append("tickets.version")
    statement = select(AssignmentRow).where(AssignmentRow.ticket_id == ticket_id)
    rows = (await session.exec(statement.order_by(col(AssignmentRow.n)))).all()
    if [assignment.n for assignment in rows] != [a.n for a in life.assignments]:
        found.append("assignments.n")
    for assignment, said in zip(rows, life.assignments, strict=False):
        for name, value in (_assignment_fields(said) | _repeated(row)).items():
            if getattr(assignment, name) != value:
                found.append(f"assignments[{said.n}].{name}")
    waits = select(TicketWaitRow).where(TicketWaitRow.ticket_id == ticket_id)
    kept = {(wait.kind, wait.n): wait.since for wait in (await session.exec(waits)).all()}
    return found + (["ticket_waits"] if kept != life.waits() else [])


async def _write_assignments(
    session: AsyncSession, row: TicketRow, changed: Iterable[Assignment], known: int
) -> None:
    assert row.id is not None  # noqa: S101  # the row is stored
    of_ticket = select(AssignmentRow).where(AssignmentRow.ticket_id == row.id)
    stored = {one.n: one for one in (await session.exec(of_ticket)).all()} if known else {}
    channel = next((one.channel for one in stored.values()), None)
    for assignment in changed:
        values = _assignment_fields(assignment)
        if assignment.n in stored:
            for name, value in values.items():
                setattr(stored[assignment.n], name, value)
            continue
        channel = channel or await _channel(session, row)
        session.add(AssignmentRow(ticket_id=row.id, channel=channel, **values, **_repeated(row)))


async def _channel(session: AsyncSession, row: TicketRow) -> str:
    """Return the channel of the contact that opened the ticket."""
    statement = (
        select(ContactRow.channel)
        .join(TicketContactRow, col(TicketContactRow.contact_id) == ContactRow.id)
        .where(TicketContactRow.ticket_id == row.id)
        .order_by(col(ContactRow.id))
        .limit(1)
    )
    return (await session.exec(statement)).first() or ""


def ticket_fields(life: Life) -> Mapping[str, Any]:
    """Return what the row of a ticket repeats of its log."""
    return {
        "state": life.state,
        "round": life.round,
        "closed_at": life.closed_at,
        "rating": life.rating,
        "main_id": life.main_id,
        "instructed": life.instructed,
        "redos": life.redos,
        "transfers": life.transfers,
        "talk_by": life.lane.owed_talk if life.lane and life.lead else None,
    }


def _assignment_fields(assignment: Assignment) -> dict[str, Any]:
    return {name: getattr(assignment, name) for name in _ASSIGNMENT_FIELDS}


def _repeated(row: TicketRow) -> dict[str, Any]:
    """Return what an assignment repeats of its ticket."""
    return {"category": row.category, "type": row.type, "agent": row.agent}
