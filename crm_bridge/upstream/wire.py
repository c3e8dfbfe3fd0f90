"""Exchanges as JSON: what two installations of Lianxin send each other, and what others may send to us."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from crm_bridge.forms import Moment, Text, Version
from crm_bridge.tickets.service import ADDRESS_LENGTH, TEXT_LENGTH, TITLE_LENGTH
from crm_bridge.tickets.vocabulary import TicketType, Urgency
from crm_bridge.upstream.rules import (
    MOST_NOTES,
    Addition,
    Changes,
    Exchange,
    Matter,
    Outcome,
    Receipt,
    Side,
)
from infra.kit.http import ApiModel

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
_LONGEST_ANSWER = 8000


class MatterBody(ApiModel):
    """What a ticket is about; `phone` only if the giver hands the citizen's number over."""

    type: TicketType
    category: Text = Field(default="", max_length=20)
    title: Text = Field(min_length=1, max_length=TITLE_LENGTH)
    text: Text = Field(min_length=1, max_length=TEXT_LENGTH)
    address: Text = Field(default="", max_length=ADDRESS_LENGTH)
    urgency: Urgency = Urgency.normal
    confidential: bool = False
    created_at: Moment
    phone: Annotated[str | None, Field(pattern=r"^[0-9]{3,15}$")] = None


class AdditionBody(ApiModel):
    """A note that has been put to the sender's ticket."""

    id: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\x21-\x7e]+$")]
    text: Text = Field(min_length=1, max_length=_LONGEST_ANSWER)
    at: Moment


class ExchangeBody(ApiModel):
    """Everything that one side has to say of a shared ticket, under a version that grows with every change.

    `side` is the sender's: `giver` passed the ticket on and says what the `matter` is; `taker` has it in hand and says
    its `state`, and in the end the `outcome` and the `answer`.
    """

    key: Key
    side: Side
    number: Text = Field(min_length=1, max_length=60)
    version: Version
    state: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    matter: MatterBody | None = None
    outcome: Outcome = Outcome.open
    answer: Text = Field(default="", max_length=_LONGEST_ANSWER)
    notes: list[AdditionBody] = Field(default_factory=list, max_length=MOST_NOTES)

    @classmethod
    def of(cls, exchange: Exchange) -> Self:
        """Return an exchange as it is sent."""
        matter = exchange.matter
        return cls(
            key=exchange.key,
            side=exchange.side,
            number=exchange.number,
            version=exchange.version,
            state=exchange.state,
            matter=MatterBody(
                type=matter.type,
                category=matter.category,
                title=matter.title,
                text=matter.text,
                address=matter.address,
                urgency=matter.urgency,
                confidential=matter.confidential,
                created_at=matter.created_at,
                phone=matter.phone,
            )
            if matter
            else None,
            outcome=exchange.outcome,
            answer=exchange.answer[:_LONGEST_ANSWER],
            notes=[
                AdditionBody(id=note.id, text=note.text[:_LONGEST_ANSWER], at=note.at)
                for note in exchange.notes
            ],
        )

    def exchange(self) -> Exchange:
        """Return what was sent."""
        matter = self.matter
        return Exchange(
            key=self.key,
            side=self.side,
            number=self.number,
            version=self.version,
            state=self.state,
            matter=Matter(**matter.model_dump()) if matter else None,
            outcome=self.outcome,
            answer=self.answer,
            notes=[Addition(id=note.id, text=note.text, at=note.at) for note in self.notes],
        )


class ReceiptView(ApiModel):
    """What the receiver has on disk now: its own number, and the highest version that it has seen."""

    key: str
    number: str
    version: int

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        """Return a receipt as it is sent."""
        return cls(key=receipt.key, number=receipt.number, version=receipt.version)

    def receipt(self) -> Receipt:
        """Return what was sent."""
        return Receipt(key=self.key, number=self.number, version=self.version)


class ChangesView(ApiModel):
    """What is new since a cursor, and the cursor to ask with next; nothing new leaves it as it is."""

    items: list[ExchangeBody]
    cursor: str

    @classmethod
    def of(cls, changes: Changes) -> Self:
        """Return changes as they are sent."""
        return cls(
            items=[ExchangeBody.of(exchange) for exchange in changes.exchanges],
            cursor=changes.cursor,
        )

    def changes(self) -> Changes:
        """Return what was sent."""
        return Changes(exchanges=[item.exchange() for item in self.items], cursor=self.cursor)


class LinkView(ApiModel):
    """A shared ticket; `waiting` while the other side has not yet been told of our last change."""

    id: int
    system: str
    side: Side
    key: str
    ticket_id: int
    number: str
    remote_number: str | None
    remote_state: str
    remote_outcome: Outcome
    waiting: bool
    attempts: int
    next_at: datetime
    last_error: str | None
    created_at: datetime
    changed_at: datetime


class LinkPage(ApiModel):
    """A part of the shared tickets, the youngest first; `next_cursor` is null on the last."""

    items: list[LinkView]
    next_cursor: str | None


class PeerView(ApiModel):
    """A system that we share tickets with, and what was last wrong with it."""

    name: str
    joined: bool
    seen_at: datetime | None
    last_error: str | None


class PeerList(ApiModel):
    """All of them, by name; `joined` are those that we ask and tell, the others come to us."""

    items: list[PeerView]
