"""Rows of conversations: where each stands, what was said, and who was asked or had it when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from crm_bridge.conversations.rules import (
    ConversationEvent,
    ConversationState,
    Delivery,
    Speaker,
)
from infra.kit.database import Row, StrEnumType, UtcDateTime

SKILL_LENGTH = 40


class ConversationRow(Row, table=True):
    """A conversation.

    Attributes:
        thread_digest: Of the channel and its thread: by it a citizen's earlier conversations are found.
        live_digest: The same while it is not closed, so that a thread has one such conversation at most.
        contact_id: The citizen's last message, by which he is answered.
        skill: What its agent must be able to do; empty: anybody.
        agent: 工号 of who is asked or has it.
        offered_until: Until when who is asked may answer.
        guide_encrypted: What the guide has been told, as sealed JSON.
        waiting_since: Since when the citizen waits for a person; stays while agents are asked.
        excused: Whether the citizen who waits has been told that it takes longer.
        unanswered_since: The first message of the citizen that its agent has not answered.
        unread: Messages of the citizen that its agent has not looked at.
        last_seq: Number of its last message.
        last_at: When that came.
        heard_at: When the citizen last wrote.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_state_waiting_since", "state", "waiting_since", "id"),
        Index("ix_conversations_agent_state", "agent", "state"),
        Index("ix_conversations_thread_digest", "thread_digest", "id"),
        Index("ix_conversations_last_at", "last_at", "id"),
        Index("ix_conversations_closed_at", "closed_at", "id"),
        Index("ix_conversations_agent_closed_at", "agent", "closed_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    channel: str = Field(max_length=40)
    thread_digest: str = Field(max_length=64)
    live_digest: str | None = Field(default=None, max_length=64, unique=True)
    citizen_id: int | None = Field(default=None, foreign_key="citizens.id", index=True)
    contact_id: int = Field(foreign_key="contacts.id")
    state: ConversationState = Field(sa_type=StrEnumType(ConversationState))
    skill: str = Field(default="", max_length=SKILL_LENGTH)
    agent: str | None = Field(default=None, max_length=20)
    offered_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    guide_encrypted: bytes | None = None
    opened_at: datetime = Field(sa_type=UtcDateTime)
    waiting_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    excused: bool = False
    unanswered_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    unread: int = 0
    last_seq: int = 0
    last_at: datetime = Field(sa_type=UtcDateTime)
    heard_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ConversationMessageRow(Row, table=True):
    """One message, sealed: it may hold anything that a citizen writes.

    Attributes:
        seq: 1, 2, 3 … of its conversation.
        agent: 工号 of who wrote it; None for the citizen and the guide.
        contact_id: What it came with; None for what we said.
        files: How many files came with it; they belong to the contact.
        delivery: How far what we said has come; None for the citizen's.
        failure: Why it did not, as a code; empty otherwise.
    """

    __tablename__ = "conversation_messages"
    __table_args__ = (UniqueConstraint("conversation_id", "seq"),)

    id: int | None = Field(default=None, primary_key=True)
    conversation_id: int = Field(foreign_key="conversations.id")
    seq: int
    speaker: Speaker = Field(sa_type=StrEnumType(Speaker))
    agent: str | None = Field(default=None, max_length=20)
    body_encrypted: bytes
    files: int = 0
    contact_id: int | None = Field(default=None, foreign_key="contacts.id", unique=True)
    at: datetime = Field(sa_type=UtcDateTime)
    delivery: Delivery | None = Field(default=None, sa_type=StrEnumType(Delivery))
    failure: str = Field(default="", max_length=60)


class ConversationEventRow(Row, table=True):
    """Something that happened to a conversation: who was asked, had it or closed it, and when.

    Attributes:
        agent: 工号 of whom it concerns, e.g. who was asked; None for nobody.
        actor: 工号 of who did it; None for the citizen and the system.
    """

    __tablename__ = "conversation_events"
    __table_args__ = (
        Index("ix_conversation_events_conversation_id", "conversation_id", "id"),
        Index("ix_conversation_events_agent_at", "agent", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    conversation_id: int = Field(foreign_key="conversations.id")
    event: ConversationEvent = Field(sa_type=StrEnumType(ConversationEvent))
    state: ConversationState = Field(sa_type=StrEnumType(ConversationState))
    agent: str | None = Field(default=None, max_length=20)
    actor: str | None = Field(default=None, max_length=20)
    at: datetime = Field(sa_type=UtcDateTime)


class AgentSkillRow(Row, table=True):
    """A skill that an agent has."""

    __tablename__ = "agent_skills"

    agent: str = Field(primary_key=True, max_length=20)
    skill: str = Field(primary_key=True, max_length=SKILL_LENGTH, index=True)


class ConversationViewerRow(Row, table=True):
    """Somebody who has a conversation on his screen, as long as his page says so again and again."""

    __tablename__ = "conversation_viewers"

    conversation_id: int = Field(primary_key=True, foreign_key="conversations.id")
    agent: str = Field(primary_key=True, max_length=20)
    seen_at: datetime = Field(sa_type=UtcDateTime, index=True)
    typing_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
