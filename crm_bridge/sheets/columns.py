"""What a table file is to those who read it: columns that are named, rows that are numbered, errors that are placed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from infra.kit.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """What is wrong in one place of a file.

    Attributes:
        row: As the spreadsheet counts it: 1 is the header; 0 is the file as a whole.
        column: Name of the column; empty when the whole row is meant.
        message_zh: What to do, in Chinese.
        message_en: What to do, in English.
    """

    row: int
    column: str
    message_zh: str
    message_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column that a file has.

    Attributes:
        name: In the header, e.g. `name_zh`.
        title: What the header may say instead, in Chinese, e.g. 名称.
        required: Whether the file must have the column and every row a value in it.
        longest: How many characters a value may have.
    """

    name: str
    title: str = ""
    required: bool = False
    longest: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """One row that is not blank.

    Attributes:
        number: As the spreadsheet counts it; the first below the header is 2.
        values: By the name of the column, every column of the file's kind; without surrounding blanks.
    """

    number: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def error(self, column: str, message_zh: str, message_en: str) -> RowError:
        """Return an error in this row."""
        return RowError(
            row=self.number, column=column, message_zh=message_zh, message_en=message_en
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A file that has been read.

    Attributes:
        rows: In the file's order.
        errors: What was wrong already while reading; add your own, then `refuse`.
    """

    rows: Sequence[SheetRow]
    errors: Sequence[RowError]


def refuse(errors: Iterable[RowError]) -> None:
    """Return if there is no error.

    Raises:
        Invalid: There are; every one is named, in the order of the rows.
    """
    found = in_order(errors)
    if not found:
        return
    raise Invalid(
        f"{len(found)} errors, nothing was stored: mend the rows that are named and send the file again",
        f"共 {len(found)} 处错误，未写入任何内容：请按提示修改后重新上传",
        fields=[
            FieldError(
                pointer=f"/rows/{error.row}/{error.column}".rstrip("/"),
                message_zh=f"第 {error.row} 行{error.column and f'（{error.column}）'}：{error.message_zh}",
                message_en=f"row {error.row}{error.column and f' ({error.column})'}: {error.message_en}",
            )
            for error in found
        ],
    )


def in_order(errors: Iterable[RowError]) -> list[RowError]:
    """Return the errors by row, each once."""
    return sorted(dict.fromkeys(errors), key=lambda error: error.row)


def split_list(text: str) -> list[str]:
    """Return the parts of a cell that holds a list, separated by ；or ; – blanks and repetitions left out."""
    parts = (part.strip() for part in text.replace("；", ";").split(";"))
    return list(dict.fromkeys(part for part in parts if part))


def join_list(parts: Iterable[str]) -> str:
    """Return the cell that `split_list` takes apart again."""
    return "；".join(parts)
