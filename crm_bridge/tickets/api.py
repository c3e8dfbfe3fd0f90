"""Tickets over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from crm_bridge.forms import Id, Moment, Text, Version
from crm_bridge.search.conditions import Filters
from crm_bridge.tickets.bodies import MOST_FILES
from crm_bridge.tickets.reading import TicketReader
from crm_bridge.tickets.service import ADDRESS_LENGTH, TEXT_LENGTH, TITLE_LENGTH, Tickets
from crm_bridge.tickets.ticket import NewTicket
from crm_bridge.tickets.views import TicketPage, TicketView
from crm_bridge.tickets.vocabulary import TicketState, TicketType, Urgency
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal
from telephony.numbers import PhoneNumber


def _number(text: str) -> str:
    if text:
        PhoneNumber.parse(text)
    return text


class Answer(ApiModel):
    """What the citizen was told."""

    text: Text = Field(min_length=2, max_length=TEXT_LENGTH)


class AnswerBody(Answer):
    """An answer to an open ticket, with the files that the citizen gets; `version` is the one on the screen."""

    version: Version
    attachments: Annotated[list[Id], Field(max_length=MOST_FILES)] = Field(default_factory=list)


class NewTicketBody(ApiModel):
    """An agent's form; without a call or a contact somebody stands at the counter or has written a letter."""

    call_id: Id | None = None
    contact_id: Id | None = None
    channel: Annotated[str, Field(pattern="^counter$")] | None = None
    type: TicketType
    category: Text = Field(min_length=1, max_length=20)
    title: Text = Field(min_length=2, max_length=TITLE_LENGTH)
    text: Text = Field(min_length=2, max_length=TEXT_LENGTH)
    address: Text = Field(default="", max_length=ADDRESS_LENGTH)
    urgency: Urgency = Urgency.normal
    confidential: bool = False
    call_me_not: bool = False
    citizen_name: Text | None = Field(default=None, max_length=40)
    callback_phone: Annotated[str, Field(max_length=30), AfterValidator(_number)] | None = None
    answer: Answer | None = None

    def form(self) -> NewTicket:
        """Return what the agent wrote down."""
        return NewTicket(
            type=self.type,
            category=self.category,
            title=self.title,
            text=self.text,
            address=self.address,
            urgency=self.urgency,
            confidential=self.confidential,
            call_me_not=self.call_me_not,
            citizen_name=self.citizen_name or None,
            callback_phone=PhoneNumber.parse(self.callback_phone) if self.callback_phone else None,
            answer=self.answer.text if self.answer else None,
        )


class TicketQuery(ApiModel):
    """Which tickets to list."""

    mine: bool = False
    q: str = Field(default="", max_length=200)
    state: TicketState | None = None
    type: TicketType | None = None
    category: str | None = Field(default=None, max_length=200)
    urgency: Urgency | None = None
    unit: str | None = Field(default=None, max_length=20)
    agent: str | None = Field(default=None, max_length=40)
    channel: str | None = Field(default=None, max_length=40)
    since: Moment | None = None
    until: Moment | None = None
    overdue: bool = False
    cursor: str | None = Field(default=None, max_length=40)
    limit: int = Field(default=50, ge=1, le=100)

    def filters(self) -> Filters:
        """Return what the list is narrowed by; several categories stand between commas."""
        return Filters(
            words=self.q,
            state=self.state,
            type=self.type,
            categories=[code.strip() for code in (self.category or "").split(",") if code.strip()],
            urgency=self.urgency,
            unit=self.unit,
            agent=self.agent,
            channel=self.channel,
            since=self.since,
            until=self.until,
            overdue=self.overdue,
        )


def routes(tickets: Tickets, reader: TicketReader) -> Routes:
    """Return the endpoints of tickets."""
    api = Routes(tag="tickets")

    @api.post("/api/v1/tickets", permission="ticket.write", status=201, idempotent=True)
    async def register(
        principal: Principal, body: NewTicketBody, idempotency: IdempotencyKey | None
    ) -> TicketView:
        """Register a ticket, answered on the spot or left open for dispatch."""
        ticket_id = await tickets.register(
            principal,
            body.form(),
            call_id=body.call_id,
            contact_id=body.contact_id,
            key=idempotency,
        )
        return await reader.show(principal, ticket_id)

    @api.get("/api/v1/tickets", permission="ticket.read")
    async def page(principal: Principal, query: TicketQuery) -> TicketPage:
        """List or search the tickets that I may see, newest first; a part may be short and yet have a cursor to go on.

        `q` is words (Chinese or other, all of them), a ticket's number or its last digits, or for who may see it a
        citizen's telephone number.
        """
        return await reader.page(
            principal,
            mine=query.mine,
            filters=query.filters(),
            cursor=query.cursor,
            limit=query.limit,
        )

    @api.get("/api/v1/tickets/{ticket_id}", permission="ticket.read")
    async def show(principal: Principal, ticket_id: int) -> TicketView:
        """Show a ticket with its history and callbacks."""
        return await reader.show(principal, ticket_id)

    @api.post("/api/v1/tickets/{ticket_id}/answer", permission="ticket.write", idempotent=True)
    async def answer(
        principal: Principal,
        ticket_id: int,
        body: AnswerBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Answer an open ticket on the spot."""
        await tickets.answer(
            principal,
            ticket_id,
            body.text,
            version=body.version,
            key=idempotency,
            attachments=body.attachments,
        )
        return await reader.show(principal, ticket_id)

    return api
