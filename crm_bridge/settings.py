"""What an installation can set for the work on citizens' matters."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class CaseworkSettings(BaseModel):
    """Agents at work on tickets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    context_minutes: int = Field(
        default=15,
        ge=1,
        le=1440,
        description="How long after a call its agent may still see who called and what the citizen reported before.",
    )

    @property
    def writing_up(self) -> timedelta:
        """How long after a call its agent still writes it up."""
        return timedelta(minutes=self.context_minutes)
