"""Who may do what, how long a login lasts, and how many wrong ones are borne."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from infra.kit.identity import Role

_EVERYBODY = frozenset({"figures.read", "catalogue.read"})
_TICKETS = frozenset({"ticket.read", "ticket.write", "file.send"})
_FORWARD = frozenset({"ticket.forward"})
"""Decides where a registered ticket goes: to a unit, to its main ticket, to another platform, or nowhere."""

_OWN_CALLS = frozenset({"call.read", "recording.listen"})
_ANY_CALLS = _OWN_CALLS | {"call.read_any", "recording.listen_any"}
_PHONE = frozenset({"phone.use", "presence.set"})
_TALK = frozenset({"conversation.read", "conversation.handle"})
_POLICE = frozenset({"police.hand_over", "police.read"})
"""Hands a matter to 110, and rings 110 into his own call."""

_OVERSEE = frozenset({"conversation.read", "conversation.watch", "conversation.assign"})
"""Sees every conversation, and gives it to whom he thinks right."""

_WATCH = frozenset({"queue.watch", "ticket.read_any", "rates.read"})
_UNIT = frozenset(
    {
        "ticket.read",
        "unit.work",
        "file.send",
        "ticket.ask_stop",
        "supervision.read",
        "supervision.answer",
        "ticket.reveal_number",
        "rates.read_own",
    }
)
_WAITS = frozenset({"waits.read"})
"""Sees what waits for a decision of his: the boxes of the dispatch desk on which he may act."""

_CENTRE = _WAITS | frozenset(
    {
        "ticket.dispatch",
        "ticket.audit",
        "ticket.ask_stop",
        "ticket.approve_stop",
        "ticket.grant_confidential",
        "supervision.issue",
        "exclusion.propose",
        "exclusion.approve",
        "catalogue.manage",
    }
)

PERMISSIONS: Mapping[Role, frozenset[str]] = MappingProxyType(
    {
        Role.AGENT: _EVERYBODY
        | _TICKETS
        | _FORWARD
        | _OWN_CALLS
        | _PHONE
        | _TALK
        | _POLICE
        | {"number.reveal", "citizen.merge"},
        Role.LEAD: _EVERYBODY
        | _TICKETS
        | _FORWARD
        | _ANY_CALLS
        | _PHONE
        | _TALK
        | _OVERSEE
        | _WATCH
        | _POLICE
        | {
            "number.reveal",
            "citizen.merge",
            "callback.review",
            "board.manage",
            "reply.review",
            "police.watch",
            "device.manage",
        },
        Role.DISPATCHER: _EVERYBODY
        | _TICKETS
        | _FORWARD
        | _ANY_CALLS
        | _OVERSEE
        | _WATCH
        | _CENTRE
        | _POLICE
        | {
            "police.watch",
            "device.manage",
            "number.reveal",
            "citizen.merge",
            "ticket.reveal_number",
            "callback.review",
            "board.manage",
            "reply.review",
            "supervision.read",
        },
        Role.ANALYST: _EVERYBODY | {"queue.watch", "rates.read", "supervision.read"},
        Role.UNIT_CLERK: _EVERYBODY | _UNIT,
        Role.UNIT_HEAD: _EVERYBODY | _UNIT | {"unit.watch", "exclusion.propose"},
        Role.LEADER: _EVERYBODY
        | _WATCH
        | _WAITS
        | {"ticket.read", "ticket.instruct", "ticket.approve_stop", "supervision.read"},
        Role.ADMINISTRATOR: _EVERYBODY
        | {
            "user.manage",
            "queue.watch",
            "unit.manage",
            "catalogue.manage",
            "calendar.manage",
            "webhook.manage",
            "channel.manage",
            "key.manage",
        },
        Role.AUDITOR: _EVERYBODY
        | _ANY_CALLS
        | {"conversation.read", "conversation.watch", "police.read", "police.watch"}
        | {"audit.read", "ticket.read", "ticket.read_any", "rates.read", "supervision.read"},
        Role.MACHINE: frozenset(),
    }
)
"""What each role may do. An administrator keeps the installation and reads neither tickets nor calls."""


UNIT_ROLES = frozenset({Role.UNIT_CLERK, Role.UNIT_HEAD})
"""Those who work for a unit; nobody else has one."""

PEOPLE_ROLES = frozenset(Role) - {Role.MACHINE}
"""What a person can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """How long a login lasts.

    Attributes:
        idle: Ends when nothing was asked and no page was open for this long.
        absolute: Ends this long after the login, whatever happens.
    """

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many wrong logins are borne within a window.

    Attributes:
        per_number: For one staff number, wherever they come from.
        per_address: From one address, whatever the numbers; a whole call centre may share one.
    """

    per_number: int = 8
    per_address: int = 60
    window: timedelta = timedelta(minutes=15)


def wait_before_next(
    failures: Sequence[datetime], limit: int, window: timedelta, now: datetime
) -> timedelta | None:
    """Return how long to wait before another attempt is heard, or None when it is heard now.

    Args:
        failures: When earlier attempts failed or began, in any order.
        limit: How many are borne within `window`.
        window: How far back they count.
        now: The present moment.
    """
    recent = sorted(at for at in failures if now - window < at)
    if len(recent) < limit:
        return None
    return recent[-limit] + window - now
