"""The working calendar over HTTP, and what a deadline would be."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from crm_bridge.deadlines.arrangement import Arrangement, NamedDay, may_hold, missing_days
from crm_bridge.deadlines.calendars import Calendars, KnownYear
from crm_bridge.deadlines.reckoner import Deadlines
from crm_bridge.deadlines.transfer import CalendarTransfer
from crm_bridge.forms import Moment, Text
from crm_bridge.sheets.api import add_routes
from crm_bridge.tickets.vocabulary import TicketType, Urgency
from infra.kit.errors import FieldError, Invalid, NotFound
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal

_FIRST_YEAR, _LAST_YEAR = 2000, 2100


class DayView(ApiModel):
    """A day that is not simply what its weekday says."""

    date: date
    working: bool
    name: str
    document: str


class CalendarView(ApiModel):
    """A year; every day that is not listed is worked from Monday to Friday.

    Of a year that is not `published` the days off by law are listed, and deadlines in it are provisional (暂定).
    """

    year: int
    published: bool
    document: str
    days: list[DayView]


class CalendarQuery(ApiModel):
    """Which year."""

    year: int = Field(ge=_FIRST_YEAR, le=_LAST_YEAR)


class DayBody(ApiModel):
    """A day off or a make-up working day."""

    date: date
    working: bool
    name: Text = Field(min_length=1, max_length=40)


class CalendarBody(ApiModel):
    """The whole arrangement of a year."""

    document: Text = Field(min_length=1, max_length=60)
    days: Annotated[list[DayBody], Field(min_length=1, max_length=400)]


class PreviewQuery(ApiModel):
    """What would be dispatched, and when; without `at` now."""

    type: TicketType
    urgency: Urgency = Urgency.normal
    redo: bool = False
    limit: str | None = Field(default=None, max_length=10)
    at: Moment | None = None


class PreviewView(ApiModel):
    """By when the unit would have to sign and to reply."""

    limit: str
    sign_due_at: datetime
    due_at: datetime
    provisional: bool


def routes(calendars: Calendars, deadlines: Deadlines) -> Routes:
    """Return the endpoints of the working calendar."""
    api = Routes(tag="deadlines")

    @api.get("/api/v1/calendar", permission="catalogue.read")
    async def show(query: CalendarQuery) -> CalendarView:
        """Show the working calendar of a year."""
        return _view(await calendars.year(query.year))

    @api.put("/api/v1/calendar/{year}", permission="calendar.manage")
    async def replace(principal: Principal, year: int, body: CalendarBody) -> CalendarView:
        """Replace the arrangement of a year; open deadlines follow within a minute."""
        if not _FIRST_YEAR <= year <= _LAST_YEAR:
            raise NotFound
        await calendars.load([_arrangement(year, body)], principal)
        return _view(await calendars.year(year))

    add_routes(api, CalendarTransfer(calendars), read_permission="catalogue.read")

    @api.get("/api/v1/deadlines/preview", permission="ticket.forward")
    async def preview(query: PreviewQuery) -> PreviewView:
        """Show by when a unit would have to sign and to reply, for the dispatch form."""
        given = await deadlines.preview(
            type=query.type,
            urgency=query.urgency,
            redo=query.redo,
            given=query.limit,
            at=query.at,
        )
        return PreviewView(
            limit=given.limit,
            sign_due_at=given.sign_due_at,
            due_at=given.due_at,
            provisional=given.provisional,
        )

    return api


def _view(known: KnownYear) -> CalendarView:
    return CalendarView(
        year=known.year,
        published=known.published,
        document=known.document,
        days=[
            DayView(date=day.day, working=day.working, name=day.name, document=day.document)
            for day in known.days
        ],
    )


def _arrangement(year: int, body: CalendarBody) -> Arrangement:
    errors: list[FieldError] = []
    seen: set[date] = set()
    for place, day in enumerate(body.days):
        if not may_hold(year, day.date):
            errors.append(
                FieldError(
                    pointer=f"/days/{place}/date",
                    message_zh=f"不属于 {year} 年的安排（上一年 12 月的日期可以）",
                    message_en=f"Not part of the arrangement of {year}; days of the December before may be",
                )
            )
        if day.date in seen:
            errors.append(
                FieldError(
                    pointer=f"/days/{place}/date",
                    message_zh="这一天出现了两次",
                    message_en="This day comes twice",
                )
            )
        seen.add(day.date)
    off = {day.date for day in body.days if not day.working}
    errors += [
        FieldError(
            pointer="/days",
            message_zh=f"缺少法定假日 {day.isoformat()}（{name}），或被标为上班",
            message_en=f"{day.isoformat()} is a day off by law: it is missing, or marked as worked",
        )
        for day, name in missing_days(year, off).items()
    ]
    if errors:
        raise Invalid(fields=errors)
    return Arrangement(
        year=year,
        document=body.document,
        days=[NamedDay(day=day.date, working=day.working, name=day.name) for day in body.days],
    )
