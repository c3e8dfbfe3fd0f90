from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from infra.kit.clock import ManualClock
from telephony.ami.lists import Channel, QueueEntry
from telephony.calls.rules import CallState, Direction
from telephony.calls.tracker import CallTracker
from tests.unit.telephony.calls.stories import Teller, Told, channel, entry, told

WAITING = [channel("1.0", "trunk", application="Queue")]
RINGING = [*WAITING, channel("1.1", "agent-1001", state="Ringing", age=3)]
TALKING = [
    channel("1.0", "trunk", application="Queue", bridge="b1"),
    channel("1.1", "agent-1001", bridge="b1", age=30),
]


@pytest.fixture
def tracker(clock: ManualClock) -> CallTracker:
    return CallTracker("pbx1", clock)


@pytest.fixture
def say() -> Teller:
    return Teller()


@pytest.mark.parametrize(
    ("channels", "entries", "expected"),
    [
        ([], [], []),
        (WAITING, [entry()], [("offered", None)]),
        (RINGING, [entry()], [("offered", None), ("ringing", "1001")]),
        (TALKING, [], [("offered", None), ("answered", "1001")]),
    ],
)
def test_a_tracker_that_knows_nothing_learns_the_calls_from_the_lists(
    tracker: CallTracker, channels: list[Channel], entries: list[QueueEntry], expected: list[Told]
) -> None:
    tracker.begin_resync()
    assert told(tracker.resync(channels, entries)) == expected
    tracker.begin_resync()
    assert tracker.resync(channels, entries) == []


def test_times_of_a_call_learnt_from_the_lists_are_counted_back(
    tracker: CallTracker, clock: ManualClock
) -> None:
    tracker.begin_resync()
    tracker.resync(RINGING, [entry(waiting=20)])
    assert tracker.calls["1.0"].offered_at == clock.now() - timedelta(seconds=20)


def test_an_outbound_call_is_learnt_with_its_number(tracker: CallTracker) -> None:
    tracker.begin_resync()
    changes = tracker.resync(
        [
            channel("1.0", "agent-1001", bridge="b1", exten="13900005678"),
            channel("1.1", "trunk", bridge="b1"),
        ],
        [],
    )
    call = changes[-1].call
    assert told(changes) == [("offered", None), ("answered", "1001")]
    assert (call.direction, str(call.caller)) == (Direction.outbound, "139****5678")


Story = Callable[[Teller], list[object]]


@pytest.mark.parametrize(
    ("known", "channels", "entries", "expected"),
    [
        ("waiting", [], [], [("abandoned", None)]),
        ("talking", [], [], [("ended", "1001")]),
        ("waiting", RINGING, [entry()], [("ringing", "1001")]),
        ("waiting", TALKING, [], [("answered", "1001")]),
        ("talking", WAITING, [entry()], [("transferred", "1001"), ("offered", None)]),
        ("talking", RINGING, [entry()], [("transferred", "1001"), ("ringing", "1001")]),
        ("talking", TALKING, [], []),
    ],
)
def test_what_happened_while_the_link_was_down_is_made_good(
    tracker: CallTracker,
    say: Teller,
    known: str,
    channels: list[Channel],
    entries: list[QueueEntry],
    expected: list[Told],
) -> None:
    for event in getattr(say, known)():
        tracker.apply(event)
    tracker.begin_resync()
    assert told(tracker.resync(channels, entries)) == expected


def test_a_call_that_ended_while_the_lists_were_read_stays_ended(
    tracker: CallTracker, say: Teller
) -> None:
    for event in say.talking():
        tracker.apply(event)
    tracker.begin_resync()
    tracker.apply(say.hangup("1.1", "1.0"))
    tracker.apply(say.hangup("1.0", "1.0"))
    assert tracker.resync(TALKING, []) == []
    assert tracker.calls == {}


def test_a_call_that_came_while_the_lists_were_read_is_not_ended_by_them(
    tracker: CallTracker, say: Teller
) -> None:
    tracker.begin_resync()
    for event in say.talking():
        tracker.apply(event)
    assert tracker.resync([], []) == []
    assert tracker.calls["1.0"].state is CallState.answered


def test_what_live_events_said_meanwhile_wins_over_an_older_list(
    tracker: CallTracker, say: Teller
) -> None:
    for event in say.waiting():
        tracker.apply(event)
    tracker.begin_resync()
    for event in say.talking()[2:]:
        tracker.apply(event)
    assert tracker.resync(RINGING, [entry()]) == []
    assert tracker.calls["1.0"].state is CallState.answered


def test_events_older_than_the_lists_that_come_after_them_do_no_harm(
    tracker: CallTracker, say: Teller
) -> None:
    story = say.talking()
    tracker.begin_resync()
    tracker.resync(TALKING, [])
    late = [change for event in story for change in tracker.apply(event)]
    assert late == []
    assert tracker.calls["1.0"].state is CallState.answered


def test_a_restarted_asterisk_ends_every_call(tracker: CallTracker, say: Teller) -> None:
    for event in [*say.talking(), *say.waiting("5.0", "5.0")]:
        tracker.apply(event)
    tracker.begin_resync()
    changes = tracker.resync([], [])
    assert sorted(told(changes), key=str) == [("abandoned", None), ("ended", "1001")]
    assert tracker.calls == {}


def test_a_call_that_an_agent_has_left_to_a_third_party_is_found_answered(
    tracker: CallTracker,
) -> None:
    third = channel("lx3-0011223344556677", "trunk", bridge="b1", application="BridgeAdd")
    changes = tracker.resync([TALKING[0], third], [])
    assert told(changes) == [("offered", None), ("answered", None)]


def test_an_agent_whose_citizen_has_left_him_to_a_third_party_has_no_call(
    tracker: CallTracker,
) -> None:
    agent = channel("1.0", "agent-1001", bridge="b1", exten="13900005678")
    third = channel("lx3-0011223344556677", "trunk", bridge="b1", application="BridgeAdd")
    citizen = channel("1.1", "trunk", bridge="b1")
    assert tracker.resync([agent, third], []) == []
    (_, answered) = tracker.resync([third, agent, citizen], [])
    assert answered.call.agent == "1001"
    ended = tracker.apply(Teller().hangup("1.1", "1.0"))
    assert told(ended) == [("ended", "1001")]
