"""Replies in one piece, over a real database, with a channel that does what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.service import Attachments
from channels.contacts.rules import Address, AddressKind, Contact, Message
from channels.contacts.service import Contacts
from channels.protocol import Reply, ReplyKind, Sent
from channels.registry import Registry
from crm_bridge.replies.enclosing import Enclosing
from crm_bridge.replies.health import ChannelHealth
from crm_bridge.replies.rerouting import SMS, Rerouting
from crm_bridge.replies.sending import ReplySender, Way
from crm_bridge.replies.service import Replies
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.replies.tables import ReplyRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber
from tests.integration.crm_bridge.house import MemoryStore

MOBILE = PhoneNumber("13800015121")
Answer = Callable[[Contact, Reply], Awaitable[Sent]]


class ScriptedWay:
    """Carries replies, or does with them what the test says; keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Reply] = []
        self.to: list[Contact] = []
        self.answers: list[Answer | Exception] = []
        self._came = asyncio.Condition()

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        async with self._came:
            self.given.append(reply)
            self.to.append(contact)
            self._came.notify_all()
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return await answer(contact, reply)
        return Sent(provider_id=f"p-{len(self.given)}")

    async def came(self, count: int = 1) -> None:
        """Wait until so many were given."""
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: len(self.given) >= count)

    @property
    def keys(self) -> list[str]:
        return [reply.key for reply in self.given]


@dataclass(kw_only=True)
class ReplyHouse:
    """Every part, wired as an installation wires it."""

    database: Database
    clock: ManualClock
    vault: Vault
    settings: ReplySettings = field(default_factory=lambda: ReplySettings(send_seconds=5))
    contacts_made: int = 0

    def __post_init__(self) -> None:
        self.contacts = Contacts(self.database, self.vault)
        self.store = MemoryStore()
        self.attachments = Attachments(self.database, self.clock, self.store, 1024 * 1024)
        self.replies = Replies(self.database, self.clock, self.vault, self.settings)
        self.chat, self.sms = ScriptedWay(), ScriptedWay()
        self.ways: dict[str, Way] = {"chat": self.chat, SMS: self.sms}
        self.rerouting = Rerouting(self.clock, self.replies, self.contacts, self.settings, sms=True)
        self.replies.on_undelivered(self.rerouting.go)
        self.messages: list[tuple[int, str, str]] = []
        self.replies.on_message(self._message)
        self.health = ChannelHealth(self.database, self.clock, Registry([]))
        self.sender = self.new_sender()

    def new_sender(self) -> ReplySender:
        return ReplySender(
            self.database,
            self.clock,
            self.replies,
            self.contacts,
            self.ways,
            self.rerouting,
            self.settings,
            enclosing=Enclosing(self.attachments),
            registry=CollectorRegistry(),
            idle_seconds=0.02,
        )

    async def contact(self, phone: PhoneNumber | None = None, *, channel: str = "chat") -> int:
        self.contacts_made += 1
        contact = Contact(
            channel=channel,
            external_id=f"m-{self.contacts_made}",
            received_at=self.clock.now(),
            phone=phone,
            message=Message(text="路灯三天不亮。"),
            sender=Address(kind=AddressKind.openid, value="o-7", scope="wx-1"),
            thread="o-7",
        )
        return (await self.contacts.receive(contact)).contact_id

    async def say(
        self,
        contact_id: int,
        key: str = "message:1",
        kind: ReplyKind = ReplyKind.message,
        *,
        text: str = "您好，已派人查看。",
        message_id: int | None = None,
        order: str = "",
        files: Sequence[int] = (),
    ) -> int:
        reply = Reply(key=key, kind=kind, text=text, ticket_number="20260302-000001")
        async with self.database.transaction() as session:
            return await self.replies.send(
                session, contact_id, reply, message_id=message_id, order=order, files=files
            )

    async def row(self, reply_id: int) -> ReplyRow:
        async with self.database.reading() as session:
            return await session.get_one(ReplyRow, reply_id)

    async def states(self) -> list[str]:
        statement = select(ReplyRow).order_by(col(ReplyRow.id))
        async with self.database.reading() as session:
            return [row.state.value for row in (await session.exec(statement)).all()]

    async def _message(
        self, _session: AsyncSession, message_id: int, state: str, error: str
    ) -> None:
        self.messages.append((message_id, state, error))


async def never(_contact: Contact, _reply: Reply) -> Sent:
    await asyncio.Event().wait()
    raise AssertionError
