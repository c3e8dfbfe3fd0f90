"""What reaches the city, and from whom. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from telephony.numbers import PhoneNumber

EXTERNAL_ID_LENGTH = 200


class CitizenKind(StrEnum):
    """Who stands behind a contact."""

    person = "person"
    enterprise = "enterprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a citizen wrote.

    Attributes:
        title: In one line, as the citizen put it; empty where the channel has none.
        text: The matter itself.
        address: The place it is about, as the citizen put it; may be empty.
        category: Code of the category that the citizen chose; empty where the channel offers none.
        latitude: Of the place, in degrees of WGS84; None where only an address or nothing is known.
        longitude: Of the place, in degrees of WGS84; there together with `latitude`.
        media: Address of a picture that the citizen put on the web; empty without one.
    """

    text: str
    title: str = ""
    address: str = ""
    category: str = ""
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
    """

    channel: str
    external_id: str
    received_at: datetime
    phone: PhoneNumber | None = None
    message: Message | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.channel:
            raise ValueError("a contact comes over a channel")
        if not 1 <= len(self.external_id) <= EXTERNAL_ID_LENGTH:
            raise ValueError(f"an external id has 1 to {EXTERNAL_ID_LENGTH} characters")
        if self.received_at.tzinfo is None:
            raise ValueError("received_at needs a time zone")

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
