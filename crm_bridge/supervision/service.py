"""Use cases of supervision; each is one transaction, with the audit log and the feeds in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.service import Attachments
from channels.contacts.service import Contacts
from crm_bridge.supervision import answering
from crm_bridge.supervision.cases import mending
from crm_bridge.supervision.issuing import Draft, Issuing
from crm_bridge.supervision.notices import Notices
from crm_bridge.supervision.paper import Minutes, NewPaper
from crm_bridge.supervision.papers import files_of
from crm_bridge.supervision.rules import (
    OPEN,
    Cause,
    PaperEvent,
    Rung,
    follow,
    step,
)
from crm_bridge.supervision.settings import SupervisionSettings
from crm_bridge.supervision.tables import CONCLUSION_LENGTH, PaperRow, RecipientRow
from crm_bridge.tickets.tables import AssignmentRow
from infra.kit import audit, idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal


class Supervision:
    """Papers, from their issue to their end.

    Args:
        database: Where they lie.
        clock: Gives the time.
        settings: The limit for reporting on a meeting's decisions.
        issuing: Writes them.
        notices: Tells those concerned.
        attachments: Knows what was uploaded for a reply.
        contacts: Knows the citizens' names, which nobody writes into minutes or conclusions.
        poke: Wakes the relay when there is something to tell.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: SupervisionSettings,
        issuing: Issuing,
        notices: Notices,
        attachments: Attachments,
        contacts: Contacts,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._issuing = issuing
        self._notices = notices
        self._attachments = attachments
        self._contacts = contacts
        self._poke = poke

    async def raise_to(
        self, session: AsyncSession, assignment: AssignmentRow, rung: Rung, cause: Cause
    ) -> int:
        """Issue what a rule demands for an assignment, in the caller's transaction.

        The same rung of the same assignment, round and deadline is issued once, however often and by however many
        workers it is asked for. The caller wakes the relay after his commit.

        Args:
            session: The transaction; from here to its end no other paper of this rung gets a number.
            assignment: Which unit has what.
            rung: What is issued.
            cause: Why; it stands in the paper.

        Returns:
            The row of the paper, new or earlier.

        Raises:
            Invalid: The ticket is archived or stopped.
        """
        row = await self._issuing.by_rule(session, assignment, rung, cause)
        assert row.id is not None  # noqa: S101  # a stored row has its id
        return row.id

    async def issue(
        self, principal: Principal, new: NewPaper, *, key: IdempotencyKey | None = None
    ) -> int:
        """Issue a paper by hand.

        Args:
            principal: Who issues it.
            new: What was filled in.
            key: Sent again, the same key gives the same paper.

        Returns:
            The row of the paper.

        Raises:
            Invalid: Something that is named does not exist, or what the rung must hold is missing.
        """
        async with self._database.transaction() as session:
            earlier = await idempotency.earlier(session, key)
            if earlier is not None:
                return int(earlier)
            row = await self._issuing.by_hand(session, principal, new)
            assert row.id is not None  # noqa: S101  # it was just stored
            await idempotency.keep(session, key, str(row.id), self._clock.now())
        self._poke()
        return row.id

    async def preview(self, new: NewPaper) -> Draft:
        """Return what `issue` would issue now, without a number; nothing is written.

        Raises:
            Invalid: As of `issue`.
        """
        async with self._database.reading() as session:
            return await self._issuing.draft(session, new)

    async def read(self, principal: Principal, paper_id: int) -> None:
        """Write down that the principal's unit has read a paper; a second time nothing more happens.

        Raises:
            NotFound: There is no such paper, or it did not go to this unit.
        """
        async with self._database.transaction() as session:
            paper, recipients = await self._locked(session, paper_id)
            own = answering.own_of(principal, recipients)
            if own.read_at is not None or paper.state not in OPEN:
                return
            own.read_at, own.read_by = self._clock.now(), principal.number
            paper.state = step(paper.rung, paper.state, map(answering.receipt_of, recipients))
            await self._audit(session, principal, paper, "read")
            await self._notices.centre(session, paper, "supervision.read", own.unit)
        self._poke()

    async def reply(
        self,
        principal: Principal,
        paper_id: int,
        text: str,
        attachments: Sequence[int] = (),
        *,
        mends: datetime | None = None,
        key: IdempotencyKey | None = None,
    ) -> None:
        """Reply to a paper for the principal's unit, which has then read it too; or mend its reply.

        Args:
            principal: Who replies.
            paper_id: Row of the paper.
            text: What has been done.
            attachments: Files that he has uploaded for it; those of the reply that it mends stay.
            mends: When the reply was written that this one puts right; None for the first.
            key: Sent again, the same key replies once.

        Raises:
            NotFound: There is no such paper, or it did not go to this unit.
            Forbidden: The unit only got a copy.
            PaperRefused: The unit has replied already, the paper takes no replies now, or there is no such reply to
                mend any more.
            Invalid: A file is not there, or not his.
        """
        async with self._database.transaction() as session:
            paper, recipients = await self._locked(session, paper_id)
            if await idempotency.earlier(session, key) is not None:
                return
            own = answering.own_of(principal, recipients)
            now = self._clock.now()
            if mends is None:
                answering.reply(paper, own, principal, text, now)
            else:
                answering.mend(paper, own, principal, text, mends=mends, at=now)
            if attachments:
                subject = files_of(paper_id, own.unit)
                await self._attachments.attach(session, principal, attachments, subject)
            paper.state = step(paper.rung, paper.state, map(answering.receipt_of, recipients))
            await idempotency.keep(session, key, str(paper_id), now)
            act = "reply" if mends is None else "reply_mended"
            await self._audit(session, principal, paper, act, attachments=list(attachments))
            await self._notices.centre(session, paper, "supervision.replied", own.unit)
        self._poke()

    async def minute(self, principal: Principal, paper_id: int, minutes: Minutes) -> None:
        """Write the minutes of a coordination meeting; from then on its decisions are to be reported on.

        Raises:
            NotFound: There is no such paper.
            PaperRefused: It is no meeting, or has its minutes.
        """
        async with self._database.transaction() as session:
            paper, _ = await self._locked(session, paper_id)
            paper.state = follow(paper.rung, paper.state, PaperEvent.minuted)
            days = minutes.reply_days or self._settings.reply_days(Rung.meeting)
            mend = await mending(session, self._contacts, paper.ticket_id)
            paper.minutes = minutes.mended(mend).stored()
            paper.minuted_at, paper.minuted_by = self._clock.now(), principal.number
            paper.reply_due_at = await self._issuing.in_days(session, days)
            await self._audit(session, principal, paper, "minutes")
            await self._notices.units(session, paper, "supervision.minuted")
        self._poke()

    async def end(
        self, principal: Principal, paper_id: int, event: PaperEvent, conclusion: str
    ) -> None:
        """Close, delist or withdraw a paper.

        Args:
            principal: Who decides.
            paper_id: Row of the paper.
            event: `closed`, `delisted` or `withdrawn`.
            conclusion: The result, the decision or the reason.

        Raises:
            NotFound: There is no such paper.
            PaperRefused: Its rung or state does not allow it; the message says what to do first.
        """
        async with self._database.transaction() as session:
            paper, _ = await self._locked(session, paper_id)
            paper.state = follow(paper.rung, paper.state, event)
            paper.closed_at, paper.closed_by = self._clock.now(), principal.number
            mend = await mending(session, self._contacts, paper.ticket_id)
            paper.conclusion = mend(conclusion)[:CONCLUSION_LENGTH]
            await self._audit(session, principal, paper, event.value)
            await self._notices.units(session, paper, f"supervision.{event.value}")
        self._poke()

    async def _locked(
        self, session: AsyncSession, paper_id: int
    ) -> tuple[PaperRow, Sequence[RecipientRow]]:
        # Acts on one paper follow each other: PostgreSQL locks the row, SQLite has one writer.
        paper = await session.get(PaperRow, paper_id, with_for_update=True, populate_existing=True)
        if paper is None:
            raise NotFound
        of_paper = select(RecipientRow).where(col(RecipientRow.paper_id) == paper_id)
        return paper, (await session.exec(of_paper)).all()

    async def _audit(
        self,
        session: AsyncSession,
        principal: Principal,
        paper: PaperRow,
        act: str,
        **detail: Any,
    ) -> None:
        await session.flush()
        await audit.write(
            session,
            self._clock,
            actor=principal,
            action=f"supervision.{act}",
            subject=f"paper:{paper.id}",
            detail={"number": paper.number, "state": paper.state.value} | detail,
        )
