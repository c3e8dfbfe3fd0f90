"""The words of the figures: the code's word, and what the screen says of each in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from crm_bridge.tickets.vocabulary import Words


class Figure(StrEnum):
    """A rate."""

    answer = "answer"
    service_level = "service_level"
    direct_answer = "direct_answer"
    forwarding = "forwarding"
    response = "response"
    completion = "completion"
    on_time = "on_time"
    satisfaction = "satisfaction"
    satisfaction_strict = "satisfaction_strict"
    resolution = "resolution"
    valid_callback = "valid_callback"
    redo = "redo"
    returned = "returned"
    first_dispatch = "first_dispatch"


THREE_RATES = (Figure.response, Figure.completion, Figure.satisfaction)
"""三率: what a unit is first asked about."""


class Universe(StrEnum):
    """What is counted: the rows that a figure picks its denominator from."""

    calls = "calls"
    tickets = "tickets"
    assignments = "assignments"
    callbacks = "callbacks"
    ratings = "ratings"


class Dimension(StrEnum):
    """What a table of figures can be broken down by."""

    unit = "unit"
    area = "area"
    category = "category"
    channel = "channel"
    type = "type"
    agent = "agent"
    day = "day"
    week = "week"
    month = "month"


PERIODS = frozenset({Dimension.day, Dimension.week, Dimension.month})


class Part(StrEnum):
    """Which tickets of a figure are listed."""

    numerator = "numerator"
    denominator = "denominator"
    excluded = "excluded"


class ExclusionState(StrEnum):
    """Where a proposal to leave an assignment out of figures stands."""

    proposed = "proposed"
    approved = "approved"
    refused = "refused"


OVERTAKEN = "ticket_stopped"
"""Why the system refuses a proposal that was still open when its ticket was stopped."""

BY_RULE: Mapping[str, Words] = MappingProxyType(
    {
        OVERTAKEN: Words(
            "工单已终止，各项指标随之剔除",
            "The ticket was stopped, which excludes it from every figure",
        )
    }
)
"""What a screen says of the system's own reasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureWords:
    """What a screen says of a figure.

    Attributes:
        zh: Its name in Chinese.
        en: Its name in English.
        numerator_zh: What is counted above the line.
        numerator_en: The same in English.
        denominator_zh: What is counted below the line.
        denominator_en: The same in English.
        lower_is_better: Whether a rise is bad news.
        target: What a standard asks for, in per cent; None where none does.
    """

    zh: str
    en: str
    numerator_zh: str
    numerator_en: str
    denominator_zh: str
    denominator_en: str
    lower_is_better: bool = False
    target: int | None = None


FIGURE_WORDS: Mapping[Figure, FigureWords] = MappingProxyType(
    {
        Figure.answer: FigureWords(
            zh="接通率",
            en="Answer rate",
            numerator_zh="已接听的来电",
            numerator_en="calls that were answered",
            denominator_zh="进入排队的来电",
            denominator_en="calls that were offered to the queue",
            target=95,
        ),
        Figure.service_level: FigureWords(
            zh="15 秒接通率",
            en="Service level (15 s)",
            numerator_zh="进入排队后 15 秒内接听的来电",
            numerator_en="calls that were answered within 15 seconds",
            denominator_zh="进入排队的来电",
            denominator_en="calls that were offered to the queue",
            target=95,
        ),
        Figure.direct_answer: FigureWords(
            zh="直接答复率",
            en="Direct answer rate",
            numerator_zh="当场答复、未经派单的工单",
            numerator_en="tickets that were answered on the spot, never dispatched",
            denominator_zh="已受理的工单（不含不予受理）",
            denominator_en="tickets that were registered, without those not accepted",
        ),
        Figure.forwarding: FigureWords(
            zh="转办率",
            en="Dispatch rate",
            numerator_zh="已派单的工单",
            numerator_en="tickets that were dispatched",
            denominator_zh="应派单的工单（已派单，或已登记、待派单）",
            denominator_en="tickets that were dispatched, or registered and wait for it",
        ),
        Figure.response: FigureWords(
            zh="响应率",
            en="Response rate",
            numerator_zh="按时签收的派单",
            numerator_en="assignments that were signed in time",
            denominator_zh="已签收的派单，以及超时未签收的派单",
            denominator_en="assignments that were signed, and unsigned ones past their sign limit",
        ),
        Figure.completion: FigureWords(
            zh="办结率",
            en="Completion rate",
            numerator_zh="已办结的派单",
            numerator_en="assignments that were finished",
            denominator_zh="全部派单（不含并单、同意退单和随主办退单解除的协办）",
            denominator_en="assignments, without joined tickets, approved returns and helpers let go with them",
        ),
        Figure.on_time: FigureWords(
            zh="按时办结率",
            en="On-time completion rate",
            numerator_zh="已办结且在时限内回复的派单",
            numerator_en="finished assignments whose reply came by the due time",
            denominator_zh="已办结的派单，以及超时未办结的派单",
            denominator_en="assignments that were finished, and unfinished ones past their due time",
        ),
        Figure.satisfaction: FigureWords(
            zh="满意率",
            en="Satisfaction rate",
            numerator_zh="非常满意、满意和基本满意的评价",
            numerator_en="ratings 1 to 3",
            denominator_zh="有效评价（未评价不计入）",
            denominator_en="valid ratings; not rated is not counted",
        ),
        Figure.satisfaction_strict: FigureWords(
            zh="满意率（严格口径）",
            en="Satisfaction rate (strict)",
            numerator_zh="非常满意和满意的评价",
            numerator_en="ratings 1 and 2",
            denominator_zh="有效评价（未评价不计入）",
            denominator_en="valid ratings; not rated is not counted",
        ),
        Figure.resolution: FigureWords(
            zh="解决率",
            en="Resolution rate",
            numerator_zh="回答“已解决”的回访（“部分解决”不计入）",
            numerator_en="callbacks answered “solved”; “partly” counts as not solved",
            denominator_zh="对“是否解决”有有效回答的回访",
            denominator_en="callbacks with a valid answer to whether it is solved",
        ),
        Figure.valid_callback: FigureWords(
            zh="有效回访率",
            en="Valid callback rate",
            numerator_zh="接通并有按键或要求人工的回访",
            numerator_en="callbacks that reached the citizen, who pressed a key or asked for a person",
            denominator_zh="应回访的工单（不含要求不回访和匿名）",
            denominator_en="callbacks that are owed, without citizens who asked not to be called and anonymous ones",
        ),
        Figure.redo: FigureWords(
            zh="重办率",
            en="Redo rate",
            numerator_zh="办结后被重办的主办派单",
            numerator_en="finished lead assignments that were sent back for a redo",
            denominator_zh="已办结的主办派单",
            denominator_en="lead assignments that were finished",
            lower_is_better=True,
        ),
        Figure.returned: FigureWords(
            zh="退单率",
            en="Return rate",
            numerator_zh="同意退单的派单",
            numerator_en="assignments whose return was approved",
            denominator_zh="全部派单",
            denominator_en="assignments",
            lower_is_better=True,
        ),
        Figure.first_dispatch: FigureWords(
            zh="首派准确率",
            en="First-dispatch accuracy",
            numerator_zh="未被退单的首次派单",
            numerator_en="first dispatches whose return was not approved",
            denominator_zh="首次派单（每件工单的第一个主办派单）",
            denominator_en="first dispatches: the first lead assignment of each ticket",
        ),
    }
)

EXCLUDABLE = frozenset(
    {
        Figure.response,
        Figure.completion,
        Figure.on_time,
        Figure.satisfaction,
        Figure.satisfaction_strict,
        Figure.resolution,
        Figure.valid_callback,
        Figure.redo,
        Figure.returned,
        Figure.first_dispatch,
    }
)
"""Figures of a unit's work: from these an assignment may be excluded (剔除)."""
