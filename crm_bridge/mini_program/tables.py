"""Rows of the mini program: who has logged in, and which reports and files are whose."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from infra.kit.database import Row, UtcDateTime


class MiniPersonRow(Row, table=True):
    """Somebody who has logged in with WeChat.

    Attributes:
        digest: Of his openid; nothing else points to him.
        sealed: Openid, unionid and the number that WeChat has vouched for, as sealed JSON.
    """

    __tablename__ = "mini_people"

    digest: str = Field(primary_key=True, max_length=64)
    sealed: bytes
    changed_at: datetime = Field(sa_type=UtcDateTime)


class MiniSessionRow(Row, table=True):
    """One login; what the telephone shows is known by its digest only."""

    __tablename__ = "mini_sessions"

    token_digest: str = Field(primary_key=True, max_length=64)
    person: str = Field(max_length=64, foreign_key="mini_people.digest", index=True)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class MiniReportRow(Row, table=True):
    """Whose a report is, also one that names nobody: by it he finds its ticket again.

    Attributes:
        external_id: What the channel knows the report by.
    """

    __tablename__ = "mini_reports"

    external_id: str = Field(primary_key=True, max_length=64)
    person: str = Field(max_length=64, foreign_key="mini_people.digest", index=True)
    at: datetime = Field(sa_type=UtcDateTime)


class MiniFileRow(Row, table=True):
    """Whose a file is that was sent for a report."""

    __tablename__ = "mini_files"

    attachment_id: int = Field(primary_key=True)
    person: str = Field(max_length=64, foreign_key="mini_people.digest")
    at: datetime = Field(sa_type=UtcDateTime, index=True)
