"""Calls at one touch: who a device belongs to, where a citizen is, and the passes of guests' telephones. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

from channels.contacts.rules import Contact
from infra.kit.errors import NotAuthenticated
from telephony.numbers import PhoneNumber

Seal = Callable[[bytes], str]
"""Makes 64 hexadecimal digits of bytes that only this installation can make."""

_PASS = re.compile(r"(guest-[0-9a-f]{16})\.([0-9]{1,12})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who lives where a device is. `repr()` shows nothing of him.

    Attributes:
        phone: Where he is rung when he presses.
        contact: Whom else to ask, e.g. a daughter, with her number.
        notes: What helpers must know, e.g. a heart disease, where the key is.
    """

    name: str = field(repr=False)
    phone: PhoneNumber = field(repr=False)
    address: str = field(repr=False)
    contact: str = field(default="", repr=False)
    notes: str = field(default="", repr=False)

    def text(self) -> str:
        """Return it as it is sealed."""
        return json.dumps({**asdict(self), "phone": self.phone.digits}, ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what was sealed."""
        said = json.loads(text)
        return cls(**{**said, "phone": PhoneNumber(said["phone"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a citizen is who calls; degrees of WGS84."""

    address: str = field(default="", repr=False)
    latitude: float | None = field(default=None, repr=False)
    longitude: float | None = field(default=None, repr=False)

    def text(self) -> str:
        """Return it as it is sealed."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what was sealed."""
        return cls(**json.loads(text))


def linkedid_of(external_id: str) -> str:
    """Return what the call of a press will be known by; the same for the same press, so it rings once."""
    return f"lx1-{hashlib.sha256(external_id.encode()).hexdigest()[:16]}"


def guest_pass(guest: str, until: datetime, seal: Seal) -> str:
    """Return what opens the way to the telephones for one guest, until a moment."""
    moment = int(until.timestamp())
    return f"{guest}.{moment}.{seal(_signed(guest, moment))}"


def guest_of_pass(text: str, now: datetime, seal: Seal) -> tuple[str, datetime]:
    """Return the guest whom a pass lets in, and until when.

    Raises:
        NotAuthenticated: It is none of ours, or holds no more.
    """
    found = _PASS.fullmatch(text)
    if found is None or not hmac.compare_digest(seal(_signed(found[1], int(found[2]))), found[3]):
        raise NotAuthenticated("this is no pass of ours", "呼叫凭证无效，请返回页面重新呼叫")
    until = datetime.fromtimestamp(int(found[2]), UTC)
    if now >= until:
        raise NotAuthenticated("this pass holds no more", "呼叫凭证已过期，请返回页面重新呼叫")
    return found[1], until


def _signed(guest: str, moment: int) -> bytes:
    return f"one-touch guest {guest} {moment}".encode()


def completed(contact: Contact, owner: Owner, place: Place) -> Contact:
    """Return the contact of a press with what is known of the device's owner."""
    message = contact.message
    assert message is not None  # noqa: S101  # a press says that somebody needs help
    here = message.latitude is not None
    return replace(
        contact,
        phone=owner.phone,
        name=owner.name,
        message=replace(
            message,
            address=owner.address,
            latitude=message.latitude if here else place.latitude,
            longitude=message.longitude if here else place.longitude,
        ),
    )
