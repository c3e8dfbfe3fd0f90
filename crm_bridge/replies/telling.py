"""Tells citizens who wrote what becomes of their tickets, as the city has set it.

It hears what happens to tickets from the outbox, as other systems do, and writes replies down in the transaction that
marks the entry done: each once, however often the entry comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from channels.protocol import Reply, ReplyKind
from crm_bridge.callbacks.tables import CallbackRow
from crm_bridge.progress.reading import progress_of
from crm_bridge.replies import wording
from crm_bridge.replies.service import Replies
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.tickets.tables import AssignmentRow, TicketContactRow, TicketRow, TicketWaitRow
from crm_bridge.tickets.vocabulary import AssignmentRole, TicketEvent, Wait
from infra.kit.outbox import OutboxEntry

_E = TicketEvent
_KINDS: Mapping[str, ReplyKind] = MappingProxyType(
    {
        _E.dispatched: ReplyKind.progress,
        _E.designated: ReplyKind.progress,
        _E.passed_on: ReplyKind.progress,
        _E.extension_approved: ReplyKind.progress,
        _E.answered: ReplyKind.answer,
        _E.not_accepted: ReplyKind.answer,
        _E.accepted: ReplyKind.answer,
        _E.main_finished: ReplyKind.answer,
        _E.archived: ReplyKind.rating,
    }
)
"""What a citizen is told of which event; of all others nothing by itself."""


class RatingLinks(Protocol):
    """Makes the addresses at which citizens rate."""

    def rating_link(self, ticket_id: int) -> str:
        """Return the address at which the citizen of this ticket rates it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a citizen is told, and the attachments that go with it."""

    reply: Reply
    files: Sequence[int] = ()


class Telling:
    """Follows tickets and tells their citizens.

    Args:
        replies: Writes down what is told.
        settings: What is told, and in which words.
        zone: The city's time, whose days citizens read.
        links: Makes the addresses for rating; without, nobody is asked to rate in writing.
    """

    def __init__(
        self,
        replies: Replies,
        settings: ReplySettings,
        zone: ZoneInfo,
        links: RatingLinks | None = None,
    ) -> None:
        self._replies = replies
        self._settings = settings
        self._zone = zone
        self._links = links
        self._makers: Mapping[ReplyKind, _Maker] = {
            ReplyKind.progress: self._progress,
            ReplyKind.answer: self._answer,
            ReplyKind.rating: self._rating,
        }

    async def follow(self, session: AsyncSession, entry: OutboxEntry) -> None:
        """Write down what an entry of the outbox means for the ticket's citizen; most mean nothing."""
        event = entry.body.get("event", "")
        kind = _KINDS.get(event)
        if kind is None or not self._wanted(event, kind) or "ticket_id" not in entry.body:
            return
        ticket = await session.get(TicketRow, entry.body["ticket_id"])
        contact_id = await written_contact(session, ticket) if ticket is not None else None
        if ticket is None or contact_id is None:
            return
        told = await self._makers[kind](session, ticket, entry)
        if told is not None:
            await self._replies.send(
                session, contact_id, told.reply, ticket_id=ticket.id, files=told.files
            )
            self._replies.poke()

    def _wanted(self, event: str, kind: ReplyKind) -> bool:
        if event == _E.extension_approved:
            return self._settings.tell_extensions
        return kind in self._settings.kinds

    async def _progress(
        self, session: AsyncSession, ticket: TicketRow, entry: OutboxEntry
    ) -> _Told | None:
        if entry.kind == "ticket.assigned":
            return None  # told of by the ticket itself
        if entry.body["event"] == _E.extension_approved:
            return await self._extension(session, ticket)
        version = int(entry.body["version"])
        reply = wording.progress(self._settings, _id(ticket), version, ticket.number)
        return _Told(reply=reply)

    async def _extension(self, session: AsyncSession, ticket: TicketRow) -> _Told | None:
        until = await _extended_until(session, ticket)
        if until is None:
            return None
        day = until.astimezone(self._zone).date()
        return _Told(
            reply=wording.extension(self._settings, _id(ticket), ticket.round, ticket.number, day)
        )

    async def _answer(
        self, session: AsyncSession, ticket: TicketRow, entry: OutboxEntry
    ) -> _Told | None:
        # A joined ticket's answer is its main one's.
        source = ticket.main_id or _id(ticket)
        progress = await progress_of(session, source)
        if not progress.answer:
            return None
        round_ = int(entry.body.get("round", ticket.round))
        files = [one.id for one in progress.files]
        # On the pages they stand with the ticket that was answered.
        shown = len(files) if self._links is not None and source == _id(ticket) else 0
        reply = wording.answer(
            self._settings, _id(ticket), round_, ticket.number, progress.answer, files=shown
        )
        return _Told(reply=reply, files=files)

    async def _rating(
        self, session: AsyncSession, ticket: TicketRow, entry: OutboxEntry
    ) -> _Told | None:
        if self._links is None or not await _cannot_be_rung(session, ticket):
            return None
        link = self._links.rating_link(_id(ticket))
        round_ = int(entry.body.get("round", ticket.round))
        reply = wording.rating(self._settings, _id(ticket), round_, ticket.number, link)
        return _Told(reply=reply)


_Maker = Callable[[AsyncSession, TicketRow, OutboxEntry], Awaitable[_Told | None]]


async def written_contact(session: AsyncSession, ticket: TicketRow) -> int | None:
    """Return the last contact of the ticket's citizen that came in writing; None if he only ever rang."""
    statement = (
        select(ContactRow.id)
        .join(TicketContactRow, col(TicketContactRow.contact_id) == ContactRow.id)
        .where(TicketContactRow.ticket_id == ticket.id, col(ContactRow.message).is_not(None))
        .order_by(col(ContactRow.id).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def _extended_until(session: AsyncSession, ticket: TicketRow) -> datetime | None:
    """Return until when the ticket's lead has; None when its citizen need not be told of an extension any more."""
    statement = (
        select(AssignmentRow.due_at)
        .join(TicketWaitRow, col(TicketWaitRow.ticket_id) == AssignmentRow.ticket_id)
        .where(
            TicketWaitRow.ticket_id == ticket.id,
            TicketWaitRow.kind == Wait.to_tell,
            AssignmentRow.role == AssignmentRole.lead,
            col(AssignmentRow.ended_at).is_(None),
        )
    )
    return (await session.exec(statement)).first()


async def _cannot_be_rung(session: AsyncSession, ticket: TicketRow) -> bool:
    """Return whether the citizen is not rung to be asked, because his number is not known or he asked so."""
    statement = select(CallbackRow.id).where(
        CallbackRow.ticket_id == ticket.id,
        CallbackRow.round == ticket.round,
        col(CallbackRow.bar).is_not(None),
    )
    return (await session.exec(statement)).first() is not None


def _id(ticket: TicketRow) -> int:
    assert ticket.id is not None  # noqa: S101  # it was read from the database
    return ticket.id
