"""What an installation can set for callbacks."""

from __future__ import annotations

import re
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from crm_bridge.callbacks.rules import CallingPlan, Window
from telephony.dialer.rules import Question

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


class CallbackSettings(BaseModel):
    """The survey by telephone that follows every finished ticket."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="Whether this installation rings citizens.")
    sample_percent: int = Field(
        default=100,
        ge=10,
        le=100,
        description="Of how many finished tickets in a hundred the citizen is asked; drawn by lot. "
        "Who complained again is always asked.",
    )
    windows: tuple[str, ...] = Field(
        default=("09:00-12:00", "14:30-20:00"),
        description="When citizens may be rung, in the city's time; 24:00 is midnight.",
    )
    questions: tuple[Question, ...] = Field(
        default=(Question.contacted, Question.solved, Question.satisfied),
        description="What is asked, in this order; leave out what is not to be asked.",
    )
    delay_seconds: float = Field(
        default=1_800, ge=0, description="The least time from a ticket's end to the first attempt."
    )
    attempts: int = Field(default=3, ge=1, le=10, description="How often a citizen is tried.")
    gap_seconds: float = Field(
        default=90_000, ge=0, description="The least time between two attempts that rang."
    )
    different_hours: bool = Field(
        default=True, description="Whether each attempt is made at another hour of the day."
    )
    ring_seconds: int = Field(
        default=30, ge=5, le=120, description="How long a telephone may ring."
    )
    concurrent_calls: int = Field(
        default=5, ge=1, le=200, description="How many citizens one process rings at a time."
    )
    seconds_between_calls: float = Field(
        default=0.2, ge=0, description="The least time between the beginnings of two calls."
    )
    carrier_retries: int = Field(
        default=5,
        ge=0,
        le=20,
        description="How often in a row an attempt that failed in the network is made again.",
    )
    carrier_delay_seconds: float = Field(
        default=60,
        ge=0,
        description="The wait after an attempt that did not ring; it doubles, five times at most.",
    )
    order_seconds: float = Field(
        default=15, gt=0, description="The PBX refuses an order to ring that is older than this."
    )
    lease_seconds: float = Field(
        default=30,
        gt=0,
        description="An attempt whose worker is silent for this long is settled by another.",
    )
    call_seconds: float = Field(
        default=600, gt=0, description="A callback that takes longer is left to be settled."
    )
    look_seconds: float = Field(
        default=1, gt=0, description="How often due callbacks are looked for."
    )

    @field_validator("windows")
    @classmethod
    def _windows_are_windows(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one window is needed")
        for text in value:
            _window(text)
        return value

    @field_validator("questions")
    @classmethod
    def _questions_are_asked_once(cls, value: tuple[Question, ...]) -> tuple[Question, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("ask at least one question, and none twice")
        return value

    def plan(self, zone: ZoneInfo) -> CallingPlan:
        """Return the calling plan in the city's time."""
        return CallingPlan(
            zone=zone,
            windows=tuple(_window(text) for text in self.windows),
            attempts=self.attempts,
            gap=timedelta(seconds=self.gap_seconds),
            different_hours=self.different_hours,
            carrier_retries=self.carrier_retries,
            carrier_delay=timedelta(seconds=self.carrier_delay_seconds),
        )


def _window(text: str) -> Window:
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no window such as 09:00-12:00")
    start = time(int(found[1]), int(found[2]))
    end = time(0, 0) if found[3] is None else time(int(found[3]), int(found[4]))
    return Window(start=start, end=end)
