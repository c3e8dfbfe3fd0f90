"""Takes a citizen's message into its conversation, in the commit that the intake shares with others.

The guide's answer is part of the same commit: a message that is on disk has been answered, once, or waits for a person.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import Integer, bindparam, func, insert, select
from sqlmodel import col, update

from channels.contacts.rules import Contact
from channels.protocol import Reply, ReplyKind
from crm_bridge.categories.service import UNSORTED
from crm_bridge.conversations import guide as guides
from crm_bridge.conversations.carriage import Carriage
from crm_bridge.conversations.guide import Guide, Line, Outcome, Turn
from crm_bridge.conversations.rules import (
    WITH_AGENT,
    ConversationEvent,
    ConversationState,
    Delivery,
    Speaker,
    Utterance,
    next_state,
)
from crm_bridge.conversations.settings import ConversationSettings
from crm_bridge.conversations.tables import (
    ConversationEventRow,
    ConversationMessageRow,
    ConversationRow,
)
from crm_bridge.conversations.wording import words
from crm_bridge.tickets.service import ADDRESS_LENGTH, TEXT_LENGTH, TITLE_LENGTH
from crm_bridge.tickets.tables import TicketContactRow
from crm_bridge.tickets.ticket import NewTicket, Ticket
from crm_bridge.tickets.vocabulary import TicketType
from infra.kit import outbox
from infra.kit.clock import Clock
from infra.kit.database import UtcDateTime
from infra.kit.group_commit import Prepared, Writing
from infra.kit.outbox import OutboxRow
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

_AT = bindparam("to_at", type_=UtcDateTime())
_LIVE = Prepared(
    select(
        col(ConversationRow.id),
        col(ConversationRow.state),
        col(ConversationRow.agent),
        col(ConversationRow.last_seq),
        col(ConversationRow.guide_encrypted),
    )
    .where(col(ConversationRow.live_digest) == bindparam("live_digest"))
    .with_for_update()
)
_HEARD = Prepared(
    update(ConversationRow)
    .where(col(ConversationRow.id) == bindparam("row_id"))
    .values(
        contact_id=bindparam("to_contact_id"),
        citizen_id=func.coalesce(
            bindparam("to_citizen_id", type_=Integer()), col(ConversationRow.citizen_id)
        ),
        last_seq=bindparam("to_seq"),
        last_at=_AT,
        heard_at=_AT,
        unread=col(ConversationRow.unread) + 1,
        unanswered_since=func.coalesce(col(ConversationRow.unanswered_since), _AT),
    )
)
_SAID = Prepared(
    update(ConversationRow)
    .where(col(ConversationRow.id) == bindparam("row_id"))
    .values(last_seq=bindparam("to_seq"), last_at=_AT)
)
_STANDS = Prepared(
    update(ConversationRow)
    .where(col(ConversationRow.id) == bindparam("row_id"))
    .values(
        state=bindparam("to_state"),
        agent=bindparam("to_agent"),
        live_digest=bindparam("to_live_digest"),
        guide_encrypted=bindparam("to_guide"),
        waiting_since=bindparam("to_waiting_since"),
        offered_until=bindparam("to_offered_until"),
        closed_at=bindparam("to_closed_at"),
    )
)
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
class _Talk:
    """A conversation as it stands while a message is taken in."""

    id: int
    digest: str
    state: ConversationState | None
    agent: str | None = None
    seq: int = 0
    guide: Guide | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reaction:
    """What a message leads to.

    Attributes:
        event: What happens to the conversation; None when it stays where it is.
        guide: What the guide knows then.
        say: What is said to the citizen.
        registers: Whether the guide's ticket is written.
    """

    event: ConversationEvent | None = None
    guide: Guide | None = None
    say: Line | None = None
    registers: bool = False


class Hearing:
    """Takes messages in.

    Args:
        clock: Gives the time.
        vault: Seals what is said, and makes the digest that a thread is found by.
        opening: Opens the tickets that the guide registers.
        carriage: Carries the guide's words.
        settings: Who answers first.
        hotline: The number that citizens dial.
    """

    def __init__(
        self,
        clock: Clock,
        vault: Vault,
        opening: Opening,
        carriage: Carriage,
        settings: ConversationSettings,
        *,
        hotline: str,
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._opening = opening
        self._carriage = carriage
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
        talk = self._found(writing, contact)
        reaction = self._first(said, contact) if talk.state is None else self._next(talk, said)
        if talk.state is None:
            talk = self._begin(writing, talk, contact_id, contact, citizen_id)
        talk, message_id = self._keep(writing, talk, said, contact_id, citizen_id)
        if talk.state in WITH_AGENT and reaction.event is None:
            self._tell(writing, talk, "message.received", {"seq": talk.seq})
        number = self._follow(writing, talk, reaction, contact_id, citizen_id)
        return Heard(conversation_id=talk.id, message_id=message_id, ticket_number=number)

    def _found(self, writing: Writing, contact: Contact) -> _Talk:
        digest = thread_digest(self._vault, contact.channel, contact.thread)
        row = writing.row(_LIVE, live_digest=digest)
        if row is None:
            return _Talk(id=0, digest=digest, state=None)
        guide = self._vault.decrypt(bytes(row[4])) if row[4] else None
        return _Talk(
            id=row[0],
            digest=digest,
            state=ConversationState(row[1]),
            agent=row[2],
            seq=row[3],
            guide=Guide.from_json(json.loads(guide)) if guide else None,
        )

    def _begin(
        self,
        writing: Writing,
        talk: _Talk,
        contact_id: int,
        contact: Contact,
        citizen_id: int | None,
    ) -> _Talk:
        now = self._clock.now()
        values = {
            "channel": contact.channel,
            "thread_digest": talk.digest,
            "live_digest": talk.digest,
            "citizen_id": citizen_id,
            "contact_id": contact_id,
            "state": ConversationState.waiting,
            "skill": self._settings.skill_of.get(contact.channel, ""),
            "opened_at": now,
            "unread": 0,
            "last_seq": 0,
            "last_at": now,
            "heard_at": now,
        }
        return replace(talk, id=writing.add(ConversationRow, values))

    def _keep(
        self,
        writing: Writing,
        talk: _Talk,
        said: Utterance,
        contact_id: int,
        citizen_id: int | None,
    ) -> tuple[_Talk, int]:
        now, seq = self._clock.now(), talk.seq + 1
        message = {
            "conversation_id": talk.id,
            "seq": seq,
            "speaker": Speaker.citizen,
            "body_encrypted": seal(self._vault, said),
            "files": said.files,
            "contact_id": contact_id,
            "at": now,
            "failure": "",
        }
        message_id = writing.add(ConversationMessageRow, message)
        writing.run(
            _HEARD,
            row_id=talk.id,
            to_contact_id=contact_id,
            to_citizen_id=citizen_id,
            to_seq=seq,
            to_at=now,
        )
        return replace(talk, seq=seq), message_id

    def _first(self, said: Utterance, contact: Contact) -> _Reaction:
        first = guides.begin(contact.phone)
        if guides.asks_for_guide(said):
            return _Reaction(event=ConversationEvent.begun_guided, guide=first.guide, say=first.say)
        turn = guides.turn(first.guide, said)
        if self._settings.first == "agent" or turn.outcome is not Outcome.goes_on:
            return _Reaction(event=ConversationEvent.begun, say=Line.welcome)
        return _Reaction(event=ConversationEvent.begun_guided, guide=turn.guide, say=turn.say)

    def _next(self, talk: _Talk, said: Utterance) -> _Reaction:
        if talk.state is ConversationState.guided and talk.guide is not None:
            return _of_turn(guides.turn(talk.guide, said))
        if talk.state is not ConversationState.open and guides.asks_for_guide(said):
            first = guides.begin(None)
            return _Reaction(event=ConversationEvent.asked_guide, guide=first.guide, say=first.say)
        return _Reaction(guide=talk.guide)

    def _follow(
        self,
        writing: Writing,
        talk: _Talk,
        reaction: _Reaction,
        contact_id: int,
        citizen_id: int | None,
    ) -> str | None:
        """Do what a message leads to, and return the number of the ticket that was registered."""
        ticket = None
        if reaction.registers and reaction.guide is not None:
            ticket = self._opening.open_in(
                writing,
                new_ticket(reaction.guide),
                contact_id=contact_id,
                citizen_id=citizen_id,
                agent=None,
            )
            writing.run(_JOIN, of_talk=talk.id, to_ticket=ticket.id, has_contact=contact_id)
        if reaction.say is not None:
            talk = self._say(writing, talk, reaction.say, contact_id, ticket)
        if reaction.event is not None or reaction.guide != talk.guide:
            self._stand(writing, talk, reaction)
        return ticket.number if ticket else None

    def _say(
        self, writing: Writing, talk: _Talk, line: Line, contact_id: int, ticket: Ticket | None
    ) -> _Talk:
        text = words(line, hotline=self._hotline, number=ticket.number if ticket else "")
        now, seq = self._clock.now(), talk.seq + 1
        message = {
            "conversation_id": talk.id,
            "seq": seq,
            "speaker": Speaker.guide,
            "body_encrypted": seal(self._vault, Utterance(text=text)),
            "files": 0,
            "at": now,
            "delivery": Delivery.queued,
            "failure": "",
        }
        message_id = writing.add(ConversationMessageRow, message)
        writing.run(_SAID, row_id=talk.id, to_seq=seq, to_at=now)
        reply = Reply(
            key=f"message:{message_id}",
            kind=ReplyKind.receipt if ticket else ReplyKind.message,
            text=text,
            ticket_number=ticket.number if ticket else "",
        )
        self._carriage.carry(
            writing, contact_id, reply, message_id=message_id, order=f"conversation:{talk.id}"
        )
        return replace(talk, seq=seq)

    def _stand(self, writing: Writing, talk: _Talk, reaction: _Reaction) -> None:
        now, event = self._clock.now(), reaction.event
        state = next_state(talk.state, event) if event else talk.state
        waits = now if state is ConversationState.waiting else None
        closed = state is ConversationState.closed
        writing.run(
            _STANDS,
            row_id=talk.id,
            to_state=state,
            to_agent=None,
            to_live_digest=None if closed else talk.digest,
            to_guide=_sealed(self._vault, reaction.guide),
            to_waiting_since=waits,
            to_offered_until=None,
            to_closed_at=now if closed else None,
        )
        if event is None:
            return
        happened = {
            "conversation_id": talk.id,
            "event": event,
            "state": state,
            "agent": talk.agent,
            "at": now,
        }
        writing.add(ConversationEventRow, happened)
        self._tell(writing, talk, "conversation.changed", {"state": str(state)})

    def _tell(self, writing: Writing, talk: _Talk, kind: str, extra: dict[str, Any]) -> None:
        if talk.agent is None:
            return
        entry = outbox.entry(
            self._clock,
            destination="feed",
            kind=kind,
            key=f"conversation:{talk.id}",
            body={"agents": [talk.agent], "data": {"conversation_id": talk.id} | extra},
        )
        writing.add(OutboxRow, entry)


def thread_digest(vault: Vault, channel: str, thread: str) -> str:
    """Return the digest that the conversations of a channel's thread are found by."""
    return vault.digest(f"thread\n{channel}\n{thread}")


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


def seal(vault: Vault, said: Utterance) -> bytes:
    """Return what was said as it is stored."""
    body = {"text": said.text, "address": said.address}
    place = {"latitude": said.latitude, "longitude": said.longitude}
    return vault.encrypt(json.dumps(body | (place if said.latitude is not None else {})))


def unseal(vault: Vault, sealed: bytes, files: int) -> Utterance:
    """Return what was said, from what is stored."""
    return Utterance(**json.loads(vault.decrypt(sealed)), files=files)


def _sealed(vault: Vault, guide: Guide | None) -> bytes | None:
    return vault.encrypt(json.dumps(guide.as_json())) if guide else None


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
                event=ConversationEvent.registered,
                guide=turn.guide,
                say=Line.registered,
                registers=True,
            )
