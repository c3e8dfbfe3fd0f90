"""What an installation can set for supervision."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from crm_bridge.supervision.rules import Rung

Prefix = Annotated[str, Field(min_length=1, max_length=12, pattern=r"^[^\s〔〕\d]+$")]


class SupervisionSettings(BaseModel):
    """Reminder letters, supervision orders, coordination meetings and listed supervision."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = Field(
        default="",
        max_length=40,
        description="Who issues the papers (发文机关), in full; empty: the city's name and 12345政务服务便民热线中心.",
    )
    telephone: str = Field(
        default="",
        max_length=40,
        description="The office telephone under which units can ask about a paper; empty: none is printed.",
    )
    reminder_prefix: Prefix = Field(
        default="热线提", description="What the numbers of reminder letters begin with (机关代字)."
    )
    order_prefix: Prefix = Field(
        default="热线督", description="What the numbers of supervision orders begin with."
    )
    meeting_prefix: Prefix = Field(
        default="热线调", description="What the numbers of coordination meetings begin with."
    )
    listed_prefix: Prefix = Field(
        default="热线挂", description="What the numbers of listed supervisions begin with."
    )
    reminder_reply_days: int = Field(
        default=1, ge=1, le=60, description="Working days for the reply to a reminder letter."
    )
    order_reply_days: int = Field(
        default=3, ge=1, le=60, description="Working days for the reply to a supervision order."
    )
    meeting_reply_days: int = Field(
        default=5, ge=1, le=60, description="Working days for reporting on a meeting's decisions."
    )
    listed_reply_days: int = Field(
        default=10, ge=1, le=60, description="Working days for the cure of a listed matter."
    )
    meeting_after_days: int = Field(
        default=2,
        ge=1,
        le=60,
        description="A meeting called by rule is held so many working days later,"
        " at meeting_time in meeting_place.",
    )
    meeting_time: time = Field(
        default=time(9, 30), description="When a meeting called by rule begins, in the city's time."
    )
    meeting_place: str = Field(
        default="12345政务服务便民热线中心会议室",
        min_length=1,
        max_length=100,
        description="Where a meeting called by rule is held.",
    )
    close_by_rule: bool = Field(
        default=True,
        description="Whether reminder letters and supervision orders are closed when the assignment has ended.",
    )
    look_seconds: float = Field(
        default=60, gt=0, description="How often is looked for papers that are to be closed so."
    )
    templates: Path | None = Field(
        default=None,
        description="A folder with the city's own reminder.txt, order.txt, meeting.txt or listed.txt;"
        " empty: those that ship.",
    )
    font: Path | None = Field(
        default=None,
        description="A TrueType font file for the body of PDF documents (仿宋); empty: looked for in the usual places.",
    )
    title_font: Path | None = Field(
        default=None,
        description="A TrueType font file for head and title (小标宋); empty: looked for in the usual places.",
    )

    @field_validator("templates", "font", "title_font", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("listed_prefix")
    @classmethod
    def _prefixes_differ(cls, value: str, info: object) -> str:
        others = getattr(info, "data", {})
        prefixes = [others.get(f"{rung.value}_prefix") for rung in Rung if rung is not Rung.listed]
        if len({*prefixes, value}) != len(Rung):
            raise ValueError("each rung needs a prefix of its own")
        return value

    def issuer_in(self, city: str) -> str:
        """Return who issues the papers of a city."""
        return self.issuer or f"{city}12345政务服务便民热线中心"

    def prefix(self, rung: Rung) -> str:
        """Return what the numbers of a rung begin with."""
        return str(getattr(self, f"{rung.value}_prefix"))

    def reply_days(self, rung: Rung) -> int:
        """Return the working days for the reply to a paper of a rung."""
        return int(getattr(self, f"{rung.value}_reply_days"))
