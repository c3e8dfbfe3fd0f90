"""Agents as the PBX sees them: a telephone each, in the queue or not, paused or not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Protocol


class Availability(StrEnum):
    """What the queue should do with an agent."""

    available = "available"  # give calls
    paused = "paused"  # keep in the queue, give none
    absent = "absent"  # the telephone stays, the queue forgets it


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPhone:
    """The telephone that a logged-in agent should have.

    Attributes:
        number: 工号, digits only; the SIP account is `agent-<number>`.
        name: Shown on other telephones.
        secret: SIP password of this login.
        reason: Code of the pause reason; only with `paused`.
    """

    number: str
    name: str = field(repr=False)
    secret: str = field(repr=False)
    availability: Availability
    reason: str | None = None

    def __post_init__(self) -> None:
        if not (self.number.isascii() and self.number.isdigit()):
            raise ValueError("an agent's number is digits only")


class Roster(Protocol):
    """Who is logged in; the truth that the PBX is made to follow."""

    async def phones(self) -> Sequence[AgentPhone]:
        """Return the telephone of every agent who is logged in now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One AstDB entry out of which Asterisk's sorcery makes part of a telephone."""

    family: str
    key: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """An agent's place in the queue."""

    paused: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action that brings the PBX nearer to the roster."""

    action: str
    fields: Mapping[str, str] = field(repr=False)
    agent: str


FAMILIES = ("ps/auth", "ps/aor", "ps/endpoint")
"""In this order they are made: an endpoint is nothing without the other two."""


def account_name(number: str) -> str:
    """Return the SIP account of an agent; it is also the name of the queue's member."""
    return f"agent-{number}"


def accounts(phone: AgentPhone) -> Sequence[Account]:
    """Return what AstDB must hold for this telephone to exist: a WebRTC endpoint with one contact."""
    return _accounts(phone.number, phone.name, phone.secret)


@lru_cache(maxsize=4096)
def _accounts(number: str, shown_name: str, secret: str) -> Sequence[Account]:
    # Kept: it is the costly part of looking at five hundred telephones that have not changed.
    name = account_name(number)
    shown = re.sub(r'["<>\\]', "", shown_name)
    auth = {"auth_type": "userpass", "username": name, "password": secret}
    aor = {"max_contacts": "1", "remove_existing": "yes"}
    endpoint = {
        "aors": name,
        "auth": name,
        "callerid": f'"{shown}" <{number}>',
        "context": "from-agent",
        "disallow": "all",
        "allow": "opus,ulaw,alaw",
        "webrtc": "yes",
        "dtls_auto_generate_cert": "yes",
        "direct_media": "no",
        "rtp_timeout": "60",
        "language": "zh",
    }
    return tuple(
        Account(family=family, key=name, value=json.dumps(value, sort_keys=True))
        for family, value in zip(FAMILIES, (auth, aor, endpoint), strict=True)
    )


def steps_away(
    phones: Sequence[AgentPhone],
    stored: Mapping[str, str],
    members: Mapping[str, Membership],
    queue: str,
) -> list[Step]:
    """Return the actions that take from the PBX what the roster does not name.

    Args:
        phones: The roster.
        stored: AstDB's entries below `ps`, by path.
        members: The queue's members, by 工号.
        queue: Name of the queue.
    """
    wanted = {phone.number: phone for phone in phones}
    found = {number for path in stored if (number := _number_of(path)) is not None}
    plan: list[Step] = []
    for number in sorted(members.keys() - {n for n, p in wanted.items() if _in_queue(p)}):
        plan.append(_queue_step("QueueRemove", queue, number))
    for number in sorted(found - wanted.keys()):
        for family in reversed(FAMILIES):
            fields = {"Family": family, "Key": account_name(number)}
            if f"{family}/{account_name(number)}" in stored:
                plan.append(Step(action="DBDel", fields=fields, agent=number))
    return plan


def steps_for(
    phone: AgentPhone,
    stored: Mapping[str, str],
    members: Mapping[str, Membership],
    queue: str,
) -> list[Step]:
    """Return the actions that give one agent what the roster says; none when he has it.

    Args:
        phone: His telephone, as the roster says.
        stored: As for `steps_away`.
        members: As for `steps_away`.
        queue: As for `steps_away`.
    """
    plan = _mint(phone, stored)
    if _in_queue(phone):
        plan += _seat(phone, members.get(phone.number), queue)
    return plan


def _in_queue(phone: AgentPhone) -> bool:
    return phone.availability is not Availability.absent


def _number_of(path: str) -> str | None:
    found = re.fullmatch(r"ps/(?:endpoint|auth|aor)/agent-(\d+)", path)
    return found[1] if found else None


def _mint(phone: AgentPhone, stored: Mapping[str, str]) -> list[Step]:
    return [
        Step(
            action="DBPut",
            fields={"Family": account.family, "Key": account.key, "Val": account.value},
            agent=phone.number,
        )
        for account in accounts(phone)
        if stored.get(f"{account.family}/{account.key}") != account.value
    ]


def _seat(phone: AgentPhone, member: Membership | None, queue: str) -> list[Step]:
    paused = phone.availability is Availability.paused
    reason = (phone.reason or "") if paused else ""
    seated: list[Step] = []
    if member is None:
        # Paused from the first moment, or the queue may ring an agent who is not there.
        name = account_name(phone.number)
        flag = "true" if paused else "false"
        seated.append(_queue_step("QueueAdd", queue, phone.number, MemberName=name, Paused=flag))
        member = Membership(paused=paused, reason="")
    if member != Membership(paused=paused, reason=reason):
        flag = "true" if paused else "false"
        seated.append(_queue_step("QueuePause", queue, phone.number, Paused=flag, Reason=reason))
    return seated


def _queue_step(action: str, queue: str, number: str, **fields: str) -> Step:
    interface = f"PJSIP/{account_name(number)}"
    return Step(
        action=action, fields={"Queue": queue, "Interface": interface, **fields}, agent=number
    )
