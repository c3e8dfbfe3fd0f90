"""How each channel does: when something last came and went, what waits, and what hinders it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from channels.front.tables import RefusedDeliveryRow
from channels.protocol import Mode
from channels.registry import Registry
from crm_bridge.replies.rules import OPEN, ReplyState
from crm_bridge.replies.tables import ReplyRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import LianxinError
from infra.kit.health import Report

_FAILED_WITHIN = timedelta(days=1)


class Trouble(Protocol):
    """Why a channel cannot fetch what comes in."""

    @property
    def since(self) -> datetime:
        """When it began."""
        ...

    @property
    def error(self) -> LianxinError:
        """What it is."""
        ...


@runtime_checkable
class Troubled(Protocol):
    """A channel that fetches by itself and goes on when its provider is away."""

    @property
    def trouble(self) -> Trouble | None:
        """Why nothing can be fetched just now, as far as this process knows; None when all is well."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """What hinders a channel now.

    Attributes:
        since: When the oldest reply was written that it has not taken, or since when nothing can be fetched.
        error: Slug of the last error, with the provider's own code if there is one.
    """

    since: datetime
    error: str
    error_zh: str
    error_en: str
    error_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """How a channel does.

    Attributes:
        mode: How it gets its contacts; None for a way that only carries replies.
        last_in_at: When the last contact came.
        last_out_at: When the last reply went out.
        waiting: Replies that have not gone out yet.
        unknown: Replies of which nobody can tell; a person decides.
        failed: Replies that failed within a day, but for those that no way leads to.
        refused: Deliveries that nobody understood and that are kept.
        hindrance: What hinders it now; None when it does well.
    """

    name: str
    mode: Mode | None
    last_in_at: datetime | None
    last_out_at: datetime | None
    waiting: int
    unknown: int
    failed: int
    refused: int
    hindrance: Hindrance | None


class ChannelHealth:
    """Knows how the channels do, from what is on disk: so every process says the same.

    Only whether something can be fetched is known to nobody but the process that fetches.

    Args:
        database: Where it lies.
        clock: Tells what is a day ago.
        channels: Those that are enabled.
    """

    def __init__(self, database: Database, clock: Clock, channels: Registry) -> None:
        self._database = database
        self._clock = clock
        self._modes = {channel.name: channel.mode for channel in channels}
        self._troubled = {
            channel.name: channel for channel in channels if isinstance(channel, Troubled)
        }

    async def states(self) -> Sequence[ChannelState]:
        """Return how every channel does that is enabled, or over which something still waits."""
        async with self._database.reading() as session:
            waiting = await _counted(session, *OPEN)
            unknown = await _counted(session, ReplyState.unknown)
            names = sorted(self._modes.keys() | waiting.keys() | unknown.keys())
            return [
                await self._state(session, name, waiting.get(name, 0), unknown.get(name, 0))
                for name in names
            ]

    async def check(self) -> Report:
        """Report for `/readyz`: a provider that is away is shown, and does not make this process unready."""
        states = await self.states()
        hindered = [one for one in states if one.hindrance is not None]
        facts = {
            one.name: {
                "waiting": one.waiting,
                "unknown": one.unknown,
                "failing_since": one.hindrance.since.isoformat() if one.hindrance else None,
                "error": one.hindrance.error if one.hindrance else None,
            }
            for one in states
        }
        names_zh = "、".join(one.name for one in hindered)
        names_en = ", ".join(one.name for one in hindered)
        return Report(
            ok=True,
            detail_en=f"hindered: {names_en}" if hindered else "all well",
            detail_zh=f"受阻：{names_zh}" if hindered else "正常",
            facts=facts,
        )

    async def _state(
        self, session: AsyncSession, name: str, waiting: int, unknown: int
    ) -> ChannelState:
        came = select(func.max(ContactRow.received_at)).where(ContactRow.channel == name)
        went = select(func.max(ReplyRow.sent_at)).where(ReplyRow.channel == name)
        failed = select(func.count(col(ReplyRow.id))).where(
            ReplyRow.channel == name,
            ReplyRow.state == ReplyState.failed,
            col(ReplyRow.changed_at) > self._clock.now() - _FAILED_WITHIN,
            ReplyRow.error != "cannot-reply",
        )
        refused = select(func.count(col(RefusedDeliveryRow.id))).where(
            RefusedDeliveryRow.channel == name
        )
        return ChannelState(
            name=name,
            mode=self._modes.get(name),
            last_in_at=(await session.exec(came)).one(),
            last_out_at=(await session.exec(went)).one(),
            waiting=waiting,
            unknown=unknown,
            failed=(await session.exec(failed)).one(),
            refused=(await session.exec(refused)).one(),
            hindrance=await self._hindrance(session, name, waiting),
        )

    async def _hindrance(self, session: AsyncSession, name: str, waiting: int) -> Hindrance | None:
        found = await _of_replies(session, name) if waiting else None
        channel = self._troubled.get(name)
        trouble = channel.trouble if channel is not None else None
        if trouble is None or (found is not None and found.since <= trouble.since):
            return found
        return Hindrance(
            since=trouble.since,
            error=trouble.error.slug,
            error_zh=trouble.error.detail_zh or trouble.error.title_zh,
            error_en=trouble.error.detail_en or trouble.error.title_en,
            error_code="",
        )


async def _counted(session: AsyncSession, *states: ReplyState) -> dict[str, int]:
    statement = (
        select(ReplyRow.channel, func.count(col(ReplyRow.id)))
        .where(col(ReplyRow.state).in_(states))
        .group_by(ReplyRow.channel)
    )
    return dict((await session.exec(statement)).all())


async def _of_replies(session: AsyncSession, name: str) -> Hindrance | None:
    hindered = (
        ReplyRow.channel == name,
        col(ReplyRow.state).in_(OPEN),
        col(ReplyRow.tries) > 0,
    )
    oldest = select(func.min(ReplyRow.created_at)).where(*hindered)
    latest = select(ReplyRow).where(*hindered).order_by(col(ReplyRow.changed_at).desc()).limit(1)
    row = (await session.exec(latest)).first()
    if row is None:
        return None
    since = (await session.exec(oldest)).one()
    return Hindrance(
        since=since,
        error=row.error or "",
        error_zh=row.error_zh,
        error_en=row.error_en,
        error_code=row.error_code,
    )
