"""Asks WeChat who those are, towards all accounts of our owner, that write to the official account.

What it pushes names openids only. The mini program learns the unionid when somebody logs in; here it is asked for, so
that one who uses both can be found to be one person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import and_, col, or_, select

from channels.contacts.identity import Identities
from channels.contacts.rules import Address, AddressKind
from channels.contacts.tables import CitizenAddressRow
from channels.marks.alone import alone
from channels.marks.service import Lease, Marks
from crm_bridge.citizens.rules import Ground
from crm_bridge.citizens.service import Merges
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import TryLater
from infra.kit.vault import Vault

log = structlog.get_logger()

_SETTLED = timedelta(minutes=5)
"""Addresses are read in the order of their moments; one that is younger may still be overtaken by another's commit."""
_AT_A_TIME = 50
_LOOK_SECONDS = 60.0

Ask = Callable[[str], Awaitable[str]]
"""Returns the unionid of an openid; empty without one. Raises `TryLater` while WeChat does not answer."""


class UnionIds:
    """Asks.

    Args:
        database: Where citizens lie.
        clock: Tells which addresses have settled.
        vault: Opens openids.
        marks: Remembers how far was asked; one process of many asks.
        merges: Takes the suggestion that two citizens are one.
        ask: Asks WeChat.
        appid: The official account.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        marks: Marks,
        merges: Merges,
        ask: Ask,
        appid: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._identities = Identities(vault)
        self._marks = marks
        self._merges = merges
        self._ask = ask
        self._appid = appid
        self._mark = f"wechat/{appid}/unionids"

    async def run(self) -> None:
        """Ask again and again until cancelled, in one process of many."""
        await alone(self._marks, self._mark, self._keep_asking)

    async def _keep_asking(self, _lease: Lease) -> None:
        while True:
            try:
                more = await self.look_once()
            except TryLater as later:
                more = False
                log.info("unionids_later", reason=later.detail_en)
            if not more:
                await asyncio.sleep(_LOOK_SECONDS)

    async def look_once(self) -> bool:
        """Ask for some whom nobody has asked for, and return whether there are more.

        Raises:
            TryLater: WeChat does not answer now; what was asked before is kept.
        """
        rows = await self._unasked()
        for row in rows:
            unionid = await self._ask(self._vault.decrypt(row.value_encrypted))
            if unionid:
                await self._learn(row, unionid)
            await self._marks.put(
                self._mark, {"at": row.first_seen_at.isoformat(), "digest": row.digest}
            )
        return len(rows) == _AT_A_TIME

    async def _unasked(self) -> Sequence[CitizenAddressRow]:
        at, digest = col(CitizenAddressRow.first_seen_at), col(CitizenAddressRow.digest)
        statement = (
            select(CitizenAddressRow)
            .where(
                CitizenAddressRow.kind == AddressKind.openid,
                CitizenAddressRow.scope == self._appid,
                at <= self._clock.now() - _SETTLED,
            )
            .order_by(at, digest)
            .limit(_AT_A_TIME)
        )
        mark = await self._marks.get(self._mark)
        if mark is not None:
            last = datetime.fromisoformat(mark.value["at"])
            behind = and_(at == last, digest > mark.value["digest"])
            statement = statement.where(or_(at > last, behind))
        async with self._database.reading() as session:
            return (await session.exec(statement)).all()

    async def _learn(self, row: CitizenAddressRow, unionid: str) -> None:
        """Know the citizen by the unionid too; where another is known by it, say that they may be one."""
        address = Address(kind=AddressKind.unionid, value=unionid)
        new = CitizenAddressRow(
            digest=self._identities.digest_of(address),
            citizen_id=row.citizen_id,
            kind=address.kind,
            scope=address.scope,
            value_encrypted=self._vault.encrypt(address.value),
            first_seen_at=self._clock.now(),
        )
        async with self._database.transaction() as session:
            known = await session.get(CitizenAddressRow, new.digest)
            if known is None:
                try:
                    async with session.begin_nested():
                        session.add(new)
                except IntegrityError:  # he logs in to the mini program at this very moment
                    known = await session.get(CitizenAddressRow, new.digest)
            if known is not None and known.citizen_id != row.citizen_id:
                await self._merges.suggest(
                    session, row.citizen_id, known.citizen_id, Ground.unionid
                )
