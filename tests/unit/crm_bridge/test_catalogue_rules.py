from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.catalogue.rules import Exemption, Matter, Surroundings, differences, wrongs
from crm_bridge.catalogue.sheet import COLUMNS, cells_of, matters_of
from crm_bridge.categories.sheet import COLUMNS as CATEGORY_COLUMNS
from crm_bridge.categories.sheet import categories_of
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.writing import SheetKind, write
from crm_bridge.units.sheet import COLUMNS as UNIT_COLUMNS
from crm_bridge.units.sheet import units_of
from infra.kit.errors import Invalid

AROUND = Surroundings(
    categories=frozenset({"20", "2001"}),
    units={"CGJ": True, "ZJJ": True, "JJD": True, "SHUT": False},
)
MATTER = Matter(code="A", name_zh="甲", name_en="A", category="20", unit="CGJ")

_letters = st.text(
    st.characters(categories=["L", "N", "P", "S"], exclude_characters=";；、→'"),
    min_size=1,
    max_size=12,
).filter(lambda word: "->" not in word and "=>" not in word)
_words = st.lists(_letters, max_size=4, unique=True).map(tuple)
_units = st.sampled_from(["CGJ", "ZJJ", "JJD"])
_matters = st.builds(
    Matter,
    code=st.text(st.sampled_from("ABC019-_"), min_size=1, max_size=20),
    name_zh=_letters,
    name_en=_letters,
    category=st.sampled_from(["20", "2001"]),
    unit=st.just("CGJ"),
    helpers=st.lists(st.sampled_from(["ZJJ", "JJD"]), max_size=2, unique=True).map(tuple),
    keywords=_words,
    places=_words,
    exemptions=st.lists(
        st.builds(Exemption, words=_words.filter(bool), unit=_units), max_size=3, unique=True
    ).map(tuple),
    basis=st.just("") | _letters,
    remarks=st.just("") | _letters,
    contact=st.just("") | _letters,
)
_catalogues = st.lists(_matters, max_size=6, unique_by=lambda matter: matter.code)


@given(_catalogues, st.sampled_from(SheetKind))
def test_any_catalogue_is_written_and_read_back(matters: list[Matter], kind: SheetKind) -> None:
    header = [column.name for column in COLUMNS]
    sheet = read(write(header, [cells_of(matter) for matter in matters], kind), COLUMNS)
    found, errors = matters_of(sheet.rows, AROUND)
    assert (sheet.errors, errors) == ([], [])
    assert found == matters


@given(_catalogues, _catalogues)
def test_the_differences_lead_from_one_version_to_the_other(
    before: list[Matter], after: list[Matter]
) -> None:
    changes = differences(before, after)
    state = {matter.code: matter for matter in before}
    for change in changes:
        assert state.get(change.code) == change.before
        assert change.before != change.after
        if change.after is None:
            del state[change.code]
        else:
            state[change.code] = change.after
    assert state == {matter.code: matter for matter in after}
    assert [change.code for change in changes] == sorted(change.code for change in changes)
    assert differences(after, after) == []


def test_a_change_names_the_fields_that_differ() -> None:
    (change,) = differences([MATTER], [replace(MATTER, unit="ZJJ", keywords=("新",))])
    assert list(change.fields()) == ["unit", "keywords"]


def test_a_matter_that_stands_has_nothing_wrong() -> None:
    assert list(wrongs(MATTER, AROUND)) == []


@given(st.text(max_size=300))
def test_no_text_makes_an_import_fail_otherwise_than_by_naming_rows(text: str) -> None:
    for columns, parse in (
        (COLUMNS, lambda sheet: matters_of(sheet.rows, AROUND)),
        (UNIT_COLUMNS, units_of),
        (CATEGORY_COLUMNS, lambda sheet: categories_of(sheet.rows, {})),
    ):
        header = ",".join(column.name for column in columns)
        with suppress(Invalid):
            sheet = read(f"{header}\n{text}".encode("utf-8", "replace"), columns)
            parse(sheet)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", *"abcdefgh"])),
        max_size=8,
    ),
    st.dictionaries(st.sampled_from("ghij"), st.sampled_from([None, *"ghij"]), max_size=4),
)
def test_a_tree_without_errors_has_every_parent_before_its_child(
    edges: list[tuple[str, str]], known: dict[str, str | None]
) -> None:
    lines = [f"{code},名,name,{parent}" for code, parent in edges]
    sheet = read("\n".join(["code,name_zh,name_en,parent", *lines]).encode(), CATEGORY_COLUMNS)
    filed, errors = categories_of(sheet.rows, known)
    if errors:
        return
    there = set(known)
    for category in filed:
        assert category.parent is None or category.parent in there
        there.add(category.code)
