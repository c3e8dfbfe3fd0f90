"""The channels of each call: what is known of them, from live events and from Asterisk's lists."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from telephony.three_way.rules import PREFIX

_AGENT = re.compile(r"PJSIP/agent-(\d+)-")
_MEMBER = re.compile(r"(?:PJSIP/)?agent-(\d+)")


def agent_of_member(member: str) -> str | None:
    """Return the 工号 behind a queue member's name (`agent-1001`) or interface (`PJSIP/agent-1001`)."""
    found = _MEMBER.fullmatch(member)
    return found[1] if found else None


@dataclass(slots=True)
class Leg:
    """One channel.

    Attributes:
        agent: 工号 when it is an agent's telephone.
        bridge: Id of the bridge it is in.
        ringing: Whether it rings at its far end.
        holding: Whether it has put the other side on hold.
        queue: The queue it joined last.
    """

    uniqueid: str
    channel: str
    linkedid: str
    agent: str | None
    bridge: str | None = None
    ringing: bool = False
    holding: bool = False
    queue: str | None = None

    @property
    def is_trunk(self) -> bool:
        """Whether it leads to the telephone network."""
        return self.channel.startswith("PJSIP/trunk-")

    @property
    def is_third(self) -> bool:
        """Whether it is a third party's whom an agent has asked in."""
        return self.uniqueid.startswith(PREFIX)

    @property
    def is_telephone(self) -> bool:
        """Whether somebody is at its end; a Local channel only joins two parts of the dialplan."""
        return not self.channel.startswith("Local/")


class Legs:
    """Every channel that exists, by its id and by its call."""

    def __init__(self) -> None:
        self._by_id: dict[str, Leg] = {}
        self._by_call: dict[str, dict[str, Leg]] = {}

    def __iter__(self) -> Iterator[Leg]:
        return iter(list(self._by_id.values()))

    def get(self, uniqueid: str) -> Leg | None:
        """Return the leg, if it is known."""
        return self._by_id.get(uniqueid)

    def add(self, uniqueid: str, channel: str, linkedid: str) -> Leg:
        """Return a new leg."""
        agent = _AGENT.match(channel)
        leg = Leg(uniqueid, channel, linkedid, agent[1] if agent else None)
        self._by_id[uniqueid] = leg
        self._by_call.setdefault(linkedid, {})[uniqueid] = leg
        return leg

    def move(self, leg: Leg, linkedid: str) -> None:
        """Make the leg part of another call, as a transfer does."""
        self._leave(leg)
        leg.linkedid = linkedid
        self._by_call.setdefault(linkedid, {})[leg.uniqueid] = leg

    def remove(self, leg: Leg) -> None:
        """Forget a leg."""
        self._by_id.pop(leg.uniqueid, None)
        self._leave(leg)

    def of_call(self, linkedid: str) -> Collection[Leg]:
        """Return the legs of one call, oldest first."""
        return self._by_call.get(linkedid, {}).values()

    def calls(self) -> list[str]:
        """Return the linkedids that have legs."""
        return list(self._by_call)

    def talking(self, linkedid: str, apart_from: str = "") -> list[Leg]:
        """Return the legs of the call that share a bridge, when there are two or more; an agent's bridge first."""
        bridged: dict[str, list[Leg]] = {}
        for leg in self.of_call(linkedid):
            if leg.bridge is not None and leg.uniqueid != apart_from:
                bridged.setdefault(leg.bridge, []).append(leg)
        together = [legs for legs in bridged.values() if len(legs) > 1]
        together.sort(key=lambda legs: all(leg.agent is None for leg in legs))
        return together[0] if together else []

    def _leave(self, leg: Leg) -> None:
        siblings = self._by_call.get(leg.linkedid, {})
        siblings.pop(leg.uniqueid, None)
        if not siblings:
            self._by_call.pop(leg.linkedid, None)
