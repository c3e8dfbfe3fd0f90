"""Third parties found again by a process that begins later: who is on the line with them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from infra.kit.clock import ManualClock
from telephony.ami.lists import Channel
from telephony.calls.tracker import CallTracker
from telephony.numbers import PhoneNumber
from telephony.three_way.finding import seen
from telephony.three_way.rules import Third, ThirdState, next_state
from tests.unit.telephony.calls.stories import channel

THIRD = channel("lx3-0011223344556677", "trunk", bridge="b1", application="BridgeAdd")
CALLER = channel("1.0", "trunk", application="Queue", bridge="b1")
HIS_AGENT = channel("1.1", "agent-1001", bridge="b1")
DIALLING = channel("1.0", "agent-1001", bridge="b1", exten="13900005678")
DIALLED = channel("1.1", "trunk", bridge="b1")


@pytest.mark.parametrize(
    ("channels", "state"),
    [
        pytest.param([CALLER, HIS_AGENT, THIRD], ThirdState.joined, id="caller-and-agent"),
        pytest.param([CALLER, THIRD], ThirdState.alone, id="caller"),
        pytest.param([HIS_AGENT, THIRD], ThirdState.without_citizen, id="callers-agent"),
        pytest.param([DIALLING, DIALLED, THIRD], ThirdState.joined, id="agent-and-whom-he-rang"),
        pytest.param([DIALLED, THIRD], ThirdState.alone, id="whom-the-agent-rang"),
        pytest.param([DIALLING, THIRD], ThirdState.without_citizen, id="agent-who-rang"),
        pytest.param([CALLER, HIS_AGENT], ThirdState.left, id="he-has-gone"),
    ],
)
def test_third_party_stands_as_the_channels_say(
    clock: ManualClock, channels: Sequence[Channel], state: ThirdState
) -> None:
    tracker = CallTracker("pbx-1", clock)
    tracker.begin_resync()
    tracker.resync(list(channels), [])
    third = Third(
        id=THIRD.uniqueid,
        pbx="pbx-1",
        linkedid="1.0",
        agent="1001",
        number=PhoneNumber("110"),
        state=ThirdState.calling if THIRD in channels else ThirdState.joined,
        at=clock.now(),
    )
    stands = third.state
    for signal in seen(tracker, third):
        stands = next_state(stands, signal) or stands
    assert stands is state
