"""Issues papers: writes the letter, takes the next number, tells those concerned. In the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam
from sqlalchemy import text as sql
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.service import Contacts
from crm_bridge.deadlines.rules import Limit, LimitKind, WorkCalendar, due
from crm_bridge.supervision.cases import Case, gather
from crm_bridge.supervision.notices import Notices
from crm_bridge.supervision.paper import Listing, Meeting, NewPaper, Snapshot, require_contents
from crm_bridge.supervision.rules import (
    OPEN,
    Cause,
    Origin,
    PaperState,
    RecipientRole,
    Rung,
    occurrence,
    paper_number,
)
from crm_bridge.supervision.settings import SupervisionSettings
from crm_bridge.supervision.tables import PaperRow, RecipientRow
from crm_bridge.supervision.wording import Notice, Wording
from crm_bridge.tickets.tables import AssignmentRow
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import StrEnumType
from infra.kit.identity import Principal

_RUNG = bindparam("rung", type_=StrEnumType(Rung))
_HOLD_SERIAL = sql(
    "INSERT INTO supervision_serials (rung, year, last) VALUES (:rung, :year, 0)"
    " ON CONFLICT (rung, year) DO UPDATE SET last = supervision_serials.last"
).bindparams(_RUNG)
_TAKE_SERIAL = sql(
    "INSERT INTO supervision_serials (rung, year, last) VALUES (:rung, :year, 1)"
    " ON CONFLICT (rung, year) DO UPDATE SET last = supervision_serials.last + 1 RETURNING last"
).bindparams(_RUNG)
_PARTICIPANTS = ("主送单位分管负责人、具体承办人和其他有关人员。",)
_LEADER = "主送单位主要负责人（第一责任人）"


class WorkingTime(Protocol):
    """Knows the city's working calendar."""

    async def calendar(self, session: AsyncSession) -> WorkCalendar:
        """Return which days the city works, as far as is known now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A paper that has everything but its number.

    Attributes:
        new: What it was made of, with every text mended.
        snapshot: What it will say.
        reply_due_at: Until when a reply is asked for; None for a meeting.
    """

    case: Case
    new: NewPaper
    cause: Cause | None
    snapshot: Snapshot
    issued_at: datetime
    reply_due_at: datetime | None


class Issuing:
    """Issues papers by hand and by rule.

    Args:
        clock: Gives the time of issuing.
        zone: The city's time; a number holds the city's year.
        settings: Prefixes, reply limits, the meeting called by rule.
        wording: Puts papers into words.
        contacts: Knows the citizens' names, which no paper may say.
        working_time: Reckons reply limits.
        notices: Tells those concerned.
    """

    def __init__(
        self,
        clock: Clock,
        zone: ZoneInfo,
        settings: SupervisionSettings,
        wording: Wording,
        contacts: Contacts,
        working_time: WorkingTime,
        notices: Notices,
    ) -> None:
        self._clock = clock
        self._zone = zone
        self._settings = settings
        self._wording = wording
        self._contacts = contacts
        self._working_time = working_time
        self._notices = notices

    async def by_hand(self, session: AsyncSession, principal: Principal, new: NewPaper) -> PaperRow:
        """Issue what a dispatcher filled in.

        Raises:
            Invalid: The ticket, its assignment or a unit does not exist, or what the rung must hold is missing.
        """
        return await self._issue(session, principal, await self.draft(session, new), None)

    async def draft(
        self, session: AsyncSession, new: NewPaper, cause: Cause | None = None
    ) -> Draft:
        """Return the paper as it would be issued now; nothing is written.

        Raises:
            Invalid: As of `by_hand`.
        """
        now = self._clock.now()
        require_contents(new, now)
        case = await gather(session, self._contacts, new, by_rule=cause is not None)
        new = case.mended(new)
        reply_due_at = None
        if new.rung is not Rung.meeting:
            days = new.reply_days or self._settings.reply_days(new.rung)
            reply_due_at = await self.in_days(session, days)
        notice = _notice(case, new, cause, now, reply_due_at)
        return Draft(
            case=case,
            new=new,
            cause=cause,
            snapshot=Snapshot(
                letter=self._wording.compose(case.matter, notice),
                title=case.matter.title,
                place=case.matter.place,
                meeting=new.meeting,
                listing=new.listing,
            ),
            issued_at=now,
            reply_due_at=reply_due_at,
        )

    async def by_rule(
        self, session: AsyncSession, assignment: AssignmentRow, rung: Rung, cause: Cause
    ) -> PaperRow:
        """Issue what a rule demands for an assignment: the same rung of it only once a deadline.

        A matter that is listed is not listed again before it is delisted.

        Returns:
            The paper, or the one that was issued before.

        Raises:
            Invalid: The ticket is archived or stopped.
        """
        once = occurrence(
            assignment.ticket_id, assignment.n, assignment.round, rung, assignment.due_at
        )
        # Held until the commit: whoever raises this rung at the same moment waits here, and then finds ours.
        await self._hold(session, rung, self._clock.now())
        earlier = await _issued_before(session, assignment, rung, once)
        if earlier is not None:
            return earlier
        new = NewPaper(
            rung=rung, ticket_id=assignment.ticket_id, n=assignment.n, main=(assignment.unit,)
        )
        if rung is Rung.meeting:
            day = (await self.in_days(session, self._settings.meeting_after_days)).astimezone(
                self._zone
            )
            begins = self._settings.meeting_time
            at = day.replace(hour=begins.hour, minute=begins.minute, second=0, microsecond=0)
            place = self._settings.meeting_place
            new = replace(new, meeting=Meeting(at=at, place=place, participants=_PARTICIPANTS))
        elif rung is Rung.listed:
            new = replace(new, listing=Listing(leader=_LEADER, measures=()))
        return await self._issue(session, None, await self.draft(session, new, cause), once)

    async def in_days(self, session: AsyncSession, days: int) -> datetime:
        """Return the close of the last of so many working days, counted from today."""
        calendar = await self._working_time.calendar(session)
        return due(self._clock.now(), Limit(days, LimitKind.working_days), calendar).at

    async def _issue(
        self, session: AsyncSession, principal: Principal | None, draft: Draft, once: str | None
    ) -> PaperRow:
        new, case = draft.new, draft.case
        year = draft.issued_at.astimezone(self._zone).year
        serial = await self._take(session, new.rung, year)
        number = paper_number(self._settings.prefix(new.rung), year, serial)
        letter = draft.snapshot.letter.numbered(number)
        row = PaperRow(
            rung=new.rung,
            year=year,
            serial=serial,
            number=number,
            ticket_id=case.ticket.id,
            n=new.n,
            round=case.ticket.round,
            occurrence=once,
            origin=Origin.hand if principal else Origin.rule,
            cause=draft.cause,
            grounds=new.grounds,
            hidden=case.matter.hidden,
            issued_by=principal.number if principal else None,
            issued_at=draft.issued_at,
            reply_due_at=draft.reply_due_at,
            meeting_at=new.meeting.at if new.meeting else None,
            snapshot=replace(draft.snapshot, letter=letter).stored(),
            digest=letter.digest(),
            state=PaperState.issued,
        )
        session.add(row)
        await session.flush()
        assert row.id is not None  # noqa: S101  # it was just stored
        for role, units in ((RecipientRole.main, new.main), (RecipientRole.cc, new.copies)):
            for position, unit in enumerate(units):
                session.add(RecipientRow(paper_id=row.id, unit=unit, role=role, position=position))
        await session.flush()
        await self._tell(session, principal, row, [*new.main, *new.copies])
        return row

    async def _tell(
        self,
        session: AsyncSession,
        principal: Principal | None,
        row: PaperRow,
        units: list[str],
    ) -> None:
        await audit.write(
            session,
            self._clock,
            actor=principal,
            action="supervision.issue",
            subject=f"paper:{row.id}",
            detail={
                "number": row.number,
                "ticket_id": row.ticket_id,
                "units": units,
                "digest": row.digest,
            },
        )
        await self._notices.units(session, row, "supervision.issued")

    async def _hold(self, session: AsyncSession, rung: Rung, at: datetime) -> None:
        connection = await session.connection()
        year = at.astimezone(self._zone).year
        await connection.execute(_HOLD_SERIAL, {"rung": rung, "year": year})

    async def _take(self, session: AsyncSession, rung: Rung, year: int) -> int:
        # Serials stay locked until the commit, so numbers follow each other without a gap.
        connection = await session.connection()
        taken = await connection.execute(_TAKE_SERIAL, {"rung": rung, "year": year})
        return int(taken.scalar_one())


def _notice(
    case: Case, new: NewPaper, cause: Cause | None, at: datetime, reply_due_at: datetime | None
) -> Notice:
    return Notice(
        rung=new.rung,
        cause=cause,
        grounds=new.grounds,
        demands=new.demands,
        main=tuple(case.units[code] for code in new.main),
        copies=tuple(case.units[code] for code in new.copies),
        issued_at=at,
        reply_due_at=reply_due_at,
        meeting=new.meeting,
        listing=new.listing,
    )


async def _issued_before(
    session: AsyncSession, assignment: AssignmentRow, rung: Rung, once: str
) -> PaperRow | None:
    same = select(PaperRow).where(PaperRow.occurrence == once)
    found = (await session.exec(same)).one_or_none()
    if found is not None or rung is not Rung.listed:
        return found
    listed = (
        select(PaperRow)
        .join(RecipientRow, col(RecipientRow.paper_id) == PaperRow.id)
        .where(
            PaperRow.ticket_id == assignment.ticket_id,
            PaperRow.rung == Rung.listed,
            col(PaperRow.state).in_(OPEN),
            RecipientRow.unit == assignment.unit,
            RecipientRow.role == RecipientRole.main,
        )
        .order_by(col(PaperRow.id))
        .limit(1)
    )
    return (await session.exec(listed)).first()
