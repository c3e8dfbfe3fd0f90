"""The dialer on Asterisk.

The truth about an attempt is the record that the dialplan keeps in AstDB; events and the link's coming
back only say that it is time to look. The dialplan never dials an attempt that it has dialled before, so
an order may be repeated for as long as this Asterisk runs; one that died may have lost its last second
of records, so after a restart an attempt without a record is given up as unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import structlog

from infra.kit.clock import Clock
from infra.kit.errors import TryLater
from telephony.ami.errors import ActionRefused, AnswerLost
from telephony.ami.events import LianxinEvent, LinkUp
from telephony.ami.link import AmiLink
from telephony.ami.lists import tree
from telephony.dialer.rules import VALID_KEYS, Outcome, Question, Result, Survey
from telephony.numbers import PhoneNumber

log = structlog.get_logger()

_LONGEST_SECONDS = 900.0
"""No survey takes longer: an attempt that is older and has not ended will not be heard of again."""
_BOOT_ERROR_SECONDS = 2.0
_SWEEP_SECONDS = 3600.0
_QUESTIONS = {question.value: question for question in Question}
_RESULTS = {result.value: result for result in Result}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What AstDB says of an attempt; `outcome` when it has ended."""

    at: float
    answers: Mapping[Question, int]
    outcome: Outcome | None


class AsteriskDialer:
    """A `Dialer` that rings through Asterisk.

    Args:
        link: The Asterisk.
        clock: For `valid_until`.
        look_seconds: How often to look at an attempt of which nothing is heard.
    """

    def __init__(self, link: AmiLink, clock: Clock, *, look_seconds: float = 5.0) -> None:
        self._look_seconds = look_seconds
        self._link = link
        self._clock = clock
        self._watches: dict[str, list[asyncio.Event]] = {}
        self._came_up = asyncio.Event()
        link.subscribe([LianxinEvent], self._hear)
        link.subscribe([LinkUp], self._link_up)

    async def ask(self, number: PhoneNumber, survey: Survey) -> Outcome:
        """See `Dialer.ask`."""
        woken = asyncio.Event()
        self._watches.setdefault(survey.attempt_id, []).append(woken)
        try:
            return await self._ask(number, survey, woken)
        finally:
            watches = self._watches[survey.attempt_id]
            watches.remove(woken)
            if not watches:
                del self._watches[survey.attempt_id]

    async def settle(self, attempt_id: str) -> Outcome | None:
        """See `Dialer.settle`."""
        record = await self._read(attempt_id)
        if record is None:
            return self._without_record(attempt_id, Result.unknown)
        return record.outcome or self._if_dead(attempt_id, record)

    async def forget(self, attempt_id: str) -> None:
        """See `Dialer.forget`."""
        for action, family, key in (
            ("DBDelTree", f"lianxin/key/{attempt_id}", None),
            ("DBDel", "lianxin/attempt", attempt_id),
        ):
            fields = {"Family": family} if key is None else {"Family": family, "Key": key}
            try:
                await self._link.send(action, fields)
            except ActionRefused:
                log.debug("dialer.nothing_to_forget", attempt=attempt_id)

    async def run(self) -> None:
        """Throw away the PBX's notes on attempts that are no longer valid anyway, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_SWEEP_SECONDS):
                    await self._came_up.wait()
            except TimeoutError:
                log.debug("dialer.sweeping")
            self._came_up.clear()
            try:
                await self._sweep()
            except TryLater:
                log.info("dialer.not_swept")

    async def _ask(self, number: PhoneNumber, survey: Survey, woken: asyncio.Event) -> Outcome:
        boot = self._link.booted_at
        record = await self._read(survey.attempt_id)
        if record is not None:
            woken.set()
        elif self._late(survey):
            return self._without_record(survey.attempt_id, Result.refused_late)
        else:
            await self._order(number, survey)
        gives_up = self._clock.monotonic() + _LONGEST_SECONDS
        outcome = None
        while outcome is None and self._clock.monotonic() < gives_up:
            try:
                async with asyncio.timeout(self._look_seconds):
                    await woken.wait()
            except TimeoutError:
                log.debug("dialer.looking", attempt=survey.attempt_id)
            woken.clear()
            try:
                outcome = await self._look(number, survey, boot)
            except TryLater:
                log.info("dialer.waiting_for_pbx", attempt=survey.attempt_id)
        return outcome or self._without_record(survey.attempt_id, Result.unknown)

    async def _look(self, number: PhoneNumber, survey: Survey, boot: float) -> Outcome | None:
        """Return the outcome, if it can be told now; order again what has left no trace."""
        record = await self._read(survey.attempt_id)
        if record is not None:
            return record.outcome or self._if_dead(survey.attempt_id, record)
        restarted = abs(self._link.booted_at - boot) > _BOOT_ERROR_SECONDS
        if restarted or self._late(survey):
            return self._without_record(survey.attempt_id, Result.unknown)
        await self._order(number, survey)
        return None

    async def _order(self, number: PhoneNumber, survey: Survey) -> None:
        variables = {
            "__LX_ATTEMPT": survey.attempt_id,
            "__LX_NUMBER": number.digits,
            "__LX_QUESTIONS": "-".join(survey.questions),
            "__LX_UNTIL": str(int(survey.valid_until.timestamp())),
            "__LX_RING": str(survey.ring_seconds),
        }
        order = {
            "Channel": "Local/dial@lianxin-callback/n",
            "Application": "NoOp",
            "Timeout": str((survey.ring_seconds + 15) * 1000),
            "Variable": [f"{name}={value}" for name, value in variables.items()],
        }
        log.info("dialer.ordered", attempt=survey.attempt_id)
        try:
            await self._link.send("Originate", order)
        except AnswerLost:
            log.warning("dialer.answer_lost", attempt=survey.attempt_id)
        except ActionRefused as error:
            raise TryLater(f"Asterisk takes no orders: {error.message}") from error

    async def _read(self, attempt_id: str) -> _Record | None:
        path = f"lianxin/attempt/{attempt_id}"
        written = (await tree(self._link, path)).get(path)
        if written is None:
            return None
        fields = dict(parse_qsl(written))
        answers = await self._answers(attempt_id)
        at = float(fields["at"])
        outcome = None
        if fields["state"] == "ended":
            outcome = Outcome(
                attempt_id=attempt_id,
                result=_RESULTS.get(fields.get("result", ""), Result.unknown),
                answers=answers,
                reason_recording=fields.get("reason"),
                ended_at=datetime.fromtimestamp(at, UTC),
            )
        return _Record(at=at, answers=answers, outcome=outcome)

    async def _answers(self, attempt_id: str) -> dict[Question, int]:
        root = f"lianxin/key/{attempt_id}/"
        answers = {}
        for path, value in (await tree(self._link, root.rstrip("/"))).items():
            name = path.removeprefix(root)
            digit = int(dict(parse_qsl(value)).get("digit", "0"))
            question = _QUESTIONS.get(name)
            if question is not None and digit in VALID_KEYS[question]:
                answers[question] = digit
        return answers

    def _if_dead(self, attempt_id: str, record: _Record) -> Outcome | None:
        """Return what is known of an attempt that Asterisk can no longer end, or None while it runs."""
        before_boot = record.at < self._link.booted_at - _BOOT_ERROR_SECONDS
        too_old = record.at < self._clock.now().timestamp() - _LONGEST_SECONDS
        if not before_boot and not too_old:
            return None
        return Outcome(
            attempt_id=attempt_id,
            result=Result.answered if record.answers else Result.unknown,
            answers=record.answers,
            ended_at=datetime.fromtimestamp(record.at, UTC),
        )

    def _without_record(self, attempt_id: str, result: Result) -> Outcome:
        return Outcome(attempt_id=attempt_id, result=result, ended_at=self._clock.now())

    def _late(self, survey: Survey) -> bool:
        return self._clock.now() >= survey.valid_until

    async def _sweep(self) -> None:
        now = self._clock.now().timestamp()
        for path, until in (await tree(self._link, "lianxin-rung")).items():
            if float(until or 0) < now - _LONGEST_SECONDS:
                family, _, key = path.partition("/")
                await self._link.send("DBDel", {"Family": family, "Key": key})

    def _hear(self, event: LianxinEvent) -> None:
        if event.name == "LianxinAttempt" and event.fields.get("State") == "ended":
            for woken in self._watches.get(event.fields["Attempt"], ()):
                woken.set()

    def _link_up(self, _event: LinkUp) -> None:
        self._came_up.set()
        for watches in self._watches.values():
            for woken in watches:
                woken.set()
