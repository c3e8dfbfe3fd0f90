"""Bearer keys of other systems: made, shown once, looked up quickly, taken back."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.keys.rules import (
    PER_MINUTE,
    Allowance,
    Key,
    key_id_of,
    token_of,
    wrong_scopes,
)
from agent_console.keys.tables import KeyRow
from crm_bridge.units.tables import UnitRow
from infra.kit import audit, idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Conflict, FieldError, Invalid, NotFound, TooMany, TryLater
from infra.kit.hints import Hints
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

log = structlog.get_logger()

KEY_REVOKED = "key.revoked"
"""Topic of hints; the body is `{"key_id": int}`."""

_SECRET_BYTES = 32
_USED_EVERY = timedelta(minutes=1)
_MOST_CACHED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What a key is to be; see `Key` for the attributes."""

    name: str
    scopes: frozenset[str]
    unit: str | None = None
    per_minute: int = PER_MINUTE
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedKey:
    """A key that was just made; the token is known nowhere else and never shown again."""

    key: Key
    token: str = field(repr=False)


@dataclass(slots=True, kw_only=True)
class _Known:
    key: Key
    digest: str
    read_at: float
    allowance: Allowance
    used_at: datetime | None


class Keys:
    """The keys of an installation.

    Args:
        database: Where they lie.
        clock: Tells the time.
        hints: Told when a key is taken back, so that every process forgets it at once.
        remembered_seconds: How long a key is known without looking; a revocation whose hint was lost, or that
            another program made, takes effect within this time.
    """

    def __init__(
        self, database: Database, clock: Clock, hints: Hints, *, remembered_seconds: float = 10.0
    ) -> None:
        self._database = database
        self._clock = clock
        self._hints = hints
        self._remembered_seconds = remembered_seconds
        self._known: dict[int, _Known] = {}
        hints.subscribe(KEY_REVOKED, self._on_revoked)

    async def add(
        self, actor: Principal | None, new: NewKey, key: IdempotencyKey | None = None
    ) -> MintedKey:
        """Make a key.

        Args:
            actor: Who makes it; None is the command line.
            new: What it is to be.
            key: The request's idempotency key, if any.

        Raises:
            Invalid: A scope is none for keys, the unit is unknown or closed, the name or the end is wrong.
            Conflict: The request made its key already; the token was in that answer and cannot be shown again.
        """
        now = self._clock.now()
        _check(new, now)
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        async with self._database.transaction() as session:
            made = await idempotency.earlier(session, key)
            if made is not None:
                raise Conflict(
                    f"this request made {made} already and its token was shown then: "
                    "if it was lost, revoke that key and make another",
                    f"该请求已生成密钥 {made}，令牌只显示一次：如未收到，请吊销后重新生成",
                )
            await _require_unit(session, new.unit)
            row = KeyRow(
                name=new.name,
                token_digest="",
                scopes=sorted(new.scopes),
                unit=new.unit,
                per_minute=new.per_minute,
                created_at=now,
                created_by=actor.number if actor else None,
                expires_at=new.expires_at,
            )
            session.add(row)
            await session.flush()
            assert row.id is not None  # noqa: S101  # flushed
            token = token_of(row.id, secret)
            row.token_digest = _digest(token)
            await audit.write(
                session,
                self._clock,
                actor=actor,
                action="key.add",
                subject=f"key:{row.id}",
                detail={"scopes": row.scopes, "unit": row.unit},
            )
            await idempotency.keep(session, key, f"key:{row.id}", now)
        log.info("key_added", key=row.id)
        return MintedKey(key=_key(row), token=token)

    async def revoke(self, actor: Principal | None, key_id: int) -> None:
        """Take a key back; one that was taken back before stays as it is.

        Raises:
            NotFound: There is no such key.
        """
        async with self._database.transaction() as session:
            row = await session.get(KeyRow, key_id, with_for_update=True)
            if row is None:
                raise NotFound(f"there is no key {key_id}", f"没有编号为 {key_id} 的密钥")
            if row.revoked_at is not None:
                return
            row.revoked_at = self._clock.now()
            session.add(row)
            await audit.write(
                session, self._clock, actor=actor, action="key.revoke", subject=f"key:{key_id}"
            )
        log.info("key_revoked", key=key_id)
        await self._hints.publish(KEY_REVOKED, {"key_id": key_id})

    async def list(self, after: int = 0, limit: int = 50) -> Sequence[Key]:
        """Return the keys whose ids follow `after`, in the order in which they were made."""
        statement = select(KeyRow).where(col(KeyRow.id) > after).order_by(col(KeyRow.id))
        async with self._database.reading() as session:
            return [_key(row) for row in (await session.exec(statement.limit(limit))).all()]

    async def find(self, token: str) -> Principal | None:
        """Return who shows this token, or None if it opens nothing.

        Raises:
            TooMany: The key asks more often than it may.
        """
        key_id = key_id_of(token)
        known = await self._look_up(key_id) if key_id is not None else None
        now = self._clock.now()
        if (
            known is None
            or not hmac.compare_digest(known.digest, _digest(token))
            or not known.key.holds(now)
        ):
            return None
        wait = known.allowance.take(self._clock.monotonic())
        if wait > 0:
            raise TooMany(
                f"key {known.key.id} may ask {known.key.per_minute} times a minute",
                f"密钥 {known.key.id} 每分钟最多请求 {known.key.per_minute} 次",
                retry_after=wait,
            )
        if known.used_at is None or now - known.used_at >= _USED_EVERY:
            known.used_at = now
            await self._note_use(known.key.id, now)
        return known.key.principal()

    async def _look_up(self, key_id: int) -> _Known | None:
        known = self._known.get(key_id)
        moment = self._clock.monotonic()
        if known is not None and moment - known.read_at < self._remembered_seconds:
            return known
        async with self._database.reading() as session:
            row = await session.get(KeyRow, key_id)
        if row is None:
            return None
        if len(self._known) >= _MOST_CACHED:
            self._known.clear()
        allowance = known.allowance if known else Allowance(row.per_minute, moment)
        self._known[key_id] = fresh = _Known(
            key=_key(row),
            digest=row.token_digest,
            read_at=moment,
            allowance=allowance,
            used_at=known.used_at if known else row.last_used_at,
        )
        return fresh

    async def _note_use(self, key_id: int, now: datetime) -> None:
        # Of several processes that use one key at a time, one writes a minute.
        stale = or_(
            col(KeyRow.last_used_at).is_(None), col(KeyRow.last_used_at) <= now - _USED_EVERY
        )
        # Nobody waits for this, least of all when the database is busy: the next minute writes it.
        with suppress(TryLater):
            async with self._database.transaction() as session:
                await session.exec(
                    update(KeyRow).where(col(KeyRow.id) == key_id, stale).values(last_used_at=now)
                )

    async def _on_revoked(self, hint: dict[str, Any]) -> None:
        self._known.pop(hint["key_id"], None)


def _check(new: NewKey, now: datetime) -> None:
    wrong = []
    if not 0 < len(new.name) <= 60:
        wrong.append(_wrong("/name", "名称应为 1 至 60 个字", "Must be 1 to 60 characters"))
    refused = wrong_scopes(new.scopes, new.unit)
    if refused or not new.scopes:
        names = ", ".join(sorted(refused)) or "—"
        wrong.append(
            _wrong("/scopes", f"密钥不能带有这些权限：{names}", f"Not for such a key: {names}")
        )
    if new.expires_at is not None and new.expires_at <= now:
        wrong.append(_wrong("/expires_at", "应晚于当前时间", "Must be in the future"))
    if not 1 <= new.per_minute <= 600_000:
        wrong.append(_wrong("/per_minute", "应为 1 至 600000", "Must be 1 to 600000"))
    if wrong:
        raise Invalid(fields=wrong)


async def _require_unit(session: AsyncSession, code: str | None) -> None:
    if code is None:
        return
    unit = await session.get(UnitRow, code)
    if unit is None or not unit.active:
        raise Invalid(
            fields=[
                _wrong("/unit", "没有此承办单位或已停用", "There is no such unit, or it is closed")
            ]
        )


def _wrong(pointer: str, message_zh: str, message_en: str) -> FieldError:
    return FieldError(pointer=pointer, message_zh=message_zh, message_en=message_en)


def _digest(token: str) -> str:
    # The secret has 256 random bits: a plain hash cannot be searched.
    return hashlib.sha256(token.encode()).hexdigest()


def _key(row: KeyRow) -> Key:
    assert row.id is not None  # noqa: S101  # it is stored
    return Key(
        id=row.id,
        name=row.name,
        scopes=frozenset(row.scopes),
        unit=row.unit,
        per_minute=row.per_minute,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
