"""Rows of the citizen pages: what was asked for how often, which proofs are spent, and files on their way."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from infra.kit.database import Row, UtcDateTime


class AllowanceRow(Row, table=True):
    """How often something was asked for by one address or number within a span of time.

    Attributes:
        what: What is counted, e.g. `report`.
        who: Digest of the address or number.
        since: When the span began.
    """

    __tablename__ = "citizen_allowances"

    what: str = Field(primary_key=True, max_length=40)
    who: str = Field(primary_key=True, max_length=64)
    since: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime, index=True)
    used: int


class SpentProofRow(Row, table=True):
    """A proof of work that was used; kept for as long as it would hold."""

    __tablename__ = "citizen_proofs"

    id: str = Field(primary_key=True, max_length=40)
    until: datetime = Field(sa_type=UtcDateTime, index=True)


class UploadRow(Row, table=True):
    """A file on its way from a citizen's page.

    Attributes:
        token_digest: Digest of what the page knows it by, and nobody else.
        size: Bytes of the whole file, as the page says.
        received: Bytes that are here.
        attachment_id: The file, once it is here as a whole and was taken.
    """

    __tablename__ = "citizen_uploads"

    id: int | None = Field(default=None, primary_key=True)
    token_digest: str = Field(max_length=64, unique=True)
    name: str = Field(max_length=120)
    size: int
    received: int
    begun_at: datetime = Field(sa_type=UtcDateTime, index=True)
    attachment_id: int | None = Field(default=None, foreign_key="attachments.id")


class UploadPartRow(Row, table=True):
    """One piece of such a file; gone once the file was taken."""

    __tablename__ = "citizen_upload_parts"

    upload_id: int = Field(primary_key=True, foreign_key="citizen_uploads.id")
    start: int = Field(primary_key=True)
    content: bytes
