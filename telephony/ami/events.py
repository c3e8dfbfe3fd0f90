"""Asterisk's events that we act on, as types; every other event is skipped before it is parsed.

Of an event that we want, only the headers that we want are looked for: most of its cost would be the
twenty others. The first of a repeated header is found.

Header names and meanings are those of Asterisk 22's own documentation (`manager show event NAME`).
`at` is the epoch second that Asterisk stamped on the event (`timestampevents=yes`), 0.0 without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from telephony.ami.framing import parse_headers

Parser = Callable[[bytes], "Event | None"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that Asterisk, or the link to it, reports."""

    at: float


@dataclass(frozen=True, slots=True)
class LinkUp(Event):
    """We are connected and Asterisk is ready; what happened before is not known.

    Attributes:
        booted_at: Epoch second at which this Asterisk started, to about a second.
    """

    booted_at: float


@dataclass(frozen=True, slots=True)
class LinkLost(Event):
    """The connection is gone; what Asterisk does from now on is not seen."""


@dataclass(frozen=True, slots=True)
class FullyBooted(Event):
    """Asterisk has loaded everything; sent after each login.

    Attributes:
        uptime: Seconds since it started.
    """

    uptime: int


@dataclass(frozen=True, slots=True)
class Shutdown(Event):
    """Asterisk stops in order."""


@dataclass(frozen=True, slots=True)
class ChannelEvent(Event):
    """An event of one channel."""

    channel: str
    uniqueid: str
    linkedid: str


@dataclass(frozen=True, slots=True)
class Newchannel(ChannelEvent):
    """A channel was made."""

    exten: str


@dataclass(frozen=True, slots=True)
class Newstate(ChannelEvent):
    """A channel's state changed: Down, Ring, Ringing, Up, Busy and so on."""

    state: str


@dataclass(frozen=True, slots=True)
class Hangup(ChannelEvent):
    """A channel is gone.

    Attributes:
        cause: Q.850 cause; 0 when Asterisk gave none.
    """

    cause: int


@dataclass(frozen=True, slots=True)
class BridgeEnter(ChannelEvent):
    """A channel joined a bridge."""

    bridge: str


@dataclass(frozen=True, slots=True)
class BridgeLeave(ChannelEvent):
    """A channel left a bridge."""


@dataclass(frozen=True, slots=True)
class Hold(ChannelEvent):
    """A channel put the other side on hold."""


@dataclass(frozen=True, slots=True)
class Unhold(ChannelEvent):
    """A channel took the other side back from hold."""


@dataclass(frozen=True, slots=True)
class QueueCallerJoin(ChannelEvent):
    """A caller entered a queue."""

    queue: str
    caller: str


@dataclass(frozen=True, slots=True)
class AgentEvent(ChannelEvent):
    """What happens between a waiting caller (the channel) and a member of the queue."""

    member: str


@dataclass(frozen=True, slots=True)
class AgentCalled(AgentEvent):
    """The member's telephone is rung."""


@dataclass(frozen=True, slots=True)
class AgentRingNoAnswer(AgentEvent):
    """The member did not answer, or declined."""


@dataclass(frozen=True, slots=True)
class AgentConnect(AgentEvent):
    """The member answered."""


@dataclass(frozen=True, slots=True)
class BlindTransfer(ChannelEvent):
    """The channel sent the other side elsewhere and is out of it."""


@dataclass(frozen=True, slots=True)
class AttendedTransfer(ChannelEvent):
    """The channel joined its two calls and is out of both; the linkedid is that of the first."""


@dataclass(frozen=True, slots=True)
class QueueMemberChange(Event):
    """A member was added, removed or paused; a hint to look again."""

    queue: str
    member: str


@dataclass(frozen=True, slots=True)
class OriginateResponse(Event):
    """What came of an Originate: whether its channel answered."""

    success: bool
    reason: str
    uniqueid: str


@dataclass(frozen=True, slots=True)
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


_AT = b"\r\nTimestamp: "
_CHANNEL = ("Channel", "Uniqueid", "Linkedid")

_Needles = Sequence[tuple[bytes, int]]


def _needles(*headers: str) -> _Needles:
    """Return what to look for in a message, and its length."""
    return [(f"\r\n{name}: ".encode(), len(name) + 4) for name in headers]


def _texts(message: bytes, needles: _Needles) -> list[str]:
    """Return the values of headers.

    Raises:
        ValueError: One is missing.
    """
    found = []
    for needle, length in needles:
        start = message.index(needle) + length
        end = message.find(b"\r\n", start)
        found.append(message[start : end if end >= 0 else None].decode("utf-8", "replace"))
    return found


def _at(message: bytes) -> float:
    start = message.find(_AT)
    return float(message[start + 13 : message.find(b"\r\n", start + 13)]) if start >= 0 else 0.0


def _parser(kind: Callable[..., Event], *headers: str) -> Parser:
    """Return a parser for an event whose fields are the texts of these headers."""
    needles = _needles(*headers)
    return lambda message: kind(_at(message), *_texts(message, needles))


def _transfer(kind: Callable[..., Event], who: str) -> Parser:
    needles = _needles("Result", *(f"{who}{name}" for name in _CHANNEL))

    def parse(message: bytes) -> Event | None:
        result, *channel = _texts(message, needles)
        return kind(_at(message), *channel) if result == "Success" else None

    return parse


_HANGUP = _needles(*_CHANNEL, "Cause")
_ORIGINATED = _needles("Response", "Reason", "Uniqueid")
_BOOTED = _needles("Uptime")
_USER_EVENT = _needles("UserEvent")


def _hangup(message: bytes) -> Event:
    channel, uniqueid, linkedid, cause = _texts(message, _HANGUP)
    return Hangup(_at(message), channel, uniqueid, linkedid, int(cause))


def _originate_response(message: bytes) -> Event:
    response, reason, uniqueid = _texts(message, _ORIGINATED)
    return OriginateResponse(_at(message), response == "Success", reason, uniqueid)


def _user_event(message: bytes) -> Event | None:
    (name,) = _texts(message, _USER_EVENT)
    if not name.startswith("Lianxin"):
        return None
    return LianxinEvent(_at(message), name, parse_headers(message))


def _fully_booted(message: bytes) -> Event:
    (uptime,) = _texts(message, _BOOTED)
    return FullyBooted(_at(message), int(uptime))


PARSERS: Mapping[bytes, Parser] = {
    b"Newchannel": _parser(Newchannel, *_CHANNEL, "Exten"),
    b"Newstate": _parser(Newstate, *_CHANNEL, "ChannelStateDesc"),
    b"Hangup": _hangup,
    b"BridgeEnter": _parser(BridgeEnter, *_CHANNEL, "BridgeUniqueid"),
    b"BridgeLeave": _parser(BridgeLeave, *_CHANNEL),
    b"Hold": _parser(Hold, *_CHANNEL),
    b"Unhold": _parser(Unhold, *_CHANNEL),
    b"QueueCallerJoin": _parser(QueueCallerJoin, *_CHANNEL, "Queue", "CallerIDNum"),
    b"AgentCalled": _parser(AgentCalled, *_CHANNEL, "MemberName"),
    b"AgentRingNoAnswer": _parser(AgentRingNoAnswer, *_CHANNEL, "MemberName"),
    b"AgentConnect": _parser(AgentConnect, *_CHANNEL, "MemberName"),
    b"BlindTransfer": _transfer(BlindTransfer, "Transferer"),
    b"AttendedTransfer": _transfer(AttendedTransfer, "OrigTransferer"),
    b"QueueMemberAdded": _parser(QueueMemberChange, "Queue", "MemberName"),
    b"QueueMemberRemoved": _parser(QueueMemberChange, "Queue", "MemberName"),
    b"QueueMemberPause": _parser(QueueMemberChange, "Queue", "MemberName"),
    b"OriginateResponse": _originate_response,
    b"UserEvent": _user_event,
    b"FullyBooted": _fully_booted,
    b"Shutdown": _parser(Shutdown),
}
"""Event name on the wire → its parser; a parser returns None for a variant that does not concern us.

A parser raises ValueError when the event lacks what its documentation promises.
"""
