"""Suggested units over HTTP."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from crm_bridge.forms import Moment, Text
from crm_bridge.suggestions.outcomes import Outcomes
from crm_bridge.suggestions.pace import Pace
from crm_bridge.suggestions.rules import Question, ReasonKind
from crm_bridge.suggestions.service import Advice, Suggestions
from crm_bridge.tickets.service import ADDRESS_LENGTH, TEXT_LENGTH, TITLE_LENGTH
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal


class ReasonView(ApiModel):
    """What speaks for a unit."""

    kind: ReasonKind
    text_zh: str
    text_en: str


class SuggestionView(ApiModel):
    """A unit that may be the right one; `score` is between 0 and 1."""

    unit: str
    unit_name: str
    unit_name_en: str
    score: float
    reasons: list[ReasonView]


class ModelView(ApiModel):
    """What was learned from past dispatches."""

    trained_at: datetime
    version: str


class SuggestionList(ApiModel):
    """At most three units, the likeliest first; without `model` the catalogue speaks alone."""

    items: list[SuggestionView]
    model: ModelView | None


class QuestionBody(ApiModel):
    """A form as far as it is typed."""

    title: Text = Field(default="", max_length=TITLE_LENGTH)
    text: Text = Field(default="", max_length=TEXT_LENGTH)
    address: Text = Field(default="", max_length=ADDRESS_LENGTH)
    category: Text = Field(default="", max_length=20)


class AccuracyQuery(ApiModel):
    """Dispatches from `since`, before `until`."""

    since: Moment
    until: Moment


class AccuracyView(ApiModel):
    """How often people chose what was suggested: first, or among the three."""

    dispatched: int
    first: int
    shown: int


def routes(suggestions: Suggestions, outcomes: Outcomes, pace: Pace) -> Routes:
    """Return the endpoints of suggestions."""
    api = Routes(tag="suggestions")

    @api.get("/api/v1/tickets/{ticket_id}/suggestions", permission="ticket.write")
    async def of_ticket(principal: Principal, ticket_id: int) -> SuggestionList:
        """Suggest units for a ticket, with reasons; a person decides."""
        return _view(await suggestions.of_ticket(principal, ticket_id))

    @api.post("/api/v1/suggestions", permission="ticket.write")
    async def of_form(principal: Principal, body: QuestionBody) -> SuggestionList:
        """Suggest units for a form while it is typed; nothing is kept."""
        pace.step(principal.number)
        question = Question(
            title=body.title, text=body.text, address=body.address, category=body.category
        )
        return _view(await suggestions.suggest(question))

    @api.get("/api/v1/suggestions/accuracy", permission="rates.read")
    async def accuracy(query: AccuracyQuery) -> AccuracyView:
        """Tell how often people chose what was suggested."""
        found = await outcomes.accuracy(query.since, query.until)
        return AccuracyView(dispatched=found.dispatched, first=found.first, shown=found.shown)

    return api


def _view(advice: Advice) -> SuggestionList:
    return SuggestionList(
        items=[
            SuggestionView(
                unit=one.unit,
                unit_name=advice.units[one.unit].name_zh,
                unit_name_en=advice.units[one.unit].name_en,
                score=round(one.score, 4),
                reasons=[
                    ReasonView(kind=reason.kind, text_zh=reason.text_zh, text_en=reason.text_en)
                    for reason in one.reasons
                ],
            )
            for one in advice.suggestions
        ],
        model=ModelView(trained_at=advice.trained_at, version=advice.version)
        if advice.trained_at is not None and advice.version is not None
        else None,
    )
