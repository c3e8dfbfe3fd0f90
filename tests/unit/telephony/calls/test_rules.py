from __future__ import annotations

from itertools import product

import pytest

from telephony.calls.rules import (
    CHANGES,
    FINAL,
    TRANSITIONS,
    CallState,
    ImpossibleTransition,
    Signal,
    next_state,
)


@pytest.mark.parametrize(("state", "signal"), list(product(CallState, Signal)))
def test_every_pair_is_in_the_table_or_is_refused_by_name(state: CallState, signal: Signal) -> None:
    if (state, signal) in TRANSITIONS:
        assert next_state(state, signal) is TRANSITIONS[state, signal]
    else:
        with pytest.raises(ImpossibleTransition, match=f"{state}.*{signal}"):
            next_state(state, signal)


def test_nothing_leads_out_of_a_final_state() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] in FINAL]


def test_every_state_that_is_not_final_can_end() -> None:
    for state in set(CallState) - FINAL:
        assert TRANSITIONS[state, Signal.hang_up] is CallState.ended


def test_only_a_call_that_nobody_answered_can_be_abandoned() -> None:
    before = {state for state, signal in TRANSITIONS if signal is Signal.abandon}
    assert before == {CallState.offered, CallState.ringing}


def test_every_signal_tells_what_changed() -> None:
    assert set(CHANGES) == set(Signal)
