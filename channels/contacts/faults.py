"""Whose fault it is that a contact cannot be dealt with."""

from __future__ import annotations

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from infra.kit.errors import TryLater

NOT_ITS_OWN = (
    TryLater,
    OperationalError,
    InterfaceError,
    InternalError,
    NoConnectionFree,
    OSError,  # and TimeoutError with it
)
"""The database is away or too slow: no other contact would fare better now. Anything else is this contact's own."""
