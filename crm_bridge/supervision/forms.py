"""What is asked of supervision over HTTP: bodies and queries."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from crm_bridge.forms import Id, Moment, Text
from crm_bridge.sheets.writing import SheetKind
from crm_bridge.supervision.discretion import turns_writing
from crm_bridge.supervision.paper import Listing, Meeting, Minutes, NewPaper
from crm_bridge.supervision.papers import Box, Choice
from crm_bridge.supervision.reading import DocumentFormat
from crm_bridge.supervision.rules import PaperState, Rung
from infra.kit.errors import Invalid
from infra.kit.http import ApiModel


def _goes_one_way(text: str) -> str:
    if turns_writing(text):
        raise Invalid(
            "remove the marks that turn the direction of writing",
            "含有改变书写方向的不可见字符，请删除后重试",
        )
    return text


Words = Annotated[Text, AfterValidator(_goes_one_way)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=20)]
Paragraph = Annotated[Words, Field(min_length=1, max_length=500)]
Units = Annotated[list[Code], Field(max_length=50)]


class MeetingBody(ApiModel):
    """When, where and with whom."""

    at: AwareDatetime
    place: Words = Field(min_length=2, max_length=100)
    participants: list[Paragraph] = Field(min_length=1, max_length=20)

    def form(self) -> Meeting:
        """Return the meeting."""
        return Meeting(at=self.at, place=self.place, participants=tuple(self.participants))


class ListingBody(ApiModel):
    """Who answers for the matter, by office and name, and what is to be done."""

    leader: Words = Field(min_length=2, max_length=60)
    measures: list[Paragraph] = Field(min_length=1, max_length=20)

    def form(self) -> Listing:
        """Return the listing."""
        return Listing(leader=self.leader, measures=tuple(self.measures))


class PaperBody(ApiModel):
    """A paper to be issued; `n` is the assignment that is meant, null for the ticket as a whole."""

    rung: Rung
    ticket_id: Id
    n: Annotated[int, Field(ge=1, le=1000)] | None = None
    main: Units = Field(min_length=1)
    copies: Units = Field(default=[])
    grounds: Words = Field(min_length=4, max_length=500)
    demands: list[Paragraph] = Field(default=[], max_length=20)
    reply_days: Annotated[int, Field(ge=1, le=60)] | None = None
    meeting: MeetingBody | None = None
    listing: ListingBody | None = None

    def form(self) -> NewPaper:
        """Return what the dispatcher filled in."""
        return NewPaper(
            rung=self.rung,
            ticket_id=self.ticket_id,
            n=self.n,
            main=tuple(self.main),
            copies=tuple(self.copies),
            grounds=self.grounds,
            demands=tuple(self.demands),
            reply_days=self.reply_days,
            meeting=self.meeting.form() if self.meeting else None,
            listing=self.listing.form() if self.listing else None,
        )


class ReplyBody(ApiModel):
    """What the unit has done; attachments were uploaded before.

    A unit mends its reply by sending another with `mends`: the `mended_at` of what it says until now, or else the
    `replied_at`.
    """

    text: Words = Field(min_length=2, max_length=4000)
    attachments: list[Id] = Field(default=[], max_length=20)
    mends: Moment | None = None


class MinutesBody(ApiModel):
    """What a coordination meeting came to; its decisions are reported on within `reply_days` working days."""

    attended: Words = Field(min_length=2, max_length=500)
    text: Words = Field(min_length=2, max_length=4000)
    decisions: list[Paragraph] = Field(min_length=1, max_length=30)
    reply_days: Annotated[int, Field(ge=1, le=60)] | None = None

    def form(self) -> Minutes:
        """Return the minutes."""
        return Minutes(
            attended=self.attended,
            text=self.text,
            decisions=tuple(self.decisions),
            reply_days=self.reply_days,
        )


class ConclusionBody(ApiModel):
    """With what result, by what decision, or why."""

    text: Words = Field(min_length=2, max_length=1000)


Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]


class Period(ApiModel):
    """Days of the city, both included."""

    since: Day | None = None
    until: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise Invalid("the period ends before it begins", "结束日期早于开始日期")
        return self


class PaperQuery(Period):
    """Which papers to list; `q` is part of the number of a paper or a ticket."""

    rung: Rung | None = None
    unit: Code | None = None
    state: PaperState | None = None
    open: bool = False
    overdue: bool = False
    ticket_id: Id | None = None
    q: Words = Field(default="", max_length=40)

    def choice(self) -> Choice:
        """Return the choice that the query makes."""
        return Choice(
            rung=self.rung,
            unit=self.unit,
            state=self.state,
            still_open=self.open,
            overdue=self.overdue,
            ticket_id=self.ticket_id,
            since=self.since,
            until=self.until,
            q=self.q,
        )


class PaperPageQuery(PaperQuery):
    """Which papers to list, a part at a time."""

    box: Box | None = None
    cursor: str | None = Field(default=None, max_length=40)
    limit: int = Field(default=50, ge=1, le=100)


class LedgerQuery(PaperQuery):
    """Which papers to export, and as what."""

    format: SheetKind = SheetKind.xlsx


class CountQuery(Period):
    """The period that is counted, in days of the city, both included."""

    since: Day
    until: Day


class DocumentQuery(ApiModel):
    """As what the document is wanted."""

    format: DocumentFormat = DocumentFormat.pdf
