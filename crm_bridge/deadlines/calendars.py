"""The city's working calendar: kept in a table, held in memory, changed by import. Each use case is one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete
from sqlalchemy import text as sql
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.deadlines.arrangement import Arrangement
from crm_bridge.deadlines.published import published
from crm_bridge.deadlines.rules import WorkCalendar, WorkingHours
from crm_bridge.deadlines.statutory import statutory_days
from crm_bridge.deadlines.tables import (
    CalendarChangeRow,
    CalendarDayRow,
    CalendarVersionRow,
    CalendarYearRow,
)
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.identity import Principal

_THE_ROW = 1
_FIRST_VERSION = sql(
    "INSERT INTO calendar_version (id, version) VALUES (1, 0) ON CONFLICT (id) DO NOTHING"
)
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDay:
    """A day of a year that is not simply what its weekday says."""

    day: date
    working: bool
    name: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownYear:
    """What is known of a year.

    Attributes:
        published: Whether its arrangement is; if not, `days` are those off by law.
        document: Where it stands; empty when it is not published.
    """

    year: int
    published: bool
    document: str
    days: Sequence[KnownDay]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How many days an import would add, change and remove."""

    added: int
    changed: int
    removed: int


class Calendars:
    """Keeps the working calendar.

    Which version is in force stands in one row. Whoever reckons a deadline reads that row, and holds it shared until
    he has committed; an import changes it. So no deadline is reckoned with an old calendar and written after the new
    one has been followed, in whichever process, and nobody has to be told that there is a new one.

    Args:
        database: Where it lies.
        clock: Gives the time of an import.
        zone: The city's time.
        hours: The working day.
    """

    def __init__(
        self, database: Database, clock: Clock, zone: ZoneInfo, hours: tuple[WorkingHours, ...]
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._hours = hours
        self._version = -1
        self._calendar = self._made((), ())

    async def calendar(self, session: AsyncSession, *, hold: bool = True) -> WorkCalendar:
        """Return the calendar in force, in the caller's transaction.

        Args:
            session: The transaction.
            hold: Whether what is reckoned with it will be written; then no import comes in between.
        """
        statement = select(CalendarVersionRow.version)
        if hold:
            statement = statement.with_for_update(read=True)
        version = (await session.exec(statement)).first() or 0
        if version != self._version:
            self._calendar = await self._read(session)
            self._version = version
        return self._calendar

    async def year(self, year: int) -> KnownYear:
        """Return what is known of a year."""
        async with self._database.reading() as session:
            row = await session.get(CalendarYearRow, year)
            first, last = date(year, 1, 1), date(year, 12, 31)
            statement = (
                select(CalendarDayRow)
                .where(col(CalendarDayRow.day).between(first, last))
                .order_by(col(CalendarDayRow.day))
            )
            days = [_known(day) for day in (await session.exec(statement)).all()]
        if row is None:
            stored = {known.day for known in days}
            days += [
                KnownDay(day=day, working=False, name=name, document="全国年节及纪念日放假办法")
                for day, name in statutory_days(year).items()
                if day not in stored
            ]
        return KnownYear(
            year=year,
            published=row is not None,
            document=row.document if row else "",
            days=sorted(days, key=lambda known: known.day),
        )

    async def days(self) -> Sequence[KnownDay]:
        """Return every day of the table, in order."""
        async with self._database.reading() as session:
            statement = select(CalendarDayRow).order_by(col(CalendarDayRow.day))
            return [_known(row) for row in (await session.exec(statement)).all()]

    async def difference(self, arrangements: Sequence[Arrangement]) -> Difference:
        """Return what `load` would do; nothing is written."""
        years = [one.year for one in arrangements]
        async with self._database.reading() as session:
            statement = select(CalendarDayRow).where(col(CalendarDayRow.arrangement).in_(years))
            stored = {row.day: _known(row) for row in (await session.exec(statement)).all()}
        sent = {
            named.day: KnownDay(
                day=named.day,
                working=named.working,
                name=named.name,
                document=named.document or one.document,
            )
            for one in arrangements
            for named in one.days
        }
        return Difference(
            added=len(sent.keys() - stored.keys()),
            changed=sum(stored[day] != sent[day] for day in sent.keys() & stored.keys()),
            removed=len(stored.keys() - sent.keys()),
        )

    async def load(
        self, arrangements: Sequence[Arrangement], principal: Principal | None = None
    ) -> int:
        """Replace the arrangements of years; open deadlines follow by and by.

        Args:
            arrangements: Whole years.
            principal: Who brings them; None is the command line or the start of the program.

        Returns:
            How many days are now otherwise than was thought; 0 when nothing was new.
        """
        async with self._database.transaction() as session:
            changed = await self._put(session, arrangements)
            if changed:
                await audit.write(
                    session,
                    self._clock,
                    actor=principal,
                    action="calendar.imported",
                    subject="calendar",
                    detail={
                        "years": [one.year for one in arrangements],
                        "documents": [one.document for one in arrangements],
                    },
                )
        return changed

    async def seed(self) -> None:
        """Add the years that are published and not yet in the table; what the city has loaded itself stays."""
        async with self._database.reading() as session:
            known = set((await session.exec(select(CalendarYearRow.year))).all())
        if any(arrangement.year not in known for arrangement in published()):
            async with self._database.transaction() as session:
                await self._version_row(session)
                known = set((await session.exec(select(CalendarYearRow.year))).all())
                new = [arrangement for arrangement in published() if arrangement.year not in known]
                await self._put(session, new)

    async def _put(self, session: AsyncSession, arrangements: Sequence[Arrangement]) -> int:
        version = await self._version_row(session)
        before = await self._read(session)
        now = self._clock.now()
        for one in arrangements:
            # A day in December may have been the old year's; the newer arrangement has it now.
            sent = [named.day for named in one.days]
            of_year = col(CalendarDayRow.arrangement) == one.year
            await session.exec(
                delete(CalendarDayRow).where(or_(of_year, col(CalendarDayRow.day).in_(sent)))
            )
            session.add_all(_rows(one))
            await session.merge(
                CalendarYearRow(year=one.year, document=one.document, imported_at=now)
            )
        await session.flush()
        after = await self._read(session)
        changed = _changed(before, after, [one.year for one in arrangements])
        if changed:
            version.version += 1
            session.add(
                CalendarChangeRow(
                    version=version.version, at=now, first_day=min(changed), last_day=max(changed)
                )
            )
        return len(changed)

    async def _version_row(self, session: AsyncSession) -> CalendarVersionRow:
        """Return the row that says which version is in force, which nobody else holds now."""
        # Two processes may start for the first time at the same moment.
        await (await session.connection()).execute(_FIRST_VERSION)
        return await session.get_one(CalendarVersionRow, _THE_ROW, with_for_update=True)

    async def _read(self, session: AsyncSession) -> WorkCalendar:
        days = (
            await session.exec(select(col(CalendarDayRow.day), col(CalendarDayRow.working)))
        ).all()
        years = (await session.exec(select(CalendarYearRow.year))).all()
        return self._made(days, years)

    def _made(self, days: Iterable[tuple[date, bool]], years: Iterable[int]) -> WorkCalendar:
        return WorkCalendar(
            zone=self._zone, hours=self._hours, days=dict(days), published=frozenset(years)
        )


def _rows(arrangement: Arrangement) -> Iterable[CalendarDayRow]:
    return (
        CalendarDayRow(
            day=named.day,
            working=named.working,
            name=named.name,
            document=named.document or arrangement.document,
            arrangement=arrangement.year,
        )
        for named in arrangement.days
    )


def _known(row: CalendarDayRow) -> KnownDay:
    return KnownDay(day=row.day, working=row.working, name=row.name, document=row.document)


def _changed(before: WorkCalendar, after: WorkCalendar, years: Iterable[int]) -> set[date]:
    """Return the days of these years, and of the Decembers before them, of which something else is known now."""
    return {
        day
        for year in years
        for day in _days(date(year - 1, 12, 1), date(year, 12, 31))
        if before.is_working(day) != after.is_working(day)
        or before.is_provisional(day) != after.is_provisional(day)
    }


def _days(first: date, last: date) -> Iterable[date]:
    return (first + n * _A_DAY for n in range((last - first).days + 1))
