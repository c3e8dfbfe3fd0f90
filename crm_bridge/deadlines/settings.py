"""What an installation can set for deadlines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from crm_bridge.deadlines.policy import Policy
from crm_bridge.deadlines.rules import Limit, WorkingHours
from crm_bridge.supervision.rules import Rung
from crm_bridge.tickets.vocabulary import TicketType

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def _is_limit(text: str) -> str:
    Limit.parse(text)
    return text


WrittenLimit = Annotated[str, AfterValidator(_is_limit)]


class DeadlineSettings(BaseModel):
    """How long units have, in clock hours (24h), working hours (2wh) or working days (5wd)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    working_hours: tuple[str, ...] = Field(
        default=("08:30-12:00", "14:00-17:30"),
        description="The working day, in the city's time; a limit in days ends at its close.",
    )
    sign: WrittenLimit = Field(default="2wh", description="For signing what is not urgent.")
    sign_urgent: WrittenLimit = Field(
        default="2h", description="For signing what is urgent or critical, by day and by night."
    )
    critical: WrittenLimit = Field(default="2h", description="特急: life or property.")
    urgent: WrittenLimit = Field(default="24h", description="紧急: water, power, gas, heat.")
    inquiry: WrittenLimit = Field(default="1wd", description="咨询.")
    help: WrittenLimit = Field(default="5wd", description="求助.")
    suggestion: WrittenLimit = Field(default="5wd", description="建议.")
    praise: WrittenLimit = Field(default="5wd", description="表扬.")
    complaint: WrittenLimit = Field(default="10wd", description="投诉.")
    report: WrittenLimit = Field(default="10wd", description="举报.")
    hard: WrittenLimit = Field(default="15wd", description="疑难: what the centre declares hard.")
    redo: WrittenLimit = Field(default="5wd", description="重办.")
    return_decision: WrittenLimit = Field(
        default="1wd",
        description="For the centre's decision on a return; then it is deemed accepted.",
    )
    return_decision_complex: WrittenLimit = Field(
        default="2wd", description="The same in the complex lane."
    )
    dissatisfied_decision: WrittenLimit = Field(
        default="2wd", description="For the centre's decision after a dissatisfied rating."
    )
    warning_hours: tuple[int, ...] = Field(
        default=(48, 24),
        description="How many hours before it is due a unit is warned; the last warning goes to its head too.",
    )
    order_working_days: int = Field(
        default=2,
        ge=1,
        le=99,
        description="Working days overdue until a supervision order (督办工单).",
    )
    meeting_working_days: int = Field(
        default=5, ge=1, le=99, description="… until a coordination meeting (专题调度)."
    )
    listed_working_days: int = Field(
        default=10, ge=1, le=99, description="… until listed supervision (挂牌督办)."
    )
    most_redos: int = Field(
        default=3,
        ge=0,
        le=99,
        description="More redos than these are raised to listed supervision.",
    )
    most_transfers: int = Field(
        default=3,
        ge=0,
        le=99,
        description="The same for transfers: dispatches to another unit after the first.",
    )
    look_seconds: float = Field(
        default=15, gt=0, description="How often is looked for what has become due."
    )

    @field_validator("working_hours")
    @classmethod
    def _hours_are_hours(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("a working day has working hours")
        parts = [_hours(text) for text in value]
        for earlier, later in pairwise(parts):
            if later.start < earlier.end:
                raise ValueError("working hours are in order and do not overlap")
        return value

    @field_validator("warning_hours")
    @classmethod
    def _warnings_come_before(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(hours < 1 for hours in value) or list(value) != sorted(set(value), reverse=True):
            raise ValueError("hours before it is due, the longest first, none twice")
        return value

    @model_validator(mode="after")
    def _rungs_rise(self) -> Self:
        if not self.order_working_days < self.meeting_working_days < self.listed_working_days:
            raise ValueError(
                "order_working_days, meeting_working_days and listed_working_days must rise"
            )
        return self

    def hours(self) -> tuple[WorkingHours, ...]:
        """Return the working day."""
        return tuple(_hours(text) for text in self.working_hours)

    def policy(self) -> Policy:
        """Return the city's limits."""
        return Policy(
            critical=Limit.parse(self.critical),
            urgent=Limit.parse(self.urgent),
            by_type=self._by_type(),
            hard=Limit.parse(self.hard),
            redo=Limit.parse(self.redo),
            sign=Limit.parse(self.sign),
            sign_urgent=Limit.parse(self.sign_urgent),
            return_decision=Limit.parse(self.return_decision),
            return_decision_complex=Limit.parse(self.return_decision_complex),
            dissatisfied_decision=Limit.parse(self.dissatisfied_decision),
            warnings=tuple(timedelta(hours=hours) for hours in self.warning_hours),
            rungs=MappingProxyType(
                {
                    Rung.order: self.order_working_days,
                    Rung.meeting: self.meeting_working_days,
                    Rung.listed: self.listed_working_days,
                }
            ),
            most_redos=self.most_redos,
            most_transfers=self.most_transfers,
        )

    def _by_type(self) -> Mapping[TicketType, Limit]:
        return MappingProxyType(
            {kind: Limit.parse(getattr(self, kind.value)) for kind in TicketType}
        )


def _hours(text: str) -> WorkingHours:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no part of a day such as 08:30-12:00")
    hour, minute, end_hour, end_minute = (int(part) for part in found.groups())
    return WorkingHours(time(hour, minute), time(end_hour, end_minute))
