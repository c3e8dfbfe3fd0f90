"""A dialer without telephones: what tests and a city without Asterisk dial with.

It keeps the promises of the real one: an attempt rings once, its record survives the caller, and
the record stays until it is forgotten.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.kit.clock import Clock
from infra.kit.errors import TryLater
from telephony.dialer.rules import Outcome, Question, Result, Survey
from telephony.numbers import PhoneNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How a scripted citizen takes one call."""

    result: Result = Result.answered
    answers: Mapping[Question, int] = field(default_factory=dict)
    reason_recording: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One time a telephone rang."""

    number: PhoneNumber
    survey: Survey


class ScriptedDialer:
    """A `Dialer` whose citizens do what they were told.

    Attributes:
        rung: Every time a telephone rang, in order.
        forgotten: The attempts whose records were dropped, in order.
        reachable: Set to False to make every method raise TryLater, as with the PBX down.
        holding: Set to True to let calls run until `finish` is called for them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scripts: dict[str, deque[Reply]] = defaultdict(deque)
        self._records: dict[str, asyncio.Future[Outcome]] = {}
        self._replies: dict[str, Reply] = {}
        self.rung: list[Rung] = []
        self.forgotten: list[str] = []
        self.reachable = True
        self.holding = False

    def script(self, number: PhoneNumber, *replies: Reply) -> None:
        """Tell how `number` takes its next calls; the last reply is kept for all that follow.

        A number without a script does not answer.
        """
        self._scripts[number.digits] = deque(replies)

    async def ask(self, number: PhoneNumber, survey: Survey) -> Outcome:
        """See `Dialer.ask`."""
        self._require_reachable()
        record = self._records.get(survey.attempt_id)
        if record is None:
            record = self._start(number, survey)
        return await asyncio.shield(record)

    async def settle(self, attempt_id: str) -> Outcome | None:
        """See `Dialer.settle`."""
        self._require_reachable()
        record = self._records.get(attempt_id)
        if record is None:
            return Outcome(attempt_id=attempt_id, result=Result.unknown, ended_at=self._clock.now())
        return record.result() if record.done() else None

    async def forget(self, attempt_id: str) -> None:
        """See `Dialer.forget`."""
        self._require_reachable()
        self._records.pop(attempt_id, None)
        self.forgotten.append(attempt_id)

    def finish(self, attempt_id: str) -> None:
        """End a call that was held, the way its number's script says."""
        reply = self._replies.pop(attempt_id)
        self._records[attempt_id].set_result(
            Outcome(
                attempt_id=attempt_id,
                result=reply.result,
                answers=reply.answers,
                reason_recording=reply.reason_recording,
                ended_at=self._clock.now(),
            )
        )

    def _start(self, number: PhoneNumber, survey: Survey) -> asyncio.Future[Outcome]:
        record = asyncio.get_running_loop().create_future()
        self._records[survey.attempt_id] = record
        if self._clock.now() > survey.valid_until:
            self._replies[survey.attempt_id] = Reply(result=Result.refused_late)
            self.finish(survey.attempt_id)
            return record
        self.rung.append(Rung(number=number, survey=survey))
        self._replies[survey.attempt_id] = self._next_reply(number)
        if not self.holding:
            self.finish(survey.attempt_id)
        return record

    def _next_reply(self, number: PhoneNumber) -> Reply:
        script = self._scripts[number.digits]
        if not script:
            return Reply(result=Result.no_answer)
        return script.popleft() if len(script) > 1 else script[0]

    def _require_reachable(self) -> None:
        if not self.reachable:
            raise TryLater("the PBX cannot be reached", "电话交换机暂时无法连接")
