"""The units that handle tickets: added, renamed, closed and reopened, never deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from importlib.resources import files

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.sheets.columns import refuse
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.transfer import Outcome
from crm_bridge.units.rules import Unit
from crm_bridge.units.sheet import COLUMNS, FiledUnit, units_of
from crm_bridge.units.tables import UnitRow
from infra.kit import audit, idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Conflict, NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal
from infra.kit.seeding import hold_seeding


class NoSuchUnit(NotFound):
    """There is no unit with this code."""

    slug = "no-such-unit"
    title_zh = "没有此承办单位"
    title_en = "There is no such unit"


class Units:
    """The units of the city.

    Args:
        database: Where they lie.
        clock: Tells the time, for the audit log.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self) -> Sequence[Unit]:
        """Return every unit, closed ones too, in the order of the codes."""
        async with self._database.reading() as session:
            rows = (await session.exec(select(UnitRow).order_by(col(UnitRow.code)))).all()
        return [_unit(row) for row in rows]

    async def get(self, code: str) -> Unit:
        """Return a unit.

        Raises:
            NoSuchUnit: There is none with this code.
        """
        async with self._database.reading() as session:
            row = await session.get(UnitRow, code)
        if row is None:
            raise NoSuchUnit
        return _unit(row)

    async def add(
        self, actor: Principal | None, unit: Unit, key: IdempotencyKey | None = None
    ) -> Unit:
        """Add a unit and return it; the same request again returns it again.

        Raises:
            Conflict: The code is taken.
        """
        async with self._database.transaction() as session:
            if await idempotency.earlier(session, key) is None:
                if await session.get(UnitRow, unit.code) is not None:
                    raise Conflict(
                        f"the code {unit.code} is taken: choose another",
                        f"单位代码 {unit.code} 已存在，请更换",
                    )
                session.add(_row(unit))
                await session.flush()
                await self._note(session, actor, "unit.add", unit.code)
                await idempotency.keep(session, key, f"unit:{unit.code}", self._clock.now())
        return await self.get(unit.code)

    async def change(self, actor: Principal | None, unit: Unit) -> Unit:
        """Rename, close or reopen the unit with this code, and return it as it is now.

        A closed unit is given no more tickets; those that it has it keeps, and its people go on working at them.

        Raises:
            NoSuchUnit: There is none with this code.
        """
        async with self._database.transaction() as session:
            row = await session.get(UnitRow, unit.code, with_for_update=True)
            if row is None:
                raise NoSuchUnit
            changed = _changed(row, unit)
            if changed:
                _write(row, unit)
                session.add(row)
                await self._note(session, actor, "unit.change", unit.code, changed)
        return unit

    async def load(
        self, actor: Principal | None, filed: Sequence[FiledUnit], *, dry_run: bool = False
    ) -> Outcome:
        """Add and change units as a file says; those that it does not name stay as they are."""
        async with self._database.transaction() as session:
            return await self._load(session, actor, filed, dry_run=dry_run)

    async def seed(self) -> None:
        """Load the units that ship into an empty table; a table with anything in it is left as it is."""
        content = files("crm_bridge.units").joinpath("default.csv").read_bytes()
        async with self._database.transaction() as session:
            await hold_seeding(self._database, session)
            if (await session.exec(select(UnitRow.code).limit(1))).first() is None:
                filed, errors = units_of(read(content, COLUMNS))
                refuse(errors)
                await self._load(session, None, filed, dry_run=False)

    async def _load(
        self,
        session: AsyncSession,
        actor: Principal | None,
        filed: Iterable[FiledUnit],
        *,
        dry_run: bool,
    ) -> Outcome:
        statement = select(UnitRow).order_by(col(UnitRow.code)).with_for_update()
        known = {row.code: row for row in (await session.exec(statement)).all()}
        rows = added = changed = 0
        for one in filed:
            rows += 1
            row = known.get(one.unit.code)
            if row is None:
                added += 1
                row = UnitRow(code=one.unit.code, name_zh="", name_en="", kind=one.unit.kind)
                row.active = one.active is not False
            elif _changed(row, one.over(_unit(row))):
                changed += 1
            else:
                continue
            if not dry_run:
                _write(row, one.over(_unit(row)))
                session.add(row)
        if not dry_run and added + changed:
            detail = {"added": added, "changed": changed}
            await audit.write(
                session,
                self._clock,
                actor=actor,
                action="unit.import",
                subject="units",
                detail=detail,
            )
        return Outcome(rows=rows, added=added, changed=changed, stored=not dry_run)

    async def _note(
        self,
        session: AsyncSession,
        actor: Principal | None,
        action: str,
        code: str,
        changed: Collection[str] = (),
    ) -> None:
        await audit.write(
            session,
            self._clock,
            actor=actor,
            action=action,
            subject=f"unit:{code}",
            detail={"changed": sorted(changed)} if changed else None,
        )


_FIELDS = ("name_zh", "name_en", "kind", "area", "phone", "active")


def _changed(row: UnitRow, unit: Unit) -> list[str]:
    return [name for name in _FIELDS if getattr(row, name) != getattr(unit, name)]


def _write(row: UnitRow, unit: Unit) -> None:
    for name in _FIELDS:
        setattr(row, name, getattr(unit, name))


def _row(unit: Unit) -> UnitRow:
    return UnitRow(code=unit.code, **{name: getattr(unit, name) for name in _FIELDS})


def _unit(row: UnitRow) -> Unit:
    return Unit(code=row.code, **{name: getattr(row, name) for name in _FIELDS})
