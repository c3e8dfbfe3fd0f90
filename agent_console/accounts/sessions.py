"""Logins: a token in a cookie, its end, and the telephone that lives as long as it does."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, delete, update
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.accounts.rules import PERMISSIONS, Lifetime
from agent_console.accounts.tables import SessionRow, UserRow
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Conflict
from infra.kit.hints import Hints
from infra.kit.identity import Principal
from infra.kit.vault import Vault

log = structlog.get_logger()

SESSION_STARTED = "session.started"
SESSION_ENDED = "session.ended"
"""Topics of hints; the body is `{"session_id": int, "number": str}`."""

_SEEN_EVERY = timedelta(seconds=30)
_TOKEN_BYTES = 32
_SLICE = 100


class NoPhone(Conflict):
    """The person's role does not answer calls, so the login has no telephone."""

    slug = "no-phone"
    title_zh = "您的岗位没有配备话机"
    title_en = "Your role has no telephone"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A login that holds.

    Attributes:
        id: Row of the login.
        principal: Who is logged in.
        csrf_token: What the page repeats in unsafe requests.
        expires_at: When the login ends whatever happens.
    """

    id: int
    principal: Principal
    csrf_token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login that has just succeeded; the token goes into the cookie and is known nowhere else."""

    token: str = field(repr=False)
    session: LiveSession


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneAccount:
    """The SIP account of a login."""

    number: str
    name: str = field(repr=False)
    secret: str = field(repr=False)


class Sessions:
    """The logins that hold.

    Args:
        database: Where they lie.
        clock: Tells the time.
        vault: Seals SIP secrets and makes CSRF tokens.
        hints: Told when a login starts or ends.
        lifetime: How long a login lasts.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        hints: Hints,
        *,
        lifetime: Lifetime | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._hints = hints
        self._lifetime = lifetime or Lifetime()

    async def start(self, session: AsyncSession, user: UserRow) -> Login:
        """Return a new login, written in the caller's transaction; `announce` it after the commit."""
        now = self._clock.now()
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        assert user.id is not None  # noqa: S101  # it was read from the database
        row = SessionRow(
            token_digest=_digest(token),
            user_id=user.id,
            phone_secret=await self._phone_secret(session, user, now),
            started_at=now,
            seen_at=now,
        )
        session.add(row)
        await session.flush()
        login = Login(token=token, session=self._view(row, user, token))
        await audit.write(
            session,
            self._clock,
            actor=login.session.principal,
            action="session.start",
            subject=f"session:{row.id}",
        )
        return login

    async def announce(self, login: Login) -> None:
        """Tell the other processes that somebody has come."""
        live = login.session
        log.info("session_started", session=live.id, agent=live.principal.number)
        await self._hints.publish(
            SESSION_STARTED, {"session_id": live.id, "number": live.principal.number}
        )

    async def find(self, token: str) -> LiveSession | None:
        """Return the login that a cookie's token belongs to, or None if there is none or it is over."""
        now = self._clock.now()
        async with self._database.reading() as session:
            statement = (
                select(SessionRow, UserRow)
                .join(UserRow, col(SessionRow.user_id) == col(UserRow.id))
                .where(SessionRow.token_digest == _digest(token), *self._live(now))
            )
            found = (await session.exec(statement)).first()
        if found is None:
            return None
        row, user = found
        if now - row.seen_at >= _SEEN_EVERY and row.id is not None:
            await self.touch([row.id])
        return self._view(row, user, token)

    async def touch(self, session_ids: Collection[int]) -> frozenset[int]:
        """Note that these logins are in use, and return those of them that still hold."""
        now = self._clock.now()
        live = (
            select(SessionRow.id)
            .join(UserRow, col(SessionRow.user_id) == col(UserRow.id))
            .where(col(SessionRow.id).in_(session_ids), *self._live(now))
            .order_by(col(SessionRow.id))  # so that two processes never wait for each other's rows
            .with_for_update(of=SessionRow)
        )
        async with self._database.transaction() as session:
            held = (await session.exec(live)).all()
            await session.exec(
                update(SessionRow).where(col(SessionRow.id).in_(held)).values(seen_at=now)
            )
        return frozenset(session_id for session_id in held if session_id is not None)

    async def end(self, login: LiveSession) -> None:
        """End a login; its cookie and its SIP secret open nothing any more."""
        async with self._database.transaction() as session:
            await session.exec(
                update(SessionRow)
                .where(col(SessionRow.id) == login.id)
                .values(ended_at=self._clock.now(), phone_secret=None)
            )
            await audit.write(
                session,
                self._clock,
                actor=login.principal,
                action="session.end",
                subject=f"session:{login.id}",
            )
        await self._tell_ended(login.id, login.principal.number)

    async def end_expired(self) -> int:
        """End every login whose time is over and return how many there were."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            statement = (
                select(SessionRow, UserRow.number)
                .join(UserRow, col(SessionRow.user_id) == col(UserRow.id))
                .where(
                    col(SessionRow.ended_at).is_(None),
                    or_(
                        col(SessionRow.started_at) <= now - self._lifetime.absolute,
                        col(SessionRow.seen_at) <= now - self._lifetime.idle,
                        col(UserRow.disabled),
                    ),
                )
                .order_by(col(SessionRow.id))
                .with_for_update(of=SessionRow)
            )
            over = (await session.exec(statement)).all()
            for row, _number in over:
                row.ended_at, row.phone_secret = now, None
                session.add(row)
        for row, number in over:
            await self._tell_ended(row.id, number)
        return len(over)

    async def purge(self, older_than: timedelta) -> None:
        """Delete ended logins of a certain age."""
        before = self._clock.now() - older_than
        async with self._database.transaction() as session:
            await session.exec(delete(SessionRow).where(col(SessionRow.ended_at) < before))

    async def phone(self, login: LiveSession) -> PhoneAccount:
        """Return the SIP account of a login.

        Raises:
            NoPhone: The role has none.
        """
        for account in await self.phones(login.principal.number):
            return account
        raise NoPhone

    async def phones(self, number: str | None = None) -> Sequence[PhoneAccount]:
        """Return the SIP account of everybody who is logged in, or of one person."""
        statement = (
            select(UserRow.number, UserRow.name, SessionRow.phone_secret)
            .join(SessionRow, col(SessionRow.user_id) == col(UserRow.id))
            .where(col(SessionRow.phone_secret).is_not(None), *self._live(self._clock.now()))
            .order_by(col(SessionRow.id))
        )
        if number is not None:
            statement = statement.where(UserRow.number == number)
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
        # All logins of one person share one secret, so whichever is seen last is as good as the others.
        found: dict[str, PhoneAccount] = {}
        for position, (number, name, sealed) in enumerate(rows):
            if position % _SLICE == 0:
                await asyncio.sleep(0)  # whatever else is due comes in between
            if sealed is not None:
                secret = self._vault.decrypt(sealed)
                found[number] = PhoneAccount(number=number, name=name, secret=secret)
        return tuple(found.values())

    async def _phone_secret(
        self, session: AsyncSession, user: UserRow, now: datetime
    ) -> bytes | None:
        """Mint a SIP secret, or share that of the person's other login: a new one would cut its telephone off."""
        if "phone.use" not in PERMISSIONS[user.role]:
            return None
        shared = await session.exec(
            select(SessionRow.phone_secret)
            .join(UserRow, col(SessionRow.user_id) == col(UserRow.id))
            .where(
                SessionRow.user_id == user.id,
                col(SessionRow.phone_secret).is_not(None),
                *self._live(now),
            )
        )
        return shared.first() or self._vault.encrypt(secrets.token_urlsafe(24))

    def _live(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        # Idleness is left to `end_expired`: only its caller knows whether the clock has just been set.
        return (
            col(SessionRow.ended_at).is_(None),
            col(SessionRow.started_at) > now - self._lifetime.absolute,
            col(UserRow.disabled).is_(False),
        )

    def _view(self, row: SessionRow, user: UserRow, token: str) -> LiveSession:
        assert row.id is not None and user.id is not None  # noqa: S101, PT018  # both are stored
        return LiveSession(
            id=row.id,
            principal=Principal(
                user_id=user.id,
                number=user.number,
                name=user.name,
                role=user.role,
                permissions=PERMISSIONS[user.role],
                unit=user.unit,
            ),
            csrf_token=self._vault.digest(f"csrf {token}"),
            expires_at=row.started_at + self._lifetime.absolute,
        )

    async def _tell_ended(self, session_id: int | None, number: str) -> None:
        log.info("session_ended", session=session_id, agent=number)
        await self._hints.publish(SESSION_ENDED, {"session_id": session_id, "number": number})


def _digest(token: str) -> str:
    # The token has 256 random bits: a plain hash cannot be searched.
    return hashlib.sha256(token.encode()).hexdigest()
