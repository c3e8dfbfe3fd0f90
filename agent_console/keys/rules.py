"""Bearer keys of other systems: what one may be allowed, how its token looks, how often it may ask. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from infra.kit.identity import Principal, Role

SCOPES = frozenset(
    {
        "catalogue.read",
        "contact.write",
        "figures.read",
        "file.send",
        "open311.write",
        "rates.read",
        "supervision.read",
        "ticket.read",
        "ticket.read_any",
        "ticket.write",
        "upstream.exchange",
    }
)
"""The permissions that a key may carry; whatever takes a person's judgement or shows a number is not among them."""

UNIT_SCOPES = frozenset(
    {"catalogue.read", "file.send", "rates.read_own", "ticket.read", "unit.work"}
)
"""Those of a unit's own system, which acts for that unit and sees no more than the unit does."""

PER_MINUTE = 600
"""How often a key may ask if nothing else is said."""

_TOKEN = re.compile(r"lx_([1-9][0-9]{0,9})_([A-Za-z0-9_-]{43})")
_LARGEST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key, without its secret.

    Attributes:
        id: Part of its token, and its name in the audit log (`key:7`).
        name: Which system uses it.
        scopes: The permissions it carries.
        unit: Code of the unit that it acts for, if any.
        per_minute: How many requests a minute are borne.
        created_at: When it was made.
        created_by: 工号 of who made it; None: the command line.
        expires_at: When it ends by itself, if ever.
        revoked_at: When it was taken back, if it was.
        last_used_at: When it was last seen in use, to the minute; None if never.
    """

    id: int
    name: str
    scopes: frozenset[str]
    unit: str | None
    per_minute: int
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def holds(self, now: datetime) -> bool:
        """Return whether the key opens anything at this moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def principal(self) -> Principal:
        """Return who asks when this key is shown."""
        return Principal(
            user_id=0,  # no account; no row of one is 0
            number=f"key:{self.id}",
            name=self.name,
            role=Role.MACHINE,
            permissions=self.scopes,
            unit=self.unit,
        )


def token_of(key_id: int, secret: str) -> str:
    """Return what the other system sends after `Bearer`."""
    return f"lx_{key_id}_{secret}"


def key_id_of(token: str) -> int | None:
    """Return the id that a token names, or None if it does not look like one of ours."""
    found = _TOKEN.fullmatch(token)
    key_id = int(found[1]) if found else 0
    return key_id if 0 < key_id <= _LARGEST_ID else None


def wrong_scopes(scopes: frozenset[str], unit: str | None) -> frozenset[str]:
    """Return which of these a key may not carry; with a unit it carries the unit's, without one the others."""
    return scopes - (SCOPES if unit is None else UNIT_SCOPES)


class Allowance:
    """How many requests are still borne: a minute's worth at once, refilled evenly.

    Args:
        per_minute: The rate.
        now: Monotonic seconds.
    """

    def __init__(self, per_minute: int, now: float) -> None:
        self._most = float(per_minute)
        self._left = self._most
        self._at = now

    def take(self, now: float) -> float:
        """Count one request; return 0 if it is borne, else the seconds to wait before the next try."""
        a_second = self._most / 60
        self._left = min(self._most, self._left + (now - self._at) * a_second)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / a_second
