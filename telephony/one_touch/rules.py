"""Calls at one touch: a guest's telephone, good for one call, and a device that has its owner rung. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from telephony.agents.rules import Account
from telephony.numbers import PhoneNumber

FAMILIES = ("ps/auth", "ps/endpoint")
"""A guest has no AOR: he can call, but neither register nor be called."""

ALLOWED = "lianxin-guest"
"""The family of AstDB in which a guest's one call is written; the dialplan takes it out when he makes it."""

_NAME = re.compile(r"guest-[0-9a-f]{16}")
_CHANNEL = re.compile(r"PJSIP/(guest-[0-9a-f]{16})-")
_PRESS = re.compile(r"lx1-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A telephone for one call to the hotline.

    Attributes:
        name: The SIP account.
        secret: Its password.
        caller: The citizen's number, shown to have been his; None when he has not said it.
        until: After this he cannot begin his call any more.
    """

    name: str
    secret: str = field(repr=False)
    caller: PhoneNumber | None
    until: datetime

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("a guest is called guest- and 16 hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """An order to ring the owner of a device and the agents' queue together.

    Attributes:
        linkedid: What the call will be known by; ordered twice under the same it rings once.
        owner: Whom to ring.
    """

    linkedid: str
    owner: PhoneNumber

    def __post_init__(self) -> None:
        if not _PRESS.fullmatch(self.linkedid):
            raise ValueError("a press is called lx1- and 16 hexadecimal digits")


def accounts(guest: Guest) -> Sequence[Account]:
    """Return what AstDB must hold for this telephone to exist: an endpoint that can only call, and its one call."""
    auth = {"auth_type": "userpass", "username": guest.name, "password": guest.secret}
    endpoint = {
        "auth": guest.name,
        "context": "from-guest",
        "disallow": "all",
        "allow": "opus,ulaw,alaw",
        "webrtc": "yes",
        "dtls_auto_generate_cert": "yes",
        "direct_media": "no",
        "rtp_timeout": "30",
        "allow_transfer": "no",
        "language": "zh",
    }
    caller = guest.caller.digits if guest.caller else ""
    return (
        _account("ps/auth", guest, json.dumps(auth, sort_keys=True)),
        _account("ps/endpoint", guest, json.dumps(endpoint, sort_keys=True)),
        _account(ALLOWED, guest, f"{int(guest.until.timestamp())}-{caller}"),
    )


def guest_of_channel(channel: str) -> str | None:
    """Return the guest whose channel this is; None when it is nobody's guest."""
    found = _CHANNEL.match(channel)
    return found[1] if found else None


def guest_of_path(path: str) -> str | None:
    """Return the guest whom an entry of AstDB belongs to; None when it is nobody's."""
    family, _, key = path.rpartition("/")
    return key if family in (*FAMILIES, ALLOWED) and _NAME.fullmatch(key) else None


def left_over(
    stored: Mapping[str, str], expired: Mapping[str, str], talking: Sequence[str], now: float
) -> list[str]:
    """Return the guests whose telephones can go: they can begin no call any more, and have none.

    Args:
        stored: AstDB's entries below `ps`, by path.
        expired: Those below `lianxin-guest`.
        talking: Names of the channels that there are.
        now: Seconds since 1970.
    """
    waiting = {
        name
        for path, value in expired.items()
        if (name := guest_of_path(path)) is not None and until_of(value) >= now
    }
    busy = {name for channel in talking if (name := guest_of_channel(channel)) is not None}
    known = {name for path in (*stored, *expired) if (name := guest_of_path(path)) is not None}
    return sorted(known - waiting - busy)


def until_of(value: str) -> float:
    """Return until when a guest may begin his call, of the entry that allows it; 0 for what is no such entry."""
    digits = value.partition("-")[0]
    return float(digits) if digits.isascii() and digits.isdigit() else 0.0


def _account(family: str, guest: Guest, value: str) -> Account:
    return Account(family=family, key=guest.name, value=value)
