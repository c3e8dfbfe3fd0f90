"""What an installation can set for the work on citizens' matters."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from crm_bridge.tickets.guards import DISPATCHES_THAT_CAN_BE_RETURNED


class CaseworkSettings(BaseModel):
    """Agents at work on tickets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    context_minutes: int = Field(
        default=15,
        ge=1,
        le=1440,
        description="How long after a call its agent may still see who called and what the citizen reported before.",
    )
    returnable_dispatches: int = Field(
        default=DISPATCHES_THAT_CAN_BE_RETURNED,
        ge=0,
        le=99,
        description="How many dispatches of one round a unit may return; from the next on it must handle the matter.",
    )
    due_soon_hours: int = Field(
        default=48,
        ge=1,
        le=720,
        description="How long before it is due an assignment lies in the unit desk's box of what is due soon.",
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

    @property
    def due_soon(self) -> timedelta:
        """How long before it is due an assignment is due soon."""
        return timedelta(hours=self.due_soon_hours)
