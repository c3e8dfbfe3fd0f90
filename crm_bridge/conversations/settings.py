"""What an installation can set for conversations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from crm_bridge.conversations.tables import SKILL_LENGTH

Skill = Annotated[str, Field(min_length=1, max_length=SKILL_LENGTH)]


class ConversationSettings(BaseModel):
    """Citizens who write, and the agents who answer them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: Literal["agent", "guide"] = Field(
        default="agent",
        description="Who answers a citizen's first words: an agent, or the guide that asks what, where, for pictures "
        "and for a number, and registers a ticket. A citizen can ask for the other one at any time.",
    )
    most_per_agent: int = Field(
        default=4, ge=1, le=50, description="How many conversations an agent has at once."
    )
    offer_seconds: int = Field(
        default=20, ge=5, le=300, description="How long an agent has to accept a conversation."
    )
    again_seconds: int = Field(
        default=60,
        ge=5,
        le=3600,
        description="An agent who has declined a conversation, or let its offer lapse, is asked again after this time "
        "at the earliest.",
    )
    widen_seconds: int = Field(
        default=90,
        ge=0,
        le=3600,
        description="A citizen who has waited this long is offered to agents without the skill too; 0: never.",
    )
    excuse_seconds: int = Field(
        default=45,
        ge=0,
        le=3600,
        description="A citizen who has waited this long is told so, once, and that the guide is there; 0: never.",
    )
    guide_idle_minutes: int = Field(
        default=30,
        ge=1,
        le=1440,
        description="When a citizen has not answered the guide for this long, a ticket is registered of what he said.",
    )
    idle_hours: int = Field(
        default=48,
        ge=1,
        le=720,
        description="A conversation in which nobody has written for this long is closed, once the citizen is answered.",
    )
    skills: Mapping[str, Skill] = Field(
        default={},
        description='Skill that the conversations of a channel need, e.g. {wechat = "online"}; '
        "without one every agent answers them.",
    )

    @property
    def skill_of(self) -> Mapping[str, str]:
        """The skill that the conversations of a channel need, by the channel's name."""
        return MappingProxyType(dict(self.skills))

    @property
    def guide_idle(self) -> timedelta:
        """How long the guide waits for an answer."""
        return timedelta(minutes=self.guide_idle_minutes)

    @property
    def idle(self) -> timedelta:
        """How long a conversation stays open in which nobody writes."""
        return timedelta(hours=self.idle_hours)
