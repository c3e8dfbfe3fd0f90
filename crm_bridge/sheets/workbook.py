"""Reads Excel workbooks that strangers send: bounded before they are unpacked, and nothing in them is calculated."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from itertools import repeat
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from crm_bridge.sheets.columns import RowError
from crm_bridge.sheets.limits import Limits, too_large
from infra.kit.errors import Invalid

_LAST_ROW = 1_048_576  # of Excel; a file that claims more would be read for ever
_PART_WITH_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")


def workbook_lines(
    content: bytes, limits: Limits, errors: list[RowError]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells, as text, of every row of the first sheet that is not blank.

    Args:
        content: The file.
        limits: How much is borne.
        errors: Gets those of cells that cannot be read.

    Raises:
        Invalid: It is no workbook, or damaged.
        TooLarge: It unpacks to more than the limits.
    """
    _require_harmless(content, limits)
    try:
        values = _first_sheet(content, limits, calculated=True)
        formulas: Iterable[tuple[Any, ...]] = repeat(())
        if _has_formula(content):
            formulas = _first_sheet(content, limits, calculated=False)
        for number, (cells, written) in enumerate(zip(values, formulas, strict=False), start=1):
            for place, formula in enumerate(written):
                if formula is not None and cells[place] is None:
                    errors.append(_uncalculated(number, place))
            if cells.count(None) < len(cells):
                yield number, [_text(cell) for cell in cells]
    except Exception as error:  # whatever a stranger's file makes of openpyxl's insides
        raise _damaged() from error


def _first_sheet(content: bytes, limits: Limits, *, calculated: bool) -> Iterator[tuple[Any, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions, which nobody here looks at
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=calculated)
    try:
        sheet = book.worksheets[0] if book.worksheets else None
        if sheet is None:
            raise _damaged()
        yield from sheet.iter_rows(
            min_row=1, min_col=1, max_row=_LAST_ROW, max_col=limits.columns, values_only=True
        )
    finally:
        book.close()


def _require_harmless(content: bytes, limits: Limits) -> None:
    """Return if the workbook unpacks to little; only what its directory admits to is ever unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            small = sum(part.file_size for part in parts) <= limits.unpacked
            small = small and len(parts) <= limits.parts
            # A workbook has no document type; one that has brings entities that unpack once more.
            plain = small and not any(
                b"<!DOCTYPE" in archive.read(part)
                for part in parts
                if part.filename.endswith((".xml", ".rels"))
            )
    except Exception as error:  # zipfile raises many kinds, of which not all are documented
        raise _damaged() from error
    if not small:
        raise too_large(f"{limits.unpacked // 1024 // 1024} MiB")
    if not plain:
        raise _damaged()


def _has_formula(content: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return any(
            _PART_WITH_FORMULA.search(archive.read(part))
            for part in archive.infolist()
            if part.filename.startswith("xl/worksheets/")
        )


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value).strip()


def _uncalculated(number: int, place: int) -> RowError:
    return RowError(
        row=number,
        column=get_column_letter(place + 1),
        message_zh="公式没有计算结果：请在 Excel 中打开并保存，或直接填写数值",
        message_en="A formula without a value: open and save the file in Excel, or type the value",
    )


def _damaged() -> Invalid:
    return Invalid(
        "the workbook is damaged or not an .xlsx workbook: save it again in Excel",
        "工作簿已损坏或不是 .xlsx 格式：请在 Excel 中重新保存",
    )
