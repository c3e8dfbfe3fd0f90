"""What reaches the city, and from whom. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from telephony.numbers import PhoneNumber

EXTERNAL_ID_LENGTH = 200
SCOPE_LENGTH = 100


class CitizenKind(StrEnum):
    """Who stands behind a contact."""

    person = "person"
    enterprise = "enterprise"


class AddressKind(StrEnum):
    """By what a citizen is known beside a telephone number."""

    openid = "openid"
    """WeChat's name for a person towards one account; unlike everybody else's there."""
    unionid = "unionid"
    """WeChat's name for a person towards all accounts of one owner."""
    mail = "mail"
    device = "device"
    """A button at somebody's home, by its number."""
    account = "account"
    """A name on another platform, e.g. a message board."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """By what a citizen is known and answered. `str()` and `repr()` hide it.

    Attributes:
        kind: What it is.
        value: As the provider writes it; a mail address in lower case.
        scope: Within what it is unique, e.g. the account that an openid belongs to; empty where it is so everywhere.
    """

    kind: AddressKind
    value: str = field(repr=False)
    scope: str = ""

    def __post_init__(self) -> None:
        if not self.value:
            raise ValueError("an address is not empty")

    def __str__(self) -> str:
        return self.kind.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file that came with a contact: its bytes, or what they are fetched or known by.

    Attributes:
        name: As the sender calls it; may be empty.
        content: Its bytes, when they came along.
        media_id: What the channel fetches it by, e.g. WeChat's MediaId; empty when nothing is to be fetched.
        attachment_id: Of a file that was taken in before, e.g. by the citizen's page; None otherwise.
    """

    name: str = field(default="", repr=False)
    content: bytes | None = field(default=None, repr=False)
    media_id: str = field(default="", repr=False)
    attachment_id: int | None = None

    def __post_init__(self) -> None:
        ways = (self.content is not None, bool(self.media_id), self.attachment_id is not None)
        if sum(ways) != 1:
            raise ValueError("an enclosure has its bytes, a media id or an attachment: one of them")


class Purpose(StrEnum):
    """What a contact is for."""

    matter = "matter"
    """Something is reported: it opens a ticket, or with a call an agent does."""
    talk = "talk"
    """One message of a conversation: a person or the guide answers, and a ticket comes of it later or never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a citizen wrote.

    Attributes:
        title: In one line, as the citizen put it; empty where the channel has none.
        text: The matter itself.
        address: The place it is about, as the citizen put it; may be empty.
        type: Which of the ticket types the citizen chose, e.g. `complaint`; empty where the channel offers none.
        category: Code of the category that the citizen chose; empty where the channel offers none.
        confidential: Whether the citizen asked to be kept secret.
        call_me_not: Whether the citizen asked not to be rung afterwards.
        latitude: Of the place, in degrees of WGS84; None where only an address or nothing is known.
        longitude: Of the place, in degrees of WGS84; there together with `latitude`.
        media: Address of a picture that the citizen put on the web; empty without one.
    """

    text: str
    title: str = ""
    address: str = ""
    type: str = ""
    category: str = ""
    confidential: bool = False
    call_me_not: bool = False
    latitude: float | None = None
    longitude: float | None = None
    media: str = ""

    def __post_init__(self) -> None:
        if (self.latitude is None) is not (self.longitude is None):
            raise ValueError("a place has a latitude and a longitude")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One approach by a citizen over one channel. `str()` shows ids, never what was said or by whom.

    Attributes:
        channel: Name of the channel, e.g. `voice`.
        external_id: What the channel knows it by; the same approach delivered twice has the same.
        received_at: When it reached us.
        phone: The citizen's number; None when withheld or when the channel has none.
        message: What the citizen wrote; None for a call, whose matter an agent writes down.
        purpose: Whether it is a matter or a message of a conversation.
        sender: What the citizen is known and answered by beside the number.
        aliases: What else the same citizen is known by, as the provider says, e.g. the unionid of an openid.
        name: What the citizen is called, as he says; may be empty.
        thread: Within the channel, what belongs together: the openid of a chat, the number that a mail answers to;
            empty for what stands alone.
        enclosures: The files that came with it.
        extra: What the provider sent that nobody here knows; kept as it came, as JSON.
    """

    channel: str
    external_id: str
    received_at: datetime
    phone: PhoneNumber | None = None
    message: Message | None = field(default=None, repr=False)
    purpose: Purpose = Purpose.matter
    sender: Address | None = None
    aliases: tuple[Address, ...] = ()
    name: str = field(default="", repr=False)
    thread: str = field(default="", repr=False)
    enclosures: tuple[Enclosure, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.channel:
            raise ValueError("a contact comes over a channel")
        if not 1 <= len(self.external_id) <= EXTERNAL_ID_LENGTH:
            raise ValueError(f"an external id has 1 to {EXTERNAL_ID_LENGTH} characters")
        if self.received_at.tzinfo is None:
            raise ValueError("received_at needs a time zone")
        if self.purpose is Purpose.talk and not (self.message and self.thread):
            raise ValueError("a message of a conversation says something, and in which")

    def __str__(self) -> str:
        return f"{self.channel}:{self.external_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of a delivered contact.

    Attributes:
        contact_id: Row of the contact.
        first: False when this contact had been received before.
        ticket_number: Number of the ticket it opened, for the citizen; None for a call.
    """

    contact_id: int
    first: bool
    ticket_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    """The person or enterprise behind contacts. `repr()` hides name and number.

    Attributes:
        id: Row of the citizen.
        kind: Person or enterprise.
        name: As last told to an agent; None when never told.
        phone: By which the citizen is known; None when only known otherwise.
        first_seen_at: When the first contact came.
    """

    id: int
    kind: CitizenKind
    name: str | None = field(repr=False)
    phone: PhoneNumber | None = field(repr=False)
    first_seen_at: datetime
