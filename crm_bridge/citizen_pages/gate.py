"""Keeps robots out without asking people to read crooked letters: proofs of work, and limits for addresses and numbers.

What is counted lies in the database, so that several processes count together. An address is known by its digest only.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select, update

from crm_bridge.citizen_pages.rules import (
    PROOF_LIFE,
    Challenge,
    ProofRefused,
    Purpose,
    bits_for,
    new_challenge,
    require_work,
)
from crm_bridge.citizen_pages.settings import CitizenPageSettings
from crm_bridge.citizen_pages.tables import AllowanceRow, SpentProofRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import TooMany, TryLater
from infra.kit.group_commit import Prepared, Writing
from infra.kit.rate import Rate
from infra.kit.vault import Vault

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_COUNT = Prepared(
    update(AllowanceRow)
    .where(
        col(AllowanceRow.what) == bindparam("of_what"),
        col(AllowanceRow.who) == bindparam("of_who"),
        col(AllowanceRow.since) == bindparam("of_since"),
    )
    .values(used=AllowanceRow.used + bindparam("more", type_=AllowanceRow.used.type))  # type: ignore[attr-defined]  # a column
    .returning(col(AllowanceRow.used))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """A challenge with the nonce that is said to solve it."""

    text: str
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Something that is counted against a limit.

    Attributes:
        what: What is asked for, e.g. `report`.
        who: The address or number; it is stored as a digest only.
        most: How often it may be asked for within the span.
        span: A whole part of a day.
        more: By how much it counts.
    """

    what: str
    who: str = field(repr=False)
    most: int
    span: timedelta = HOUR
    more: int = 1


class Gate:
    """Lets people in.

    Args:
        database: Where is counted.
        clock: Tells which span it is.
        vault: Seals challenges, and makes digests of addresses.
        settings: How hard, how often.
    """

    def __init__(
        self, database: Database, clock: Clock, vault: Vault, settings: CitizenPageSettings
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._settings = settings
        self._rate = Rate(settings.requests_per_minute)

    def knock(self, address: str) -> None:
        """Return if an address may ask at all just now; every request comes by here, and costs no query.

        Raises:
            TooMany: It asks too often.
        """
        wait = self._rate.wait(address, self._clock.monotonic())
        if wait > 0:
            raise TooMany(
                "too many requests, wait a moment", "请求过于频繁，请稍候", retry_after=wait
            )

    async def challenge(self, purpose: Purpose, address: str) -> Challenge:
        """Return a task for a page, the harder the more has come from its address within the hour."""
        settings = self._settings
        used = await self.used("work", address)
        bits = bits_for(used, settings.free_per_hour, settings.work_bits, settings.work_bits_most)
        expires_at = self._clock.now() + PROOF_LIFE
        return new_challenge(purpose, secrets.token_hex(12), bits, expires_at, self._vault.seal)

    async def admit(
        self, purpose: Purpose, solved: Solved, address: str, counts: Sequence[Count] = ()
    ) -> None:
        """Spend a proof of work and count what is asked for.

        Raises:
            ProofRefused: The proof does not hold, or was spent before.
            TooMany: One of the limits is reached; nothing is counted then, and the proof is not spent.
        """
        now = self._clock.now()
        challenge = require_work(purpose, solved.text, solved.nonce, now, self._vault.seal)
        hard = Count(what="work", who=address, most=2**31 - 1)

        def piece(writing: Writing) -> None:
            writing.add(SpentProofRow, {"id": challenge.id, "until": challenge.expires_at})
            for count in (hard, *counts):
                self._count(writing, count, now)

        if await self._is_spent(challenge.id):
            raise ProofRefused
        try:
            await self._database.write(piece)
        except IntegrityError:
            await self._refuse_twin(challenge.id)

    async def count(self, *counts: Count) -> None:
        """Count what is asked for without a proof.

        Raises:
            TooMany: One of the limits is reached; nothing is counted then.
        """
        now = self._clock.now()

        def piece(writing: Writing) -> None:
            for one in counts:
                self._count(writing, one, now)

        try:
            await self._database.write(piece)
        except IntegrityError as error:
            raise _again() from error

    async def used(self, what: str, who: str, span: timedelta = HOUR) -> int:
        """Return how often something was asked for within the span of now."""
        statement = select(AllowanceRow.used).where(
            AllowanceRow.what == what,
            AllowanceRow.who == self._vault.digest(who),
            AllowanceRow.since == _began(self._clock.now(), span),
        )
        async with self._database.reading() as session:
            return (await session.exec(statement)).one_or_none() or 0

    async def require_room(self, count: Count) -> None:
        """Return if something may be asked for once more, without counting it.

        Raises:
            TooMany: The limit is reached.
        """
        if await self.used(count.what, count.who, count.span) + count.more > count.most:
            raise _too_many(count, self._clock.now())

    async def purge(self) -> None:
        """Forget spans that are over and proofs that hold no more."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            await session.exec(delete(AllowanceRow).where(col(AllowanceRow.until) < now))
            await session.exec(delete(SpentProofRow).where(col(SpentProofRow.until) < now))

    def _count(self, writing: Writing, count: Count, now: datetime) -> None:
        since = _began(now, count.span)
        who = self._vault.digest(count.who)
        found = writing.row(_COUNT, of_what=count.what, of_who=who, of_since=since, more=count.more)
        if found is None:
            row = {"what": count.what, "who": who, "since": since, "used": count.more}
            writing.add(AllowanceRow, row | {"until": since + count.span})
        used = int(found[0]) if found else count.more
        if used > count.most:
            raise _too_many(count, now)

    async def _is_spent(self, challenge_id: str) -> bool:
        async with self._database.reading() as session:
            return await session.get(SpentProofRow, challenge_id) is not None

    async def _refuse_twin(self, challenge_id: str) -> None:
        """Say why a row was there already: the proof was spent at this moment, or another process began a span."""
        raise ProofRefused if await self._is_spent(challenge_id) else _again()


def _began(now: datetime, span: timedelta) -> datetime:
    seconds = int(span.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)


def _too_many(count: Count, now: datetime) -> TooMany:
    left = (_began(now, count.span) + count.span - now).total_seconds()
    minutes = max(1, round(left / 60))
    return TooMany(
        f"the limit is reached, try again in {minutes} minutes, or call 12345",
        f"操作次数已达上限，请 {minutes} 分钟后再试，紧急事项请拨打 12345",
        retry_after=left,
    )


def _again() -> TryLater:
    return TryLater("another request came first, send it again", "请重试", retry_after=1)
