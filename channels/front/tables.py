"""Rows of deliveries that were genuine and yet could not be understood."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from infra.kit.database import Row, UtcDateTime


class RefusedDeliveryRow(Row, table=True):
    """A delivery that was refused, kept so that nothing a citizen sent is lost for want of a parser.

    Attributes:
        digest: Keyed, of path and body: what comes again is counted and not kept twice.
        reason_zh: Why it was refused; holds nothing of what was sent.
        request_sealed: Method, path, query, headers and body, as far as it is kept.
        whole: False when the body was larger than what is kept.
    """

    __tablename__ = "refused_deliveries"
    __table_args__ = (
        UniqueConstraint("channel", "digest"),
        Index("ix_refused_deliveries_channel_id", "channel", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    channel: str = Field(max_length=40)
    digest: str = Field(max_length=64)
    reason: str = Field(max_length=60)
    reason_zh: str = Field(max_length=300)
    reason_en: str = Field(max_length=300)
    request_sealed: bytes
    size: int
    whole: bool
    first_at: datetime = Field(sa_type=UtcDateTime, index=True)
    last_at: datetime = Field(sa_type=UtcDateTime)
    times: int = 1
