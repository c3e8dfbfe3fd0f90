"""What a channel is: the one shape that every way into the city has.

A channel is free of web frameworks and has no database access. It turns what came in (`raw`) into contacts and
carries replies back; storing, tickets and screens are the business of the floors above.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

import pydantic

from channels.contacts.rules import Contact, Enclosure, Received
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


Take = Callable[[Contact], Awaitable[Received]]
"""Takes a contact in: when it returns, the contact is on disk, once however often it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a provider sent to `/channels/{name}`: the `raw` of every webhook.

    Attributes:
        method: `GET` or `POST`.
        path: What follows the channel's name in the address, without the first slash; mostly empty.
        url: The whole address as the provider knows it, for signatures that cover it.
        query: Every parameter of the address with its values in their order.
        headers: By their names in lower case.
        body: As it came.
        received_at: When it reached us.
        remote: Address of the sender, behind trusted proxies.
    """

    method: str
    path: str = ""
    url: str = field(default="", repr=False)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    received_at: datetime
    remote: str = field(default="", repr=False)

    def parameter(self, name: str) -> str:
        """Return the first value of a parameter of the address; empty without one."""
        return next(iter(self.query.get(name, ())), "")


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


class ReplyKind(StrEnum):
    """What is told to a citizen."""

    message = "message"
    """What an agent or the guide says in a conversation."""
    receipt = "receipt"
    """That it was registered, with its number."""
    progress = "progress"
    """What has become of it meanwhile."""
    answer = "answer"
    """What came of it."""
    rating = "rating"
    """A request to rate, with a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFile:
    """A file that goes with a reply. `repr()` hides its name and its bytes.

    Attributes:
        name: What it is called, with an ending of its type.
        type: Its media type, as the bytes themselves show it.
        content: The bytes.
        poster: Of a video its first picture, a small JPEG; empty without one.
    """

    name: str = field(repr=False)
    type: str
    content: bytes = field(repr=False)
    poster: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimits:
    """Which files a channel carries.

    Attributes:
        types: Their media types, each with the most bytes of one file.
        together: The most bytes of all the files of one reply.
    """

    types: Mapping[str, int]
    together: int

    def take(self, kind: str, size: int) -> bool:
        """Return whether a file of this media type and so many bytes is carried."""
        return size <= min(self.types.get(kind, -1), self.together)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is carried back to the citizen.

    Attributes:
        key: Ours for it: the same reply handed over again has the same, for providers that remove duplicates.
        kind: What it is; providers have templates for some.
        text: What the citizen reads, whole, with number and link where they belong; empty where a file says it all.
        ticket_number: The ticket's number, where there is one.
        link: Where to go on, e.g. to rate; empty without.
        files: What goes with it, only over a channel that is `CarryingFiles` and of the kinds that it carries.
    """

    key: str
    kind: ReplyKind
    text: str = field(repr=False)
    ticket_number: str = ""
    link: str = field(default="", repr=False)
    files: Sequence[ReplyFile] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A reply that the provider has taken.

    Attributes:
        provider_id: What the provider knows it by, for later news of its delivery; empty when none will come.
    """

    provider_id: str = ""


class DeliveryState(StrEnum):
    """What has become of a reply that a provider has taken."""

    sent = "sent"
    delivered = "delivered"
    read = "read"
    failed = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryNews:
    """What a provider tells of a reply that it has taken. It may come twice, and out of order.

    Attributes:
        provider_id: What the provider knows the reply by.
        state: What has become of it.
        key: Ours for the reply, where the provider gives it back; empty without.
        error_code: The provider's own, for a failure; empty without.
    """

    provider_id: str
    state: DeliveryState
    key: str = ""
    error_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a channel that an operator should mend.

    Attributes:
        setting: The setting to look at, e.g. `wechat.token`.
        message_zh: What is wrong and what to do, in Chinese.
        message_en: The same in English.
        fatal: False for what works but should not stay so.
    """

    setting: str
    message_zh: str
    message_en: str
    fatal: bool = True


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

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Carry a reply back to the citizen.

        Raises:
            CannotReply: The channel has no way back, or none to this citizen now.
            TryLater: The provider has not taken it, for certain; it may later.
            TimeoutError: Nobody can tell whether the provider has taken it.
        """
        ...


@runtime_checkable
class Greeting(Protocol):
    """A webhook that answers some deliveries by itself, e.g. the provider's check of the address."""

    def greet(self, raw: Delivery) -> Acknowledgement | None:
        """Return the answer to a verified delivery that brings no contact; None for all others."""
        ...


@runtime_checkable
class Listening(Protocol):
    """A channel that fetches or hears its contacts by itself."""

    async def run(self, take: Take) -> None:
        """Take in what comes, until cancelled; what is not on disk yet comes again after a restart."""
        ...


@runtime_checkable
class WithMedia(Protocol):
    """A channel whose files are fetched from the provider."""

    async def fetch(self, enclosure: Enclosure) -> bytes:
        """Return the bytes of a file that came with a `media_id`.

        Raises:
            TryLater: The provider does not give it now.
            Refused: It never will: it is too old, or too large.
        """
        ...


@runtime_checkable
class CarryingFiles(Protocol):
    """A channel whose replies may bring files; no other is given any.

    Attributes:
        carries: Which ones.
    """

    carries: ClassVar[FileLimits]


@runtime_checkable
class Telling(Protocol):
    """A webhook whose provider also tells what became of replies."""

    def news(self, raw: Delivery) -> Sequence[DeliveryNews]:
        """Return the news in a verified delivery, which then brings no contact; empty for all others.

        Raises:
            Invalid: It cannot be understood.
        """
        ...


@runtime_checkable
class Checking(Protocol):
    """A channel that can tell what is misconfigured."""

    async def check(self) -> Sequence[Finding]:
        """Return what an operator should mend, asking the provider where that costs nothing; empty when all is well."""
        ...
