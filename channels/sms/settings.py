"""What an installation can set for short messages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SmsSettings(BaseModel):
    """Short messages to citizens: codes, receipts, progress, rating links."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["file", "twilio", "aliyun"] = Field(
        default="file",
        description="Who carries them: file (nobody: they are written to `file`, for trying out), twilio or aliyun; "
        "each has a section of its own.",
    )
    file: Path = Field(
        default=Path("var/sms.jsonl"),
        description="Where messages are written instead of being sent, one JSON object a line.",
    )
    signature: str = Field(
        default="12345热线",
        max_length=16,
        description="The sender's name, shown as 【…】 before every message; for Aliyun the approved signature.",
    )
    timeout_seconds: float = Field(
        default=10, gt=0, le=60, description="How long the provider may take to answer."
    )
    give_up_hours: float = Field(
        default=24, gt=0, description="A message that could not be sent for this long is given up."
    )
    per_phone_per_day: int = Field(
        default=20, ge=1, description="How many messages one number may get in 24 hours."
    )
    keep_days: int = Field(
        default=90, ge=2, description="How long it is kept what was sent to whom; texts are sealed."
    )
    code_minutes: int = Field(default=5, ge=1, le=60, description="For how long a code is valid.")
    code_again_seconds: int = Field(
        default=60, ge=0, description="The least time between two codes to one number."
    )
    code_tries: int = Field(
        default=5, ge=1, le=20, description="How many wrong entries a code bears."
    )
    codes_per_hour: int = Field(
        default=5, ge=1, description="How many codes one number may ask for in an hour."
    )
    codes_per_day: int = Field(
        default=10, ge=1, description="How many codes one number may ask for in 24 hours."
    )

    @property
    def give_up(self) -> timedelta:
        """How long a message is tried."""
        return timedelta(hours=self.give_up_hours)
