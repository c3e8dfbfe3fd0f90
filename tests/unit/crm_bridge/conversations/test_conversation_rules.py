import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.conversations.rules import (
    LIVE,
    TRANSITIONS,
    ConversationEvent,
    ConversationRefused,
    ConversationState,
    Utterance,
    next_state,
)

_S, _E = ConversationState, ConversationEvent


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (_S.closed, _E.accepted),
        (_S.waiting, _E.accepted),
        (_S.open, _E.taken),
        (_S.offered, _E.taken),
        (_S.open, _E.declined),
        (_S.closed, _E.closed),
        (None, _E.accepted),
    ],
)
def test_what_cannot_happen_is_refused(
    state: ConversationState | None, event: ConversationEvent
) -> None:
    with pytest.raises(ConversationRefused):
        next_state(state, event)


@given(events=st.lists(st.sampled_from(ConversationEvent), max_size=40))
def test_closed_is_the_end_and_nothing_else_is(events: list[ConversationEvent]) -> None:
    state = next_state(None, _E.begun)
    for event in events:
        if (state, event) not in TRANSITIONS:
            continue
        assert state is not _S.closed
        state = next_state(state, event)
    assert state is _S.closed or any(
        TRANSITIONS.get((state, event)) is _S.closed for event in ConversationEvent
    )


def test_every_state_can_be_reached_and_every_live_one_can_be_closed() -> None:
    assert set(TRANSITIONS.values()) == set(ConversationState)
    assert all((state, _E.closed) in TRANSITIONS for state in LIVE)


def test_what_was_said_does_not_show() -> None:
    assert "路灯" not in repr(Utterance(text="路灯坏了", address="滨江路"))
