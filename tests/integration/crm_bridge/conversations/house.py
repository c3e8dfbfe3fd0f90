"""Conversations with everything they need, over a real database, and a carriage that only notes what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlmodel import col, select

from channels.contacts.rules import Address, AddressKind, Contact, Enclosure, Message, Purpose
from channels.contacts.service import Contacts
from channels.protocol import Reply
from crm_bridge.conversations.hearing import Heard, Hearing
from crm_bridge.conversations.record import Record
from crm_bridge.conversations.settings import ConversationSettings
from crm_bridge.conversations.tables import (
    ConversationEventRow,
    ConversationMessageRow,
    ConversationRow,
)
from crm_bridge.conversations.talk import unseal
from crm_bridge.tickets.ledger import Ledger
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.group_commit import Writing, in_session
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import ZONE

HOTLINE = "12345"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A reply that was handed over."""

    contact_id: int
    reply: Reply
    message_id: int
    order: str


class NotingCarriage:
    """Notes every reply."""

    def __init__(self) -> None:
        self.carried: list[Carried] = []

    def carry(
        self, writing: Writing, contact_id: int, reply: Reply, *, message_id: int, order: str
    ) -> int:
        self.carried.append(
            Carried(contact_id=contact_id, reply=reply, message_id=message_id, order=order)
        )
        return len(self.carried)

    @property
    def texts(self) -> list[str]:
        return [one.reply.text for one in self.carried]


@dataclass(kw_only=True)
class TalkHouse:
    """Every part of conversations, wired as an installation wires it."""

    database: Database
    clock: ManualClock
    vault: Vault
    settings: ConversationSettings = field(default_factory=ConversationSettings)
    count: int = 0

    def __post_init__(self) -> None:
        self.contacts = Contacts(self.database, self.vault)
        self.ledger = Ledger(self.clock, ZONE, self.vault)
        self.carriage = NotingCarriage()
        self.record = Record(self.clock, self.vault, self.carriage)
        self.hearing = Hearing(self.vault, self.record, self.ledger, self.settings, hotline=HOTLINE)

    def message(
        self,
        text: str = "",
        *,
        thread: str = "openid-1",
        channel: str = "wechat",
        place: tuple[float, float] | None = None,
        address: str = "",
        files: int = 0,
    ) -> Contact:
        """What a citizen writes next."""
        self.count += 1
        latitude, longitude = place or (None, None)
        return Contact(
            channel=channel,
            external_id=f"msg-{self.count}",
            received_at=self.clock.now(),
            purpose=Purpose.talk,
            thread=thread,
            sender=Address(kind=AddressKind.openid, value=thread, scope="wx1"),
            message=Message(text=text, address=address, latitude=latitude, longitude=longitude),
            enclosures=tuple(Enclosure(media_id=f"media-{n}") for n in range(files)),
        )

    async def hear(self, text: str = "", **how: object) -> Heard:
        """A citizen writes, in a commit that is shared."""
        contact = self.message(text, **how)  # type: ignore[arg-type]  # a test's short form

        def piece(writing: Writing) -> Heard:
            return self._take(writing, contact)

        return await self.database.write(piece)

    async def hear_in_session(self, text: str = "", **how: object) -> Heard:
        """A citizen writes, in an ordinary transaction."""
        contact = self.message(text, **how)  # type: ignore[arg-type]  # a test's short form
        async with self.database.transaction() as session:
            return await in_session(session, lambda writing: self._take(writing, contact))

    def _take(self, writing: Writing, contact: Contact) -> Heard:
        stored = self.contacts.store_followed_up(writing, contact, self.clock.now())
        assert stored is not None
        return self.hearing.heard(writing, stored[0], contact, stored[1])

    async def conversations(self) -> Sequence[ConversationRow]:
        statement = select(ConversationRow).order_by(col(ConversationRow.id))
        async with self.database.reading() as session:
            return (await session.exec(statement)).all()

    async def conversation(self, conversation_id: int) -> ConversationRow:
        async with self.database.reading() as session:
            return await session.get_one(ConversationRow, conversation_id)

    async def messages(self, conversation_id: int) -> list[tuple[int, str, str]]:
        """Number, speaker and text of every message."""
        statement = (
            select(ConversationMessageRow)
            .where(ConversationMessageRow.conversation_id == conversation_id)
            .order_by(col(ConversationMessageRow.seq))
        )
        async with self.database.reading() as session:
            rows = (await session.exec(statement)).all()
        return [
            (row.seq, row.speaker.value, unseal(self.vault, row.body_encrypted, row.files).text)
            for row in rows
        ]

    async def events(self, conversation_id: int) -> list[str]:
        statement = (
            select(ConversationEventRow)
            .where(ConversationEventRow.conversation_id == conversation_id)
            .order_by(col(ConversationEventRow.id))
        )
        async with self.database.reading() as session:
            return [row.event.value for row in (await session.exec(statement)).all()]
