from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import col, select

from crm_bridge.catalogue.refusals import StaleCatalogue
from crm_bridge.catalogue.rules import Exemption, Matter
from crm_bridge.catalogue.service import Catalogue
from crm_bridge.catalogue.tables import MatterRow
from crm_bridge.catalogue.transfer import CatalogueTransfer
from crm_bridge.categories.service import Categories
from crm_bridge.categories.sheet import Category
from crm_bridge.sheets.writing import SheetKind
from crm_bridge.units.rules import Unit, UnitKind
from crm_bridge.units.service import Units
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Invalid, NotFound
from infra.kit.identity import Principal, Role

HEAD = "code,name_zh,name_en,category,unit,helpers,keywords,places,exceptions,basis"
DISPATCHER = Principal(
    user_id=1, number="3001", name="陈", role=Role.DISPATCHER, permissions=frozenset()
)
NOISE = Matter(
    code="CG03",
    name_zh="夜间施工噪声",
    name_en="Night noise",
    category="20",
    unit="CGJ",
    helpers=("ZJJ",),
    keywords=("夜间施工", "打桩"),
    exemptions=(Exemption(words=("渣土车", "泥头车"), unit="JJD"),),
)


@pytest.fixture
async def catalogue(database: Database, clock: ManualClock) -> Catalogue:
    await Categories(database, clock).load(
        [Category(code="20", name_zh="市容", name_en="City", parent=None)]
    )
    units = Units(database, clock)
    for code in ("CGJ", "ZJJ", "JJD", "SHUT"):
        unit = Unit(
            code=code, name_zh=code, name_en=code, kind=UnitKind.bureau, active=code != "SHUT"
        )
        await units.add(None, unit)
    return Catalogue(database, clock)


def file(*lines: str) -> bytes:
    return "\n".join([HEAD, *lines]).encode()


A, B, C = "A,甲,A,20,CGJ,,,,,", "B,乙,B,20,ZJJ,,,,,", "C,丙,C,20,CGJ,,,,,"


async def test_before_the_first_version_the_catalogue_is_empty(catalogue: Catalogue) -> None:
    snapshot = await catalogue.current()
    assert (snapshot.version.number, snapshot.matters) == (0, [])


async def test_a_file_is_the_whole_catalogue_and_a_version_of_its_own(
    catalogue: Catalogue, clock: ManualClock
) -> None:
    transfer = CatalogueTransfer(catalogue)
    first = await transfer.take(DISPATCHER, file(A, B), dry_run=False)
    assert (first.added, first.changed, first.removed, first.stored) == (2, 0, 0, True)
    clock.advance(60)
    dry = await transfer.take(DISPATCHER, file("A,甲改,A,20,CGJ,,,,,", C), dry_run=True)
    assert (dry.added, dry.changed, dry.removed, dry.stored) == (1, 1, 1, False)
    assert (await catalogue.current()).version.number == 1
    await transfer.take(DISPATCHER, file("A,甲改,A,20,CGJ,,,,,", C), dry_run=False)
    snapshot = await catalogue.current()
    assert [matter.code for matter in snapshot.matters] == ["A", "C"]
    version = snapshot.version
    assert (version.number, version.by, version.at) == (2, "3001", clock.now())
    assert (version.added, version.changed, version.removed) == (1, 1, 1)


async def test_a_past_moment_shows_the_catalogue_that_held_then(
    catalogue: Catalogue, clock: ManualClock
) -> None:
    transfer, began = CatalogueTransfer(catalogue), clock.now()
    for lines in ([A, B], [A], [A, C]):
        await transfer.take(None, file(*lines), dry_run=False)
        clock.advance(3600)
    for hours, number, codes in (
        (-1, 0, []),
        (0, 1, ["A", "B"]),
        (1.5, 2, ["A"]),
        (9, 3, ["A", "C"]),
    ):
        snapshot = await catalogue.at(began + timedelta(hours=hours))
        assert snapshot.version.number == number
        assert [matter.code for matter in snapshot.matters] == codes
        assert await catalogue.version(number) == snapshot
    with pytest.raises(NotFound):
        await catalogue.version(4)


async def test_rows_of_past_versions_are_never_changed(
    catalogue: Catalogue, database: Database
) -> None:
    transfer = CatalogueTransfer(catalogue)
    await transfer.take(None, file(A, B), dry_run=False)
    await transfer.take(None, file("A,甲改,A,20,ZJJ,,,,,", B), dry_run=False)
    async with database.reading() as session:
        rows = (await session.exec(select(MatterRow).order_by(col(MatterRow.id)))).all()
    assert [(row.code, row.name_zh, row.valid_from, row.valid_to) for row in rows] == [
        ("A", "甲", 1, 2),
        ("B", "乙", 1, None),
        ("A", "甲改", 2, None),
    ]


async def test_two_versions_are_compared_field_by_field(catalogue: Catalogue) -> None:
    transfer = CatalogueTransfer(catalogue)
    await transfer.take(None, file(A, B), dry_run=False)
    await transfer.take(None, file("A,甲改,A,20,ZJJ,,,,,", C), dry_run=False)
    changes = await catalogue.differences(1, 2)
    assert [(change.code, list(change.fields())) for change in changes] == [
        ("A", ["name_zh", "unit"]),
        ("B", []),
        ("C", []),
    ]
    assert changes[1].after is None
    assert changes[2].before is None
    back = await catalogue.differences(2, 1)
    assert [change.code for change in back if change.before is None] == ["B"]
    assert len(await catalogue.differences(0, 2)) == 2
    assert await catalogue.differences(2, 2) == []


async def test_a_file_without_a_difference_makes_no_version(catalogue: Catalogue) -> None:
    transfer = CatalogueTransfer(catalogue)
    await transfer.take(None, file(A, B), dry_run=False)
    await transfer.take(None, file(B, A), dry_run=False)
    assert [version.number for version in await catalogue.versions()] == [1]


async def test_a_matter_is_added_replaced_and_removed_each_as_a_version(
    catalogue: Catalogue, database: Database
) -> None:
    first = await catalogue.put(DISPATCHER, NOISE, based_on=0, note="新增")
    assert (first.number, first.added, first.note) == (1, 1, "新增")
    assert (await catalogue.current()).matters == [NOISE]
    again = await catalogue.put(DISPATCHER, NOISE, based_on=1)
    assert again.number == 1
    gone = await catalogue.remove(DISPATCHER, "CG03", based_on=1)
    assert (gone.number, gone.removed) == (2, 1)
    assert (await catalogue.current()).matters == []
    assert [version.number for version in await catalogue.versions(below=2)] == [1]
    async with database.reading() as session:
        subjects = (
            await session.exec(
                select(AuditRow.subject).where(AuditRow.action == "catalogue.change")
            )
        ).all()
    assert subjects == ["catalogue:1", "catalogue:2"]


async def test_an_edit_of_an_older_version_is_refused_and_told_which_is_newest(
    catalogue: Catalogue,
) -> None:
    await catalogue.put(None, NOISE, based_on=0)
    with pytest.raises(StaleCatalogue, match="version 1"):
        await catalogue.put(None, NOISE, based_on=0)
    with pytest.raises(StaleCatalogue):
        await catalogue.remove(None, "CG03", based_on=2)
    with pytest.raises(NotFound):
        await catalogue.remove(None, "XX", based_on=1)


async def test_of_edits_at_the_same_moment_one_wins(catalogue: Catalogue) -> None:
    matters = [Matter(code=c, name_zh=c, name_en=c, category="20", unit="CGJ") for c in "ABCDEF"]
    results = await asyncio.gather(
        *(catalogue.put(None, matter, based_on=0) for matter in matters), return_exceptions=True
    )
    won = [result for result in results if not isinstance(result, BaseException)]
    assert len(won) == 1
    assert len((await catalogue.current()).matters) == 1
    assert (await catalogue.current()).version.number == 1


WRONG = [
    ("A,甲,A,99,CGJ,,,,,", ["category"]),
    ("A,甲,A,20,NO,,,,,", ["unit"]),
    ("A,甲,A,20,SHUT,,,,,", ["unit"]),
    ("A,甲,A,20,CGJ,CGJ,,,,", ["helpers"]),
    ("A,甲,A,20,CGJ,ZJJ;NO;SHUT,,,,", ["helpers", "helpers"]),
    ("A,甲,A,20,CGJ,,,,电梯→NO,", ["exceptions"]),
    ("A,甲,A,20,CGJ,,,,电梯,", ["exceptions"]),
    ("A,甲,A,20,CGJ,,,,→ZJJ；电梯→；a→b→ZJJ,", ["exceptions"]),
    ("A,甲,A,20,CGJ,," + "长" * 41 + ",,,", ["keywords"]),
    ("A,,A,,CGJ,,,,,", ["name_zh", "category"]),
]


@pytest.mark.parametrize(("line", "columns"), WRONG)
async def test_a_row_that_names_what_is_not_there_is_told_and_nothing_is_stored(
    catalogue: Catalogue, line: str, columns: list[str]
) -> None:
    outcome = await CatalogueTransfer(catalogue).take(None, file(B, line), dry_run=False)
    assert [(error.row, error.column) for error in outcome.errors] == [(3, c) for c in columns]
    assert not outcome.stored
    assert (await catalogue.current()).version.number == 0


async def test_errors_in_rows_3_and_900_are_both_told_and_nothing_is_stored(
    catalogue: Catalogue,
) -> None:
    lines = [f"M{n},事项{n},Matter {n},20,CGJ,,,,," for n in range(2, 1001)]
    lines[1], lines[898] = "M3,事项,Matter,20,NO,,,,,", "M900,,Matter,20,CGJ,,,,电梯,"
    outcome = await CatalogueTransfer(catalogue).take(None, file(*lines), dry_run=False)
    assert [(error.row, error.column) for error in outcome.errors] == [
        (3, "unit"),
        (900, "name_zh"),
        (900, "exceptions"),
    ]
    assert (await catalogue.current()).version.number == 0


async def test_an_edit_that_names_what_is_not_there_is_refused_by_its_fields(
    catalogue: Catalogue,
) -> None:
    wrong = Matter(
        code="A", name_zh="甲", name_en="A", category="99", unit="NO", helpers=("NO", "SHUT")
    )
    with pytest.raises(Invalid) as refused:
        await catalogue.put(None, wrong, based_on=0)
    assert [field.pointer for field in refused.value.fields] == [
        "/category",
        "/unit",
        "/helpers",
        "/helpers",
        "/helpers",
    ]


@pytest.mark.parametrize("kind", list(SheetKind))
async def test_the_catalogue_that_ships_goes_out_and_in_without_a_change(
    database: Database, clock: ManualClock, kind: SheetKind
) -> None:
    await Categories(database, clock).seed()
    await Units(database, clock).seed()
    catalogue = Catalogue(database, clock)
    await catalogue.seed()
    await catalogue.seed()
    before = await catalogue.current()
    assert before.version.number == 1
    assert len(before.matters) > 200
    transfer = CatalogueTransfer(catalogue)
    outcome = await transfer.take(None, await transfer.give(kind), dry_run=False)
    assert outcome.errors == ()
    assert (await catalogue.current()).version.number == 1


async def test_without_the_units_that_it_names_the_catalogue_that_ships_stays_away(
    catalogue: Catalogue,
) -> None:
    await catalogue.seed()
    assert (await catalogue.current()).version.number == 0


async def test_exemptions_of_several_words_go_out_and_in(catalogue: Catalogue) -> None:
    await catalogue.put(None, NOISE, based_on=0)
    transfer = CatalogueTransfer(catalogue)
    outcome = await transfer.take(None, await transfer.give(SheetKind.csv), dry_run=False)
    assert outcome.errors == ()
    assert (outcome.rows, outcome.changed) == (1, 0)
