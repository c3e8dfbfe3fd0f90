"""The responsibility catalogue, version by version: a past dispatch is explained by the one that held then."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

import structlog
from sqlalchemy import func, update
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.catalogue.refusals import refuse_wrongs, require_newest
from crm_bridge.catalogue.rules import Change, Matter, Surroundings, differences
from crm_bridge.catalogue.sheet import COLUMNS, matters_of
from crm_bridge.catalogue.storing import (
    Version,
    matter_of,
    row_of,
    version_of,
    version_row_of,
)
from crm_bridge.catalogue.tables import CatalogueVersionRow, MatterRow
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.sheets.columns import SheetRow, in_order, refuse
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.transfer import Outcome
from crm_bridge.units.tables import UnitRow
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal
from infra.kit.seeding import hold_seeding

log = structlog.get_logger()

_REMEMBERED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A version with its matters, in the order of the codes."""

    version: Version
    matters: Sequence[Matter]


class Catalogue:
    """The use cases of the catalogue.

    Args:
        database: Where it lies.
        clock: Tells the time.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        # A version never changes, so what was read of it stays right.
        self._read: OrderedDict[int, Snapshot] = OrderedDict()

    async def current(self) -> Snapshot:
        """Return the newest version."""
        async with self._database.reading() as session:
            return await self._snapshot(session, await _newest(session))

    async def version(self, number: int) -> Snapshot:
        """Return a version by its number.

        Raises:
            NotFound: There is none.
        """
        async with self._database.reading() as session:
            return await self._snapshot(session, await _numbered(session, number))

    async def at(self, moment: datetime) -> Snapshot:
        """Return the version that held at a moment; before the first one, an empty one."""
        async with self._database.reading() as session:
            return await self._snapshot(session, await _newest(session, moment))

    async def versions(self, below: int | None = None, limit: int = 50) -> Sequence[Version]:
        """Return versions, the newest first, from the one before `below`."""
        statement = select(CatalogueVersionRow).order_by(col(CatalogueVersionRow.number).desc())
        if below is not None:
            statement = statement.where(col(CatalogueVersionRow.number) < below)
        async with self._database.reading() as session:
            return [version_of(row) for row in (await session.exec(statement.limit(limit))).all()]

    async def differences(self, before: int, after: int) -> Sequence[Change]:
        """Return how two versions differ; 0 is the empty catalogue before the first.

        Raises:
            NotFound: There is no such version.
        """
        old, new = await self.version(before), await self.version(after)
        return differences(old.matters, new.matters)

    async def put(
        self, actor: Principal | None, matter: Matter, *, based_on: int, note: str = ""
    ) -> Version:
        """Add a matter or replace the one with its code, as a new version, and return it.

        Args:
            actor: Who does it.
            matter: As it is to stand.
            based_on: The version that he saw.
            note: Why.

        Raises:
            Invalid: It names what is not there.
            StaleCatalogue: There is a newer version than the one he saw.
        """

        def edit(old: Sequence[Matter], around: Surroundings) -> Sequence[Matter]:
            refuse_wrongs(matter, around)
            return [*(one for one in old if one.code != matter.code), matter]

        return await self._edited(actor, edit, based_on, note)

    async def remove(
        self, actor: Principal | None, code: str, *, based_on: int, note: str = ""
    ) -> Version:
        """Take a matter out, as a new version, and return it.

        Raises:
            NotFound: There is no such matter.
            StaleCatalogue: There is a newer version than the one he saw.
        """

        def edit(old: Sequence[Matter], _around: Surroundings) -> Sequence[Matter]:
            if all(one.code != code for one in old):
                raise NotFound(f"there is no matter {code}", f"没有事项 {code}")
            return [one for one in old if one.code != code]

        return await self._edited(actor, edit, based_on, note)

    async def take(
        self,
        actor: Principal | None,
        rows: Sequence[SheetRow],
        *,
        dry_run: bool,
        based_on: int | None = None,
        note: str = "",
    ) -> Outcome:
        """Replace the whole catalogue by the rows of a file, as a new version, or say why not.

        Args:
            actor: Who does it.
            rows: Of the file.
            dry_run: Only say what it would do.
            based_on: The version that he saw; None overwrites whatever there is.
            note: Why.

        Raises:
            StaleCatalogue: There is a newer version than the one he saw.
        """
        async with self._database.transaction() as session:
            matters, errors = matters_of(rows, await _surroundings(session))
            if errors:
                return Outcome(rows=len(rows), errors=in_order(errors))
            old = await self._snapshot(session, await _newest(session))
            if based_on is not None:
                require_newest(old.version, based_on)
            changes = differences(old.matters, matters)
            if changes and not dry_run:
                await self._write(session, actor, old.version, changes, note)
        added, changed, removed = _counts(changes).values()
        return Outcome(
            rows=len(rows), added=added, changed=changed, removed=removed, stored=not dry_run
        )

    async def seed(self) -> None:
        """Load the catalogue that ships, if there was never one and all that it names is there."""
        content = files("crm_bridge.catalogue").joinpath("default.csv").read_bytes()
        async with self._database.transaction() as session:
            await hold_seeding(self._database, session)
            if (await _newest(session)).number > 0:
                return
            sheet = read(content, COLUMNS)
            refuse(sheet.errors)
            matters, errors = matters_of(sheet.rows, await _surroundings(session))
            if errors:
                log.warning("catalogue_not_seeded", errors=len(errors))
            else:
                changes = differences((), matters)
                await self._write(session, None, Version(number=0, at=None), changes, "")

    async def _edited(
        self,
        actor: Principal | None,
        edit: Callable[[Sequence[Matter], Surroundings], Sequence[Matter]],
        based_on: int,
        note: str,
    ) -> Version:
        async with self._database.transaction() as session:
            old = await self._snapshot(session, await _newest(session))
            require_newest(old.version, based_on)
            changes = differences(old.matters, edit(old.matters, await _surroundings(session)))
            if not changes:
                return old.version
            return await self._write(session, actor, old.version, changes, note)

    async def _write(
        self,
        session: AsyncSession,
        actor: Principal | None,
        old: Version,
        changes: Collection[Change],
        note: str,
    ) -> Version:
        """Write the next version. Of two at a time one finds its number taken, and is refused."""
        version = Version(
            number=old.number + 1,
            at=self._clock.now(),
            by=actor.number if actor else None,
            note=note,
            **_counts(changes),
        )
        session.add(version_row_of(version))
        await session.flush()
        gone = [change.code for change in changes if change.before is not None]
        for begin in range(0, len(gone), 500):
            await session.exec(
                update(MatterRow)
                .where(
                    col(MatterRow.valid_to).is_(None),
                    col(MatterRow.code).in_(gone[begin : begin + 500]),
                )
                .values(valid_to=version.number)
            )
        session.add_all(
            row_of(change.after, version.number) for change in changes if change.after is not None
        )
        await audit.write(
            session,
            self._clock,
            actor=actor,
            action="catalogue.change",
            subject=f"catalogue:{version.number}",
            detail=_counts(changes),
        )
        return version

    async def _snapshot(self, session: AsyncSession, version: Version) -> Snapshot:
        known = self._read.get(version.number)
        if known is not None:
            self._read.move_to_end(version.number)
            return known
        statement = (
            select(MatterRow)
            .where(
                col(MatterRow.valid_from) <= version.number,
                or_(col(MatterRow.valid_to).is_(None), col(MatterRow.valid_to) > version.number),
            )
            .order_by(col(MatterRow.code))
        )
        matters = [matter_of(row) for row in (await session.exec(statement)).all()]
        self._read[version.number] = snapshot = Snapshot(version=version, matters=matters)
        if len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)
        return snapshot


async def _newest(session: AsyncSession, at: datetime | None = None) -> Version:
    statement = select(func.max(CatalogueVersionRow.number))
    if at is not None:
        statement = statement.where(col(CatalogueVersionRow.at) <= at)
    number = (await session.exec(statement)).one()
    return await _numbered(session, number or 0)


async def _numbered(session: AsyncSession, number: int) -> Version:
    if number == 0:
        return Version(number=0, at=None)
    row = await session.get(CatalogueVersionRow, number)
    if row is None:
        raise NotFound(f"there is no version {number}", f"没有第 {number} 版目录")
    return version_of(row)


async def _surroundings(session: AsyncSession) -> Surroundings:
    categories = (await session.exec(select(CategoryRow.code))).all()
    units = (await session.exec(select(UnitRow.code, UnitRow.active))).all()
    return Surroundings(categories=frozenset(categories), units=dict(units))


def _counts(changes: Collection[Change]) -> dict[str, int]:
    added = sum(change.before is None for change in changes)
    removed = sum(change.after is None for change in changes)
    return {"added": added, "changed": len(changes) - added - removed, "removed": removed}
