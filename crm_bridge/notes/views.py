"""Notes as the API shows them."""

from __future__ import annotations

from datetime import datetime

from infra.kit.http import ApiModel


class NoteView(ApiModel):
    """What somebody outside added; `source` is `open311` or `upstream`."""

    id: int
    source: str
    text: str
    said_at: datetime
    received_at: datetime


class NoteList(ApiModel):
    """The notes of a ticket, the oldest first."""

    items: list[NoteView]
