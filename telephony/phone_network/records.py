"""What the network saw: the witness that a citizen was rung once, or not at all."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from telephony.phone_network.settings import PhoneNetworkSettings


class What(StrEnum):
    """What can happen to a call."""

    called = "called"  # the hotline rings a citizen
    calls = "calls"  # a citizen dials
    answered = "answered"
    unanswered = "unanswered"  # a citizen dialled in vain
    ended = "ended"


class Seen(BaseModel):
    """One thing that happened to one call.

    Attributes:
        at: When, in seconds since 1970.
        id: The same for everything that happened to one call.
        event: What happened.
        citizen: The citizen's number.
        other: The number at the other end.
        direction: `in` when the citizen is called, `out` when he calls.
        pressed: The keys he has pressed so far.
        cause: Q.850 cause so far; empty or 0 while there is none.
    """

    model_config = ConfigDict(frozen=True)

    at: float
    id: str
    event: What
    citizen: str
    other: str
    direction: str
    pressed: str
    cause: str


def read(settings: PhoneNetworkSettings) -> list[Seen]:
    """Everything that this network has seen, oldest first."""
    if not settings.record.exists():
        return []
    lines = settings.record.read_text(encoding="utf-8").splitlines()
    return [Seen.model_validate_json(line) for line in lines]


def times_rung(settings: PhoneNetworkSettings, number: str) -> int:
    """How often a call to this citizen has reached his line, whatever became of it."""
    return sum(seen.event is What.called and seen.citizen == number for seen in read(settings))
