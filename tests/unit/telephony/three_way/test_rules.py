from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.numbers import PhoneNumber
from telephony.three_way.rules import (
    OVER,
    TRANSITIONS,
    Third,
    ThirdSignal,
    ThirdState,
    next_state,
    signals_of,
)

THIRD = Third(
    id="lx3-0011223344556677",
    pbx="pbx1",
    linkedid="1.0",
    agent="1001",
    number=PhoneNumber("110"),
    state=ThirdState.failed,
    at=datetime(2026, 3, 2, tzinfo=UTC),
)


@given(st.lists(st.sampled_from(ThirdSignal), max_size=12))
def test_whoever_has_gone_never_comes_back(signals: list[ThirdSignal]) -> None:
    state, gone = ThirdState.calling, False
    for signal in signals:
        gone = gone or state in OVER
        state = next_state(state, signal) or state
        assert not gone or state in OVER


def test_everybody_who_is_there_can_hang_up() -> None:
    assert {state for state, signal in TRANSITIONS if signal is ThirdSignal.hang_up} == (
        set(ThirdState) - OVER
    )


@pytest.mark.parametrize(
    ("known", "talks", "agent", "citizen", "state"),
    [
        (ThirdState.calling, False, True, True, ThirdState.calling),
        (ThirdState.calling, True, True, True, ThirdState.joined),
        (ThirdState.calling, True, False, True, ThirdState.alone),
        (ThirdState.calling, True, True, False, ThirdState.without_citizen),
        (ThirdState.joined, True, True, True, ThirdState.joined),
        (ThirdState.joined, True, False, True, ThirdState.alone),
        (ThirdState.alone, True, False, True, ThirdState.alone),
        (ThirdState.without_citizen, True, False, False, ThirdState.without_citizen),
    ],
)
def test_who_is_on_the_line_tells_what_nobody_saw(
    known: ThirdState, talks: bool, agent: bool, citizen: bool, state: ThirdState
) -> None:
    found = known
    for signal in signals_of(talks=talks, agent=agent, citizen=citizen):
        found = next_state(found, signal) or found
    assert found is state


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (17, "busy"),
        (19, "no_answer"),
        (1, "no_such_number"),
        (38, "network"),
        (None, "unreachable"),
    ],
)
def test_why_somebody_was_not_reached_is_said_in_a_word(cause: int | None, reason: str) -> None:
    assert replace(THIRD, cause=cause).reason == reason


def test_a_hang_up_after_the_talk_is_no_failure() -> None:
    assert replace(THIRD, state=ThirdState.left, cause=17).reason == ""


def test_the_number_is_not_shown_in_logs() -> None:
    assert "13800015121" not in repr(replace(THIRD, number=PhoneNumber("13800015121")))
