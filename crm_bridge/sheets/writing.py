"""Writes table files that a spreadsheet opens, shows as they are, and never calculates."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from infra.kit.errors import Invalid

Cell = str | int | float | date | datetime | None


class SheetKind(StrEnum):
    """What sort of table file."""

    xlsx = "xlsx"
    csv = "csv"


MEDIA_TYPES = MappingProxyType(
    {
        SheetKind.xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        SheetKind.csv: "text/csv",
    }
)
"""What each is called over HTTP."""

# What a spreadsheet takes for a formula, with the full-width signs that a Chinese or Japanese one takes too; and what
# the shield itself would be confused with.
_CALCULATED = re.compile(r"'*\s*[=+\-@\t\r＝＋－＠]")
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LONGEST = 32_767


def kind_of(name: str) -> SheetKind:
    """Return the kind that a file's name tells.

    Raises:
        Invalid: It ends neither in .xlsx nor in .csv.
    """
    for kind in SheetKind:
        if name.lower().endswith(f".{kind}"):
            return kind
    raise Invalid("the file's name must end in .xlsx or .csv", "文件名应以 .xlsx 或 .csv 结尾")


def write(
    header: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    kind: SheetKind,
    *,
    title: str = "",
    widths: Mapping[str, int] = MappingProxyType({}),
) -> bytes:
    """Return a table file.

    Args:
        header: Names of the columns.
        rows: Their cells; text stays text, whatever it begins with.
        kind: Which file.
        title: Name of a workbook's sheet.
        widths: Characters that a workbook's column shows, by its name.
    """
    if kind is SheetKind.csv:
        return _csv(header, rows)
    return _workbook(header, rows, title, widths)


def _csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_shielded(cell) for cell in row] for row in rows)
    # With the mark Excel takes it for UTF-8; without, for the machine's own encoding.
    return text.getvalue().encode("utf-8-sig")


def _shielded(cell: Cell) -> Cell:
    """Return a CSV cell that is shown and not calculated; reading takes the apostrophe away again."""
    if isinstance(cell, str):
        cell = _UNWRITABLE.sub("", cell)
        return f"'{cell}" if _CALCULATED.match(cell) else cell
    return cell


def _workbook(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], title: str, widths: Mapping[str, int]
) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title or "Sheet1")
    sheet.freeze_panes = "A2"
    for place, name in enumerate(header, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = widths.get(name, 18)
    bold = Font(bold=True)
    names = [WriteOnlyCell(sheet, value=name) for name in header]
    for cell in names:
        cell.font = bold
    sheet.append(names)
    for row in rows:
        sheet.append([_plain(sheet, cell) for cell in row])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _plain(sheet: WriteOnlyWorksheet, value: Cell) -> object:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.isoformat(sep=" ", timespec="minutes")  # a workbook knows no offsets
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=None)
    cell.value = _UNWRITABLE.sub("", value)[:_LONGEST]
    cell.data_type = "s"  # openpyxl would make a formula of what begins with an equals sign
    return cell
