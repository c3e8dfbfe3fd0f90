"""Rows of files that people have sent."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from infra.kit.database import Row, UtcDateTime, partial_index


class AttachmentRow(Row, table=True):
    """A file; its bytes lie in the store under their SHA-256, once however often they were sent.

    Attributes:
        subject: What it belongs to, e.g. `ticket:7`; None as long as it is only uploaded.
        poster: SHA-256 of a video's first picture, a small JPEG; None without one.
    """

    __tablename__ = "attachments"

    id: int | None = Field(default=None, primary_key=True)
    sha256: str = Field(max_length=64, index=True)
    name: str = Field(max_length=120)
    size: int
    type: str = Field(max_length=100)
    uploaded_by: str = Field(max_length=40)
    uploaded_at: datetime = Field(sa_type=UtcDateTime, index=True)
    subject: str | None = Field(default=None, max_length=100, index=True)
    poster: str | None = Field(default=None, max_length=64)


class MediaRow(Row, table=True):
    """A file that came with a contact and that its provider still has.

    Attributes:
        media_encrypted: What the channel fetches it by.
        next_at: When it is fetched, or tried again.
        attempts: How often a worker took it; its number fences off one that was taken for dead.
        attachment_id: The file, once it was fetched; `gone_at` says when it was known that it never will be.
        error: Slug of what hindered it last.
    """

    __tablename__ = "contact_media"
    __table_args__ = (
        partial_index(
            "ix_contact_media_due", "next_at", where="attachment_id IS NULL AND gone_at IS NULL"
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    contact_id: int = Field(foreign_key="contacts.id", index=True)
    channel: str = Field(max_length=40)
    name: str = Field(max_length=120)
    media_encrypted: bytes
    created_at: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime = Field(sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    error: str | None = Field(default=None, max_length=60)
    attachment_id: int | None = Field(default=None, foreign_key="attachments.id")
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
