from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from crm_bridge.sheets.columns import Column, RowError, join_list, refuse, split_list
from crm_bridge.sheets.limits import Limits
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.writing import SheetKind, kind_of, write
from infra.kit.errors import Invalid, TooLarge

COLUMNS = (
    Column(name="code", title="代码", required=True, longest=8),
    Column(name="name", title="名称", required=True),
    Column(name="note", title="备注"),
)
KINDS = pytest.mark.parametrize("kind", list(SheetKind))


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def values(content: bytes) -> list[tuple[int, tuple[str, ...]]]:
    sheet = read(content, COLUMNS)
    assert sheet.errors == []
    return [(row.number, tuple(row.values.values())) for row in sheet.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_file_is_read_in_every_encoding_that_excel_writes(encoding: str) -> None:
    content = "代码,名称\r\nA1,城管执法局\r\n".encode(encoding)
    assert values(content) == [(2, ("A1", "城管执法局", ""))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_that_of_the_header(delimiter: str) -> None:
    content = delimiter.join(["code", "name"]) + "\n" + delimiter.join(["A1", "甲"])
    assert values(content.encode()) == [(2, ("A1", "甲", ""))]


def test_blank_rows_count_but_are_not_rows() -> None:
    assert values("code,name\n\n,,\nA1,甲\n".encode()) == [(4, ("A1", "甲", ""))]
    book = workbook(("code", "name"), (None, None), ("A1", "甲"))
    assert values(book) == [(3, ("A1", "甲", ""))]


def test_numbers_dates_and_booleans_of_a_workbook_are_read_as_text() -> None:
    rows = (
        ("code", "name", "note"),
        (1010, 2.5, True),
        (7.0, date(2026, 1, 2), datetime(2026, 1, 2, 8, 30)),  # noqa: DTZ001  # a workbook knows no offsets
    )
    assert values(workbook(*rows)) == [
        (2, ("1010", "2.5", "TRUE")),
        (3, ("7", "2026-01-02", "2026-01-02T08:30:00")),
    ]


def test_columns_stand_in_any_order_and_those_not_required_may_be_missing() -> None:
    assert values("名称,code\n甲,A1\n".encode()) == [(2, ("A1", "甲", ""))]


@pytest.mark.parametrize(
    ("header", "column"),
    [("code", "name"), ("code,name,nmae", "nmae"), ("code,name,名称", "name"), ("", "code")],
)
def test_a_header_that_misses_or_adds_a_column_is_named(header: str, column: str) -> None:
    sheet = read(f"{header}\n1,2,3\n".encode(), COLUMNS) if header else read(b"", COLUMNS)
    assert sheet.rows == []
    assert column in {error.column for error in sheet.errors}
    assert {error.row for error in sheet.errors} == {1}


def test_errors_in_rows_3_and_900_are_both_named() -> None:
    lines = ["code,name", *(f"A{n},甲" for n in range(2, 1001))]
    lines[2], lines[899] = "A3,", "TOOLONGCODE,甲\x07"
    sheet = read("\n".join(lines).encode(), COLUMNS)
    assert [(error.row, error.column) for error in sheet.errors] == [
        (3, "name"),
        (900, "code"),
        (900, "name"),
    ]
    with pytest.raises(Invalid) as refused:
        refuse(sheet.errors)
    assert [field.pointer for field in refused.value.fields] == [
        "/rows/3/name",
        "/rows/900/code",
        "/rows/900/name",
    ]
    assert "第 900 行（code）" in refused.value.fields[1].message_zh


@pytest.mark.parametrize("header", ["code,name", "code,name,"])
def test_a_value_below_no_header_is_not_lost_in_silence(header: str) -> None:
    sheet = read(f"{header}\nA1,甲,stray\n".encode(), COLUMNS)
    assert [(error.row, error.column) for error in sheet.errors] == [(2, "C")]


def test_no_error_is_not_refused() -> None:
    refuse(())


def test_errors_are_told_once_and_in_the_order_of_rows() -> None:
    late = RowError(row=900, column="", message_zh="晚", message_en="late")
    early = RowError(row=3, column="", message_zh="早", message_en="early")
    with pytest.raises(Invalid) as refused:
        refuse([late, early, late])
    assert [field.pointer for field in refused.value.fields] == ["/rows/3", "/rows/900"]


@pytest.mark.parametrize(
    "content",
    [
        b'code,name\n"A1,x\n',
        b"\xff\xfe\x00",
        b"code,name\n\x81\xff",
        b"PK\x03\x04 not a workbook at all",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    ],
)
def test_what_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        read(content, COLUMNS)
    assert refused.value.detail_zh


def test_a_zip_file_that_is_no_workbook_is_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(Invalid, match="damaged"):
        read(content.getvalue(), COLUMNS)


@given(st.binary(max_size=200), st.integers(0, 6000))
def test_a_workbook_that_was_damaged_is_refused_or_read(noise: bytes, place: int) -> None:
    content = bytearray(_GOOD)
    content[place : place + len(noise)] = noise
    with suppress(Invalid, TooLarge):
        read(bytes(content), COLUMNS)


_GOOD = workbook(("code", "name"), ("A1", "甲"))


def test_a_zip_bomb_is_refused_before_it_unpacks() -> None:
    content = io.BytesIO(_GOOD)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", bytes(70 * 1024 * 1024))
    assert len(content.getvalue()) < 200_000
    with pytest.raises(TooLarge):
        read(content.getvalue(), COLUMNS)


def test_a_workbook_of_very_many_parts_is_refused() -> None:
    content = io.BytesIO(_GOOD)
    with zipfile.ZipFile(content, "a") as archive:
        for number in range(600):
            archive.writestr(f"xl/{number}.xml", "")
    with pytest.raises(TooLarge):
        read(content.getvalue(), COLUMNS)


def test_a_workbook_with_entities_is_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_GOOD)) as good, zipfile.ZipFile(content, "w") as archive:
        for part in good.infolist():
            text = good.read(part)
            if part.filename == "xl/workbook.xml":
                text = b'<!DOCTYPE a [<!ENTITY b "bbbb">]>' + text
            archive.writestr(part, text)
    with pytest.raises(Invalid, match="damaged"):
        read(content.getvalue(), COLUMNS)


def test_a_cell_at_the_far_end_of_a_workbook_takes_no_time_and_no_memory() -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(["code", "name"])
    book.active.cell(row=1_000_000, column=16_000, value="x")
    book.active.cell(row=200_000, column=1, value="A1")
    book.active.cell(row=200_000, column=2, value="甲")
    content = io.BytesIO()
    book.save(content)
    assert values(content.getvalue()) == [(200_000, ("A1", "甲", ""))]


@pytest.mark.parametrize(
    "limits", [Limits(size=10), Limits(rows=1), Limits(unpacked=10), Limits(parts=1)]
)
def test_a_file_over_a_limit_is_refused(limits: Limits) -> None:
    with pytest.raises(TooLarge):
        read(workbook(("code", "name"), ("A1", "甲"), ("A2", "乙")), COLUMNS, limits)


def test_a_formula_is_read_as_its_value_and_without_one_is_an_error() -> None:
    sheet = read(workbook(("code", "name"), ("A1", "=1+1")), COLUMNS)
    assert ("B", 2) in {(error.column, error.row) for error in sheet.errors}

    content = io.BytesIO()
    source = workbook(("code", "name"), ("A1", "=1+1"))
    with zipfile.ZipFile(io.BytesIO(source)) as good, zipfile.ZipFile(content, "w") as archive:
        for part in good.infolist():
            text = good.read(part).replace(b"<v />", b"<v>2</v>").replace(b"<v></v>", b"<v>2</v>")
            archive.writestr(part, text)
    assert values(content.getvalue()) == [(2, ("A1", "2", ""))]


DANGEROUS = [
    "=1+1",
    "+86 531 1234",
    "-2",
    "@SUM(A1)",
    "＝1",
    "'=x",
    "''+y",
    "=cmd|' /C calc'!A0",
    "' =x",
]


@KINDS
@pytest.mark.parametrize("text", DANGEROUS)
def test_what_a_spreadsheet_would_calculate_comes_back_as_it_was(
    kind: SheetKind, text: str
) -> None:
    content = write(["code", "name"], [["A1", text]], kind)
    assert values(content) == [(2, ("A1", text, ""))]


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_cell_of_an_exported_csv_begins_like_a_formula(text: str) -> None:
    line = write(["code"], [[text]], SheetKind.csv).decode("utf-8-sig").splitlines()[1]
    assert line.lstrip('"').startswith("'")


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_cell_of_an_exported_workbook_is_a_formula(text: str) -> None:
    sheet = load_workbook(io.BytesIO(write(["code"], [[text]], SheetKind.xlsx))).active
    assert sheet is not None
    assert sheet["A2"].data_type == "s"
    assert sheet["A2"].value == text


_TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=20
)


@given(st.lists(st.tuples(_TEXTS, _TEXTS), max_size=5), st.sampled_from(SheetKind))
def test_any_text_is_written_and_read_back(rows: list[tuple[str, str]], kind: SheetKind) -> None:
    columns = (Column(name="a"), Column(name="b"))
    sheet = read(write(["a", "b"], rows, kind), columns)
    assert [(row["a"], row["b"]) for row in sheet.rows] == rows


@KINDS
def test_numbers_stay_numbers_and_moments_keep_their_offset(kind: SheetKind) -> None:
    at = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    content = write(["code", "name", "note"], [[7, -2.5, at]], kind, title="台账")
    (row,) = read(content, COLUMNS).rows
    assert (row["code"], row["name"]) == ("7", "-2.5")
    assert row["note"].endswith("+00:00")


def test_a_csv_file_carries_the_mark_by_which_excel_knows_utf_8() -> None:
    assert write(["a"], [], SheetKind.csv) == b"\xef\xbb\xbfa\r\n"


def test_the_kind_is_told_by_the_ending_of_the_name() -> None:
    assert kind_of("目录.XLSX") is SheetKind.xlsx
    assert kind_of("units.csv") is SheetKind.csv
    with pytest.raises(Invalid):
        kind_of("units.xls")


def test_a_list_in_a_cell_is_separated_by_either_semicolon() -> None:
    assert split_list(" 噪音；油烟 ; 噪音;; ") == ["噪音", "油烟"]
    assert split_list("") == []
    assert split_list(join_list(["噪音", "油烟"])) == ["噪音", "油烟"]
