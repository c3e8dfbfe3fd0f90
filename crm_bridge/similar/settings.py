"""What an installation can set for tickets that may be about one matter."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class SimilarSettings(BaseModel):
    """Which tickets are suggested to be joined; a person decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    caller_days: int = Field(
        default=30,
        ge=1,
        le=365,
        description="How far back tickets of the same caller are looked at.",
    )
    alike_days: int = Field(
        default=7, ge=1, le=60, description="How far back tickets that are alike are looked at."
    )
    least_score: float = Field(
        default=0.5, ge=0.1, le=1, description="From which likeness on a ticket is suggested."
    )
    least_group_score: float = Field(
        default=0.55, ge=0.1, le=1, description="From which likeness on tickets make one group."
    )

    @property
    def caller_window(self) -> timedelta:
        """How far back tickets of the same caller are looked at."""
        return timedelta(days=self.caller_days)

    @property
    def alike_window(self) -> timedelta:
        """How far back tickets that are alike are looked at."""
        return timedelta(days=self.alike_days)
