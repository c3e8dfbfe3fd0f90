from __future__ import annotations

from collections.abc import Iterable

import pytest

from infra.kit.clock import ManualClock
from telephony.ami import events as ami
from telephony.ami.events import PARSERS
from telephony.calls.rules import CallChange, CallState, Direction
from telephony.calls.tracker import CallTracker
from telephony.numbers import PhoneNumber
from tests.unit.telephony.calls.stories import Teller, told
from tests.unit.telephony.recorded import QUEUE_CALL, messages, named


@pytest.fixture
def tracker(clock: ManualClock) -> CallTracker:
    return CallTracker("pbx1", clock)


@pytest.fixture
def say() -> Teller:
    return Teller()


def play(tracker: CallTracker, events: Iterable[ami.ChannelEvent]) -> list[CallChange]:
    return [change for event in events for change in tracker.apply(event)]


def test_the_recorded_call_is_followed_from_queue_to_hangup(tracker: CallTracker) -> None:
    changes = []
    for message in messages(QUEUE_CALL):
        parse = PARSERS.get(named(message).encode())
        event = parse(message.removesuffix(b"\r\n\r\n")) if parse else None
        if isinstance(event, ami.ChannelEvent):
            changes += tracker.apply(event)
    assert told(changes) == [
        ("offered", None),
        ("ringing", "1001"),
        ("offered", "1001"),
        ("ringing", "1002"),
        ("answered", "1002"),
        ("ended", "1002"),
    ]
    ended = changes[-1].call
    assert (ended.direction, ended.caller, ended.queue, ended.hangup_cause) == (
        Direction.inbound,
        PhoneNumber("13800001234"),
        "hotline",
        16,
    )
    assert ended.answered_at is not None
    assert ended.ended_at is not None
    assert ended.offered_at < ended.answered_at < ended.ended_at
    assert tracker.calls == {}
    assert tracker.impossible == 0


def test_a_citizen_who_hangs_up_while_it_rings_has_abandoned(
    tracker: CallTracker, say: Teller
) -> None:
    changes = play(
        tracker, [*say.waiting(), say.called("1.0", "1.0", "1001"), say.hangup("1.0", "1.0")]
    )
    assert told(changes)[-1] == ("abandoned", "1001")
    assert changes[-1].call.answered_at is None


def test_a_call_that_never_reaches_the_queue_is_no_call(tracker: CallTracker, say: Teller) -> None:
    assert play(tracker, [say.trunk("1.0", "1.0"), say.hangup("1.0", "1.0")]) == []


def test_hold_lasts_until_both_sides_have_let_go(tracker: CallTracker, say: Teller) -> None:
    play(tracker, say.talking())
    changes = play(
        tracker,
        [
            say.hold("1.1", "1.0"),
            say.hold("1.0", "1.0"),
            say.unhold("1.1", "1.0"),
            say.unhold("1.0", "1.0"),
        ],
    )
    assert told(changes) == [("held", "1001"), ("resumed", None)]


def test_a_blind_transfer_back_to_the_queue_is_offered_again_as_the_same_call(
    tracker: CallTracker, say: Teller
) -> None:
    first = play(tracker, say.talking())[-1].call
    changes = play(
        tracker,
        [
            say.blind("1.1", "1.0"),
            say.leave("1.0", "1.0"),
            say.hangup("1.1", "1.0"),
            say.join("1.0", "1.0"),
            say.called("1.0", "1.0", "1002"),
            say.connect("1.0", "1.0", "1002"),
            say.hangup("1.0", "1.0"),
        ],
    )
    assert told(changes) == [
        ("transferred", "1001"),
        ("offered", None),
        ("ringing", "1002"),
        ("answered", "1002"),
        ("ended", "1002"),
    ]
    assert changes[-1].call.answered_at == first.answered_at


def test_an_attended_transfer_leaves_the_second_agent_talking(
    tracker: CallTracker, say: Teller
) -> None:
    play(tracker, say.talking())
    changes = play(
        tracker,
        [
            say.hold("1.1", "1.0"),
            say.agent("2.0", "1001", "2.0", "1002"),
            say.agent("2.1", "1002", "2.0"),
            say.enter("2.0", "2.0", "b2"),
            say.enter("2.1", "2.0", "b2"),
            say.enter("2.1", "1.0", "b1"),
            say.leave("1.1", "1.0"),
            say.attended("1.1", "1.0"),
            say.hangup("1.1", "1.0"),
            say.hangup("2.0", "2.0"),
        ],
    )
    first = [change for change in changes if change.call.linkedid == "1.0"]
    second = [change for change in changes if change.call.linkedid == "2.0"]
    assert told(first) == [("held", "1001"), ("transferred", "1001"), ("answered", "1002")]
    assert told(second) == [("offered", None), ("answered", "1001"), ("ended", "1001")]
    assert tracker.calls["1.0"].agent == "1002"


def test_a_call_by_an_agent_is_outbound_and_knows_the_number(
    tracker: CallTracker, say: Teller
) -> None:
    changes = play(
        tracker,
        [
            say.agent("1.0", "1001", "1.0", "13800001234"),
            say.trunk("1.1", "1.0"),
            say.state("1.1", "1.0", "Ringing"),
            say.enter("1.0", "1.0"),
            say.enter("1.1", "1.0"),
            say.hangup("1.1", "1.0"),
        ],
    )
    assert told(changes) == [
        ("offered", None),
        ("ringing", "1001"),
        ("answered", "1001"),
        ("ended", "1001"),
    ]
    assert changes[-1].call.direction is Direction.outbound
    assert changes[-1].call.caller == PhoneNumber("13800001234")


def test_an_outbound_call_that_nobody_answers_has_ended_and_was_not_abandoned(
    tracker: CallTracker, say: Teller
) -> None:
    changes = play(
        tracker,
        [
            say.agent("1.0", "1001", "1.0", "13800020000"),
            say.trunk("1.1", "1.0"),
            say.hangup("1.1", "1.0", cause=17),
        ],
    )
    assert (changes[-1].kind.value, changes[-1].call.hangup_cause) == ("ended", 17)


def test_a_citizen_who_was_rung_and_wants_a_person_is_a_callback(
    tracker: CallTracker, say: Teller
) -> None:
    order = say.new("1.0", "Local/dial@lianxin-callback-0001;1", "1.0")
    changes = play(
        tracker,
        [order, say.trunk("1.2", "1.0"), say.hangup("1.0", "1.0"), say.join("1.2", "1.0")],
    )
    assert [change.call.direction for change in changes] == [Direction.callback]


def test_an_owner_who_is_rung_together_with_the_queue_and_answers_first_still_waits(
    tracker: CallTracker, say: Teller
) -> None:
    changes = play(
        tracker,
        [
            say.new("p", "Local/queue@lianxin-one-touch-0001;1", "p"),
            say.new("p-q", "Local/queue@lianxin-one-touch-0001;2", "p"),
            say.trunk("1.2", "p"),
            say.join("p-q", "p"),
            say.called("p-q", "p", "1001"),
            say.enter("1.2", "p", "owner"),
            say.enter("p", "p", "owner"),
            say.missed("p-q", "p", "1001"),
            say.called("p-q", "p", "1002"),
            say.agent("1.3", "1002", "p"),
            say.connect("p-q", "p", "1002"),
            say.enter("1.3", "p", "agent"),
            say.enter("p-q", "p", "agent"),
            say.hangup("1.3", "p"),
            say.hangup("p-q", "p"),
        ],
    )
    assert told(changes) == [
        ("offered", None),
        ("ringing", "1001"),
        ("offered", "1001"),
        ("ringing", "1002"),
        ("answered", "1002"),
        ("ended", "1002"),
    ]
    assert tracker.impossible == 0


@pytest.mark.parametrize("caller", ["", "anonymous", "<unknown>", "12"])
def test_a_withheld_number_is_no_number(tracker: CallTracker, say: Teller, caller: str) -> None:
    (change,) = play(tracker, [say.trunk("1.0", "1.0"), say.join("1.0", "1.0", caller)])
    assert change.call.caller is None


def test_a_signal_that_means_nothing_is_counted_and_changes_nothing(
    tracker: CallTracker, say: Teller
) -> None:
    play(tracker, say.waiting())
    assert play(tracker, [say.hold("1.0", "1.0")]) == []
    assert tracker.impossible == 1
    assert tracker.calls["1.0"].state is CallState.offered


def test_a_subscriber_that_raises_stops_neither_the_others_nor_the_tracker(
    tracker: CallTracker, say: Teller
) -> None:
    heard: list[CallChange] = []

    def broken(_change: CallChange) -> None:
        raise RuntimeError("a bug")

    tracker.subscribe(broken)
    tracker.subscribe(heard.append)
    play(tracker, [*say.waiting(), say.hangup("1.0", "1.0")])
    assert told(heard) == [("offered", None), ("abandoned", None)]


def test_late_events_do_not_bring_a_call_back(tracker: CallTracker, say: Teller) -> None:
    play(tracker, [*say.waiting(), say.hangup("1.0", "1.0")])
    assert play(tracker, [say.join("1.0", "1.0"), say.called("1.0", "1.0", "1001")]) == []


def test_a_call_to_a_colleague_is_no_citizens(clock: ManualClock, say: Teller) -> None:
    tracker = CallTracker("pbx1", clock, {"1002"}.__contains__)
    tracker.apply(say.agent("1.0", "1001", "1.0", "1002"))
    tracker.apply(say.agent("2.0", "1001", "2.0", "13800001234"))
    assert tracker.calls["1.0"].caller is None
    assert str(tracker.calls["2.0"].caller) == "138****1234"


def test_the_agent_of_a_call_of_three_leaves_and_the_others_go_on(
    tracker: CallTracker, say: Teller
) -> None:
    changes = play(
        tracker,
        [
            *say.talking(),
            say.trunk("2.0", "2.0"),  # the police, on a call of their own until they join
            say.enter("2.0", "1.0"),
            say.hangup("1.1", "1.0"),
        ],
    )
    assert told(changes)[-2:] == [("transferred", "1001"), ("answered", None)]
    (call,) = tracker.calls.values()
    assert (call.state, call.agent) == (CallState.answered, None)
    ended = play(tracker, [say.hangup("1.0", "1.0"), say.hangup("2.0", "1.0")])
    assert told(ended) == [("ended", None)]
    assert tracker.impossible == 0
