"""What an installation can set for webhooks."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class WebhookSettings(BaseModel):
    """Telling other systems what happens to tickets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_http: bool = Field(
        default=False,
        description="Send to addresses without TLS too; for tests and closed networks.",
    )
    allow_private: bool = Field(
        default=False,
        description="Send to addresses in private networks and on this machine too. Whoever may register "
        "webhooks can then make this server send requests into your own network.",
    )
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="How long a receiver may take to answer."
    )
    at_once: int = Field(
        default=4, ge=1, le=50, description="How many requests may be on their way to one receiver."
    )
    give_up_hours: float = Field(
        default=24.0, gt=0, description="How long a delivery is tried again before it is given up."
    )
    old_secret_hours: float = Field(
        default=24.0, ge=0, description="How long the secret before a new one still signs."
    )
    keep_days: int = Field(
        default=30,
        ge=1,
        description="How long deliveries are kept, to be looked at and sent again.",
    )

    @property
    def give_up(self) -> timedelta:
        """How long a delivery is tried again."""
        return timedelta(hours=self.give_up_hours)
