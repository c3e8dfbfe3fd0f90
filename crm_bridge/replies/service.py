"""What citizens are told in writing: written down with the work that it tells of, sent by a worker of its own.

A reply is a row from the moment that somebody decides it. Before a provider is asked, the row says that it is being
sent; so whatever dies in between, nothing is sent twice by a machine: what nobody can tell stays `unknown` until a
person decides or the provider tells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from channels.protocol import DeliveryNews, Reply
from crm_bridge.replies.listeners import Arrived, Decided, MessageNews, NextWay
from crm_bridge.replies.rules import NEWS, TRANSITIONS, ReplyEvent, ReplyState, next_state, reached
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.replies.tables import ReplyRow
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound, TryLater
from infra.kit.group_commit import Prepared, Writing, in_session
from infra.kit.identity import Principal
from infra.kit.vault import Vault

log = structlog.get_logger()

_KNOWN = Prepared(select(ReplyRow.id).where(ReplyRow.key == bindparam("key")))
_CHANNEL = Prepared(select(ContactRow.channel).where(ContactRow.id == bindparam("contact_id")))
_FILES = "files"


class Replies:
    """What is told to citizens.

    Args:
        database: Where it lies.
        clock: Gives the time.
        vault: Seals what is told.
        settings: How long it is tried.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        settings: ReplySettings,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._settings = settings
        self._message_news: MessageNews | None = None
        self._next_way: NextWay | None = None
        self._decided: Decided | None = None
        self._arrived: Arrived | None = None
        self._wake: Callable[[], None] = lambda: None

    def on_written(self, wake: Callable[[], None]) -> None:
        """Set what wakes the sender."""
        self._wake = wake

    def poke(self) -> None:
        """Have what was written sent at once, instead of at the sender's next round; call it after the commit."""
        self._wake()

    def on_message(self, news: MessageNews) -> None:
        """Set who is told what becomes of the messages of conversations."""
        self._message_news = news

    def on_undelivered(self, next_way: NextWay) -> None:
        """Set what sends a reply another way that its provider took and could not deliver."""
        self._next_way = next_way

    def on_decided(self, decided: Decided) -> None:
        """Set who is told of replies about which a person has decided."""
        self._decided = decided

    def on_arrived(self, arrived: Arrived) -> None:
        """Set who is told of replies that have reached their citizen; of one he may be told again."""
        self._arrived = arrived

    def carry(
        self,
        writing: Writing,
        contact_id: int,
        reply: Reply,
        *,
        message_id: int | None = None,
        ticket_id: int | None = None,
        order: str = "",
        files: Sequence[int] = (),
    ) -> int:
        """Write a reply down with other work in one commit; it is sent soon afterwards.

        Args:
            writing: The commit.
            contact_id: The contact that is answered.
            reply: What is told; under a key that was used before nothing more is written.
            message_id: The conversation's message that it is.
            ticket_id: The ticket that it is about.
            order: Replies with the same go out one after the other; without, those to one contact.
            files: Attachments that go with it, as far as its way carries files.

        Returns:
            The row of the reply.

        Raises:
            NotFound: There is no such contact.
        """
        known = writing.row(_KNOWN, key=reply.key)
        if known is not None:
            return int(known[0])
        contact = writing.row(_CHANNEL, contact_id=contact_id)
        if contact is None:
            raise NotFound
        now = self._clock.now()
        return writing.add(
            ReplyRow,
            {
                "key": reply.key,
                "contact_id": contact_id,
                "channel": contact[0],
                "order_key": order or f"contact:{contact_id}",
                "kind": reply.kind,
                "ticket_id": ticket_id,
                "message_id": message_id,
                "sealed": self._vault.encrypt(_told(reply, files)),
                "state": ReplyState.queued,
                "created_at": now,
                "changed_at": now,
                "next_at": now,
                "until": now + self._settings.give_up,
                "attempts": 0,
                "tries": 0,
                "resends": 0,
                "error_zh": "",
                "error_en": "",
                "error_code": "",
            },
        )

    async def send(
        self,
        session: AsyncSession,
        contact_id: int,
        reply: Reply,
        *,
        message_id: int | None = None,
        ticket_id: int | None = None,
        order: str = "",
        files: Sequence[int] = (),
    ) -> int:
        """Write a reply down in the caller's transaction; see `carry`. Call `poke` after the commit.

        Raises:
            NotFound: There is no such contact.
        """

        def piece(writing: Writing) -> int:
            return self.carry(
                writing,
                contact_id,
                reply,
                message_id=message_id,
                ticket_id=ticket_id,
                order=order,
                files=files,
            )

        return await in_session(session, piece)

    def read(self, row: ReplyRow) -> Reply:
        """Return what a row tells, but for its files."""
        told = json.loads(self._vault.decrypt(row.sealed))
        told.pop(_FILES, None)
        # A provider that removes duplicates must not take for one what a person had sent again.
        key = f"{row.key}~{row.resends}" if row.resends else row.key
        return Reply(key=key, kind=row.kind, **told)

    def files(self, row: ReplyRow) -> Sequence[int]:
        """Return the attachments that go with what a row tells."""
        found: Sequence[int] = json.loads(self._vault.decrypt(row.sealed)).get(_FILES, ())
        return found

    async def delivered(self, channel: str, news: Sequence[DeliveryNews]) -> None:
        """Write down what a provider tells of replies that it has taken; twice or too late it changes nothing.

        Raises:
            TryLater: It tells of one that we are still sending: its name for it is not on disk yet.
        """
        for one in news:
            async with self._database.transaction() as session:
                if await self.hear(session, channel, one):
                    continue
                if await self._sends_over(session, channel):
                    raise TryLater("the reply is just being sent", "该回复正在发送，请稍后重试")
            log.info("reply_news_of_a_stranger", channel=channel, state=one.state.value)
        self.poke()

    async def decide(self, principal: Principal, reply_id: int, *, again: bool) -> None:
        """Decide about a reply of which nobody can tell whether it was sent, or that has failed.

        Args:
            principal: Who decides.
            reply_id: Row of the reply.
            again: Whether it is sent once more; otherwise it counts as not sent.

        Raises:
            NotFound: There is no such reply.
            ReplyRefused: It is not one of those.
        """
        async with self._database.transaction() as session:
            row = await session.get(ReplyRow, reply_id)
            if row is None:
                raise NotFound
            if self._decided is not None:
                # What carries it is locked before it is, as when there is news of what carries it.
                await self._decided(session, self.read(row).key)
            await session.refresh(row, with_for_update=True)
            await self.happen(session, row, ReplyEvent.sent_again if again else ReplyEvent.dropped)
            if again:
                now = self._clock.now()
                row.next_at, row.until = now, now + self._settings.give_up
                row.tries, row.error, row.provider_id = 0, None, None
                row.resends += 1
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="reply.decide",
                subject=f"reply:{reply_id}",
                detail={"again": again},
            )
        self.poke()

    async def happen(self, session: AsyncSession, row: ReplyRow, event: ReplyEvent) -> bool:
        """Let something happen to a reply that the caller has locked; return whether it changed anything.

        Raises:
            ReplyRefused: It cannot happen in the reply's state.
        """
        state = next_state(row.state, event)
        if state is None:
            return False
        row.state, row.changed_at = state, self._clock.now()
        if state is not ReplyState.sending:
            row.leased_until = None
        if row.message_id is not None and self._message_news is not None:
            await self._message_news(session, row.message_id, state.value, row.error or "")
        if reached(state, row.provider_id) and self._arrived is not None:
            await self._arrived(session, row)
        return True

    async def hear(self, session: AsyncSession, channel: str, news: DeliveryNews) -> bool:
        """Write down what became of a reply, in the caller's transaction; return whether it is one of ours."""
        row = await self._told_of(session, channel, news)
        if row is None:
            return False
        event = NEWS[news.state]
        row.provider_id = row.provider_id or news.provider_id[:200] or None
        if event is ReplyEvent.taken and (row.state, event) not in TRANSITIONS:
            return True  # it is known to have come further
        if event is ReplyEvent.told_failed:
            row.error, row.error_code = "not-delivered", news.error_code[:60]
            row.error_zh = "服务商未能送达，请核对号码或改用其他方式"
            row.error_en = "the provider could not deliver it, reach the citizen in another way"
            if row.state is ReplyState.sent and self._next_way is not None:
                await self._next_way(session, row)
                return True
        await self.happen(session, row, event)
        return True

    async def _told_of(
        self, session: AsyncSession, channel: str, news: DeliveryNews
    ) -> ReplyRow | None:
        key = news.key.partition("~")[0]
        by = ReplyRow.key == key if key else ReplyRow.provider_id == news.provider_id
        mine = select(ReplyRow).where(ReplyRow.channel == channel, by)
        return (await session.exec(mine.limit(1).with_for_update())).first()

    async def _sends_over(self, session: AsyncSession, channel: str) -> bool:
        sending = select(ReplyRow.id).where(
            ReplyRow.channel == channel, col(ReplyRow.state) == ReplyState.sending
        )
        return (await session.exec(sending.limit(1))).first() is not None


def _told(reply: Reply, files: Sequence[int]) -> str:
    told = {"text": reply.text, "ticket_number": reply.ticket_number, "link": reply.link}
    return json.dumps(told | ({_FILES: list(files)} if files else {}), ensure_ascii=False)
