"""Cursors of lists that are sorted by a moment, with the row's id to tell two of the same moment apart."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import and_, or_

from crm_bridge.forms import LARGEST_ID
from infra.kit.errors import FieldError, Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def cursor_after(at: datetime, row_id: int) -> str:
    """Return the cursor of a list that goes on behind this row."""
    text = f"{(at - _EPOCH) // _MICROSECOND}.{row_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[datetime, int]:
    """Return the moment and the id of the row behind which a list goes on.

    Raises:
        Invalid: The cursor is not one of ours.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        micros, row_id = (int(part) for part in text.split(".", 1))
        at = _EPOCH + micros * _MICROSECOND
    except (ValueError, OverflowError):
        raise _unknown() from None
    if not 0 <= row_id <= LARGEST_ID:
        raise _unknown()
    return at, row_id


def behind(
    moment: Any, row_id: Any, cursor: str | None, *, newest_first: bool = False
) -> list[ColumnElement[bool]]:
    """Return the condition on two columns for what follows a cursor; none at the beginning of the list.

    Args:
        moment: The column that the list is sorted by.
        row_id: The column that tells two of the same moment apart.
        cursor: Where the list goes on.
        newest_first: The list is sorted by both in descending order.

    Raises:
        Invalid: The cursor is not one of ours.
    """
    if cursor is None:
        return []
    at, last = place_of(cursor)
    if newest_first:
        return [or_(moment < at, and_(moment == at, row_id < last))]
    return [or_(moment > at, and_(moment == at, row_id > last))]


def _unknown() -> Invalid:
    return Invalid(
        fields=[
            FieldError(
                pointer="/cursor",
                message_zh="翻页位置无效，请从第一页重新开始",
                message_en="Not a cursor of this list, start again from the first page",
            )
        ]
    )
