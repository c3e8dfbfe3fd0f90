"""What an installation can set for suggestions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class SuggestionSettings(BaseModel):
    """Which unit may be the right one, learned from dispatches that were not returned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_file: Path = Field(
        default=Path("var/dispatch-model.npz"),
        description="What was learned. It can always be made anew: lianxin train dispatch.",
    )
    train: bool = Field(
        default=True,
        description="Learn by itself, in a process of its own, when there is no model or an old one.",
    )
    train_hours: float = Field(
        default=24, gt=0, le=8760, description="A model that is older is made anew."
    )
    train_minutes_at_most: float = Field(
        default=15, gt=0, le=240, description="Training that takes longer is given up."
    )
    history_days: int = Field(
        default=730, ge=1, description="How far back dispatches are learned from."
    )
    history_tickets: int = Field(
        default=100_000, ge=0, le=500_000, description="How many of them at most, the newest first."
    )
    least_tickets: int = Field(
        default=5,
        ge=1,
        description="A word of citizens' texts enters the model only if so many tickets have it.",
    )
    forms_per_minute: int = Field(
        default=60, ge=1, description="How often one person's form may ask while it is typed."
    )

    @property
    def train_after(self) -> timedelta:
        """From which age a model is made anew."""
        return timedelta(hours=self.train_hours)

    @property
    def history(self) -> timedelta:
        """How far back dispatches are learned from."""
        return timedelta(days=self.history_days)
