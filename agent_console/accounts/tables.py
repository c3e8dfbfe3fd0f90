"""Rows of accounts, logins and wrong logins."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from infra.kit.database import Row, StrEnumType, UtcDateTime
from infra.kit.identity import Role


class UserRow(Row, table=True):
    """A person who may log in."""

    __tablename__ = "users"

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(unique=True, max_length=20)
    name: str = Field(max_length=40)
    role: Role = Field(sa_type=StrEnumType(Role))
    unit: str | None = Field(default=None, max_length=20, foreign_key="units.code", index=True)
    password_hash: str = Field(max_length=200)
    disabled: bool = Field(default=False)
    created_at: datetime = Field(sa_type=UtcDateTime)


class SessionRow(Row, table=True):
    """One login. Only a digest of the cookie's token is kept; a copy of the table logs nobody in."""

    __tablename__ = "sessions"

    id: int | None = Field(default=None, primary_key=True)
    token_digest: str = Field(unique=True, max_length=64)
    user_id: int = Field(foreign_key="users.id", index=True)
    phone_secret: bytes | None = Field(default=None)
    started_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)


class LoginAttemptRow(Row, table=True):
    """A login that has not succeeded: it failed, or is being checked at this moment."""

    __tablename__ = "login_attempts"

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(max_length=20, index=True)
    address: str = Field(max_length=64, index=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
