"""Codes by short message (验证码): who enters one has the telephone in hand.

A code is worth one right entry, for minutes, and bears a few wrong ones. Only digests are stored. What one number may
ask for is limited here; what one address may ask for is the business of whoever offers it to the world.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.protocol import CannotReply
from channels.sms.protocol import ShortMessages
from channels.sms.rules import MessageKind, ShortMessage
from channels.sms.settings import SmsSettings
from channels.sms.tables import SmsCodeRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import FieldError, Invalid, TooMany, TryLater
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

_DIGITS = 6
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class WrongCode(Invalid):
    """The code does not show that the number is the asker's."""

    slug = "wrong-code"
    title_zh = "验证码错误或已失效，请核对短信；仍不正确时请重新获取"
    title_en = (
        "The code is wrong or no longer valid: look at the message again, or ask for a new one"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSent:
    """A code is on its way.

    Attributes:
        expires_at: Until when it is valid.
        again_at: From when on another one may be asked for.
    """

    expires_at: datetime
    again_at: datetime


class Codes:
    """Sends codes and checks them.

    Args:
        database: Where their digests lie.
        clock: Tells when one has expired.
        vault: Makes the digests.
        messages: Sends.
        settings: How long, how often.
        draw: Returns a number below the one given, as `secrets.randbelow`.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        messages: ShortMessages,
        settings: SmsSettings,
        *,
        draw: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._messages = messages
        self._settings = settings
        self._draw = draw

    async def request(self, phone: PhoneNumber) -> CodeSent:
        """Send a code to a number; the ones before it are worth nothing from now on.

        Raises:
            TooMany: The number has asked too often; `retry_after` says how long to wait.
            TryLater: The message cannot be sent now.
            CannotReply: The number cannot get one.
        """
        code = f"{self._draw(10**_DIGITS):0{_DIGITS}d}"
        minutes = self._settings.code_minutes
        now = self._clock.now()
        expires_at = now + timedelta(minutes=minutes)
        row_id = await self._keep(phone, code, now, expires_at)
        message = ShortMessage(
            # Not the row's id: SQLite gives the id of a deleted row again.
            key=f"code:{uuid4().hex}",
            phone=phone,
            kind=MessageKind.code,
            text=f"验证码 {code}，{minutes} 分钟内有效。请勿告诉他人，工作人员不会向您索要。",
            parameters={"code": code, "minutes": str(minutes)},
            valid_until=expires_at,
        )
        try:
            # Of unknown fate: it may be on its way, and then it must be good; if it is not, another is asked for.
            with suppress(TimeoutError):
                await self._messages.send(message)
        except (TryLater, CannotReply):
            await self._withdraw(row_id)
            raise
        return CodeSent(
            expires_at=expires_at,
            again_at=now + timedelta(seconds=self._settings.code_again_seconds),
        )

    async def check(self, phone: PhoneNumber, code: str) -> None:
        """Return if this is the code that was sent last to the number; it cannot be used again.

        Raises:
            WrongCode: It is not, has expired, was used, or too many wrong ones were entered.
        """
        digest = self._code_digest(phone, code.strip())
        now = self._clock.now()
        async with self._database.transaction() as session:
            row = await self._newest(session, phone)
            if (
                row is None
                or row.used_at is not None
                or row.expires_at <= now
                or not await self._try(session, row)
            ):
                good = False
            elif good := hmac.compare_digest(digest, row.code_digest):
                row.used_at = now
        if not good:
            raise WrongCode(
                fields=[
                    FieldError(
                        pointer="/code",
                        message_zh="验证码错误或已失效",
                        message_en="The code is wrong or no longer valid",
                    )
                ]
            )

    async def purge(self) -> None:
        """Delete codes that no longer count for any limit."""
        async with self._database.transaction() as session:
            await session.exec(
                delete(SmsCodeRow).where(col(SmsCodeRow.asked_at) < self._clock.now() - _DAY)
            )

    async def _keep(
        self, phone: PhoneNumber, code: str, now: datetime, expires_at: datetime
    ) -> int:
        async with self._database.transaction() as session:
            await self._require_patience(session, phone, now)
            row = SmsCodeRow(
                phone_digest=self._vault.digest(phone.digits),
                code_digest=self._code_digest(phone, code),
                asked_at=now,
                expires_at=expires_at,
            )
            session.add(row)
            await session.flush()
            assert row.id is not None  # noqa: S101  # a flushed row has its id
            return row.id

    async def _withdraw(self, row_id: int) -> None:
        """Take back a code that never went out: it must not keep the citizen from asking again."""
        async with self._database.transaction() as session:
            await session.exec(delete(SmsCodeRow).where(col(SmsCodeRow.id) == row_id))

    async def _require_patience(
        self, session: AsyncSession, phone: PhoneNumber, now: datetime
    ) -> None:
        asked = select(SmsCodeRow.asked_at).where(
            SmsCodeRow.phone_digest == self._vault.digest(phone.digits),
            col(SmsCodeRow.asked_at) > now - _DAY,
        )
        moments = (await session.exec(asked.order_by(col(SmsCodeRow.asked_at).desc()))).all()
        settings = self._settings
        limits = (
            (1, timedelta(seconds=settings.code_again_seconds)),
            (settings.codes_per_hour, _HOUR),
            (settings.codes_per_day, _DAY),
        )
        waits = [
            moments[count - 1] + within - now for count, within in limits if len(moments) >= count
        ]
        longest = max(waits, default=timedelta())
        if longest > timedelta():
            seconds = longest.total_seconds()
            raise TooMany(
                f"this number has asked for codes too often: again in {seconds:.0f} s",
                f"该号码获取验证码过于频繁，请 {seconds:.0f} 秒后再试",
                retry_after=seconds,
            )

    async def _newest(self, session: AsyncSession, phone: PhoneNumber) -> SmsCodeRow | None:
        statement = (
            select(SmsCodeRow)
            .where(SmsCodeRow.phone_digest == self._vault.digest(phone.digits))
            .order_by(col(SmsCodeRow.asked_at).desc(), col(SmsCodeRow.id).desc())
            .limit(1)
            .with_for_update()
        )
        return (await session.exec(statement)).one_or_none()

    async def _try(self, session: AsyncSession, row: SmsCodeRow) -> bool:
        """Count an entry before it is looked at, and return whether there was one left."""
        counted = await session.exec(
            update(SmsCodeRow)
            .where(col(SmsCodeRow.id) == row.id, col(SmsCodeRow.tries) < self._settings.code_tries)
            .values(tries=SmsCodeRow.tries + 1)
        )
        return bool(counted.rowcount)

    def _code_digest(self, phone: PhoneNumber, code: str) -> str:
        return self._vault.digest(f"sms-code:{phone.digits}:{code}")
