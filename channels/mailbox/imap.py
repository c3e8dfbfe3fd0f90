"""One connection to an IMAP server (RFC 3501), each command with a deadline.

imap-tools, and Python's own imaplib below it, wait in blocking calls; each connection has one thread for them. Whoever
is cancelled or has waited too long breaks the connection, which wakes the thread; such a connection is thrown away.
"""

from __future__ import annotations

import asyncio
import imaplib
import re
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from io import BufferedReader
from typing import Any, TypeVar

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError

from channels.mailbox.rules import FetchedMail
from channels.mailbox.settings import MailboxSettings, Security
from infra.kit.errors import TryLater

T = TypeVar("T")

_UIDVALIDITY = re.compile(rb"\d{1,10}")
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,12})")
_INTERNAL_DATE = re.compile(rb'INTERNALDATE "([^"]{10,40})"')
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_FAILURES = (ImapToolsError, imaplib.IMAP4.error, OSError, ValueError)
_WAKE_SECONDS = 5.0
_REFUSED_WAITS = 300.0
"""Seconds; who asks a provider more often with a wrong password is locked out."""


class MailServerAway(TryLater):
    """The mail server does not answer, or not as it should."""

    slug = "mail-server-away"
    title_zh = "邮件服务器无法连接或应答异常，将自动重试"
    title_en = "The mail server does not answer as it should; it is tried again"


class LoginRefused(TryLater):
    """The mail server does not let us in."""

    slug = "mail-login-refused"
    title_zh = "邮件服务器拒绝登录：请检查用户名和密码（授权码）以及是否已开通 IMAP/SMTP"
    title_en = "The mail server refuses the login: look at user and password, and whether IMAP/SMTP is switched on"


class FolderUnknown(TryLater):
    """The mailbox has no such folder."""

    slug = "mail-folder-unknown"
    title_zh = "邮箱中没有所设置的文件夹"
    title_en = "The mailbox has no folder of the name that is set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder as the server tells of it.

    Attributes:
        uidvalidity: While it stays the same, a UID means the same mail.
        can_idle: Whether the server tells of new mail by itself.
    """

    uidvalidity: int
    can_idle: bool


class ImapConnection:
    """A connection to a folder.

    Args:
        settings: Where it is, and who we are.
    """

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="imap")
        self._box: BaseMailBox | None = None
        self._broken = False

    async def open(self) -> Folder:
        """Connect, log in and open the folder.

        Raises:
            LoginRefused: The server does not let us in.
            FolderUnknown: There is no such folder.
            MailServerAway: It does not answer as it should.
        """
        return await self._do(self._open)

    async def uids_above(self, uid: int) -> list[int]:
        """Return the UIDs above one, in their order."""

        def search(box: BaseMailBox) -> list[int]:
            box.client.noop()  # now the server may tell of what came meanwhile
            _was_told(box.client)  # which the search is about to find
            # `*` is the highest there is, also when that is lower than the first of the range.
            return _above(box.uids(f"UID {uid + 1}:*", charset=None), uid)

        return await self._do(lambda: search(self._require()))

    async def uids_since(self, day: date) -> list[int]:
        """Return the UIDs of the mails that came on a day or later, in their order."""
        since = f"{day.day:02}-{_MONTHS[day.month - 1]}-{day.year}"
        return await self._do(
            lambda: _above(self._require().uids(f"SINCE {since}", charset=None), 0)
        )

    async def fetch(self, uid: int, now: datetime) -> FetchedMail | None:
        """Return a mail, without marking it as read; None when it is gone.

        Args:
            uid: Which.
            now: Counts as the time at which it came if the server does not say, or says one in the future.
        """
        return await self._do(lambda: self._fetch(uid, now), slow=True)

    async def mark_seen(self, uid: int) -> None:
        """Mark a mail as read, if the server lets us: a courtesy to whoever looks into the mailbox too."""
        await self._do(lambda: self._client().uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Seen)"))

    async def wait(self, seconds: float) -> None:
        """Return when the server tells of something, or after some seconds; at once if it has since the last search."""
        deadline = seconds + self._settings.deadline_seconds
        await self._do(lambda: self._idle(seconds), seconds=deadline)

    async def close(self) -> None:
        """Say goodbye if there is time, and end the connection in any case."""
        if self._box is not None:
            with suppress(TryLater):
                await self._do(lambda: self._client().logout(), seconds=_WAKE_SECONDS)
        self._break()
        self._thread.shutdown(wait=False)

    def _open(self) -> Folder:
        settings = self._settings
        self._box = box = _connect(settings)
        if self._broken:  # nobody waits for it any more
            raise ConnectionError("given up")
        user = settings.imap_user or settings.address
        try:
            box.login(user, settings.imap_password.get_secret_value(), initial_folder=None)
        except MailboxLoginError:
            raise LoginRefused(retry_after=_REFUSED_WAITS) from None
        capabilities = _capabilities(box.client)
        if "ID" in capabilities:
            # NetEase's servers open no folder for whom does not say what he is.
            box.client.xatom("ID", '("name" "Lianxin" "vendor" "Lianxin")')
        try:
            box.folder.set(settings.folder)
        except MailboxFolderSelectError:
            raise FolderUnknown(retry_after=_REFUSED_WAITS) from None
        _, told = box.client.response("UIDVALIDITY")
        found = _UIDVALIDITY.search(told[0] or b"")
        if found is None:
            raise ValueError("the server tells no UIDVALIDITY")
        return Folder(uidvalidity=int(found[0]), can_idle=settings.idle and "IDLE" in capabilities)

    def _idle(self, seconds: float) -> None:
        box = self._require()
        # A mail that came during a search or while others were marked was told of then, and is not told of again.
        if _was_told(box.client):
            return
        box.idle.start()  # type: ignore[no-untyped-call]  # imap-tools has not typed it
        # What came in one piece with the server's consent lies in the buffer, where `poll` does not look.
        if not _was_told(box.client) and not _is_buffered(box.client):
            box.idle.poll(timeout=seconds)
        box.idle.stop()  # type: ignore[no-untyped-call]  # imap-tools has not typed it

    def _fetch(self, uid: int, now: datetime) -> FetchedMail | None:
        part = f"BODY.PEEK[]<0.{self._settings.largest}>"
        answer = _ok(self._client().uid("FETCH", str(uid), f"(RFC822.SIZE INTERNALDATE {part})"))
        for piece in answer:
            if isinstance(piece, tuple):
                # What follows the mail's bytes may belong to its description too.
                told = b" ".join(one[0] if isinstance(one, tuple) else one or b"" for one in answer)
                size = _SIZE.search(told)
                return FetchedMail(
                    content=bytes(piece[1]),
                    size=int(size[1]) if size else len(piece[1]),
                    received_at=_came_at(told, now),
                )
        return None

    async def _do(
        self, work: Callable[[], T], *, seconds: float | None = None, slow: bool = False
    ) -> T:
        deadline = seconds or self._settings.deadline_seconds * (10 if slow else 1)
        doing = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            async with asyncio.timeout(deadline):
                return await asyncio.shield(doing)
        except TryLater:
            self._break()
            raise
        except _FAILURES as error:
            self._break()
            raise MailServerAway(f"{self._settings.imap_host}: {type(error).__name__}") from error
        except asyncio.CancelledError:
            self._break()
            raise
        finally:
            if not doing.done():
                with suppress(Exception, TimeoutError):
                    async with asyncio.timeout(_WAKE_SECONDS):
                        await asyncio.shield(doing)
            if doing.done() and not doing.cancelled():
                doing.exception()  # seen

    def _break(self) -> None:
        self._broken = True
        box, self._box = self._box, None
        if box is not None:
            with suppress(OSError):
                box.client.sock.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                box.client.shutdown()

    def _require(self) -> BaseMailBox:
        if self._box is None:
            raise ConnectionError("the connection is closed")
        return self._box

    def _client(self) -> imaplib.IMAP4:
        return self._require().client


def _connect(settings: MailboxSettings) -> BaseMailBox:
    host, port, timeout = settings.imap_host, settings.imap_port, settings.deadline_seconds
    if settings.imap_security is Security.none:
        return MailBoxUnencrypted(host, port, timeout=timeout)
    trusted = trusting(settings)
    if settings.imap_security is Security.starttls:
        return MailBoxStartTls(host, port, timeout=timeout, ssl_context=trusted)
    return MailBox(host, port, timeout=timeout, ssl_context=trusted)


def trusting(settings: MailboxSettings) -> ssl.SSLContext:
    """Return whom a connection trusts: the system's authorities, and the city's own if it has one."""
    trusted = ssl.create_default_context()
    if settings.ca_file:
        trusted.load_verify_locations(settings.ca_file)
    return trusted


def _capabilities(client: imaplib.IMAP4) -> frozenset[str]:
    return frozenset(
        b" ".join(one or b"" for one in _ok(client.capability())).decode().upper().split()
    )


def _was_told(client: imaplib.IMAP4) -> bool:
    """Return whether the server has told of new mail since this was last asked."""
    _, told = client.response("EXISTS")
    return told != [None]


def _is_buffered(client: imaplib.IMAP4) -> bool:
    waits = client.sock.gettimeout()
    client.sock.settimeout(0)
    try:
        return isinstance(client.file, BufferedReader) and bool(client.file.peek(1))
    except OSError:  # TLS says so that nothing is there
        return False
    finally:
        client.sock.settimeout(waits)


def _above(uids: list[str], uid: int) -> list[int]:
    return sorted(number for number in map(int, uids) if number > uid)


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    result, pieces = answer
    if result != "OK":
        raise ConnectionError(f"the server answers {result}")
    return pieces


def _came_at(told: bytes, now: datetime) -> datetime:
    found = _INTERNAL_DATE.search(told)
    try:
        came = (
            parsedate_to_datetime(found[1].decode("ascii").strip().replace("-", " ", 2))
            if found
            else now
        )
    except ValueError:
        return now
    if came.tzinfo is None:
        came = came.replace(tzinfo=UTC)
    return min(came.astimezone(UTC), now)
