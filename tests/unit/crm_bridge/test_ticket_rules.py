from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.tickets.rules import (
    TRANSITIONS,
    UNBORN,
    Life,
    TransitionRefused,
    follow,
    life_of,
    ticket_number,
)
from crm_bridge.tickets.vocabulary import EVENT_WORDS, STATE_WORDS, TicketEvent, TicketState

E = TicketEvent
S = TicketState

TO_A_UNIT = [E.registered, E.left_open, E.dispatched]
HOMEWARD = [E.signed, E.replied, E.accepted, E.callback_due]


def walk(events: list[TicketEvent]) -> Life:
    """Takes the possible ones of `events`, in order, as a ticket would."""
    life = UNBORN
    for event in events:
        try:
            life = follow(life, event)
        except TransitionRefused:
            continue
    return life


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([E.registered], S.registered),
        ([E.registered, E.answered], S.closed),
        ([E.registered, E.not_accepted], S.closed),
        ([E.registered, E.passed_on], S.passed_on),
        ([E.registered, E.passed_on, E.passing_confirmed], S.closed),
        ([E.registered, E.passed_on, E.passing_refused], S.registered),
        ([E.registered, E.joined], S.joined),
        ([E.registered, E.joined, E.separated], S.registered),
        ([E.registered, E.joined, E.main_finished], S.closed),
        ([E.registered, E.left_open], S.to_dispatch),
        ([E.registered, E.left_open, E.answered], S.closed),
        (TO_A_UNIT, S.dispatched),
        ([*TO_A_UNIT, E.signed], S.in_hand),
        ([*TO_A_UNIT, E.return_asked], S.dispatched),
        ([*TO_A_UNIT, E.return_asked, E.return_refused], S.dispatched),
        ([*TO_A_UNIT, E.return_asked, E.return_approved], S.to_dispatch),
        ([*TO_A_UNIT, E.signed, E.return_asked, E.return_approved], S.to_dispatch),
        ([*TO_A_UNIT, E.signed, E.extension_asked, E.extension_approved], S.in_hand),
        ([*TO_A_UNIT, E.signed, E.replied], S.replied),
        ([*TO_A_UNIT, E.signed, E.replied, E.sent_back], S.in_hand),
        ([*TO_A_UNIT, E.signed, E.dissatisfied], S.in_hand),
        ([*TO_A_UNIT, *HOMEWARD], S.callback),
        ([*TO_A_UNIT, *HOMEWARD, E.satisfied], S.archived),
        ([*TO_A_UNIT, *HOMEWARD, E.not_rated], S.archived),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied], S.callback),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied, E.explained], S.archived),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied, E.redone], S.dispatched),
        ([E.registered, E.answered, E.callback_due, E.satisfied], S.archived),
        ([E.registered, E.answered, E.callback_due, E.dissatisfied, E.reopened], S.to_dispatch),
        ([E.registered, E.answered, E.archived], S.archived),
        ([E.registered, E.answered, E.callback_due, E.not_rated, E.satisfied], S.archived),
        ([E.registered, E.answered, E.callback_due, E.not_rated, E.dissatisfied], S.callback),
    ],
)
def test_log_leads_to_state(events: list[TicketEvent], state: TicketState) -> None:
    assert life_of(events).state is state


@pytest.mark.parametrize(
    ("events", "refused"),
    [
        ([], E.answered),
        ([E.registered], E.registered),
        ([E.registered], E.dispatched),
        ([E.registered, E.answered], E.answered),
        ([E.registered, E.answered], E.left_open),
        (TO_A_UNIT, E.return_approved),
        ([*TO_A_UNIT, E.return_asked], E.return_asked),
        ([*TO_A_UNIT, E.return_asked], E.signed),
        ([*TO_A_UNIT, E.signed, E.return_asked], E.replied),
        ([*TO_A_UNIT, E.signed], E.extension_approved),
        ([*TO_A_UNIT, E.signed, E.extension_asked], E.extension_asked),
        ([*TO_A_UNIT, E.signed, E.extension_asked, E.extension_approved], E.extension_asked),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied], E.reopened),
        ([E.registered, E.answered, E.callback_due, E.dissatisfied], E.redone),
        ([E.registered, E.left_open, E.designated], E.return_asked),
    ],
)
def test_impossible_event_is_refused_in_both_languages(
    events: list[TicketEvent], refused: TicketEvent
) -> None:
    with pytest.raises(TransitionRefused) as caught:
        follow(life_of(events), refused)
    assert caught.value.detail_zh
    assert caught.value.detail_en


def test_unknown_pair_names_state_and_event() -> None:
    with pytest.raises(TransitionRefused) as caught:
        follow(life_of([E.registered, E.answered]), E.signed)
    assert caught.value.detail_zh == "“已答复”的工单不能“签收”。"
    assert caught.value.detail_en == "A ticket that is 'closed' cannot be 'signed'."


def test_third_dispatch_of_a_round_cannot_be_returned() -> None:
    returned = [E.return_asked, E.return_approved, E.dispatched]
    third = life_of([*TO_A_UNIT, *returned, *returned])
    assert third.dispatches == 3
    with pytest.raises(TransitionRefused, match="third"):
        follow(third, E.return_asked)


def test_redo_begins_a_round_that_may_be_extended_and_returned_again() -> None:
    life = life_of(
        [
            *TO_A_UNIT,
            E.signed,
            E.extension_asked,
            E.extension_approved,
            E.replied,
            E.accepted,
            E.callback_due,
            E.dissatisfied,
            E.redone,
        ]
    )
    assert (life.round, life.dispatches, life.extended) == (2, 1, False)


def test_returned_and_then_answered_by_the_centre_is_reopened_and_not_redone() -> None:
    life = life_of(
        [*TO_A_UNIT, E.return_asked, E.return_approved, E.answered, E.callback_due, E.dissatisfied]
    )
    assert follow(life, E.reopened).state is S.to_dispatch


def test_every_state_is_reached_and_every_event_is_used() -> None:
    assert set(TRANSITIONS.values()) == set(TicketState)
    assert {event for _, event in TRANSITIONS} == set(TicketEvent)


def test_every_state_leads_to_the_archive() -> None:
    home = {S.archived}
    while True:
        before = {state for (state, _), after in TRANSITIONS.items() if state and after in home}
        if before <= home:
            break
        home |= before
    assert home == set(TicketState)


def test_every_word_has_both_languages() -> None:
    assert set(STATE_WORDS) == set(TicketState)
    assert set(EVENT_WORDS) == set(TicketEvent)


@given(st.lists(st.sampled_from(TicketEvent), max_size=40))
def test_whatever_happens_the_invariants_hold(events: list[TicketEvent]) -> None:
    life = walk([E.registered, *events])
    assert life.round >= 1
    assert not (life.return_pending and life.state not in (S.dispatched, S.in_hand))
    assert not (life.extension_pending and life.state is not S.in_hand)
    assert life.with_unit or life.state not in (S.dispatched, S.in_hand, S.replied, S.done)


@given(st.lists(st.sampled_from(TicketEvent), max_size=20), st.sampled_from(TicketEvent))
def test_event_is_followed_by_the_table_or_refused(
    events: list[TicketEvent], event: TicketEvent
) -> None:
    before = walk([E.registered, *events])
    try:
        after = follow(before, event)
    except TransitionRefused:
        return
    assert after.state is TRANSITIONS[before.state, event]


@given(st.lists(st.sampled_from(TicketEvent), max_size=20), st.integers(0, 20))
def test_log_can_be_folded_in_two_parts(events: list[TicketEvent], cut: int) -> None:
    log: list[TicketEvent] = []
    life = UNBORN
    for event in [E.registered, *events]:
        try:
            life = follow(life, event)
        except TransitionRefused:
            continue
        log.append(event)
    middle = life_of(log[:cut])
    for event in log[cut:]:
        middle = follow(middle, event)
    assert middle == life == life_of(log)


@given(st.dates(min_value=date(2000, 1, 1)), st.integers(1, 999_999))
def test_number_holds_day_and_serial_and_sorts_with_them(day: date, serial: int) -> None:
    number = ticket_number(day, serial)
    assert len(number) == 15
    assert number < ticket_number(day, 999_999) or serial == 999_999
    assert (number[:8], int(number[9:])) == (day.strftime("%Y%m%d"), serial)


@pytest.mark.parametrize("serial", [0, -1, 1_000_000])
def test_serial_that_does_not_fit_is_refused(serial: int) -> None:
    with pytest.raises(ValueError, match="six digits"):
        ticket_number(date(2026, 3, 2), serial)
