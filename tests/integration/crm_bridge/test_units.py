from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import col, select

from crm_bridge.sheets.writing import SheetKind
from crm_bridge.units.rules import Unit, UnitKind
from crm_bridge.units.service import NoSuchUnit, Units
from crm_bridge.units.transfer import UnitsTransfer
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Conflict
from infra.kit.idempotency import IdempotencyKey

HEAD = "code,name_zh,name_en,kind,area,phone"
CGJ = Unit(code="CGJ", name_zh="城管执法局", name_en="Urban Management", kind=UnitKind.bureau)


@pytest.fixture
def units(database: Database, clock: ManualClock) -> Units:
    return Units(database, clock)


def transfer_file(*lines: str, head: str = HEAD) -> bytes:
    return "\n".join([head, *lines]).encode()


async def audited(database: Database) -> list[tuple[str, str]]:
    async with database.reading() as session:
        found = await session.exec(select(AuditRow).order_by(col(AuditRow.id)))
        return [(row.action, row.subject) for row in found.all()]


async def test_a_unit_is_added_renamed_closed_and_reopened(
    units: Units, database: Database
) -> None:
    await units.add(None, CGJ)
    renamed = replace(CGJ, name_zh="综合行政执法局", active=False)
    assert await units.change(None, renamed) == renamed
    assert await units.get("CGJ") == renamed
    assert await units.change(None, CGJ) == CGJ
    assert await units.change(None, CGJ) == CGJ
    assert await units.all() == [CGJ]
    assert await audited(database) == [
        ("unit.add", "unit:CGJ"),
        ("unit.change", "unit:CGJ"),
        ("unit.change", "unit:CGJ"),
    ]


async def test_a_taken_code_is_refused_but_the_same_request_is_answered_again(units: Units) -> None:
    key = IdempotencyKey(scope="9001 POST", key="k", fingerprint="f")
    assert await units.add(None, CGJ, key) == CGJ
    assert await units.add(None, CGJ, key) == CGJ
    with pytest.raises(Conflict, match="CGJ"):
        await units.add(None, CGJ)


async def test_a_unit_that_is_not_there_is_neither_shown_nor_changed(units: Units) -> None:
    with pytest.raises(NoSuchUnit):
        await units.get("CGJ")
    with pytest.raises(NoSuchUnit):
        await units.change(None, CGJ)


async def test_the_units_that_ship_fill_an_empty_table_once(units: Units) -> None:
    await units.seed()
    shipped = await units.all()
    assert len(shipped) >= 40
    await units.change(None, replace(shipped[0], name_zh="改名局"))
    await units.seed()
    assert (await units.all())[0].name_zh == "改名局"


@pytest.mark.parametrize("kind", list(SheetKind))
async def test_what_is_exported_is_imported_without_a_change(units: Units, kind: SheetKind) -> None:
    await units.seed()
    first = (await units.all())[0]
    await units.change(None, replace(first, active=False, phone="+86 300 5550-1001"))
    before = await units.all()
    transfer = UnitsTransfer(units)
    outcome = await transfer.take(None, await transfer.give(kind), dry_run=False)
    assert (outcome.added, outcome.changed, outcome.errors) == (0, 0, ())
    assert outcome.rows == len(before)
    assert await units.all() == before


async def test_a_file_adds_and_changes_and_leaves_the_rest(units: Units) -> None:
    await units.add(None, CGJ)
    await units.add(None, replace(CGJ, code="SHUT", active=False))
    content = transfer_file(
        "CGJ,综合执法局,Urban,部门,,",
        "SHUT,旧局,Old,bureau,,",
        "XJD,新街道办,New Street,街道乡镇,新街,",
    )
    dry = await UnitsTransfer(units).take(None, content, dry_run=True)
    assert (dry.rows, dry.added, dry.changed, dry.stored) == (3, 1, 2, False)
    assert len(await units.all()) == 2
    done = await UnitsTransfer(units).take(None, content, dry_run=False)
    assert (done.added, done.changed, done.stored) == (1, 2, True)
    found = {unit.code: unit for unit in await units.all()}
    assert found["CGJ"].name_zh == "综合执法局"
    assert not found["SHUT"].active
    assert (found["XJD"].kind, found["XJD"].area) == (UnitKind.subdistrict, "新街")


async def test_a_file_may_close_and_reopen(units: Units) -> None:
    await units.add(None, CGJ)
    content = transfer_file("CGJ,城管执法局,Urban Management,bureau,,,否", head=f"{HEAD},启用")
    await UnitsTransfer(units).take(None, content, dry_run=False)
    assert not (await units.get("CGJ")).active
    content = transfer_file("CGJ,城管执法局,Urban Management,bureau,,,yes", head=f"{HEAD},active")
    await UnitsTransfer(units).take(None, content, dry_run=False)
    assert (await units.get("CGJ")).active


async def test_errors_in_rows_3_and_900_are_both_told_and_nothing_is_stored(
    units: Units, database: Database
) -> None:
    lines = [f"U{n},单位{n},Unit {n},bureau,,," for n in range(2, 1001)]
    lines[1] = "U2,,Unit,衙门,,,"
    lines[898] = "U 900,单位,Unit,bureau,,,也许"
    outcome = await UnitsTransfer(units).take(
        None, transfer_file(*lines, head=f"{HEAD},active"), dry_run=False
    )
    assert [(error.row, error.column) for error in outcome.errors] == [
        (3, "name_zh"),
        (3, "code"),
        (3, "kind"),
        (900, "code"),
        (900, "active"),
    ]
    assert all(error.message_zh and error.message_en for error in outcome.errors)
    assert not outcome.stored
    assert await units.all() == []
    assert await audited(database) == []
