"""Asterisk's lists, as types: what is true now, read whole.

Each raises what `AmiLink.send` raises; a list whose count is wrong is never returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telephony.ami.errors import ActionRefused
from telephony.ami.framing import Headers
from telephony.ami.link import AmiLink

LIST_SECONDS = 15.0
"""A busy Asterisk needs longer for a list than for a single answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel that exists.

    Attributes:
        state: Down, Ring, Ringing, Up and so on
        bridge: Id of the bridge it is in, or "".
        age_seconds: Since it was made.
    """

    channel: str
    uniqueid: str
    linkedid: str
    context: str
    exten: str
    state: str
    caller: str
    application: str
    application_data: str
    bridge: str
    age_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMember:
    """One member of a queue."""

    queue: str
    interface: str
    name: str
    paused: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """One caller who waits in a queue."""

    queue: str
    uniqueid: str
    waiting_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """Every queue's members and waiting callers."""

    queues: Sequence[str]
    members: Sequence[QueueMember]
    entries: Sequence[QueueEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One registered telephone."""

    endpoint: str
    uri: str
    status: str


async def channels(link: AmiLink) -> list[Channel]:
    """Return every channel (`CoreShowChannels`)."""
    response = await link.send("CoreShowChannels", deadline=LIST_SECONDS)
    return [_channel(item) for item in response.items]


async def queue_status(link: AmiLink) -> QueueStatus:
    """Return every queue with its members and callers (`QueueStatus`)."""
    response = await link.send("QueueStatus", deadline=LIST_SECONDS)
    return QueueStatus(
        queues=[item["Queue"] for item in response.items if item["Event"] == "QueueParams"],
        members=[_member(item) for item in response.items if item["Event"] == "QueueMember"],
        entries=[_entry(item) for item in response.items if item["Event"] == "QueueEntry"],
    )


async def tree(link: AmiLink, family: str) -> dict[str, str]:
    """Return every AstDB entry below `family` by its path without the leading slash (`DBGetTree`)."""
    try:
        response = await link.send("DBGetTree", {"Family": family}, deadline=LIST_SECONDS)
    except ActionRefused:
        return {}  # Asterisk's answer to an empty family
    return {item["Key"].lstrip("/"): item["Val"] for item in response.items if "Key" in item}


async def contacts(link: AmiLink) -> list[Contact]:
    """Return every registered telephone (`PJSIPShowContacts`)."""
    try:
        response = await link.send("PJSIPShowContacts", deadline=LIST_SECONDS)
    except ActionRefused:
        return []  # Asterisk's answer when there is none
    return [
        Contact(endpoint=item["Endpoint"], uri=item["Uri"], status=item["Status"])
        for item in response.items
    ]


def _channel(h: Headers) -> Channel:
    hours, minutes, seconds = h["Duration"].split(":")
    return Channel(
        channel=h["Channel"],
        uniqueid=h["Uniqueid"],
        linkedid=h["Linkedid"],
        context=h["Context"],
        exten=h["Exten"],
        state=h["ChannelStateDesc"],
        caller=h["CallerIDNum"],
        application=h["Application"],
        application_data=h["ApplicationData"],
        bridge=h["BridgeId"],
        age_seconds=int(hours) * 3600 + int(minutes) * 60 + int(seconds),
    )


def _member(h: Headers) -> QueueMember:
    return QueueMember(
        queue=h["Queue"],
        interface=h["Location"],
        name=h["Name"],
        paused=h["Paused"] == "1",
        reason=h.get("PausedReason", ""),
    )


def _entry(h: Headers) -> QueueEntry:
    return QueueEntry(queue=h["Queue"], uniqueid=h["Uniqueid"], waiting_seconds=int(h["Wait"]))
