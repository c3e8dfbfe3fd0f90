"""Conversations with everything they need, over a real database, and a carriage that only notes what it is given."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.service import Attachments
from channels.contacts.rules import Address, AddressKind, Contact, Enclosure, Message, Purpose
from channels.contacts.service import Contacts
from channels.protocol import FileLimits, Reply
from crm_bridge.conversations.files import SentFiles
from crm_bridge.conversations.floor import Present
from crm_bridge.conversations.hearing import Heard, Hearing
from crm_bridge.conversations.others import Others
from crm_bridge.conversations.presenting import Presenter
from crm_bridge.conversations.reading import ConversationReader
from crm_bridge.conversations.record import Record
from crm_bridge.conversations.router import Router
from crm_bridge.conversations.service import Conversations
from crm_bridge.conversations.settings import ConversationSettings
from crm_bridge.conversations.skills import Skills
from crm_bridge.conversations.tables import (
    ConversationEventRow,
    ConversationMessageRow,
    ConversationRow,
)
from crm_bridge.conversations.talk import unseal
from crm_bridge.conversations.tidings import Tidings
from crm_bridge.tickets.ledger import Ledger
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.group_commit import Writing, in_session
from infra.kit.identity import Principal
from infra.kit.outbox import OutboxRow
from infra.kit.vault import Vault
from tests.integration.crm_bridge import house
from tests.integration.crm_bridge.house import ZONE, MemoryStore

HOTLINE = "12345"
CARRIED = {"wechat": FileLimits(types={"image/png": 100_000}, together=100_000)}
_TALK = frozenset({"conversation.read", "conversation.handle"})
_OVERSEE = frozenset({"conversation.read", "conversation.watch", "conversation.assign"})
LI = replace(house.LI, permissions=house.LI.permissions | _TALK)
WANG = replace(house.WANG, permissions=LI.permissions)
ZHOU = replace(house.ZHOU, permissions=house.ZHOU.permissions | _TALK | _OVERSEE)
STAFF = {who.number: who for who in (LI, WANG, ZHOU)}


class ScriptedFloor:
    """Says who is there as a test has set it; agents 1001 and 1002 and the lead 2001 take conversations."""

    def __init__(self) -> None:
        self.free: list[str] = []
        self.gone: dict[str, datetime] = {}

    async def present(self, session: AsyncSession) -> Present:
        return Present(free=self.free, gone=self.gone)

    async def may_handle(self, session: AsyncSession, number: str) -> bool:
        return number in STAFF


class Colleagues:
    """Knows what people are called."""

    async def names(self, session: AsyncSession, numbers: Collection[str]) -> Mapping[str, str]:
        return {number: STAFF[number].name for number in numbers if number in STAFF}


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A reply that was handed over."""

    contact_id: int
    reply: Reply
    message_id: int
    order: str
    files: Sequence[int] = ()


class NotingCarriage:
    """Notes every reply."""

    def __init__(self) -> None:
        self.carried: list[Carried] = []

    def carry(
        self,
        writing: Writing,
        contact_id: int,
        reply: Reply,
        *,
        message_id: int,
        order: str,
        files: Sequence[int] = (),
    ) -> int:
        self.carried.append(
            Carried(
                contact_id=contact_id,
                reply=reply,
                message_id=message_id,
                order=order,
                files=files,
            )
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
    counts: list[int] = field(default_factory=list)
    hints: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.contacts = Contacts(self.database, self.vault)
        self.ledger = Ledger(self.clock, ZONE, self.vault)
        self.carriage = NotingCarriage()
        self.record = Record(self.clock, self.vault, self.carriage)
        self.hearing = Hearing(self.vault, self.record, self.ledger, self.settings, hotline=HOTLINE)
        self.floor = ScriptedFloor()
        self.store = MemoryStore()
        self.attachments = Attachments(self.database, self.clock, self.store, 1024 * 1024)
        self.service = self.serving(SentFiles(self.attachments, CARRIED, None))
        self.tidings = Tidings(self.clock)
        self.others = Others(self.database, self.clock, self.hint, Colleagues())
        presenter = Presenter(self.vault, self.contacts, Colleagues())
        self.reader = ConversationReader(
            self.database, self.clock, presenter, self.others, SentFiles(self.attachments, CARRIED)
        )
        self.skills = Skills(self.database, self.clock, self.floor, Colleagues())
        self.router = self.new_router()

    def serving(self, files: SentFiles) -> Conversations:
        return Conversations(
            self.database, self.clock, self.record, self.floor, files, lambda: None
        )

    def new_router(self) -> Router:
        return Router(
            self.database,
            self.clock,
            self.floor,
            self.record,
            self.hearing,
            self.settings,
            lambda: None,
            self.waiting,
            hotline=HOTLINE,
            registry=CollectorRegistry(),
        )

    async def hint(self, agent: str, kind: str, facts: Mapping[str, Any]) -> None:
        self.hints.append((agent, kind, dict(facts)))

    async def waiting(self, count: int) -> None:
        self.counts.append(count)

    async def opened(self, who: Principal = LI, text: str = "小区停水了", **how: object) -> int:
        """A citizen writes, and this agent takes it. Returns the conversation."""
        heard = await self.hear(text, **how)
        await self.service.take(who, heard.conversation_id)
        return heard.conversation_id

    async def feed(self, kind: str) -> list[tuple[list[str], dict[str, Any]]]:
        """Who was told of what, in the order in which it was written."""
        statement = select(OutboxRow).where(OutboxRow.kind == kind).order_by(col(OutboxRow.id))
        async with self.database.reading() as session:
            rows = (await session.exec(statement)).all()
        return [(row.body["agents"], row.body["data"]) for row in rows]

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
