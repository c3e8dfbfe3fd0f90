"""Contacts from other systems over HTTP: the same intake as every channel's, for who holds a key."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from channels.contacts.rules import Contact, Message
from crm_bridge.forms import Text
from crm_bridge.intake import Intake
from crm_bridge.tickets.service import ADDRESS_LENGTH, TEXT_LENGTH, TITLE_LENGTH
from infra.kit.clock import Clock
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal
from telephony.numbers import PhoneNumber

CHANNEL = "api"
"""The channel of what other systems bring by themselves."""


def _number(text: str) -> str:
    PhoneNumber.parse(text)
    return text


class ContactBody(ApiModel):
    """A written matter; `external_id` is the sender's own name for it, and makes sending it again harmless."""

    external_id: Annotated[str, Field(min_length=1, max_length=160)]
    text: Text = Field(min_length=2, max_length=TEXT_LENGTH)
    title: Text = Field(default="", max_length=TITLE_LENGTH)
    address: Text = Field(default="", max_length=ADDRESS_LENGTH)
    phone: Annotated[str, Field(max_length=30), AfterValidator(_number)] | None = None


class ReceivedView(ApiModel):
    """What became of it; `first` is false when it had been received before."""

    contact_id: int
    first: bool
    ticket_number: str | None


def routes(intake: Intake, clock: Clock) -> Routes:
    """Return the endpoints of contacts."""
    api = Routes(tag="contacts")

    @api.post("/api/v1/contacts", permission="contact.write", status=201)
    async def take(principal: Principal, body: ContactBody) -> ReceivedView:
        """Take a written matter in: contact, citizen and ticket are on disk when this is answered."""
        contact = Contact(
            channel=CHANNEL,
            external_id=f"{principal.number}/{body.external_id}",
            received_at=clock.now(),
            phone=PhoneNumber.parse(body.phone) if body.phone else None,
            message=Message(text=body.text, title=body.title, address=body.address),
        )
        received = await intake.take(contact)
        return ReceivedView(
            contact_id=received.contact_id,
            first=received.first,
            ticket_number=received.ticket_number,
        )

    return api
