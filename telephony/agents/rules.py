"""Agents as the PBX sees them: a telephone each, in the queue or not, paused or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Availability(StrEnum):
    """What the queue should do with an agent."""

    available = "available"  # give calls
    paused = "paused"  # keep in the queue, give none
    absent = "absent"  # the telephone stays, the queue forgets it


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPhone:
    """The telephone that a logged-in agent should have.

    Attributes:
        number: 工号, digits only; the SIP account is `agent-<number>`.
        name: Shown on other telephones.
        secret: SIP password of this login.
        reason: Code of the pause reason; only with `paused`.
    """

    number: str
    name: str = field(repr=False)
    secret: str = field(repr=False)
    availability: Availability
    reason: str | None = None

    def __post_init__(self) -> None:
        if not (self.number.isascii() and self.number.isdigit()):
            raise ValueError("an agent's number is digits only")


class Roster(Protocol):
    """Who is logged in; the truth that the PBX is made to follow."""

    async def phones(self) -> Sequence[AgentPhone]:
        """Return the telephone of every agent who is logged in now."""
        ...
