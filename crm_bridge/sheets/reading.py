"""Reads table files as offices send them: Excel workbooks, and CSV in UTF-8 or in what a Chinese Excel writes.

Strangers' files are bounded before they are opened: by their own size, by what they unpack to, by rows. Nothing in a
file is calculated: of a formula the value counts that Excel last saw.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from openpyxl.utils import get_column_letter

from crm_bridge.sheets.columns import Column, RowError, Sheet, SheetRow
from crm_bridge.sheets.limits import Limits, too_large
from crm_bridge.sheets.workbook import workbook_lines
from infra.kit.errors import Invalid, NotFound

_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SHIELDED = re.compile(r"'+\s*[=+\-@\t\r＝＋－＠]")

Line = tuple[int, list[str]]


_LIMITS = Limits()


def read_file(path: Path, columns: Sequence[Column], limits: Limits = _LIMITS) -> Sheet:
    """Return the table in a file; see `read`.

    Raises:
        NotFound: There is no such file.
        Invalid: It is not a table file.
        TooLarge: It is larger than the limits.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}", f"找不到文件 {path}")
    with path.open("rb") as file:
        return read(file.read(limits.size + 1), columns, limits)


def read(content: bytes, columns: Sequence[Column], limits: Limits = _LIMITS) -> Sheet:
    """Return the table in the bytes of a workbook (its first sheet) or of a CSV file, whichever they are.

    Args:
        content: The file.
        columns: What its header has, in any order, by name or Chinese title; those that are not required may be
            left out.
        limits: How much is borne.

    Raises:
        Invalid: It is neither, or damaged.
        TooLarge: It is larger than the limits.
    """
    errors: list[RowError] = []
    return _placed(lines_of(content, limits, errors), columns, limits, errors)


def lines_of(content: bytes, limits: Limits, errors: list[RowError]) -> Iterator[Line]:
    """Return the number and the cells of every line of a table, whatever its columns are called; see `read`.

    Args:
        content: The file.
        limits: How much is borne.
        errors: Gets those of cells that cannot be read.

    Raises:
        Invalid: It is no table, or damaged.
        TooLarge: It is larger than the limits.
    """
    if len(content) > limits.size:
        raise too_large(f"{limits.size // 1024} KiB")
    if content.startswith(_OLD_EXCEL):
        raise Invalid(
            "this is an old .xls workbook, or one with a password: save it as .xlsx or CSV without a password",
            "这是旧版 .xls 或加密的工作簿：请另存为不加密的 .xlsx 或 CSV",
        )
    if content.startswith(_ZIP):
        return workbook_lines(content, limits, errors)
    return _csv_lines(_decoded(content), limits)


def _placed(
    lines: Iterator[Line], columns: Sequence[Column], limits: Limits, errors: list[RowError]
) -> Sheet:
    header = next((line for line in lines if any(line[1])), (1, list[str]()))
    places = _places(header, columns, errors)
    rows: list[SheetRow] = []
    for number, cells in lines:
        if not any(cells):
            continue
        if len(rows) >= limits.rows:
            raise too_large(f"{limits.rows} rows / 行")
        if places is not None:
            values = {
                column.name: cells[places[column.name]]
                if places.get(column.name, limits.columns) < len(cells)
                else ""
                for column in columns
            }
            row = SheetRow(number=number, values=values)
            errors += _strays(row, cells, places)
            errors += _wrong_values(row, columns)
            rows.append(row)
    return Sheet(rows=rows, errors=errors)


def _places(
    header: Line, columns: Sequence[Column], errors: list[RowError]
) -> dict[str, int] | None:
    """Return where each column stands; None if the header is of another kind of file."""
    known = {name.casefold(): c.name for c in columns for name in (c.name, c.title) if name}
    number, cells = header
    places: dict[str, int] = {}
    wrong = []
    for place, cell in enumerate(cells):
        name = known.get(cell.casefold())
        if name is not None and name not in places:
            places[name] = place
        elif name is not None:
            wrong.append(_header_error(number, name, "该列出现了两次", "This column comes twice"))
        elif cell:
            wrong.append(
                _header_error(
                    number, cell[:40], "没有这一列，请删除", "There is no such column, remove it"
                )
            )
    for column in columns:
        if column.required and column.name not in places:
            wrong.append(
                _header_error(
                    number,
                    column.name,
                    f"缺少此列{column.title and f'（{column.title}）'}",
                    "This column is missing",
                )
            )
    errors += wrong
    # With a wrong header every row would be wrong; one message says more than thousands.
    return None if wrong else places


def _header_error(number: int, column: str, message_zh: str, message_en: str) -> RowError:
    return RowError(row=number, column=column, message_zh=message_zh, message_en=message_en)


def _wrong_values(row: SheetRow, columns: Iterable[Column]) -> Iterator[RowError]:
    for column in columns:
        value = row[column.name]
        if column.required and not value:
            yield row.error(column.name, "此项必填", "This value is required")
        if len(value) > column.longest:
            yield row.error(
                column.name, f"最多 {column.longest} 个字", f"At most {column.longest} characters"
            )
        if _CONTROL.search(value):
            yield row.error(
                column.name, "含有不可见的控制字符，请删除", "Holds control characters, remove them"
            )


def _strays(row: SheetRow, cells: Sequence[str], places: Mapping[str, int]) -> Iterator[RowError]:
    headed = set(places.values())
    for place, cell in enumerate(cells):
        if cell and place not in headed:
            yield row.error(
                get_column_letter(place + 1),
                "此列没有表头，请删除该值或补上表头",
                "A value below no header: remove it or name its column",
            )


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode(content, "utf-16")  # Excel's "Unicode text"
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _decode(content, "gb18030")


def _decode(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise Invalid(
            "this is neither an .xlsx workbook nor a CSV file in UTF-8 or GB18030",
            "文件既不是 .xlsx 工作簿，也不是 UTF-8 或 GB18030 编码的 CSV",
        ) from None


def _csv_lines(text: str, limits: Limits) -> Iterator[Line]:
    first = text.partition("\n")[0]
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            yield number, [_unshielded(cell.strip()) for cell in cells[: limits.columns]]
    except csv.Error:
        raise Invalid(
            f"row {number + 1} of the CSV file is damaged: look at its quotation marks",
            f"CSV 文件第 {number + 1} 行已损坏：请检查引号",
        ) from None


def _unshielded(cell: str) -> str:
    """Take away the one apostrophe that our own export puts before what a spreadsheet would calculate."""
    return cell[1:] if _SHIELDED.match(cell) else cell
