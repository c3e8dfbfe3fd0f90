"""Rows of files that people have sent."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from infra.kit.database import Row, UtcDateTime


class AttachmentRow(Row, table=True):
    """A file; its bytes lie in the store under their SHA-256, once however often they were sent.

    Attributes:
        subject: What it belongs to, e.g. `ticket:7`; None as long as it is only uploaded.
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


class MediaRow(Row, table=True):
    """A file that came with a contact and that its provider still has.

    Attributes:
        media_encrypted: What the channel fetches it by.
        attachment_id: The file, once it was fetched; `gone_at` says when the provider had it no longer.
    """

    __tablename__ = "contact_media"

    id: int | None = Field(default=None, primary_key=True)
    contact_id: int = Field(foreign_key="contacts.id", index=True)
    channel: str = Field(max_length=40)
    name: str = Field(max_length=120)
    media_encrypted: bytes
    created_at: datetime = Field(sa_type=UtcDateTime)
    attachment_id: int | None = Field(default=None, foreign_key="attachments.id")
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
