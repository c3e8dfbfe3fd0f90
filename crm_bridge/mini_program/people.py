"""Who uses the mini program: logged in with WeChat, known by his openid and nothing that he types."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select

from channels.contacts.rules import Address, AddressKind
from crm_bridge.mini_program.tables import (
    MiniFileRow,
    MiniPersonRow,
    MiniReportRow,
    MiniSessionRow,
)
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotAuthenticated
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

_TOKEN_BYTES = 32
_LONGEST_TOKEN = 64
_FILES_KEPT = timedelta(days=2)
_PEOPLE_KEPT = timedelta(days=90)


class Login(Protocol):
    """Asks WeChat who somebody is."""

    async def identify(self, code: str) -> tuple[Address, Address | None]:
        """Return openid and unionid of who has got this code of `wx.login`.

        Raises:
            Invalid: The code is used up, too old, or none.
            Forbidden: WeChat does not vouch for this person.
            TryLater: WeChat does not answer now.
        """
        ...

    async def phone(self, code: str) -> PhoneNumber:
        """Return the number of whom WeChat has given this code for it.

        Raises:
            Invalid: The code is used up, too old, or none.
            TryLater: WeChat does not answer now.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who has logged in.

    Attributes:
        digest: By which all that is his is found.
        openid: His name towards the mini program.
        unionid: His name towards all accounts of its owner; None where the owner has joined none.
        phone: The number that WeChat has vouched for; None before he has shown it.
    """

    digest: str
    openid: Address
    unionid: Address | None
    phone: PhoneNumber | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A new login: what the telephone shows from now on, and until when."""

    token: str = field(repr=False)
    expires_at: datetime
    phone: PhoneNumber | None


class People:
    """Lets people in.

    Args:
        database: Where logins lie.
        clock: Tells which have ended.
        vault: Seals who somebody is, and makes the digests.
        login: Asks WeChat.
        life: How long a login lasts.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        login: Login,
        life: timedelta,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._login = login
        self._life = life

    async def log_in(self, code: str) -> LoggedIn:
        """Begin a login; WeChat's session key is not kept, as nothing needs it.

        Raises:
            Invalid: The code is used up, too old, or none.
            Forbidden: WeChat does not vouch for this person.
            TryLater: WeChat does not answer now.
        """
        openid, unionid = await self._login.identify(code)
        try:
            return await self._begin(openid, unionid)
        except IntegrityError:
            # Two telephones of one person for the first time at once: now he is known.
            return await self._begin(openid, unionid)

    async def _begin(self, openid: Address, unionid: Address | None) -> LoggedIn:
        digest = self._vault.digest(f"mini program\n{openid.scope}\n{openid.value}")
        now, token = self._clock.now(), secrets.token_urlsafe(_TOKEN_BYTES)
        async with self._database.transaction() as session:
            row = await session.get(MiniPersonRow, digest, with_for_update=True)
            phone = self._opened(row).phone if row else None
            if row is None:
                row = MiniPersonRow(digest=digest, sealed=b"", changed_at=now)
                session.add(row)
            row.sealed, row.changed_at = self._sealed(openid, unionid, phone), now
            await session.flush()
            login = MiniSessionRow(
                token_digest=self._vault.digest(token), person=digest, expires_at=now + self._life
            )
            session.add(login)
        return LoggedIn(token=token, expires_at=now + self._life, phone=phone)

    async def log_out(self, token: str) -> None:
        """End a login; nothing happens if it has ended."""
        async with self._database.transaction() as session:
            await session.exec(
                delete(MiniSessionRow).where(
                    col(MiniSessionRow.token_digest) == self._vault.digest(token)
                )
            )

    async def who(self, token: str) -> Person:
        """Return whose login this is.

        Raises:
            NotAuthenticated: It has ended, or is none.
        """
        row = None
        if token and len(token) <= _LONGEST_TOKEN:
            statement = (
                select(MiniPersonRow)
                .join(MiniSessionRow, col(MiniSessionRow.person) == MiniPersonRow.digest)
                .where(
                    MiniSessionRow.token_digest == self._vault.digest(token),
                    col(MiniSessionRow.expires_at) > self._clock.now(),
                )
            )
            async with self._database.reading() as session:
                row = (await session.exec(statement)).one_or_none()
        if row is None:
            raise NotAuthenticated(
                "log in again with wx.login: the login has ended", "登录已失效，请重新进入小程序"
            )
        return self._opened(row)

    async def show_phone(self, person: Person, code: str) -> PhoneNumber:
        """Keep the number that WeChat vouches for.

        Raises:
            Invalid: The code is used up, too old, or none.
            TryLater: WeChat does not answer now.
        """
        phone = await self._login.phone(code)
        async with self._database.transaction() as session:
            row = await session.get_one(MiniPersonRow, person.digest, with_for_update=True)
            known = self._opened(row)
            row.sealed = self._sealed(known.openid, known.unionid, phone)
            row.changed_at = self._clock.now()
        return phone

    async def purge(self) -> None:
        """Forget logins that have ended, whose files were, and who reported nothing and has not come for long."""
        now = self._clock.now()
        reported = select(MiniReportRow.person).where(MiniReportRow.person == MiniPersonRow.digest)
        logged_in = select(MiniSessionRow.person).where(
            MiniSessionRow.person == MiniPersonRow.digest
        )
        async with self._database.transaction() as session:
            await session.exec(delete(MiniSessionRow).where(col(MiniSessionRow.expires_at) <= now))
            await session.exec(delete(MiniFileRow).where(col(MiniFileRow.at) < now - _FILES_KEPT))
            await session.exec(
                delete(MiniPersonRow).where(
                    col(MiniPersonRow.changed_at) < now - _PEOPLE_KEPT,
                    ~reported.exists(),
                    ~logged_in.exists(),
                )
            )

    def _sealed(self, openid: Address, unionid: Address | None, phone: PhoneNumber | None) -> bytes:
        known = {"openid": openid.value, "scope": openid.scope}
        if unionid is not None:
            known["unionid"] = unionid.value
        if phone is not None:
            known["phone"] = phone.digits
        return self._vault.encrypt(json.dumps(known))

    def _opened(self, row: MiniPersonRow) -> Person:
        known = json.loads(self._vault.decrypt(row.sealed))
        unionid, phone = known.get("unionid"), known.get("phone")
        return Person(
            digest=row.digest,
            openid=Address(kind=AddressKind.openid, value=known["openid"], scope=known["scope"]),
            unionid=Address(kind=AddressKind.unionid, value=unionid) if unionid else None,
            phone=PhoneNumber(phone) if phone else None,
        )
