"""The mayor's mailbox (市长信箱): a mail is a contact, and so is a letter of the city's web pages."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

import structlog
from prometheus_client import CollectorRegistry, Counter

from channels.attachments.rules import ENDINGS
from channels.contacts.rules import Contact, Received
from channels.mailbox.answering import answer_to, recipient_of
from channels.mailbox.checking import findings
from channels.mailbox.fetching import Follower, Trouble
from channels.mailbox.reading import read
from channels.mailbox.rules import (
    CHANNEL,
    FetchedMail,
    Mail,
    contact_of,
    message_id_of,
    passed_over,
)
from channels.mailbox.settings import MailboxSettings
from channels.mailbox.smtp import Smtp
from channels.marks.service import Marks
from channels.protocol import (
    Acknowledgement,
    CannotReply,
    ChannelSettings,
    DeliveryNews,
    DeliveryState,
    FileLimits,
    Finding,
    Mode,
    Reply,
    ReplyKind,
    Sent,
    Take,
)
from infra.kit.clock import Clock
from infra.kit.health import Report

log = structlog.get_logger()

Hear = Callable[[str, Sequence[DeliveryNews]], Awaitable[None]]
"""Is told what became of replies: the channel's name, the news."""

UNANSWERED = "no_automatic_reply"
"""In a contact's `extra`: its sender writes so often that it may be a program, which must not be answered by one."""

_AUTOMATIC = frozenset({ReplyKind.receipt, ReplyKind.progress, ReplyKind.rating})
_MEGABYTE = 1024 * 1024
_HOUR = 3600.0
_MOST_SENDERS = 10_000


class MailboxChannel:
    """Makes contacts of mails, and answers them by mail.

    Letters of the web pages come as contacts of this channel too; they have no mail to answer to, and are answered by a
    new one where the citizen has given an address.

    Args:
        settings: The mailbox.
        marks: Remember how far it was read.
        clock: Gives the time.
        registry: Where the counter is registered.
    """

    name: ClassVar[str] = CHANNEL
    mode: ClassVar[Mode] = Mode.listen
    Settings: ClassVar[type[ChannelSettings]] = MailboxSettings
    carries: ClassVar[FileLimits] = FileLimits(
        # Many mail servers take no more than 25 MB, and base64 makes four bytes of three.
        types=dict.fromkeys(ENDINGS, 10 * _MEGABYTE),
        together=15 * _MEGABYTE,
    )

    def __init__(
        self,
        settings: MailboxSettings,
        marks: Marks,
        clock: Clock,
        *,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._smtp = Smtp(settings)
        self._follower = Follower(settings, marks, clock)
        self._hear: Hear | None = None
        self._recent: OrderedDict[str, deque[float]] = OrderedDict()
        self._mails = Counter(
            "lianxin_mailbox_mails",
            "Mails that were read, by what became of them",
            ["outcome"],
            registry=registry,
        )

    def on_news(self, hear: Hear) -> None:
        """Set who is told when a mail of ours did not arrive."""
        self._hear = hear

    @property
    def trouble(self) -> Trouble | None:
        """Why the mailbox cannot be read just now; None when it can, or when another process reads it."""
        return self._follower.trouble

    @property
    def looked_at(self) -> datetime | None:
        """When this process last looked into the mailbox; None if it has not."""
        return self._follower.looked_at

    async def left(self) -> int:
        """Return how many mails could not be taken in and are tried again now and then."""
        return await self._follower.left()

    def verify(self, raw: FetchedMail) -> None:
        """Return: it lay in our own mailbox, to which we have logged in. Who wrote it is judged by `parse`."""

    def parse(self, raw: FetchedMail) -> Sequence[Contact]:
        """Return the contact of a mail that a person wrote to the city; none of any other."""
        return self._contacts(read(raw, self._settings.authserv_id), raw)

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return an empty answer: nobody waits for one."""
        return Acknowledgement(status=204)

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Answer by mail, in the thread of the citizen's own mail.

        Raises:
            CannotReply: There is no address, or the mail server will never take the mail.
            TryLater: The mail server has not taken it.
            TimeoutError: Nobody can tell whether it has.
        """
        if not self._settings.sends:
            raise CannotReply(
                "no server of outgoing mail is set: mayor_mailbox.smtp_host and mayor_mailbox.address",
                "尚未配置发信服务器（mayor_mailbox.smtp_host、mayor_mailbox.address），无法以邮件回复",
            )
        if reply.kind in _AUTOMATIC and contact.extra.get(UNANSWERED):
            raise CannotReply(
                "this sender writes so often that it may be a program",
                "该发件人来信过于频繁，可能是自动程序，不再自动回复",
            )
        mail = answer_to(contact, reply, self._settings, self._clock.now())
        await self._smtp.send(mail, recipient_of(contact))
        return Sent(provider_id=message_id_of(contact, reply.key, self._settings.domain))

    async def run(self, take: Take) -> None:
        """Take in the mails that come, until cancelled; return at once when there is no mailbox to be read."""
        if self._settings.fetches:
            await self._follower.run(lambda raw: self._take(raw, take))

    async def check(self) -> Sequence[Finding]:
        """Return what an operator should mend; both servers are asked whether they let us in."""
        return await findings(self._settings, self._smtp, await self.left())

    async def health(self) -> Report:
        """Report whether the mailbox can be read; a mail server that is away does not make this process unready."""
        trouble, looked_at = self.trouble, self.looked_at
        if trouble is None:
            reads = looked_at is not None
            return Report(
                ok=True,
                detail_en="followed" if reads else "not followed by this process",
                detail_zh="正在收信" if reads else "本进程未在收信",
                facts={"looked_at": looked_at.isoformat()} if looked_at else {},
            )
        error = trouble.error
        return Report(
            ok=True,
            detail_en=f"cannot be read: {error.detail_en or error.title_en}",
            detail_zh=f"无法收信：{error.detail_zh or error.title_zh}",
            facts={"failing_since": trouble.since.isoformat(), "error": error.slug},
        )

    async def _take(self, raw: FetchedMail, take: Take) -> bool:
        mail = await asyncio.to_thread(read, raw, self._settings.authserv_id)
        if mail.report and self._hear is not None:
            await self._hear(
                self.name, [_news(one.message_id, one.status) for one in mail.report if one.final]
            )
        contacts = self._contacts(mail, raw)
        for contact in contacts:
            await take(self._without_loops(contact))
        return bool(contacts)

    def _contacts(self, mail: Mail, raw: FetchedMail) -> Sequence[Contact]:
        passed = passed_over(mail, self._settings.own)
        self._mails.labels(passed.value if passed else "taken").inc()
        if passed is not None:
            log.info("mail_passed_over", reason=passed.value, mail=mail.identity)
            return ()
        return (contact_of(mail, raw.received_at),)

    def _without_loops(self, contact: Contact) -> Contact:
        """Return the contact, marked when its sender writes more often than people do."""
        if contact.sender is None:
            return contact
        now, sender = self._clock.monotonic(), contact.sender.value
        times = self._recent.setdefault(
            sender, deque(maxlen=self._settings.most_per_sender_and_hour + 1)
        )
        self._recent.move_to_end(sender)
        times.append(now)
        while len(self._recent) > _MOST_SENDERS:
            self._recent.popitem(last=False)
        if len(times) == times.maxlen and times[0] > now - _HOUR:
            return replace(contact, extra={**contact.extra, UNANSWERED: True})
        return contact


def _news(message_id: str, status: str) -> DeliveryNews:
    return DeliveryNews(provider_id=message_id, state=DeliveryState.failed, error_code=status)
