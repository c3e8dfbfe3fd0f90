"""Asterisk's events that we act on, as types; every other event is skipped before it is parsed.

Header names and meanings are those of Asterisk 22's own documentation (`manager show event NAME`).
`at` is the epoch second that Asterisk stamped on the event (`timestampevents=yes`), 0.0 without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that Asterisk, or the link to it, reports."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp(Event):
    """We are connected and Asterisk is ready; what happened before is not known.

    Attributes:
        booted_at: Epoch second at which this Asterisk started, to about a second.
    """

    booted_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLost(Event):
    """The connection is gone; what Asterisk does from now on is not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyBooted(Event):
    """Asterisk has loaded everything; sent after each login.

    Attributes:
        uptime: Seconds since it started.
    """

    uptime: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown(Event):
    """Asterisk stops in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEvent(Event):
    """An event of one channel."""

    channel: str
    uniqueid: str
    linkedid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Newchannel(ChannelEvent):
    """A channel was made."""

    context: str
    exten: str
    caller: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Newstate(ChannelEvent):
    """A channel's state changed: Down, Ring, Ringing, Up, Busy and so on."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup(ChannelEvent):
    """A channel is gone.

    Attributes:
        cause: Q.850 cause; 0 when Asterisk gave none.
    """

    cause: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeEnter(ChannelEvent):
    """A channel joined a bridge."""

    bridge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeLeave(ChannelEvent):
    """A channel left a bridge."""

    bridge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(ChannelEvent):
    """A channel put the other side on hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhold(ChannelEvent):
    """A channel took the other side back from hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCallerJoin(ChannelEvent):
    """A caller entered a queue."""

    queue: str
    caller: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvent(ChannelEvent):
    """What happens between a waiting caller (the channel) and a member of the queue."""

    queue: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCalled(AgentEvent):
    """The member's telephone is rung."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRingNoAnswer(AgentEvent):
    """The member did not answer, or declined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConnect(AgentEvent):
    """The member answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindTransfer(ChannelEvent):
    """The channel sent the other side elsewhere and is out of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendedTransfer(ChannelEvent):
    """The channel joined its two calls and is out of both; the linkedid is that of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMemberChange(Event):
    """A member was added, removed or paused; a hint to look again."""

    queue: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginateResponse(Event):
    """What came of an Originate: whether its channel answered."""

    action_id: str
    success: bool
    reason: str
    uniqueid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LianxinEvent(Event):
    """A UserEvent of our dialplan, raised after its record was written to AstDB.

    Attributes:
        name: `LianxinCallEnded`, `LianxinAttempt` or `LianxinKey`.
        fields: The other headers.
    """

    name: str
    fields: Mapping[str, str]


NOISE: frozenset[type[Event]] = frozenset((QueueMemberChange,))
"""Hints whose loss costs nothing: what they tell is read again anyway. Dropped first when we are behind."""


def _at(h: Headers) -> float:
    try:
        return float(h.get("Timestamp", 0.0))
    except ValueError:
        return 0.0


def _newchannel(h: Headers) -> Event:
    return Newchannel(
        at=_at(h),
        channel=h["Channel"],
        uniqueid=h["Uniqueid"],
        linkedid=h["Linkedid"],
        context=h["Context"],
        exten=h["Exten"],
        caller=h["CallerIDNum"],
    )


def _newstate(h: Headers) -> Event:
    return Newstate(
        at=_at(h),
        channel=h["Channel"],
        uniqueid=h["Uniqueid"],
        linkedid=h["Linkedid"],
        state=h["ChannelStateDesc"],
    )


def _hangup(h: Headers) -> Event:
    return Hangup(
        at=_at(h),
        channel=h["Channel"],
        uniqueid=h["Uniqueid"],
        linkedid=h["Linkedid"],
        cause=int(h["Cause"]),
    )


def _bridge(kind: type[BridgeEnter] | type[BridgeLeave]) -> Callable[[Headers], Event]:
    def parse(h: Headers) -> Event:
        return kind(
            at=_at(h),
            channel=h["Channel"],
            uniqueid=h["Uniqueid"],
            linkedid=h["Linkedid"],
            bridge=h["BridgeUniqueid"],
        )

    return parse


def _channel(kind: type[Hold] | type[Unhold]) -> Callable[[Headers], Event]:
    def parse(h: Headers) -> Event:
        return kind(at=_at(h), channel=h["Channel"], uniqueid=h["Uniqueid"], linkedid=h["Linkedid"])

    return parse


def _transfer(
    kind: type[BlindTransfer] | type[AttendedTransfer], who: str
) -> Callable[[Headers], Event | None]:
    def parse(h: Headers) -> Event | None:
        if h["Result"] != "Success":
            return None
        return kind(
            at=_at(h),
            channel=h[f"{who}Channel"],
            uniqueid=h[f"{who}Uniqueid"],
            linkedid=h[f"{who}Linkedid"],
        )

    return parse


def _queue_caller_join(h: Headers) -> Event:
    return QueueCallerJoin(
        at=_at(h),
        channel=h["Channel"],
        uniqueid=h["Uniqueid"],
        linkedid=h["Linkedid"],
        queue=h["Queue"],
        caller=h["CallerIDNum"],
    )


def _agent(kind: type[AgentEvent]) -> Callable[[Headers], Event]:
    def parse(h: Headers) -> Event:
        return kind(
            at=_at(h),
            channel=h["Channel"],
            uniqueid=h["Uniqueid"],
            linkedid=h["Linkedid"],
            queue=h["Queue"],
            member=h["MemberName"],
        )

    return parse


def _queue_member(h: Headers) -> Event:
    return QueueMemberChange(at=_at(h), queue=h["Queue"], member=h["MemberName"])


def _originate_response(h: Headers) -> Event:
    return OriginateResponse(
        at=_at(h),
        action_id=h.get("ActionID", ""),
        success=h["Response"] == "Success",
        reason=h["Reason"],
        uniqueid=h["Uniqueid"],
    )


def _user_event(h: Headers) -> Event | None:
    name = h["UserEvent"]
    if not name.startswith("Lianxin"):
        return None
    return LianxinEvent(at=_at(h), name=name, fields=h)


def _fully_booted(h: Headers) -> Event:
    return FullyBooted(at=_at(h), uptime=int(h["Uptime"]))


def _shutdown(h: Headers) -> Event:
    return Shutdown(at=_at(h))


PARSERS: Mapping[bytes, Callable[[Headers], Event | None]] = {
    b"Newchannel": _newchannel,
    b"Newstate": _newstate,
    b"Hangup": _hangup,
    b"BridgeEnter": _bridge(BridgeEnter),
    b"BridgeLeave": _bridge(BridgeLeave),
    b"Hold": _channel(Hold),
    b"Unhold": _channel(Unhold),
    b"QueueCallerJoin": _queue_caller_join,
    b"AgentCalled": _agent(AgentCalled),
    b"AgentRingNoAnswer": _agent(AgentRingNoAnswer),
    b"AgentConnect": _agent(AgentConnect),
    b"BlindTransfer": _transfer(BlindTransfer, "Transferer"),
    b"AttendedTransfer": _transfer(AttendedTransfer, "OrigTransferer"),
    b"QueueMemberAdded": _queue_member,
    b"QueueMemberRemoved": _queue_member,
    b"QueueMemberPause": _queue_member,
    b"OriginateResponse": _originate_response,
    b"UserEvent": _user_event,
    b"FullyBooted": _fully_booted,
    b"Shutdown": _shutdown,
}
"""Event name on the wire → its parser; a parser returns None for a variant that does not concern us.

Raises KeyError or ValueError when the event lacks what its documentation promises.
"""
