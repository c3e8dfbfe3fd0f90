from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_console.presence.rules import (
    NO_ANSWER,
    TRANSITIONS,
    WRAP_UP,
    Event,
    Presence,
    PresenceState,
    absent,
    after,
    availability,
)
from telephony.agents.rules import Availability

START = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
WRITE_UP = timedelta(seconds=30)
RESTING = {PresenceState.online, PresenceState.paused, PresenceState.offline}

events = st.lists(st.sampled_from(Event), max_size=30)


def walk(*happened: Event, wrap_up: timedelta = WRITE_UP) -> Presence:
    presence = absent(START)
    for second, event in enumerate(happened, start=1):
        reason = "meal" if event is Event.pause else None
        now = START + timedelta(seconds=second)
        presence = after(presence, event, now, wrap_up=wrap_up, reason=reason)
    return presence


def test_every_event_is_known_in_every_state() -> None:
    assert set(TRANSITIONS) == {(state, event) for state in PresenceState for event in Event}


@pytest.mark.parametrize(
    ("happened", "state", "reason"),
    [
        ((), "offline", None),
        ((Event.go_online,), "online", None),
        ((Event.pause,), "paused", "meal"),
        ((Event.go_online, Event.ring), "ringing", None),
        ((Event.go_online, Event.ring, Event.stop_ringing), "online", None),
        ((Event.go_online, Event.ring, Event.miss), "paused", NO_ANSWER),
        ((Event.go_online, Event.ring, Event.stop_ringing, Event.miss), "paused", NO_ANSWER),
        ((Event.go_online, Event.ring, Event.answer), "on_call", None),
        ((Event.go_online, Event.answer, Event.hang_up), "wrap_up", None),
        ((Event.go_online, Event.answer, Event.hang_up, Event.wrap_up_over), "online", None),
        ((Event.go_online, Event.answer, Event.hang_up, Event.go_online), "online", None),
        ((Event.go_online, Event.answer, Event.pause), "on_call", None),
        (
            (Event.go_online, Event.answer, Event.pause, Event.hang_up, Event.wrap_up_over),
            "paused",
            "meal",
        ),
        ((Event.pause, Event.ring, Event.stop_ringing), "paused", "meal"),
        ((Event.pause, Event.ring, Event.miss), "paused", "meal"),
        ((Event.go_online, Event.answer, Event.leave), "on_call", None),
        ((Event.go_online, Event.answer, Event.leave, Event.hang_up), "offline", None),
        ((Event.go_online, Event.leave), "offline", None),
        ((Event.go_online, Event.hang_up), "online", None),
    ],
)
def test_what_happens_leads_to(happened: tuple[Event, ...], state: str, reason: str | None) -> None:
    presence = walk(*happened)
    assert (presence.state.value, presence.reason) == (state, reason)


def test_without_wrap_up_time_the_agent_is_free_at_once() -> None:
    presence = walk(Event.go_online, Event.answer, Event.hang_up, wrap_up=timedelta())
    assert presence.state is PresenceState.online


def test_wrap_up_ends_when_its_time_is_over() -> None:
    presence = walk(Event.go_online, Event.answer, Event.hang_up)
    assert presence.wrap_up_ends_at == presence.since + WRITE_UP


def test_the_queue_gives_no_call_from_the_moment_of_answering() -> None:
    assert availability(walk(Event.go_online)) == (Availability.available, None)
    assert availability(walk(Event.go_online, Event.ring)) == (Availability.available, None)
    for happened in ((Event.answer,), (Event.answer, Event.hang_up)):
        presence = walk(Event.go_online, *happened)
        assert availability(presence) == (Availability.paused, WRAP_UP)
    assert availability(walk(Event.pause)) == (Availability.paused, "meal")
    assert availability(walk(Event.go_online, Event.answer, Event.leave))[0] is Availability.absent


@given(events)
def test_a_free_telephone_shows_the_wish(happened: list[Event]) -> None:
    presence = walk(*happened)
    assert presence.rest in RESTING
    if presence.state in RESTING:
        assert (presence.state, presence.reason) == (presence.rest, presence.rest_reason)


@given(events)
def test_only_a_pause_has_a_reason_and_only_wrap_up_an_end(happened: list[Event]) -> None:
    presence = walk(*happened)
    assert (presence.reason is not None) == (presence.state is PresenceState.paused)
    assert (presence.wrap_up_ends_at is not None) == (presence.state is PresenceState.wrap_up)


@given(events)
def test_the_telephone_never_brings_an_agent_back_who_has_left(happened: list[Event]) -> None:
    telephone = [e for e in happened if e not in (Event.go_online, Event.pause)]
    presence = walk(Event.go_online, *happened, Event.leave, *telephone)
    assert availability(presence)[0] is Availability.absent


@given(events, st.sampled_from(Event))
def test_the_same_event_again_changes_nothing_more(happened: list[Event], event: Event) -> None:
    once = walk(*happened, event)
    reason = "meal" if event is Event.pause else None
    again = after(once, event, START + timedelta(hours=1), wrap_up=WRITE_UP, reason=reason)
    assert again is once


@given(events)
def test_since_moves_only_with_the_state(happened: list[Event]) -> None:
    presence = absent(START)
    for second, event in enumerate(happened, start=1):
        now = START + timedelta(seconds=second)
        then = after(presence, event, now, wrap_up=WRITE_UP, reason="meal")
        moved = (then.state, then.reason) != (presence.state, presence.reason)
        assert then.since == (now if moved else presence.since)
        presence = then
