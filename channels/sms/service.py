"""Sends short messages, each once: at once for who waits for it, or from the book until it is done.

A provider that does not answer leaves a message of which nobody can tell whether it was sent. It is looked for in the
provider's own books where the provider can be asked, and the provider's news of it count; only what is certain not to
have arrived is sent again. Where neither helps, a person decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.protocol import CannotReply, DeliveryNews, DeliveryState, Sent
from channels.sms.book import GIVEN_UP, Book, Lost
from channels.sms.claims import Claimed, Claims
from channels.sms.protocol import Listener, MessageRejected, Settling, SmsProvider
from channels.sms.rules import (
    TRANSITIONS,
    MessageEvent,
    MessageState,
    ShortMessage,
    retry_after,
)
from channels.sms.settings import SmsSettings
from channels.sms.tables import ShortMessageRow
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound, TryLater
from infra.kit.identity import Principal
from infra.kit.vault import Vault

log = structlog.get_logger()

_AT_ONCE = 8
_EVENT_OF = {
    DeliveryState.sent: MessageEvent.accepted,
    DeliveryState.delivered: MessageEvent.delivered,
    DeliveryState.read: MessageEvent.delivered,
    DeliveryState.failed: MessageEvent.undelivered,
}


class Messenger:
    """The city's short messages; implements `ShortMessages`. Any number may run, in any number of processes.

    Args:
        database: Where the book lies.
        clock: Tells what is due.
        vault: Seals numbers and texts.
        provider: Carries them.
        settings: How long, how often.
        registry: Where the counter is registered.
        idle_seconds: How long the worker waits for a poke before it looks again.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        provider: SmsProvider,
        settings: SmsSettings,
        *,
        registry: CollectorRegistry | None = None,
        idle_seconds: float = 1.0,
    ) -> None:
        self._book = Book(database, clock, vault, settings.per_phone_per_day)
        self._claims = Claims(self._book, clock, settings, settles=isinstance(provider, Settling))
        self._database = database
        self._clock = clock
        self._provider = provider
        self._settings = settings
        self._idle_seconds = idle_seconds
        self._poked = asyncio.Event()
        self._tries = Counter(
            "lianxin_short_messages", "Short messages handed over", ["outcome"], registry=registry
        )

    def on_news(self, listener: Listener) -> None:
        """Tell `listener` of every message that was sent, delivered, failed or lost, in that transaction."""
        self._book.on_news(listener)

    def poke(self) -> None:
        """Look for work at once instead of at the next round."""
        self._poked.set()

    async def send(self, message: ShortMessage) -> Sent:
        """Hand a message to the provider now; see `ShortMessages.send`."""
        try:
            claimed = await self._claims.take(message)
        except IntegrityError:
            # The same message is being handed over twice at once, and the other one was first.
            claimed = await self._claims.take(message)
        if isinstance(claimed, Sent):
            return claimed
        return await self._carry(claimed)

    async def queue(self, session: AsyncSession, message: ShortMessage) -> None:
        """Write a message down in the caller's transaction; see `ShortMessages.queue`."""
        if await self._book.find(session, message.key) is not None:
            return
        with suppress(IntegrityError):  # another transaction is writing the same one
            async with session.begin_nested():
                await self._book.enter(session, message, self._clock.now())
        event.listen(session.sync_session, "after_commit", lambda _session: self.poke(), once=True)

    async def heard(self, channel: str, news: Sequence[DeliveryNews]) -> None:
        """Write down what a provider tells of messages; what it tells of others' is passed over."""
        async with self._database.transaction() as session:
            for one in news:
                await self._hear(session, channel, one)

    async def decide(self, principal: Principal, message_id: int, *, again: bool) -> None:
        """Decide about a message of which nobody can tell whether it was sent.

        Args:
            principal: Who decides.
            message_id: Row of the message.
            again: Whether it is sent again, perhaps a second time; otherwise it counts as failed.

        Raises:
            NotFound: There is no such message.
            MessageRefused: It does not wait for a decision.
        """
        async with self._database.transaction() as session:
            row = await session.get(ShortMessageRow, message_id, with_for_update=True)
            if row is None:
                raise NotFound
            decided = MessageEvent.resent if again else MessageEvent.given_up
            next_at = self._clock.now() if again else None
            await self._book.happen(session, row, decided, next_at=next_at, error_code=GIVEN_UP)
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="short_message.decide",
                subject=f"short_message:{message_id}",
                detail={"again": again},
            )
        self.poke()

    async def let_be(self, session: AsyncSession, key: str) -> None:
        """Count a message of unknown fate as failed, in the transaction in which a person decides what it carries.

        Whoever has it sent again does so under another key; of other messages nothing changes.
        """
        row = await self._book.find(session, key)
        if row is not None and row.state is MessageState.unknown:
            given_up = MessageEvent.given_up
            await self._book.happen(session, row, given_up, error_code=GIVEN_UP)

    async def unknown(self) -> Sequence[Lost]:
        """Return the messages whose fate is unknown, oldest first, at most 500."""
        return await self._book.unknown()

    async def purge(self) -> None:
        """Delete settled messages that are older than they are kept."""
        await self._book.purge(self._clock.now() - timedelta(days=self._settings.keep_days))

    async def run(self) -> None:
        """Send what is queued until cancelled."""
        while True:
            self._poked.clear()
            if await self.run_once():
                continue
            try:
                async with asyncio.timeout(self._idle_seconds):
                    await self._poked.wait()
            except TimeoutError:
                pass

    async def run_once(self) -> int:
        """Try or look for what is due now, and return how many that were."""
        claimed = await self._claims.due(_AT_ONCE)
        await asyncio.gather(*(self._try(one) for one in claimed))
        return len(claimed)

    async def _try(self, claimed: Claimed) -> None:
        try:
            if claimed.settling:
                await self._settle(claimed)
            else:
                await self._carry(claimed)
        except (TryLater, TimeoutError, CannotReply):
            pass  # it is written down
        except (
            Exception
        ) as error:  # the database is away: the lease runs out, and its fate is looked for
            log.warning("short_message_left", message=claimed.id, error=type(error).__name__)

    async def _carry(self, claimed: Claimed) -> Sent:
        """Hand a message over and write down what came of it."""
        name = self._provider.name
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                sent = await self._provider.send(claimed.message)
        except TryLater as error:
            wait = retry_after(claimed.attempt, error.retry_after)
            next_at = self._clock.now() + wait if claimed.queued else None
            await self._conclude(claimed, MessageEvent.postponed, next_at=next_at)
            raise
        except CannotReply as error:
            code = error.code if isinstance(error, MessageRejected) else error.slug
            await self._conclude(claimed, MessageEvent.refused, provider=name, error_code=code)
            raise
        except Exception as error:
            # A TimeoutError, or something that the provider's file did not foresee: it may have been sent.
            log.warning("short_message_lost", message=claimed.id, error=type(error).__name__)
            await self._conclude(claimed, MessageEvent.lost, next_at=self._claims.look_at())
            raise TimeoutError("nobody can tell whether this message was sent") from error
        await self._conclude(
            claimed, MessageEvent.accepted, provider=name, provider_id=sent.provider_id
        )
        return sent

    async def _settle(self, claimed: Claimed) -> None:
        """Look for a message of unknown fate in the provider's books; send it if it never arrived there."""
        assert isinstance(self._provider, Settling)  # noqa: S101  # only then there is a time to look
        name = self._provider.name
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                found = await self._provider.settle(claimed.message, claimed.since)
        except Exception as error:  # whatever it was, it is looked for again
            log.info("short_message_not_settled", message=claimed.id, error=type(error).__name__)
            await self._look_again(claimed)
            return
        ids = [sent.provider_id for sent in found]
        others = await self._book.known(name, ids)
        ours = next((one for one in ids if one not in others), None)
        if ours is not None:
            await self._conclude(claimed, MessageEvent.accepted, provider=name, provider_id=ours)
        else:
            await self._conclude(claimed, MessageEvent.absent, next_at=self._clock.now())

    async def _look_again(self, claimed: Claimed) -> None:
        async with self._database.transaction() as session:
            row = await session.get_one(ShortMessageRow, claimed.id, with_for_update=True)
            if row.state is MessageState.unknown:
                row.lease_until, row.next_at = None, self._claims.look_at()

    async def _hear(self, session: AsyncSession, channel: str, news: DeliveryNews) -> None:
        row = await self._book.by_provider_id(session, channel, news.provider_id)
        if row is None and news.key:
            row = await self._book.find(session, news.key)
        if row is None:
            return
        came = _EVENT_OF[news.state]
        if (row.state, came) not in TRANSITIONS:
            log.warning("short_message_news_unfitting", message=row.id, came=came.value)
            return
        await self._book.happen(
            session,
            row,
            came,
            provider=channel,
            provider_id=news.provider_id,
            error_code=news.error_code,
            next_at=row.next_at if row.state is MessageState.waiting else None,
        )

    async def _conclude(
        self,
        claimed: Claimed,
        came: MessageEvent,
        *,
        provider: str = "",
        provider_id: str = "",
        error_code: str = "",
        next_at: datetime | None = None,
    ) -> None:
        self._tries.labels(came.value).inc()
        async with self._database.transaction() as session:
            row = await session.get_one(
                ShortMessageRow, claimed.id, with_for_update=True, populate_existing=True
            )
            stale = row.attempts != claimed.attempt and came is not MessageEvent.accepted
            if stale or (row.state, came) not in TRANSITIONS:
                # News came first, or another has taken it over: what is known already stands.
                log.info("short_message_settled_otherwise", message=claimed.id, came=came.value)
                return
            await self._book.happen(
                session,
                row,
                came,
                provider=provider,
                provider_id=provider_id,
                error_code=error_code,
                next_at=next_at,
            )
