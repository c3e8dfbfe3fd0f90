"""Third parties found again: what became of those whom we know, and whose those are whom a process before us asked.

A third party lives in Asterisk, not in us: his channel says who asked him into which call, and the tracker, which live
events keep right, says who is on the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from telephony.ami.errors import ActionRefused
from telephony.ami.link import AmiLink
from telephony.calls.tracker import CallTracker
from telephony.numbers import PhoneNumber
from telephony.three_way.rules import Third, ThirdSignal, ThirdState, next_state, signals_of

_VARIABLE = "LX_THIRD"
"""Of a third party's channel: agent, number and linkedid."""


def written_on(third: Third) -> str:
    """Return what is written on a third party's channel when he is rung, as a variable of Asterisk's."""
    return f"{_VARIABLE}={third.agent}/{third.number.digits}/{third.linkedid}"


def seen(tracker: CallTracker, third: Third) -> Sequence[ThirdSignal]:
    """Return what has happened to a third party, by what the tracker sees of him and of his call."""
    leg, call = tracker.legs.get(third.id), tracker.calls.get(third.linkedid)
    if leg is None:
        return [ThirdSignal.hang_up]
    if call is not None:
        agent, citizen = call.agent == third.agent, True
    else:
        # The tracker knows no call that its agent has dialled and left; its legs are there all the same.
        others = [one for one in tracker.legs.of_call(third.linkedid) if not one.is_third]
        agent = any(one.agent == third.agent for one in others)
        citizen = any(one.agent is None and one.is_telephone for one in others)
    return signals_of(talks=leg.bridge is not None, agent=agent, citizen=citizen)


async def read(link: AmiLink, tracker: CallTracker, third_id: str, now: datetime) -> Third | None:
    """Return a third party as he stands now; None when he has gone meanwhile.

    Args:
        link: The Asterisk.
        tracker: Knows its calls.
        third_id: His id.
        now: The time.

    Raises:
        LinkDown: The PBX cannot be reached.
    """
    try:
        answer = await link.send("Getvar", {"Channel": third_id, "Variable": _VARIABLE})
    except ActionRefused:
        return None
    agent, _, rest = answer.headers.get("Value", "").partition("/")
    number, _, linkedid = rest.partition("/")
    if not linkedid or tracker.legs.get(third_id) is None:
        return None
    third = Third(
        id=third_id,
        pbx=link.pbx,
        linkedid=linkedid,
        agent=agent,
        number=PhoneNumber(number),
        state=ThirdState.calling,
        at=now,
    )
    for signal in seen(tracker, third):
        third = replace(third, state=next_state(third.state, signal) or third.state)
    return third
