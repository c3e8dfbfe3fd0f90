"""Follows a mailbox: what comes is taken in once, in order, whatever breaks in between.

How far it has been read is remembered by UID and UIDVALIDITY (RFC 3501, 2.3.1.1). When the server numbers its mails
anew, the last days are read once more, and all since the first mail that could not be taken in; what was taken in
before is known by its identity and not taken in twice. One process of many reads; another goes on when it is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import inf

import structlog
from sqlalchemy.exc import SQLAlchemyError

from channels.contacts.faults import NOT_ITS_OWN
from channels.mailbox.imap import (
    Folder,
    FolderUnknown,
    ImapConnection,
    LoginRefused,
    MailServerAway,
)
from channels.mailbox.rules import FetchedMail, digest
from channels.mailbox.settings import MailboxSettings
from channels.marks.alone import alone
from channels.marks.service import Lease, LeaseLost, Marks
from infra.kit.backoff import Backoff
from infra.kit.clock import Clock
from infra.kit.errors import LianxinError, TryLater

log = structlog.get_logger()

TakeMail = Callable[[FetchedMail], Awaitable[bool]]
"""Takes a mail in; returns whether it was one to be taken in."""

_BACKOFF = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=1))
MOST_LEFT = 200
"""Mails that are tried again now and then; when there are more, the eldest are given up."""

_LEFT_TRIED_EVERY = 600.0
_READ_AGAIN = timedelta(days=2)
"""How much further back than the last look is read when the server numbers its mails anew: it may have been away."""
_FURTHEST_BACK = timedelta(days=30)
"""A mail that was moved here may be years old, and what lies beside it was never meant to be taken in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a folder has been read.

    Attributes:
        uidvalidity: What the UIDs are valid for.
        uid: The last that was dealt with.
        looked_on: The day on which that was.
        left: UIDs of mails that could not be taken in for a fault of their own; they are tried again now and then.
        left_since: The day on which the eldest of them came; None without any.
    """

    uidvalidity: int
    uid: int
    looked_on: date
    left: tuple[int, ...] = ()
    left_since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a mailbox cannot be read just now.

    Attributes:
        since: When it began.
        error: What it is.
    """

    since: datetime
    error: LianxinError


class Follower:
    """Follows a mailbox.

    Args:
        settings: Which.
        marks: Remember how far it was read, and who reads.
        clock: Gives the time.
    """

    def __init__(self, settings: MailboxSettings, marks: Marks, clock: Clock) -> None:
        self._settings = settings
        self._marks = marks
        self._clock = clock
        user = settings.imap_user or settings.address
        self._name = f"mailbox/{digest(f'{user} {settings.imap_host} {settings.folder}')[:16]}"
        self.trouble: Trouble | None = None
        self.looked_at: datetime | None = None

    async def run(self, take: TakeMail) -> None:
        """Take in what comes, until cancelled.

        A mail server that is away or lets nobody in is asked again after a while, ever more rarely.
        """
        failures = 0
        while True:
            before = self.looked_at
            try:
                await alone(self._marks, self._name, lambda lease: self._follow(take, lease))
            except LeaseLost:
                continue
            except (TryLater, SQLAlchemyError, OSError) as error:
                self._note(error)
                failures = 1 if self.looked_at != before else failures + 1
                # A short break is over soon; what somebody must mend first is asked for rarely.
                pause = _BACKOFF.after(failures).total_seconds()
                if isinstance(error, (LoginRefused, FolderUnknown)):
                    pause = max(pause, error.retry_after)
                await asyncio.sleep(pause)

    async def left(self) -> int:
        """Return how many mails could not be taken in and are tried again now and then."""
        mark = await self._marks.get(self._name)
        return len(mark.value["left"]) if mark else 0

    async def _follow(self, take: TakeMail, lease: Lease) -> None:
        connection = ImapConnection(self._settings)
        try:
            folder = await connection.open()
            place = await self._place(connection, folder)
            tried_at = -inf
            while True:
                if self._clock.monotonic() - tried_at >= _LEFT_TRIED_EVERY:
                    place = await self._try_left(connection, place, take, lease)
                    tried_at = self._clock.monotonic()
                place = await self._take_new(connection, place, take, lease)
                self._fine()
                wait = self._settings.poll_seconds
                if place.left:
                    wait = min(wait, _LEFT_TRIED_EVERY)
                if folder.can_idle:
                    await connection.wait(wait)
                else:
                    await asyncio.sleep(wait)
        finally:
            await connection.close()

    async def _place(self, connection: ImapConnection, folder: Folder) -> Place:
        """Return from where the folder is to be read."""
        mark = await self._marks.get(self._name)
        today = self._clock.now().date()
        if mark is not None:
            known = Place(
                uidvalidity=mark.value["uidvalidity"],
                uid=mark.value["uid"],
                looked_on=date.fromisoformat(mark.value["looked_on"]),
                left=tuple(mark.value["left"]),
                left_since=_day(mark.value.get("left_since")),
            )
            if known.uidvalidity == folder.uidvalidity:
                return known
            log.warning("mailbox_numbered_anew", mailbox=self._name, left=len(known.left))
            since = min(known.looked_on, known.left_since or known.looked_on) - _READ_AGAIN
        else:
            since = today - timedelta(days=self._settings.first_days)
        everything = await connection.uids_above(0)
        if mark is None and not self._settings.first_days:
            last = everything[-1] if everything else 0
        else:
            recent = await connection.uids_since(since)
            last = recent[0] - 1 if recent else (everything[-1] if everything else 0)
        return Place(uidvalidity=folder.uidvalidity, uid=last, looked_on=today)

    async def _take_new(
        self, connection: ImapConnection, place: Place, take: TakeMail, lease: Lease
    ) -> Place:
        for uid in await connection.uids_above(place.uid):
            raw = await connection.fetch(uid, self._clock.now())
            taken = await self._take(raw, uid, take) if raw else False
            place = replace(place, uid=uid, looked_on=self._clock.now().date())
            if raw and taken is None:
                place = self._leave(place, raw)
            await self._remember(place, lease)
            if taken and self._settings.mark_seen:
                await connection.mark_seen(uid)
        return place

    async def _try_left(
        self, connection: ImapConnection, place: Place, take: TakeMail, lease: Lease
    ) -> Place:
        for uid in place.left:
            raw = await connection.fetch(uid, self._clock.now())
            taken = await self._take(raw, uid, take) if raw else False
            if taken is None:
                continue
            left = tuple(one for one in place.left if one != uid)
            place = replace(place, left=left, left_since=place.left_since if left else None)
            await self._remember(place, lease)
            if taken and self._settings.mark_seen:
                await connection.mark_seen(uid)
        return place

    def _leave(self, place: Place, raw: FetchedMail) -> Place:
        """Return the place with the mail at it among those that are left."""
        left = (*place.left, place.uid)
        if len(left) > MOST_LEFT:
            log.error("mail_given_up", mailbox=self._name, uid=left[0])
        came_on = max(raw.received_at.date(), place.looked_on - _FURTHEST_BACK)
        since = min(place.left_since or came_on, came_on)
        return replace(place, left=left[-MOST_LEFT:], left_since=since)

    async def _take(self, raw: FetchedMail, uid: int, take: TakeMail) -> bool | None:
        """Take a mail in; return whether it was one to be taken in, None if it could not be for a fault of its own."""
        try:
            return await take(raw)
        except NOT_ITS_OWN:
            raise
        except Exception as error:
            # The mails behind it must not wait for it.
            log.exception("mail_left", mailbox=self._name, uid=uid, error=type(error).__name__)
            return None

    async def _remember(self, place: Place, lease: Lease) -> None:
        value = {
            "uidvalidity": place.uidvalidity,
            "uid": place.uid,
            "looked_on": place.looked_on.isoformat(),
            "left": list(place.left),
            "left_since": place.left_since.isoformat() if place.left_since else None,
        }
        await self._marks.put(self._name, value, lease=lease)

    def _fine(self) -> None:
        if self.trouble is not None:
            log.info("mailbox_followed_again", mailbox=self._name)
        self.trouble = None
        self.looked_at = self._clock.now()

    def _note(self, error: Exception) -> None:
        known = error if isinstance(error, LianxinError) else MailServerAway(type(error).__name__)
        since = self.trouble.since if self.trouble else self._clock.now()
        self.trouble = Trouble(since=since, error=known)
        log.warning("mailbox_not_followed", mailbox=self._name, error=type(error).__name__)


def _day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None
