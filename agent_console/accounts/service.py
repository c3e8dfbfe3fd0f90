"""Accounts: who may come in."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.accounts.passwords import Passwords
from agent_console.accounts.rules import Patience, wait_before_next
from agent_console.accounts.sessions import Login, Sessions
from agent_console.accounts.tables import LoginAttemptRow, SessionRow, UserRow
from agent_console.accounts.wrong import wrong_password, wrong_user
from crm_bridge.units.tables import UnitRow
from infra.kit import audit, idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import (
    Conflict,
    FieldError,
    Invalid,
    NotAuthenticated,
    NotFound,
    TooMany,
)
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal, Role


class WrongLogin(NotAuthenticated):
    """Unknown staff number, wrong password or disabled account: which one is not told."""

    slug = "wrong-login"
    title_zh = "工号或密码不正确"
    title_en = "The staff number or the password is not right"


class Accounts:
    """The use cases of accounts.

    Args:
        database: Where accounts lie.
        clock: Tells the time.
        sessions: Starts a login when the password was right.
        passwords: Hashes and checks.
        patience: How many wrong logins are borne.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sessions: Sessions,
        passwords: Passwords,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sessions = sessions
        self._passwords = passwords
        self._patience = patience or Patience()
        self._counting = asyncio.Lock()

    async def add_user(
        self,
        number: str,
        name: str,
        role: Role,
        password: str,
        *,
        unit: str | None = None,
        actor: Principal | None = None,
        key: IdempotencyKey | None = None,
    ) -> int:
        """Add a person and return the row's id; the same request again returns it again.

        Args:
            number: Staff number (工号).
            name: Shown to colleagues.
            role: What the person is.
            password: The first one.
            unit: Code of the unit that a clerk or head works for.
            actor: Who adds; None is the command line.
            key: The request's idempotency key, if any.

        Raises:
            Invalid: The number is not 1 to 20 digits, the name is empty, the password is too short, the role is no
                person's, or the unit is missing, unknown, closed, or not for this role.
            Conflict: The number is taken.
        """
        _refuse(wrong_user(number, name, password, role, unit))
        password_hash = await self._passwords.hash(password)
        async with self._database.transaction() as session:
            made = await idempotency.earlier(session, key)
            if made is not None:
                return int(made)
            await _require_unit(session, unit)
            if (await session.exec(select(UserRow.id).where(UserRow.number == number))).first():
                raise Conflict(f"the number {number} is taken", f"工号 {number} 已存在")
            user = UserRow(
                number=number,
                name=name,
                role=role,
                unit=unit,
                password_hash=password_hash,
                created_at=self._clock.now(),
            )
            session.add(user)
            await session.flush()
            assert user.id is not None  # noqa: S101  # flushed
            await audit.write(
                session, self._clock, actor=actor, action="user.add", subject=f"user:{user.id}"
            )
            await idempotency.keep(session, key, str(user.id), user.created_at)
            return user.id

    async def disable(self, number: str, *, actor: Principal | None = None) -> None:
        """Let a person in no more; logins open nothing from now on, and are ended by the next sweep.

        Raises:
            NotFound: There is no such person.
            Conflict: It is the actor himself: somebody must be left who can undo it.
        """
        if actor is not None and actor.number == number:
            raise Conflict("you cannot disable yourself", "不能停用自己的账号")
        await self._let_in(number, actor, allowed=False)

    async def enable(self, number: str, *, actor: Principal | None = None) -> None:
        """Let a person in again who was disabled; the logins of before stay ended.

        Raises:
            NotFound: There is no such person.
        """
        await self._let_in(number, actor, allowed=True)

    async def _let_in(self, number: str, actor: Principal | None, *, allowed: bool) -> None:
        async with self._database.transaction() as session:
            user = await _person(session, number)
            user.disabled = not allowed
            session.add(user)
            if allowed:
                # The sweep may not have come by yet: he must not find his old logins open.
                await _end_logins(session, user, self._clock.now())
            action = "user.enable" if allowed else "user.disable"
            await audit.write(
                session, self._clock, actor=actor, action=action, subject=f"user:{user.id}"
            )

    async def set_password(
        self, number: str, password: str, *, actor: Principal | None = None
    ) -> None:
        """Give a person another password; logins that were made with the old one end.

        Raises:
            NotFound: There is no such person.
            Invalid: The password is too short or too long.
        """
        _refuse(wrong_password(password))
        password_hash = await self._passwords.hash(password)
        async with self._database.transaction() as session:
            user = await _person(session, number)
            user.password_hash = password_hash
            session.add(user)
            await _end_logins(session, user, self._clock.now())
            await session.exec(delete(LoginAttemptRow).where(col(LoginAttemptRow.number) == number))
            await audit.write(
                session, self._clock, actor=actor, action="user.password", subject=f"user:{user.id}"
            )

    async def log_in(self, number: str, password: str, address: str) -> Login:
        """Return a new login.

        Args:
            number: Staff number as typed.
            password: Password as typed.
            address: Where the request comes from.

        Raises:
            WrongLogin: Unknown number, wrong password, or disabled; the work done is the same in each case.
            TooMany: Too many wrong logins for this number or from this address.
        """
        attempt = await self._count_attempt(number, address)
        async with self._database.reading() as session:
            user = (await session.exec(select(UserRow).where(UserRow.number == number))).first()
        right = await self._passwords.check(user.password_hash if user else None, password)
        if user is None or user.id is None or not right or user.disabled:
            async with self._database.transaction() as session:
                await audit.write(
                    session,
                    self._clock,
                    actor=None,
                    action="session.refuse",
                    subject=f"user:{user.id if user else 'unknown'}",
                    detail={"attempt": attempt},
                )
            raise WrongLogin
        better = None
        if self._passwords.is_outdated(user.password_hash):
            better = await self._passwords.hash(password)
        async with self._database.transaction() as session:
            await session.exec(delete(LoginAttemptRow).where(col(LoginAttemptRow.number) == number))
            if better is not None:
                user.password_hash = better
                session.add(user)
            login = await self._sessions.start(session, user)
        await self._sessions.announce(login)
        return login

    async def purge(self, older_than: timedelta) -> None:
        """Delete wrong logins of a certain age."""
        before = self._clock.now() - older_than
        async with self._database.transaction() as session:
            await session.exec(delete(LoginAttemptRow).where(col(LoginAttemptRow.at) < before))

    async def _count_attempt(self, number: str, address: str) -> int:
        """Count the attempt as failed until it succeeds, so that a burst of parallel ones is seen as what it is."""
        now = self._clock.now()
        patience = self._patience
        limits = (
            (col(LoginAttemptRow.number) == number, patience.per_number),
            (col(LoginAttemptRow.address) == address, patience.per_address),
        )
        async with self._counting, self._database.transaction() as session:
            for mine, limit in limits:
                statement = select(LoginAttemptRow.at).where(
                    mine, col(LoginAttemptRow.at) > now - patience.window
                )
                failures = (await session.exec(statement)).all()
                wait = wait_before_next(failures, limit, patience.window, now)
                if wait is not None:
                    raise TooMany(
                        "too many wrong logins, wait before the next",
                        "登录失败次数过多，请稍后再试",
                        retry_after=wait.total_seconds(),
                    )
            attempt = LoginAttemptRow(number=number, address=address, at=now)
            session.add(attempt)
            await session.flush()
            assert attempt.id is not None  # noqa: S101  # flushed
            return attempt.id


async def _person(session: AsyncSession, number: str) -> UserRow:
    mine = select(UserRow).where(UserRow.number == number).with_for_update()
    user = (await session.exec(mine)).first()
    if user is None:
        raise NotFound(f"there is no staff number {number}", f"没有工号 {number}")
    return user


async def _end_logins(session: AsyncSession, user: UserRow, now: datetime) -> None:
    await session.exec(
        update(SessionRow)
        .where(col(SessionRow.user_id) == user.id, col(SessionRow.ended_at).is_(None))
        .values(ended_at=now, phone_secret=None)
    )


async def _require_unit(session: AsyncSession, code: str | None) -> None:
    if code is None:
        return
    unit = await session.get(UnitRow, code)
    if unit is None or not unit.active:
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/unit",
                    message_zh="没有此承办单位或已停用",
                    message_en="There is no such unit, or it is closed",
                )
            ]
        )


def _refuse(wrong: list[FieldError]) -> None:
    if wrong:
        raise Invalid(fields=wrong)
