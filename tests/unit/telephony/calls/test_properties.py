"""Whatever order events come in, the tracker lives, and what has ended stays ended."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from infra.kit.clock import ManualClock
from telephony.ami import events as ami
from telephony.ami.lists import Channel, QueueEntry
from telephony.calls.rules import FINAL, CallChange, CallState
from telephony.calls.tracker import CallTracker
from tests.unit.telephony.calls.stories import START, channel, entry

CALLS = ["1.0", "2.0"]
LEGS = {
    "1.0": "trunk",
    "1.1": "agent-1001",
    "1.2": "agent-1002",
    "2.0": "agent-1001",
    "2.1": "trunk",
}

uids = st.sampled_from(sorted(LEGS))
linked = st.sampled_from(CALLS)
members = st.sampled_from(["agent-1001", "agent-1002", "somebody"])
plain = st.sampled_from(
    [ami.BridgeLeave, ami.Hold, ami.Unhold, ami.BlindTransfer, ami.AttendedTransfer]
)
agentish = st.sampled_from([ami.AgentCalled, ami.AgentRingNoAnswer, ami.AgentConnect])


def named(uid: str) -> str:
    return f"PJSIP/{LEGS[uid]}-{uid}"


events = st.one_of(
    st.builds(
        lambda u, c, e: ami.Newchannel(START, named(u), u, c, e),
        uids,
        linked,
        st.sampled_from(["", "13800001234", "*97"]),
    ),
    st.builds(
        lambda u, c, s: ami.Newstate(START, named(u), u, c, s),
        uids,
        linked,
        st.sampled_from(["Ringing", "Up", "Down"]),
    ),
    st.builds(lambda u, c: ami.Hangup(START, named(u), u, c, 16), uids, linked),
    st.builds(lambda u, c: ami.BridgeEnter(START, named(u), u, c, "b1"), uids, linked),
    st.builds(
        lambda u, c: ami.QueueCallerJoin(START, named(u), u, c, "hotline", "138"), uids, linked
    ),
    st.builds(lambda k, u, c: k(START, named(u), u, c), plain, uids, linked),
    st.builds(lambda k, u, c, m: k(START, named(u), u, c, m), agentish, uids, linked, members),
)

rows = st.builds(
    lambda u, c, s, b, a: channel(u, LEGS[u], call=c, state=s, bridge=b, application=a),
    uids,
    linked,
    st.sampled_from(["Up", "Ringing"]),
    st.sampled_from(["", "b1"]),
    st.sampled_from(["", "Queue", "AppDial"]),
)
resyncs = st.tuples(
    st.lists(rows, max_size=4, unique_by=lambda row: row.uniqueid),
    st.lists(st.builds(entry, uids), max_size=2, unique_by=lambda one: one.uniqueid),
)
steps = st.lists(st.one_of(events, events, events, events, st.just("begin"), resyncs), max_size=60)

Step = ami.ChannelEvent | str | tuple[list[Channel], list[QueueEntry]]


def changes_of(tracker: CallTracker, story: list[Step]) -> list[CallChange]:
    changes: list[CallChange] = []
    for step in story:
        if step == "begin":
            tracker.begin_resync()
        elif isinstance(step, tuple):
            changes += tracker.resync(*step)
        elif isinstance(step, ami.ChannelEvent):
            changes += tracker.apply(step)
    return changes


@given(steps)
def test_no_order_of_events_breaks_the_tracker_and_ended_is_final(story: list[Step]) -> None:
    tracker = CallTracker("pbx1", ManualClock(datetime(2026, 3, 2, tzinfo=UTC)))
    seen: dict[str, CallState] = {}
    for change in changes_of(tracker, story):
        linkedid = change.call.linkedid
        assert seen.get(linkedid) not in FINAL
        seen[linkedid] = change.call.state
        if change.call.state in FINAL:
            assert change.call.ended_at is not None
    assert tracker.calls.keys() == {linkedid for linkedid, s in seen.items() if s not in FINAL}


@given(steps)
def test_when_every_channel_is_gone_no_call_is_left(story: list[Step]) -> None:
    tracker = CallTracker("pbx1", ManualClock(datetime(2026, 3, 2, tzinfo=UTC)))
    changes_of(tracker, [*story, "begin", ([], [])])
    assert tracker.calls == {}
