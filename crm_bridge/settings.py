"""What an installation can set for the work on citizens' matters."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

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

    attachments_dir: Path = Field(
        default=Path("var/attachments"),
        description="Where the files lie that people attach to tickets.",
    )
    attachment_megabytes: int = Field(
        default=20, ge=1, le=200, description="The largest file that may be attached."
    )

    @property
    def writing_up(self) -> timedelta:
        """How long after a call its agent still writes it up."""
        return timedelta(minutes=self.context_minutes)
