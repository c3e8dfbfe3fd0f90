"""What a channel is: the one shape that every way into the city has.

A channel is free of web frameworks and has no database access. It turns what came in (`raw`) into contacts and
carries replies back; storing, tickets and screens are the business of the floors above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol, TypeVar

import pydantic

from channels.contacts.rules import Contact, Received
from infra.kit.errors import Refused

Raw = TypeVar("Raw", contravariant=True)


class Mode(StrEnum):
    """How a channel gets its contacts."""

    webhook = "webhook"
    """The provider posts to `/channels/{name}`; `raw` is what it posted."""
    poll = "poll"
    """We ask the provider now and then; `raw` is what it answered."""
    listen = "listen"
    """A part of our own tells us; `raw` is its event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What the sender is answered. A second delivery of the same contact is answered like the first."""

    status: int = 200
    content_type: str = "text/plain"
    body: bytes = field(default=b"", repr=False)


class ChannelSettings(pydantic.BaseModel):
    """The base of every channel's settings: an unknown key stops the start."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    enabled: bool = pydantic.Field(
        default=True, description="Whether contacts are taken in over this channel."
    )


class CannotReply(Refused):
    """Nothing can be sent back over this channel."""

    slug = "cannot-reply"
    title_zh = "该渠道无法直接回复，请改用其他方式联系市民"
    title_en = "This channel cannot carry a reply, reach the citizen in another way"


class Channel(Protocol[Raw]):
    """One way in.

    Attributes:
        name: Lower-case letters, digits and hyphens; part of addresses, settings and stored contacts.
        mode: How it gets its contacts.
        Settings: What an installation can set for it.
    """

    name: ClassVar[str]
    mode: ClassVar[Mode]
    Settings: ClassVar[type[ChannelSettings]]

    def verify(self, raw: Raw) -> None:
        """Return if `raw` comes from whom it says.

        Raises:
            NotAuthenticated: It does not, or nobody can tell. Nothing of it may be stored.
        """
        ...

    def parse(self, raw: Raw) -> Sequence[Contact]:
        """Return the contacts in `raw`: none when it tells of something else, the same when it comes again.

        Raises:
            Invalid: It cannot be understood.
        """
        ...

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return the answer to the sender, once the contacts are on disk."""
        ...

    async def reply(self, contact: Contact, text: str) -> None:
        """Carry a reply back to the citizen.

        Raises:
            CannotReply: The channel has no way back.
            TryLater: The provider cannot be reached now.
        """
        ...
