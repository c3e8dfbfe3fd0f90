from __future__ import annotations

from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.police.rules import (
    OPEN,
    AlreadyHandedOver,
    Direction,
    Earlier,
    FirstReceiverKeeps,
    HandoverEvent,
    HandoverState,
    Holder,
    answers_due,
    holder,
    moves,
    next_state,
    require_free,
    wait_before,
)
from crm_bridge.tickets.vocabulary import TicketEvent, TicketState
from crm_bridge.upstream.rules import Outcome

S: TypeAlias = HandoverState
E: TypeAlias = HandoverEvent
T: TypeAlias = TicketState
O: TypeAlias = Outcome  # noqa: E741  # a letter for a table


@given(st.lists(st.sampled_from(E), max_size=15), st.sampled_from(Direction))
def test_a_matter_always_has_one_holder_and_is_the_givers_until_it_is_accepted(
    events: list[E], direction: Direction
) -> None:
    state = S.offered
    giver = Holder.hotline if direction is Direction.outbound else Holder.police
    for event in events:
        state = next_state(state, event) or state
        held = holder(direction, state)
        assert (held is giver) is (state not in (S.accepted, S.finished))


@given(st.lists(st.sampled_from(E), max_size=15))
def test_a_refusal_never_takes_back_what_was_accepted(events: list[E]) -> None:
    state = S.accepted
    for event in events:
        state = next_state(state, event) or state
        assert state is not S.refused


@pytest.mark.parametrize(
    ("state", "ticket", "outcome", "due"),
    [
        (S.received, T.registered, O.open, ()),
        (S.received, T.to_dispatch, O.open, ()),
        (S.received, T.dispatched, O.open, (E.accepted,)),
        (S.accepted, T.in_hand, O.open, ()),
        (S.received, T.joined, O.open, (E.accepted,)),
        (S.received, T.closed, O.answered, (E.accepted, E.finished)),
        (S.accepted, T.done, O.answered, (E.finished,)),
        (S.finished, T.archived, O.answered, ()),
        (S.finished, T.dispatched, O.open, (E.reopened,)),
        (S.received, T.closed, O.refused, (E.refused,)),
        (S.refused, T.closed, O.refused, ()),
        (S.accepted, T.stopped, O.refused, (E.finished,)),
        (S.refused, T.dispatched, O.open, (E.accepted,)),
    ],
)
def test_what_110_is_told_of_a_matter_that_came_from_there(
    state: S, ticket: T, outcome: O, due: tuple[E, ...]
) -> None:
    assert answers_due(state, ticket, outcome) == due


@given(st.sampled_from(S), st.sampled_from(T), st.sampled_from(O))
def test_what_110_was_told_is_not_told_again(state: S, ticket: T, outcome: O) -> None:
    for event in answers_due(state, ticket, outcome):
        state = next_state(state, event) or state
    assert answers_due(state, ticket, outcome) == ()


@pytest.mark.parametrize("state", sorted(OPEN))
def test_what_is_with_110_is_not_handed_over_again_even_in_an_emergency(state: S) -> None:
    with pytest.raises(AlreadyHandedOver):
        require_free([Earlier(direction=Direction.outbound, state=state)], emergency=True)


@pytest.mark.parametrize(
    "earlier",
    [
        Earlier(direction=Direction.outbound, state=S.refused),
        Earlier(direction=Direction.inbound, state=S.received),
        Earlier(direction=Direction.inbound, state=S.accepted),
        Earlier(direction=Direction.inbound, state=S.finished),
    ],
)
def test_the_first_receiver_keeps_a_matter_unless_somebody_is_in_danger(earlier: Earlier) -> None:
    with pytest.raises(FirstReceiverKeeps):
        require_free([earlier], emergency=False)
    require_free([earlier], emergency=True)


def test_a_matter_that_is_done_there_or_was_never_there_may_be_handed_over() -> None:
    require_free([], emergency=False)
    require_free([Earlier(direction=Direction.outbound, state=S.finished)], emergency=False)
    require_free([Earlier(direction=Direction.inbound, state=S.refused)], emergency=False)


@pytest.mark.parametrize("ticket", [one for one in T if one is not T.passed_on])
def test_an_answer_moves_no_ticket_that_a_person_has_taken_back(ticket: T) -> None:
    assert {moves(event, ticket) for event in E} == {None}


def test_an_answer_moves_the_ticket_that_waits_for_it() -> None:
    assert moves(E.accepted, T.passed_on) is TicketEvent.passing_confirmed
    assert moves(E.finished, T.passed_on) is TicketEvent.passing_confirmed
    assert moves(E.refused, T.passed_on) is TicketEvent.passing_refused
    assert moves(E.received, T.passed_on) is None


@given(st.integers(min_value=1, max_value=10_000))
def test_the_waits_grow_to_two_minutes_and_no_further(attempts: int) -> None:
    assert 2 <= wait_before(attempts) <= 120
    assert wait_before(attempts) <= wait_before(attempts + 1)
