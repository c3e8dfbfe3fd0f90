"""Figures over HTTP: tables, the tickets behind them, exclusions, and what each figure means."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from enum import StrEnum
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import Field, StringConstraints

from crm_bridge.forms import Id, Moment, Text
from crm_bridge.rates.exclusion_list import Exclusion, ExclusionList
from crm_bridge.rates.exclusions import READ_ALL, READ_OWN, Exclusions
from crm_bridge.rates.listing import FigureTickets
from crm_bridge.rates.rules import Comparison, Period
from crm_bridge.rates.scope import Question
from crm_bridge.rates.service import Rates
from crm_bridge.rates.sheet import sheet_of
from crm_bridge.rates.table_view import definition_list, table_view
from crm_bridge.rates.topic import Topics
from crm_bridge.rates.topic_api import add_topic_routes
from crm_bridge.rates.views import (
    DefinitionList,
    ExclusionPage,
    ExclusionView,
    MemberPage,
    MemberView,
    RatesView,
)
from crm_bridge.rates.vocabulary import (
    BY_RULE,
    THREE_RATES,
    Dimension,
    ExclusionState,
    Figure,
    Part,
)
from crm_bridge.sheets.api import download
from crm_bridge.sheets.writing import SheetKind
from crm_bridge.tickets.reading import cursor_at, position_of
from crm_bridge.tickets.vocabulary import AssignmentRole, TicketType, Words
from infra.kit.errors import FieldError, Invalid
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

READ = "figures.read"
"""What everybody has: what each figure means, and the exclusions of one's own unit."""

SEE = (READ_ALL, READ_OWN)
"""Who sees figures at all; the second sees those of its own unit."""

NONE = "-"
"""In a filter: what has no unit, or no agent."""

Values = Annotated[str, StringConstraints(max_length=1000)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 12, 31))]
E = TypeVar("E", bound=StrEnum)


class CohortQuery(ApiModel):
    """Which rows: days of the city (`to` included), seen as of a moment, perhaps narrowed; several values by commas."""

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    as_of: Moment | None = None
    unit: Values | None = None
    area: Values | None = None
    category: Values | None = None
    channel: Values | None = None
    type: Values | None = None
    agent: Values | None = None
    role: AssignmentRole | None = None

    def question(
        self,
        figures: list[Figure],
        group: list[Dimension] | None = None,
        compare: Comparison | None = None,
    ) -> Question:
        """Return what is asked for.

        Raises:
            Invalid: The period ends before it begins, or a type is unknown.
        """
        if self.last < self.first:
            raise _wrong("/to", "结束日期不能早于开始日期", "The end lies before the beginning")
        only = {
            dimension: _split(given)
            for dimension in (
                Dimension.unit,
                Dimension.area,
                Dimension.category,
                Dimension.channel,
                Dimension.type,
                Dimension.agent,
            )
            if (given := getattr(self, dimension.value)) is not None
        }
        if Dimension.type in only:
            only[Dimension.type] = [*_named(TicketType, self.type or "", "/type")]
        return Question(
            figures=figures,
            group=group or [],
            period=Period(first=self.first, last=self.last),
            as_of=self.as_of,
            only=only,
            role=self.role,
            compare=compare,
        )


class RatesQuery(CohortQuery):
    """Which figures, broken down by at most two dimensions; ranked only if asked for."""

    figures: Values = ",".join(THREE_RATES)
    group: Values = ""
    compare: Comparison | None = None
    rank: Figure | None = None

    def asked(self) -> Question:
        """Return the question.

        Raises:
            Invalid: A figure or a dimension is unknown, comes twice, or there are too many.
        """
        figures = _named(Figure, self.figures, "/figures")
        group = _named(Dimension, self.group, "/group")
        if not figures:
            raise _wrong("/figures", "请至少选择一个指标", "Name at least one figure")
        if len(group) > 2:
            raise _wrong("/group", "最多按两个维度分组", "Group by at most two dimensions")
        if self.rank is not None and self.rank not in figures:
            raise _wrong("/rank", "只能按所选指标排名", "Rank by one of the figures asked for")
        return self.question(figures, group, self.compare)


class ExportQuery(RatesQuery):
    """The table as a file."""

    format: SheetKind = SheetKind.xlsx


class MembersQuery(CohortQuery):
    """The tickets behind one number."""

    figure: Figure
    part: Part
    adjusted: bool = False
    cursor: str | None = Field(default=None, max_length=40)
    limit: int = Field(default=50, ge=1, le=100)


class ProposalBody(ApiModel):
    """Which assignment is to be left out of which figures, and why."""

    ticket_id: Id
    n: Id
    figures: Annotated[list[Figure], Field(min_length=1, max_length=len(Figure))]
    reason: Text = Field(min_length=2, max_length=500)


class DecisionBody(ApiModel):
    """What is decided about a proposal; a refusal says why."""

    approve: bool
    reason: Text = Field(default="", max_length=500)


class ExclusionQuery(ApiModel):
    """Which proposals to list."""

    state: ExclusionState | None = None
    cursor: str | None = Field(default=None, max_length=40)
    limit: int = Field(default=50, ge=1, le=100)


def routes(
    rates: Rates,
    tickets: FigureTickets,
    topics: Topics,
    exclusions: Exclusions,
    listed: ExclusionList,
) -> Routes:
    """Return the endpoints of figures."""
    api = Routes(tag="rates")

    @api.get("/api/v1/rates", permission=SEE)
    async def table(principal: Principal, query: RatesQuery) -> RatesView:
        """Show figures, raw and adjusted, with numerator and denominator; a unit sees its own."""
        question = query.asked()
        return table_view(await rates.table(principal, question), question, query.rank)

    @api.get("/api/v1/rates/export", permission=SEE)
    async def export(principal: Principal, query: ExportQuery) -> web.Response:
        """Take the table out as a file."""
        question = query.asked()
        view = table_view(await rates.table(principal, question), question, query.rank)
        return download(sheet_of(view, query.format), "rates", query.format)

    @api.get("/api/v1/rates/definitions", permission=READ)
    async def definitions() -> DefinitionList:
        """Say what each figure is."""
        return definition_list()

    @api.get("/api/v1/rates/tickets", permission=SEE)
    async def behind(principal: Principal, query: MembersQuery) -> MemberPage:
        """List the tickets, or calls, behind a number: as many as the number says."""
        found, going_on = await tickets.page(
            principal,
            query.question([query.figure]),
            query.part,
            adjusted=query.adjusted,
            before=position_of(query.cursor) if query.cursor is not None else None,
            limit=query.limit,
        )
        return MemberPage(
            items=[MemberView(**asdict(member)) for member in found],
            next_cursor=cursor_at(going_on) if going_on is not None else None,
        )

    add_topic_routes(api, topics)
    _exclusion_routes(api, exclusions, listed)
    return api


def _exclusion_routes(api: Routes, exclusions: Exclusions, listed: ExclusionList) -> None:
    @api.post(
        "/api/v1/rates/exclusions", permission="exclusion.propose", status=201, idempotent=True
    )
    async def propose(
        principal: Principal, body: ProposalBody, idempotency: IdempotencyKey | None
    ) -> ExclusionView:
        """Propose to leave an assignment out of figures."""
        exclusion_id = await exclusions.propose(
            principal,
            ticket_id=body.ticket_id,
            n=body.n,
            figures=set(body.figures),
            reason=body.reason,
            key=idempotency,
        )
        return _exclusion(await listed.show(exclusion_id))

    @api.get("/api/v1/rates/exclusions", permission=READ)
    async def page(principal: Principal, query: ExclusionQuery) -> ExclusionPage:
        """List proposals, newest first; a unit sees its own."""
        items, going_on = await listed.page(
            principal,
            state=query.state,
            before=position_of(query.cursor) if query.cursor is not None else None,
            limit=query.limit,
        )
        return ExclusionPage(
            items=[_exclusion(item) for item in items],
            next_cursor=cursor_at(going_on) if going_on is not None else None,
        )

    @api.post("/api/v1/rates/exclusions/{exclusion_id}/decision", permission="exclusion.approve")
    async def decide(principal: Principal, exclusion_id: int, body: DecisionBody) -> ExclusionView:
        """Approve or refuse a proposal; never one's own."""
        if not body.approve and not body.reason:
            raise _wrong("/reason", "请填写不同意的理由", "Say why it is refused")
        await exclusions.decide(principal, exclusion_id, approve=body.approve, reason=body.reason)
        return _exclusion(await listed.show(exclusion_id))


def _named(kind: type[E], given: str, pointer: str) -> list[E]:
    names = [name.strip() for name in given.split(",") if name.strip()]
    known = {member.value: member for member in kind}
    unknown = [name for name in names if name not in known]
    if unknown or len(set(names)) < len(names):
        raise _wrong(
            pointer,
            f"应为 {'、'.join(known)} 中不重复的若干项",
            f"Must be some of {', '.join(known)}, none twice",
        )
    return [known[name] for name in names]


def _split(given: str) -> list[str | None]:
    return [None if value.strip() == NONE else value.strip() for value in given.split(",")]


def _wrong(pointer: str, zh: str, en: str) -> Invalid:
    return Invalid(fields=[FieldError(pointer=pointer, message_zh=zh, message_en=en)])


def _exclusion(exclusion: Exclusion) -> ExclusionView:
    fields = asdict(exclusion)
    del fields["assignment_id"]
    own = Words(exclusion.decision_reason, exclusion.decision_reason)
    said = own if exclusion.decided_by else BY_RULE.get(exclusion.decision_reason, own)
    return ExclusionView(**fields, decision_reason_zh=said.zh, decision_reason_en=said.en)
