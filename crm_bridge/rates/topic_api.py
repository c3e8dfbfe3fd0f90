"""The effect of a monthly topic over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from crm_bridge.forms import Moment
from crm_bridge.rates.exclusions import READ_ALL
from crm_bridge.rates.rules import EMPTY, growth, rounded
from crm_bridge.rates.topic import COUNTED, Topic, Topics
from crm_bridge.rates.vocabulary import Figure
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal


class TopicQuery(ApiModel):
    """Which kinds of matter (several by commas), treated in which month, and how many months on either side."""

    category: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    month: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
    months: int = Field(default=3, ge=1, le=12)
    as_of: Moment | None = None


class TopicMonthView(ApiModel):
    """The tickets of one month; `counted` if it is over and not the month of treatment itself."""

    month: date
    tickets: int
    counted: bool


class TopicSideView(ApiModel):
    """The months before or after, as far as they are over; `mean` is `—` without any."""

    tickets: int
    months: int
    mean: str


class TopicView(ApiModel):
    """Mean monthly count after over mean monthly count before, less one; `—` where either is missing.

    A month opens into its tickets as the denominator of `figure`.
    """

    as_of: datetime
    figure: Figure
    before: TopicSideView
    after: TopicSideView
    shown: str
    items: list[TopicMonthView]


def add_topic_routes(api: Routes, topics: Topics) -> None:
    """Add the endpoint of monthly topics."""

    @api.get("/api/v1/rates/topic", permission=READ_ALL)
    async def topic(principal: Principal, query: TopicQuery) -> TopicView:
        """Show what became of a kind of matter after the month in which it was treated (每月一题)."""
        found = await topics.effect(
            principal,
            category=[code.strip() for code in query.category.split(",")],
            month=date.fromisoformat(f"{query.month}-01"),
            each=query.months,
            as_of=query.as_of,
        )
        return _view(found)


def _view(topic: Topic) -> TopicView:
    before, after = topic.mean(topic.before), topic.mean(topic.after)
    grown = None if before is None or after is None else growth(after, before)
    averaged = {*topic.before, *topic.after}
    return TopicView(
        as_of=topic.as_of,
        figure=COUNTED,
        before=_side(topic, topic.before),
        after=_side(topic, topic.after),
        shown=EMPTY if grown is None else f"{grown:+}%",
        items=[
            TopicMonthView(month=month, tickets=tickets, counted=month in averaged)
            for month, tickets in topic.counts.items()
        ],
    )


def _side(topic: Topic, months: Sequence[date]) -> TopicSideView:
    mean = topic.mean(months)
    return TopicSideView(
        tickets=topic.total(months),
        months=len(months),
        mean=EMPTY if mean is None else str(rounded(mean, 1)),
    )
