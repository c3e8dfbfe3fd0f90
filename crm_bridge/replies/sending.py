"""Sends replies: in order, at most once each by a machine, a slow provider in nobody's way but its own."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Contact
from channels.contacts.service import Contacts
from channels.protocol import Reply, Sent
from crm_bridge.replies.claims import Claimed, Claims
from crm_bridge.replies.enclosing import FILES_TAKE, Enclosing
from crm_bridge.replies.rerouting import Rerouting
from crm_bridge.replies.rules import ReplyEvent, ReplyState, retry_at
from crm_bridge.replies.service import Replies
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.replies.tables import ReplyRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import LianxinError, Misconfigured, Refused, TryLater

log = structlog.get_logger()

_SPARE = timedelta(seconds=15)
"""How much longer than a provider may take a reply is leased for, to write down what came of it."""

_MISCONFIGURED_WAITS = 300.0
"""Seconds; somebody must mend a setting first."""


_FAREWELL_SECONDS = 3.0


class Way(Protocol):
    """Carries replies; every channel does."""

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Carry a reply to the citizen; see `channels.protocol.Channel.reply`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt.

    Attributes:
        event: What happens to the reply.
        error: What hindered it; None when it was taken.
        wait: Seconds that the provider asks to wait at least.
    """

    event: ReplyEvent
    provider_id: str = ""
    error: LianxinError | None = None
    wait: float = 0.0


class Silent(TryLater):
    """The provider did not say whether it has taken a reply."""

    slug = "no-answer"
    title_zh = "服务商未应答，无法确认是否已发送"
    title_en = "The provider did not answer, nobody can tell whether it was sent"


class Broken(LianxinError):
    """A channel failed in a way that it does not know of."""

    slug = "channel-broken"
    title_zh = "渠道程序出错，无法确认是否已发送，请联系管理员"
    title_en = "The channel failed, nobody can tell whether it was sent; tell your administrator"


class ReplySender:
    """Sends replies. Any number of them may run, in any number of processes.

    Args:
        database: Where they lie.
        clock: Tells when one is due.
        replies: What is told.
        contacts: Knows who is answered.
        ways: What carries them, by the name of the channel.
        rerouting: Knows the next way.
        settings: How many at once, and how long.
        enclosing: Gives replies their files; without, none has any.
        registry: Where the counter is registered.
        idle_seconds: How long to wait for a poke before looking again.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        replies: Replies,
        contacts: Contacts,
        ways: Mapping[str, Way],
        rerouting: Rerouting,
        settings: ReplySettings,
        *,
        enclosing: Enclosing | None = None,
        registry: CollectorRegistry | None = None,
        idle_seconds: float = 1.0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._replies = replies
        self._ways = ways
        self._enclosing = enclosing
        self._rerouting = rerouting
        self._settings = settings
        self._idle_seconds = idle_seconds
        lease = timedelta(seconds=settings.send_seconds) + _SPARE
        self._claims = Claims(database, clock, replies, contacts, lease)
        self._under_way: Tally[str] = Tally()
        self._poked = asyncio.Event()
        self._sent = Counter(
            "lianxin_replies",
            "Attempts to carry a reply to a citizen, by channel and what came of it",
            ["channel", "outcome"],
            registry=registry,
        )

    def poke(self) -> None:
        """Look for work at once instead of at the next round."""
        self._poked.set()

    async def run(self) -> None:
        """Send until cancelled; what is on its way then gets a moment to arrive.

        What has not arrived by then is of unknown fate, and a person decides.
        """
        self._under_way.clear()
        sending: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._poked.clear()
                await self._claims.lost()
                for claimed in await self._claim():
                    task = asyncio.create_task(self._carry(claimed))
                    sending.add(task)
                    task.add_done_callback(sending.discard)
                try:
                    async with asyncio.timeout(self._idle_seconds):
                        await self._poked.wait()
                except TimeoutError:
                    pass
        finally:
            if sending:
                _, late = await asyncio.wait(set(sending), timeout=_FAREWELL_SECONDS)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

    async def run_once(self) -> int:
        """Send what is due now and return how many were tried."""
        await self._claims.lost()
        claimed = await self._claim()
        await asyncio.gather(*(self._carry(one) for one in claimed))
        return len(claimed)

    async def _claim(self) -> list[Claimed]:
        claimed = await self._claims.take(self._settings.at_once, self._under_way)
        self._under_way.update(one.channel for one in claimed)
        return claimed

    async def _carry(self, claimed: Claimed) -> None:
        try:
            if self._clock.now() >= claimed.leased_until:
                return  # asleep for so long that it was taken for dead: it was not sent, but nobody believes that
            outcome = await self._attempt(claimed)
            self._sent.labels(claimed.channel, outcome.event.value).inc()
            async with self._database.transaction() as session:
                await self._write(session, claimed, outcome)
        except Exception as error:  # the database is away: the lease runs out, and a person decides
            log.warning("reply_outcome_lost", reply=claimed.id, error=type(error).__name__)
        finally:
            self._under_way[claimed.channel] -= 1
            self.poke()

    async def _attempt(self, claimed: Claimed) -> Outcome:
        way = self._ways.get(claimed.channel)
        if way is None:
            missing = Misconfigured(
                f"the channel {claimed.channel} is not enabled", f"渠道 {claimed.channel} 未启用"
            )
            return Outcome(event=ReplyEvent.rerouted, error=missing)
        try:
            reply = await self._whole(claimed, way)
            more = FILES_TAKE if reply.files else 0.0
            async with asyncio.timeout(self._settings.send_seconds + more):
                sent = await way.reply(claimed.contact, reply)
        except TimeoutError:
            return Outcome(event=ReplyEvent.lost, error=Silent())
        except TryLater as error:
            return Outcome(event=ReplyEvent.put_off, error=error, wait=error.retry_after)
        except Refused as error:
            return Outcome(event=ReplyEvent.rerouted, error=error)
        except Misconfigured as error:
            return Outcome(event=ReplyEvent.put_off, error=error, wait=_MISCONFIGURED_WAITS)
        except Exception as error:  # a channel's own slip says nothing of what the provider has got
            log.exception("reply_broke", channel=claimed.channel, error=type(error).__name__)
            return Outcome(event=ReplyEvent.lost, error=Broken())
        return Outcome(event=ReplyEvent.taken, provider_id=sent.provider_id)

    async def _whole(self, claimed: Claimed, way: Way) -> Reply:
        """Return the reply with its files; while they are read, nothing of it is with the provider."""
        if self._enclosing is None:
            return claimed.reply
        return await self._enclosing.enclosed(claimed.reply, claimed.files, way)

    async def _write(self, session: AsyncSession, claimed: Claimed, outcome: Outcome) -> None:
        row = await session.get_one(ReplyRow, claimed.id, with_for_update=True)
        if row.attempts != claimed.attempts:
            log.warning("reply_lease_lost", reply=claimed.id, attempt=claimed.attempts)
            return
        if outcome.event is ReplyEvent.taken:
            await self._taken(session, row, outcome)
            return
        if row.state is not ReplyState.sending:
            return  # news of it has come meanwhile, or a person has decided
        _note(row, outcome.error)
        if outcome.event is ReplyEvent.put_off:
            await self._put_off(session, row, outcome.wait)
        elif outcome.event is ReplyEvent.rerouted:
            await self._rerouting.go(session, row)
        else:
            await self._replies.happen(session, row, outcome.event)
        log.info(
            "reply_not_sent",
            reply=claimed.id,
            channel=claimed.channel,
            attempt=claimed.attempts,
            error=row.error,
            state=row.state.value,
        )

    async def _taken(self, session: AsyncSession, row: ReplyRow, outcome: Outcome) -> None:
        row.provider_id = outcome.provider_id[:200] or row.provider_id
        row.sent_at = self._clock.now()
        if row.state in (ReplyState.sending, ReplyState.unknown):
            row.error, row.error_zh, row.error_en, row.error_code = None, "", "", ""
            await self._replies.happen(session, row, ReplyEvent.taken)

    async def _put_off(self, session: AsyncSession, row: ReplyRow, wait: float) -> None:
        at = retry_at(row.tries, self._clock.now(), row.until, wait)
        if at is None:
            await self._rerouting.go(session, row)
            return
        row.next_at = at
        row.tries += 1
        await self._replies.happen(session, row, ReplyEvent.put_off)


def _note(row: ReplyRow, error: LianxinError | None) -> None:
    if error is None:
        return
    row.error = error.slug[:60]
    row.error_zh = (error.detail_zh or error.title_zh)[:300]
    row.error_en = (error.detail_en or error.title_en)[:300]
    row.error_code = str(getattr(error, "code", ""))[:60]
