"""Takes a citizen's message into its conversation, in the commit that the intake shares with others.

The guide's answer is part of the same commit: a message that is on disk has been answered, once, or waits for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from sqlalchemy import Integer, bindparam, insert, select
from sqlmodel import col

from channels.contacts.rules import Contact
from crm_bridge.categories.service import UNSORTED
from crm_bridge.conversations import guide as guides
from crm_bridge.conversations.guide import Guide, Line, Outcome, Turn
from crm_bridge.conversations.record import Record
from crm_bridge.conversations.rules import (
    WITH_AGENT,
    ConversationEvent,
    ConversationState,
    Utterance,
)
from crm_bridge.conversations.settings import ConversationSettings
from crm_bridge.conversations.tables import ConversationMessageRow
from crm_bridge.conversations.talk import Talk, thread_digest
from crm_bridge.conversations.wording import words
from crm_bridge.tickets.service import ADDRESS_LENGTH, TEXT_LENGTH, TITLE_LENGTH
from crm_bridge.tickets.tables import TicketContactRow
from crm_bridge.tickets.ticket import NewTicket, Ticket
from crm_bridge.tickets.vocabulary import TicketType
from infra.kit.group_commit import Prepared, Writing
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

_JOIN = Prepared(
    insert(TicketContactRow).from_select(
        ["ticket_id", "contact_id"],
        select(
            bindparam("to_ticket", type_=Integer()), col(ConversationMessageRow.contact_id)
        ).where(
            col(ConversationMessageRow.conversation_id) == bindparam("of_talk"),
            col(ConversationMessageRow.contact_id) != bindparam("has_contact"),
        ),
    )
)
"""The ticket comes of everything that was said, and has its pictures."""


class Opening(Protocol):
    """Opens tickets; the ledger does."""

    def open_in(
        self,
        writing: Writing,
        new: NewTicket,
        *,
        contact_id: int,
        citizen_id: int | None,
        agent: str | None,
    ) -> Ticket:
        """Write a new ticket, registered, with its contact."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What became of a citizen's message.

    Attributes:
        conversation_id: The conversation that it belongs to.
        message_id: Its row.
        ticket_number: Of the ticket that the guide has registered with it; None mostly.
    """

    conversation_id: int
    message_id: int
    ticket_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reaction:
    """What a message leads to.

    Attributes:
        event: What happens to the conversation; None when it stays where it is.
        guide: What the guide knows then.
        say: What is said to the citizen.
    """

    event: ConversationEvent | None = None
    guide: Guide | None = None
    say: Line | None = None


class Hearing:
    """Takes messages in.

    Args:
        vault: Makes the digest that a thread is found by.
        record: Writes conversations.
        opening: Opens the tickets that the guide registers.
        settings: Who answers first.
        hotline: The number that citizens dial.
    """

    def __init__(
        self,
        vault: Vault,
        record: Record,
        opening: Opening,
        settings: ConversationSettings,
        *,
        hotline: str,
    ) -> None:
        self._vault = vault
        self._record = record
        self._opening = opening
        self._settings = settings
        self._hotline = hotline

    def heard(
        self, writing: Writing, contact_id: int, contact: Contact, citizen_id: int | None
    ) -> Heard:
        """Write a citizen's message into the conversation of its thread, and do what follows from it.

        A thread without a conversation that is not closed begins one. The message itself is as good as on disk when
        the transaction is: the contact that it came with is written there once.

        Args:
            writing: The transaction that writes the contact.
            contact_id: Row of the contact.
            contact: The contact, with purpose `talk`.
            citizen_id: The citizen behind it; None when unknown.

        Raises:
            IntegrityError: Another process begins the same conversation at this moment; try the transaction again.
        """
        said = _utterance(contact)
        digest = thread_digest(self._vault, contact.channel, contact.thread)
        talk = self._record.live(writing, digest)
        if talk is None:
            reaction = self._first(said, contact)
            new = Talk(
                id=0,
                digest=digest,
                channel=contact.channel,
                state=None,
                skill=self._settings.skill_of.get(contact.channel, ""),
                contact_id=contact_id,
                citizen_id=citizen_id,
            )
            talk = self._record.begin(writing, new)
        else:
            reaction = _next(talk, said)
            talk = replace(talk, citizen_id=citizen_id or talk.citizen_id)
        kept = self._record.keep(writing, talk, said, contact_id)
        if talk.state in WITH_AGENT and reaction.event is None:
            facts = {"seq": kept.talk.seq, "state": str(talk.state)}
            self._record.tell(writing, talk.agent, "message.received", kept.talk, **facts)
        number = self._follow(writing, kept.talk, reaction)
        return Heard(conversation_id=talk.id, message_id=kept.message_id, ticket_number=number)

    def give_up(self, writing: Writing, talk: Talk) -> str | None:
        """End a guided conversation whose citizen has fallen silent: what he has said is registered.

        Returns:
            The number of the ticket; None when he had said nothing yet.
        """
        if talk.guide is None or not talk.guide.what:
            self._record.happen(writing, talk, ConversationEvent.closed)
            return None
        complete = _Reaction(
            event=ConversationEvent.registered, guide=talk.guide, say=Line.registered
        )
        return self._follow(writing, talk, complete)

    def _first(self, said: Utterance, contact: Contact) -> _Reaction:
        first = guides.begin(contact.phone)
        if guides.asks_for_guide(said):
            return _Reaction(event=ConversationEvent.begun_guided, guide=first.guide, say=first.say)
        turn = guides.turn(first.guide, said)
        if self._settings.first == "agent" or turn.outcome is not Outcome.goes_on:
            return _Reaction(event=ConversationEvent.begun, say=Line.welcome)
        return _Reaction(event=ConversationEvent.begun_guided, guide=turn.guide, say=turn.say)

    def _follow(self, writing: Writing, talk: Talk, reaction: _Reaction) -> str | None:
        """Do what a message leads to, and return the number of the ticket that was registered."""
        ticket = None
        if reaction.event is ConversationEvent.registered and reaction.guide is not None:
            ticket = self._register(writing, talk, reaction.guide)
        if reaction.say is not None:
            number = ticket.number if ticket else ""
            text = words(reaction.say, hotline=self._hotline, number=number)
            talk = self._record.say(writing, talk, text, receipt=ticket).talk
        told = replace(talk, guide=reaction.guide)
        if reaction.event is not None:
            self._record.happen(writing, told, reaction.event)
        elif told != talk:
            self._record.remember(writing, told)
        return ticket.number if ticket else None

    def _register(self, writing: Writing, talk: Talk, guide: Guide) -> Ticket:
        ticket = self._opening.open_in(
            writing,
            new_ticket(guide),
            contact_id=talk.contact_id,
            citizen_id=talk.citizen_id,
            agent=None,
        )
        writing.run(_JOIN, of_talk=talk.id, to_ticket=ticket.id, has_contact=talk.contact_id)
        return ticket


def new_ticket(guide: Guide) -> NewTicket:
    """Return the ticket of what the guide was told."""
    return NewTicket(
        type=TicketType.help,
        category=UNSORTED,
        title=guide.what.partition("\n")[0][:TITLE_LENGTH],
        text=guide.what[:TEXT_LENGTH],
        address=guide.place[:ADDRESS_LENGTH],
        callback_phone=PhoneNumber(guide.phone) if guide.phone else None,
    )


def _next(talk: Talk, said: Utterance) -> _Reaction:
    if talk.state is ConversationState.guided and talk.guide is not None:
        return _of_turn(guides.turn(talk.guide, said))
    if talk.state is not ConversationState.open and guides.asks_for_guide(said):
        first = guides.begin(None)
        return _Reaction(event=ConversationEvent.asked_guide, guide=first.guide, say=first.say)
    return _Reaction(guide=talk.guide)


def _of_turn(turn: Turn) -> _Reaction:
    match turn.outcome:
        case Outcome.goes_on:
            return _Reaction(guide=turn.guide, say=turn.say)
        case Outcome.person:
            return _Reaction(event=ConversationEvent.asked_person, guide=turn.guide, say=turn.say)
        case Outcome.cancelled:
            return _Reaction(event=ConversationEvent.closed, say=turn.say)
        case Outcome.complete:
            return _Reaction(
                event=ConversationEvent.registered, guide=turn.guide, say=Line.registered
            )


def _utterance(contact: Contact) -> Utterance:
    assert contact.message is not None  # noqa: S101  # a message of a conversation says something
    message = contact.message
    return Utterance(
        text=message.text,
        address=message.address,
        latitude=message.latitude,
        longitude=message.longitude,
        files=len(contact.enclosures),
    )
