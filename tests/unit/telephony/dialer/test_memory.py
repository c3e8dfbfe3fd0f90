from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from infra.kit.clock import ManualClock
from infra.kit.errors import TryLater
from telephony.dialer.memory import Reply, ScriptedDialer
from telephony.dialer.rules import Outcome, Question, Result, Survey
from telephony.numbers import PhoneNumber

CITIZEN = PhoneNumber("13800011150")


def survey(clock: ManualClock, attempt: str = "a1", valid_seconds: float = 60) -> Survey:
    return Survey(
        attempt_id=attempt,
        questions=tuple(Question),
        ring_seconds=20,
        valid_until=clock.now() + timedelta(seconds=valid_seconds),
    )


@pytest.fixture
def dialer(clock: ManualClock) -> ScriptedDialer:
    return ScriptedDialer(clock)


async def test_a_citizen_answers_as_scripted_and_the_last_reply_is_kept(
    dialer: ScriptedDialer, clock: ManualClock
) -> None:
    dialer.script(CITIZEN, Reply(result=Result.busy), Reply(answers={Question.satisfied: 5}))
    results = [await dialer.ask(CITIZEN, survey(clock, f"a{n}")) for n in range(3)]
    assert [outcome.result for outcome in results] == [
        Result.busy,
        Result.answered,
        Result.answered,
    ]
    assert results[2].answers == {Question.satisfied: 5}


async def test_the_same_attempt_rings_once_however_often_it_is_asked(
    dialer: ScriptedDialer, clock: ManualClock
) -> None:
    first = await dialer.ask(CITIZEN, survey(clock))
    assert await dialer.ask(CITIZEN, survey(clock)) == first
    assert len(dialer.rung) == 1


async def test_a_call_outlives_the_one_who_asked_for_it_and_can_be_settled(
    dialer: ScriptedDialer, clock: ManualClock
) -> None:
    dialer.holding = True
    dialer.script(CITIZEN, Reply(answers={Question.solved: 1}))
    asking = asyncio.create_task(dialer.ask(CITIZEN, survey(clock)))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert await dialer.settle("a1") is None
    dialer.finish("a1")
    settled = await dialer.settle("a1")
    assert settled is not None
    assert settled.answers == {Question.solved: 1}
    await dialer.forget("a1")
    again = await dialer.settle("a1")
    assert again is not None
    assert again.result is Result.unknown


async def test_an_order_that_comes_too_late_does_not_ring(
    dialer: ScriptedDialer, clock: ManualClock
) -> None:
    late = survey(clock, valid_seconds=1)
    clock.advance(2)
    assert (await dialer.ask(CITIZEN, late)).result is Result.refused_late
    assert dialer.rung == []


async def test_without_the_pbx_nothing_rings_and_everything_says_try_later(
    dialer: ScriptedDialer, clock: ManualClock
) -> None:
    dialer.reachable = False
    for asking in (dialer.ask(CITIZEN, survey(clock)), dialer.settle("a1"), dialer.forget("a1")):
        with pytest.raises(TryLater):
            await asking
    assert dialer.rung == []


@pytest.mark.parametrize("attempt", ["", "a b", "a\r\nb", "-a", "a" * 65, "回访"])
def test_an_attempt_id_is_plain(clock: ManualClock, attempt: str) -> None:
    with pytest.raises(ValueError, match="attempt id"):
        survey(clock, attempt)


def test_a_digit_that_answers_nothing_is_no_answer(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="does not answer"):
        Outcome(
            attempt_id="a1",
            result=Result.answered,
            ended_at=clock.now(),
            answers={Question.contacted: 3},
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"questions": ()},
        {"questions": (Question.solved, Question.solved)},
        {"ring_seconds": 0},
        {"valid_until": datetime(2026, 3, 2)},  # noqa: DTZ001 - the mistake itself
    ],
)
def test_a_survey_that_cannot_be_meant_is_refused(
    clock: ManualClock, changes: dict[str, object]
) -> None:
    good = survey(clock)
    fields = {name: getattr(good, name) for name in Survey.__slots__}
    with pytest.raises(ValueError, match=r"survey|telephone|time zone"):
        Survey(**{**fields, **changes})
