"""The PBX's mailbox: what happened while nobody listened, kept in AstDB until we have committed it.

The dialplan writes an entry to AstDB before it raises the event of the same content. Both ways lead
here: live events at once, the whole tree on every connect. An entry is handed to its taker until the
taker says that it is committed, and only then deleted; so it arrives at least once, and takers must
be idempotent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import structlog

from infra.kit.errors import Invalid, LianxinError
from telephony.ami.errors import ActionRefused
from telephony.ami.events import LianxinEvent, LinkUp
from telephony.ami.link import AmiLink
from telephony.ami.lists import tree
from telephony.calls.rules import Direction
from telephony.numbers import PhoneNumber

log = structlog.get_logger()

_CALLS = "lianxin/call"
_RETRY_SECONDS = 5.0
_DIRECTIONS = {"in": Direction.inbound, "out": Direction.outbound, "callback": Direction.callback}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCall:
    """A call that is over, as the dialplan summed it up.

    Attributes:
        caller: The citizen's number; None when withheld.
        queue: The queue it reached; None when it never did.
        offered_at: When it entered the queue, or, without one, when it began.
        recording: Path below the recordings folder; None when nothing was recorded.
    """

    linkedid: str
    direction: Direction
    caller: PhoneNumber | None
    queue: str | None
    agent: str | None
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    recording: str | None
    hangup_cause: int | None


Taker = Callable[[EndedCall], Awaitable[bool]]
"""Commits an entry and returns True, or returns False to be asked again later; idempotent."""


class Mailbox:
    """Empties the calls of one Asterisk's mailbox into a taker.

    Pressed keys and attempts are kept in the same AstDB, but are read by the dialer, whose caller
    says when they may go.

    Args:
        link: The Asterisk.
        take: Who commits.
    """

    def __init__(self, link: AmiLink, take: Taker) -> None:
        self._link = link
        self._take = take
        self._waiting: dict[str, EndedCall] = {}
        self._wanted = asyncio.Event()
        self._look = False
        self._emptied = asyncio.Event()
        link.subscribe([LinkUp], self._link_up)
        link.subscribe([LianxinEvent], self._hear)

    async def run(self) -> None:
        """Hand on what comes, until cancelled."""
        done = False
        while True:
            try:
                async with asyncio.timeout(None if done else _RETRY_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                log.debug("mailbox.again", waiting=len(self._waiting))
            self._wanted.clear()
            try:
                await self._look_inside()
                done = await self._empty()
                if done and not self._look:
                    self._emptied.set()
            except LianxinError as error:
                log.warning("mailbox.failed", error=type(error).__name__)
                done = False

    async def emptied(self) -> None:
        """Return when all that lay in it when the link last came up has been committed."""
        await self._emptied.wait()

    def _link_up(self, _event: LinkUp) -> None:
        self._look = True
        self._emptied.clear()
        self._wanted.set()

    def _hear(self, event: LianxinEvent) -> None:
        if event.name == "LianxinCallEnded":
            fields = {name.lower(): value for name, value in event.fields.items()}
            self._put(fields["call"], fields)
            self._wanted.set()

    async def _look_inside(self) -> None:
        if self._look:
            for path, value in (await tree(self._link, _CALLS)).items():
                self._put(path.removeprefix(f"{_CALLS}/"), dict(parse_qsl(value)))
            self._look = False

    def _put(self, linkedid: str, fields: Mapping[str, str]) -> None:
        try:
            self._waiting[linkedid] = _ended_call(linkedid, fields)
        except (KeyError, ValueError):
            # It stays in AstDB for a person to look at, and is not shown here: it holds a number.
            log.error("mailbox.unreadable", linkedid=linkedid)  # noqa: TRY400  # a trace would show the value

    async def _empty(self) -> bool:
        """Return whether everything that waited has been committed."""
        for linkedid, call in list(self._waiting.items()):
            if not await self._take(call):
                return False
            try:
                await self._link.send("DBDel", {"Family": _CALLS, "Key": linkedid})
            except ActionRefused:
                log.debug("mailbox.gone", linkedid=linkedid)
            self._waiting.pop(linkedid, None)
        return True


def _ended_call(linkedid: str, fields: Mapping[str, str]) -> EndedCall:
    ended = _moment(fields.get("ended", ""))
    offered = _moment(fields.get("queued", "")) or _moment(fields.get("offered", ""))
    if ended is None or offered is None:
        raise ValueError("a call that has ended has a beginning and an end")
    return EndedCall(
        linkedid=linkedid,
        direction=_DIRECTIONS[fields["direction"]],
        caller=_citizen(fields),
        queue=fields.get("queue") or None,
        agent=fields.get("agent") or None,
        offered_at=offered,
        answered_at=_moment(fields.get("answered", "")),
        ended_at=ended,
        recording=fields.get("recording") or None,
        hangup_cause=int(fields.get("cause") or 0) or None,
    )


def _citizen(fields: Mapping[str, str]) -> PhoneNumber | None:
    number = fields.get("called" if fields["direction"] == "out" else "caller", "")
    try:
        return PhoneNumber.parse(number)
    except Invalid:
        return None


def _moment(epoch: str) -> datetime | None:
    return datetime.fromtimestamp(float(epoch), UTC) if epoch else None
