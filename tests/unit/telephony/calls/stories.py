"""Events of calls, as short as they are told."""

from __future__ import annotations

from telephony.ami import events as ami
from telephony.ami.lists import Channel, QueueEntry
from telephony.calls.rules import CallChange

START = 1_772_415_000.0

Told = tuple[str, str | None]


class Teller:
    """Makes events, each a second after the one before."""

    def __init__(self) -> None:
        self.at = START

    def _now(self) -> float:
        self.at += 1.0
        return self.at

    def new(self, uid: str, channel: str, call: str, exten: str = "") -> ami.Newchannel:
        return ami.Newchannel(self._now(), channel, uid, call, exten)

    def trunk(self, uid: str, call: str) -> ami.Newchannel:
        return self.new(uid, f"PJSIP/trunk-{uid}", call)

    def agent(self, uid: str, number: str, call: str, exten: str = "") -> ami.Newchannel:
        return self.new(uid, f"PJSIP/agent-{number}-{uid}", call, exten)

    def join(self, uid: str, call: str, caller: str = "13800001234") -> ami.QueueCallerJoin:
        return ami.QueueCallerJoin(self._now(), "c", uid, call, "hotline", caller)

    def called(self, uid: str, call: str, number: str) -> ami.AgentCalled:
        return ami.AgentCalled(self._now(), "c", uid, call, f"agent-{number}")

    def missed(self, uid: str, call: str, number: str) -> ami.AgentRingNoAnswer:
        return ami.AgentRingNoAnswer(self._now(), "c", uid, call, f"agent-{number}")

    def connect(self, uid: str, call: str, number: str) -> ami.AgentConnect:
        return ami.AgentConnect(self._now(), "c", uid, call, f"agent-{number}")

    def state(self, uid: str, call: str, state: str) -> ami.Newstate:
        return ami.Newstate(self._now(), "c", uid, call, state)

    def enter(self, uid: str, call: str, bridge: str = "b1") -> ami.BridgeEnter:
        return ami.BridgeEnter(self._now(), "c", uid, call, bridge)

    def leave(self, uid: str, call: str) -> ami.BridgeLeave:
        return ami.BridgeLeave(self._now(), "c", uid, call)

    def hold(self, uid: str, call: str) -> ami.Hold:
        return ami.Hold(self._now(), "c", uid, call)

    def unhold(self, uid: str, call: str) -> ami.Unhold:
        return ami.Unhold(self._now(), "c", uid, call)

    def blind(self, uid: str, call: str) -> ami.BlindTransfer:
        return ami.BlindTransfer(self._now(), "c", uid, call)

    def attended(self, uid: str, call: str) -> ami.AttendedTransfer:
        return ami.AttendedTransfer(self._now(), "c", uid, call)

    def hangup(self, uid: str, call: str, cause: int = 16) -> ami.Hangup:
        return ami.Hangup(self._now(), "c", uid, call, cause)

    def waiting(self, uid: str = "1.0", call: str = "1.0") -> list[ami.ChannelEvent]:
        """Tell of a citizen who dialled and waits."""
        return [self.trunk(uid, call), self.join(uid, call)]

    def talking(self) -> list[ami.ChannelEvent]:
        """Tell of a citizen (1.0) who talks to agent 1001 (1.1)."""
        return [
            *self.waiting(),
            self.called("1.0", "1.0", "1001"),
            self.agent("1.1", "1001", "1.0"),
            self.connect("1.0", "1.0", "1001"),
            self.enter("1.1", "1.0"),
            self.enter("1.0", "1.0"),
        ]


def told(changes: list[CallChange]) -> list[Told]:
    """Return what changes say, and of whom."""
    return [(change.kind.value, change.agent) for change in changes]


def channel(
    uid: str,
    name: str,
    *,
    call: str = "1.0",
    state: str = "Up",
    bridge: str = "",
    application: str = "",
    age: int = 60,
    exten: str = "s",
) -> Channel:
    """Return a line of CoreShowChannels."""
    return Channel(
        channel=f"PJSIP/{name}-{uid}",
        uniqueid=uid,
        linkedid=call,
        context="lianxin-queue",
        exten=exten,
        state=state,
        caller="13800001234",
        application=application,
        application_data="hotline,,,,900",
        bridge=bridge,
        age_seconds=age,
    )


def entry(uid: str = "1.0", waiting: int = 20) -> QueueEntry:
    """Return a line of QueueStatus."""
    return QueueEntry(queue="hotline", uniqueid=uid, waiting_seconds=waiting)
