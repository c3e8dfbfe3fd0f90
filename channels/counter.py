"""The counter: visits, and letters on paper, which an agent types in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from channels.contacts.rules import Contact, Received
from channels.protocol import Acknowledgement, CannotReply, ChannelSettings, Mode, Reply, Sent
from telephony.numbers import PhoneNumber

CHANNEL = "counter"


class CounterSettings(ChannelSettings):
    """Visits and letters on paper, typed in by agents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody at the counter, or a letter on paper.

    Attributes:
        form_id: Of the form that an agent has filled in and sent; empty for one that he has not.
        at: When it was sent.
        phone: Where the citizen can be reached; None when he leaves no number.
    """

    form_id: str
    at: datetime
    phone: PhoneNumber | None = field(default=None, repr=False)


def contact_of(visit: Visit) -> Contact:
    """Return the contact that a visit is; its matter is in the agent's form."""
    return Contact(
        channel=CHANNEL, external_id=visit.form_id, received_at=visit.at, phone=visit.phone
    )


class CounterChannel:
    """Makes contacts of visits."""

    name: ClassVar[str] = CHANNEL
    mode: ClassVar[Mode] = Mode.listen
    Settings: ClassVar[type[ChannelSettings]] = CounterSettings

    def verify(self, raw: Visit) -> None:
        """Return: an agent who has logged in has typed it."""

    def parse(self, raw: Visit) -> Sequence[Contact]:
        """Return the contact of a visit; none of a form that was not sent."""
        return (contact_of(raw),) if raw.form_id else ()

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return an empty answer: the agent sees the ticket."""
        return Acknowledgement(status=204)

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Refuse: a visitor is told in person, a letter is answered on paper.

        Raises:
            CannotReply: Always.
        """
        raise CannotReply(
            "a visitor is told in person, a letter is answered on paper: note on the ticket that it was done",
            "来访请当面告知，来信请书面答复，并在工单中登记“告知诉求人”",
        )
