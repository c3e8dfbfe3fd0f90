"""A keypress survey by telephone: the questions, the order for one call, and how it can end.

The keys are those of the city's callback: did the unit contact you (1 yes, 2 no); is it solved
(1 yes, 2 partly, 3 no); how satisfied are you (1 very satisfied … 5 very dissatisfied).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from telephony.numbers import PhoneNumber


class Question(StrEnum):
    """One question of the survey, in the words the dialplan knows it by."""

    contacted = "contacted"
    solved = "solved"
    satisfied = "satisfied"


VALID_KEYS: Mapping[Question, range] = MappingProxyType(
    {
        Question.contacted: range(1, 3),
        Question.solved: range(1, 4),
        Question.satisfied: range(1, 6),
    }
)
"""The digits that answer each question; any other is asked again."""


class Result(StrEnum):
    """How one attempt ended."""

    answered = "answered"  # at least one key was pressed
    silent = "silent"  # picked up, pressed nothing, heard it to the end
    hung_up = "hung_up"  # picked up, hung up before any key
    machine = "machine"  # an answering machine
    wants_person = "wants_person"  # pressed 0 and was given to the queue
    busy = "busy"
    no_answer = "no_answer"
    no_such_number = "no_such_number"
    carrier_failure = "carrier_failure"  # the network's fault: 5xx, congestion
    refused_late = "refused_late"  # the PBX got the order after its `valid_until`; it did not ring
    unknown = "unknown"  # may have rung: nobody can tell
    in_writing = "in_writing"  # nobody was rung: the citizen rated on a page by himself


_ATTEMPT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The order for one call.

    Attributes:
        attempt_id: Letters, digits, `-` and `_`, at most 64. The PBX's idempotency key: the same id
            never rings twice, so it is written down before the call and never used for another.
        questions: Asked in this order; none twice.
        ring_seconds: How long the telephone may ring.
        valid_until: The PBX refuses the order when it arrives after this moment.
    """

    attempt_id: str
    questions: tuple[Question, ...]
    ring_seconds: int
    valid_until: datetime

    def __post_init__(self) -> None:
        if not _ATTEMPT_ID.fullmatch(self.attempt_id):
            raise ValueError("an attempt id is 1 to 64 letters, digits, '-' or '_'")
        if not self.questions or len(set(self.questions)) != len(self.questions):
            raise ValueError("a survey asks at least one question, and none twice")
        if not 1 <= self.ring_seconds <= 120:
            raise ValueError("a telephone rings for 1 to 120 seconds")
        if self.valid_until.tzinfo is None:
            raise ValueError("valid_until needs a time zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt.

    Attributes:
        answers: The digit pressed for each question that was answered; empty unless somebody did.
        reason_recording: File name of the spoken reason inside the recordings folder, or None.
        ended_at: When the attempt ended, by the PBX's clock.
    """

    attempt_id: str
    result: Result
    ended_at: datetime
    answers: Mapping[Question, int] = field(default_factory=dict)
    reason_recording: str | None = None

    def __post_init__(self) -> None:
        for question, digit in self.answers.items():
            if digit not in VALID_KEYS[question]:
                raise ValueError(f"{digit} does not answer {question}")
        object.__setattr__(self, "answers", MappingProxyType(dict(self.answers)))


class Dialer(Protocol):
    """Rings a citizen and asks; never rings the same attempt twice."""

    async def ask(self, number: PhoneNumber, survey: Survey) -> Outcome:
        """Ring, ask, and return when the attempt has ended.

        Calling it again with the same survey is safe at any time: it joins the attempt that runs or
        returns the outcome that the PBX recorded, and rings only if that attempt never rang and
        `valid_until` has not passed. Cancelling it does not hang up.

        Raises:
            TryLater: The PBX cannot be reached and the order was not sent: nothing rang for it.
        """
        ...

    async def settle(self, attempt_id: str) -> Outcome | None:
        """Tell what became of an attempt after a crash, from the PBX's own record; rings nobody.

        Returns:
            The outcome; None while the attempt still runs; one with `Result.unknown` when the PBX
            has no record of it. Before `valid_until` such an attempt may be given to `ask` again.

        Raises:
            TryLater: The PBX cannot be reached.
        """
        ...

    async def forget(self, attempt_id: str) -> None:
        """Drop the PBX's record of an attempt whose outcome has been committed."""
        ...
