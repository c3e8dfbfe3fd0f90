"""How much of a stranger's file is borne."""

from __future__ import annotations

from dataclasses import dataclass

from infra.kit.errors import TooLarge


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a file is borne.

    Attributes:
        size: Bytes of the file.
        unpacked: Bytes that a workbook may unpack to.
        parts: Files within a workbook.
        rows: Rows below the header that are not blank.
        columns: Cells in a row; what lies further right is not looked at.
    """

    size: int = 8 * 1024 * 1024
    unpacked: int = 64 * 1024 * 1024
    parts: int = 500
    rows: int = 20_000
    columns: int = 64


def too_large(limit: str) -> TooLarge:
    """Return the refusal that names the limit."""
    return TooLarge(
        f"the file is larger than is taken ({limit}): split it", f"文件超过上限（{limit}）：请拆分"
    )
