import pytest

from crm_bridge.categories.service import UNSORTED, Categories
from crm_bridge.categories.sheet import COLUMNS, Category, categories_of
from crm_bridge.categories.transfer import CategoriesTransfer
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.writing import SheetKind
from infra.kit.clock import ManualClock
from infra.kit.database import Database

HEAD = "code,name_zh,name_en,parent\n"


@pytest.fixture
def categories(database: Database, clock: ManualClock) -> Categories:
    return Categories(database, clock)


async def test_empty_table_is_seeded_once(categories: Categories) -> None:
    await categories.seed()
    await categories.load([Category(code="10", name_zh="住房", name_en="Housing", parent=None)])
    await categories.seed()
    found = {category.code: category for category in await categories.all()}
    assert found["10"].name_zh == "住房"
    assert len(found) >= 40
    assert UNSORTED in found


def test_children_may_stand_above_their_parents() -> None:
    content = ("\ufeff" + HEAD + "101,供水,Water,10\n10,公用,Utilities,\n").encode()
    found, errors = categories_of(read(content, COLUMNS).rows, {})
    assert [category.code for category in found] == ["10", "101"]
    assert errors == []


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("code,name\n1,住房\n", [(1, "name"), (1, "name_zh"), (1, "name_en")]),
        (HEAD + "1,住房,,\n", [(2, "name_en")]),
        (HEAD + "1,住房,Housing,,extra\n", [(2, "E")]),
        (HEAD + "1,住房,Housing\n1,住房,Housing,\n", [(3, "code")]),
        (HEAD + "1,住房,Housing,2\n", [(2, "parent")]),
        (HEAD + "1,住房,Housing,1\n", [(2, "parent")]),
        (
            HEAD + "1,住房,Housing,2\n2,市容,City,1\n3,a,b,9\n",
            [(2, "parent"), (3, "parent"), (4, "parent")],
        ),
        (HEAD + "10,公用,Utilities,1001\n", [(2, "parent")]),
    ],
)
async def test_a_file_that_is_no_tree_is_refused_with_every_place_and_not_stored(
    categories: Categories, text: str, places: list[tuple[int, str]]
) -> None:
    await categories.load(
        [
            Category(code="10", name_zh="公用", name_en="Utilities", parent=None),
            Category(code="1001", name_zh="供水", name_en="Water", parent="10"),
        ]
    )
    before = await categories.all()
    transfer = CategoriesTransfer(categories)
    outcome = await transfer.take(None, text.encode(), dry_run=False)
    assert [(error.row, error.column) for error in outcome.errors] == places
    assert not outcome.stored
    assert await categories.all() == before


@pytest.mark.parametrize("kind", list(SheetKind))
async def test_what_is_exported_is_imported_without_a_change(
    categories: Categories, kind: SheetKind
) -> None:
    await categories.seed()
    transfer = CategoriesTransfer(categories)
    outcome = await transfer.take(None, await transfer.give(kind), dry_run=False)
    assert (outcome.added, outcome.changed, outcome.errors) == (0, 0, ())
    assert outcome.rows == len(await categories.all())


async def test_a_dry_run_says_what_it_would_do_and_does_not(categories: Categories) -> None:
    transfer = CategoriesTransfer(categories)
    content = (HEAD + "10,公用,Utilities,\n").encode()
    outcome = await transfer.take(None, content, dry_run=True)
    assert (outcome.added, outcome.stored) == (1, False)
    assert await categories.all() == []
    outcome = await transfer.take(None, content, dry_run=False)
    assert (outcome.added, outcome.stored) == (1, True)
