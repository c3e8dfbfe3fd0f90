import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from uuid import uuid4

import pytest
from imap_tools.imap_utf7 import utf7_encode
from pydantic import SecretStr

from channels.contacts.rules import Contact, Received
from channels.mailbox import checking, fetching
from channels.mailbox.channel import UNANSWERED, MailboxChannel
from channels.mailbox.imap import LoginRefused
from channels.mailbox.settings import MailboxSettings, Security
from channels.marks.memory import MemoryMarks
from channels.protocol import DeliveryNews, DeliveryState
from infra.kit.clock import Clock, ManualClock, SystemClock
from infra.kit.errors import TryLater
from tests.mail_servers import PASSWORD, DovecotServer, Sink
from tests.parts import wait_until

CLOCK = SystemClock()


def letter(subject: str, text: str = "滨江路 18 号的路灯不亮。", **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = headers.pop("sender", "李明 <liming@citizen.example>")
    mail["To"] = "mayor@linjiang.example"
    mail["Subject"] = subject
    mail["Message-ID"] = headers.pop("message_id", f"<{uuid4().hex}@citizen.example>")
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


class Desk:
    """Takes contacts in and remembers them, once each, as the intake does."""

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}
        self.asked = self.deliveries = 0
        self.fails: Callable[[Contact], Exception | None] = lambda _contact: None
        self.changed = asyncio.Condition()

    async def take(self, contact: Contact) -> Received:
        self.asked += 1
        error = self.fails(contact)
        if error is not None:
            raise error
        self.deliveries += 1
        first = contact.external_id not in self.contacts
        self.contacts.setdefault(contact.external_id, contact)
        async with self.changed:
            self.changed.notify_all()
        return Received(contact_id=len(self.contacts), first=first)

    @property
    def titles(self) -> list[str]:
        return [contact.message.title for contact in self.contacts.values() if contact.message]

    async def holds(self, count: int) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(self.contacts) >= count)


@pytest.fixture
def user() -> str:
    """A mailbox of the test's own."""
    return f"{uuid4().hex[:12]}@linjiang.example"


@pytest.fixture
def settings(dovecot: DovecotServer, user: str) -> MailboxSettings:
    return MailboxSettings.model_validate(
        {
            "address": user,
            "imap_host": "127.0.0.1",
            "imap_port": dovecot.port,
            "imap_security": "none",
            "imap_password": PASSWORD,
            "deadline_seconds": 5,
        }
    )


@pytest.fixture
def marks() -> MemoryMarks:
    return MemoryMarks(CLOCK)


@asynccontextmanager
async def following(
    settings: MailboxSettings, marks: MemoryMarks, desk: Desk, clock: Clock = CLOCK
) -> AsyncIterator[MailboxChannel]:
    channel = MailboxChannel(settings, marks, clock)
    task = asyncio.create_task(channel.run(desk.take))
    try:
        yield channel
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_mail_that_lies_there_and_mail_that_comes_are_taken_in(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    dovecot.put(letter("路灯"), user=user)
    desk = Desk()
    async with following(settings, marks, desk):
        await desk.holds(1)
        dovecot.put(letter("井盖"), user=user)
        await desk.holds(2)
    assert desk.titles == ["路灯", "井盖"]


async def test_mail_that_comes_while_another_is_taken_in_does_not_wait_for_the_next_look(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    """The server tells of it while the other is marked as read, and not again."""
    desk = Desk()

    def come_meanwhile(contact: Contact) -> None:
        if contact.message is not None and contact.message.title == "路灯":
            dovecot.put(letter("井盖"), user=user)

    desk.fails = come_meanwhile
    rarely = settings.model_copy(update={"poll_seconds": 600})
    async with following(rarely, marks, desk):
        dovecot.put(letter("路灯"), user=user)
        await desk.holds(2)
    assert desk.titles == ["路灯", "井盖"]


async def test_new_mail_is_found_where_the_server_does_not_tell_of_it(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    dovecot.put(letter("路灯"), user=user)
    desk = Desk()
    polled = settings.model_copy(update={"idle": False, "poll_seconds": 1})
    async with following(polled, marks, desk):
        await desk.holds(1)
        dovecot.put(letter("井盖"), user=user)
        await desk.holds(2)
    assert desk.titles == ["路灯", "井盖"]


async def test_reading_goes_on_behind_the_last_mail_after_a_restart(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    dovecot.put(letter("路灯"), user=user)
    desk = Desk()
    async with following(settings, marks, desk):
        await desk.holds(1)
        await until(lambda: dovecot.seen(user) == 1)
    dovecot.put(letter("井盖"), user=user)
    async with following(settings, marks, desk):
        await desk.holds(2)
    assert desk.titles == ["路灯", "井盖"]
    assert desk.deliveries == 2


async def test_mails_that_were_numbered_anew_are_read_again_and_are_the_same_contacts(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    for subject in ("路灯", "井盖", "噪音"):
        dovecot.put(letter(subject), user=user)
    desk = Desk()
    async with following(settings, marks, desk):
        await desk.holds(3)
        await until(lambda: dovecot.seen(user) == 3)
    await asyncio.to_thread(dovecot.stop)
    dovecot.renumber(user)
    await asyncio.to_thread(dovecot.start)
    dovecot.put(letter("垃圾"), user=user)
    async with following(settings, marks, desk):
        await desk.holds(4)
    assert desk.titles == ["路灯", "井盖", "噪音", "垃圾"]
    # The remedy is needed: the new numbers begin below the old place.
    assert desk.deliveries == 7


async def test_server_that_was_away_is_followed_again(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    desk = Desk()
    dovecot.put(letter("路灯"), user=user)
    async with following(settings, marks, desk) as channel:
        await desk.holds(1)
        await asyncio.to_thread(dovecot.stop)
        await until(lambda: channel.trouble is not None)
        assert channel.trouble is not None
        assert channel.trouble.error.slug == "mail-server-away"
        report = await channel.health()
        assert report.ok
        assert "failing_since" in report.facts
        await asyncio.to_thread(dovecot.start)
        dovecot.put(letter("井盖"), user=user)
        await desk.holds(2)
        await until(lambda: channel.trouble is None)
    assert desk.titles == ["路灯", "井盖"]


async def test_server_that_falls_silent_is_noticed(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    desk = Desk()
    dovecot.put(letter("路灯"), user=user)
    async with silent_proxy(dovecot.port) as proxy:
        through = settings.model_copy(
            update={"imap_port": proxy.port, "deadline_seconds": 1, "poll_seconds": 1}
        )
        async with following(through, marks, desk) as channel:
            await desk.holds(1)
            proxy.open.clear()
            await until(lambda: channel.trouble is not None)
            proxy.open.set()
            dovecot.put(letter("井盖"), user=user)
            await desk.holds(2)
    assert desk.titles == ["路灯", "井盖"]


async def test_wrong_password_is_named_and_not_tried_again_soon(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks
) -> None:
    wrong = settings.model_copy(update={"imap_password": SecretStr("wrong")})
    async with following(wrong, marks, Desk()) as channel:
        await until(lambda: channel.trouble is not None)
        assert channel.trouble is not None
        assert isinstance(channel.trouble.error, LoginRefused)
        assert channel.trouble.error.retry_after >= 300
    found = {finding.setting: finding.fatal for finding in await channel.check()}
    assert found["mayor_mailbox.imap_password"]


async def test_folder_that_is_not_there_is_named(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks
) -> None:
    channel = MailboxChannel(settings.model_copy(update={"folder": "没有"}), marks, CLOCK)
    found = {finding.setting: finding.fatal for finding in await channel.check()}
    assert found["mayor_mailbox.folder"]


async def test_well_set_mailbox_has_nothing_to_mend(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, sink: Sink
) -> None:
    sending = {"smtp_host": "127.0.0.1", "smtp_port": sink.port, "smtp_security": Security.none}
    channel = MailboxChannel(settings.model_copy(update=sending), marks, CLOCK)
    assert list(await channel.check()) == []


async def test_mails_of_programs_are_passed_over(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    dovecot.put(letter("自动回复：外出", Auto_Submitted="auto-replied"), user=user)
    dovecot.put(letter("通讯", List_Id="<news.example>"), user=user)
    dovecot.put(letter("再次寄给自己", sender=user), user=user)
    dovecot.put(letter("路灯"), user=user)
    desk = Desk()
    async with following(settings, marks, desk):
        await desk.holds(1)
        await until(lambda: dovecot.seen(user) == 1)
    assert desk.titles == ["路灯"]


async def test_report_of_a_mail_that_did_not_arrive_is_told(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    sent = f"lx.{'a' * 32}.{'b' * 16}@linjiang.example"
    dovecot.put(bounce_of(sent), user=user)
    dovecot.put(letter("路灯"), user=user)
    told: list[tuple[str, DeliveryNews]] = []

    async def hear(channel: str, news: Sequence[DeliveryNews]) -> None:
        told.extend((channel, one) for one in news)

    desk = Desk()
    channel = MailboxChannel(settings, marks, CLOCK)
    channel.on_news(hear)
    task = asyncio.create_task(channel.run(desk.take))
    await desk.holds(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert told == [
        (
            "mayor-mailbox",
            DeliveryNews(provider_id=sent, state=DeliveryState.failed, error_code="5.1.1"),
        )
    ]
    assert desk.titles == ["路灯"]


async def test_mail_that_cannot_be_taken_in_does_not_hold_up_the_others_and_is_tried_again(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    for subject in ("路灯", "井盖"):
        dovecot.put(letter(subject), user=user)
    desk = Desk()
    desk.fails = lambda contact: RuntimeError() if titled(contact, "路灯") else None
    async with following(settings, marks, desk) as channel:
        await desk.holds(1)
        await until(lambda: dovecot.seen(user) == 1)
        assert desk.titles == ["井盖"]
        assert any("1 封" in finding.message_zh for finding in await channel.check())
    desk.fails = lambda _contact: None
    async with following(settings, marks, desk) as channel:
        await desk.holds(2)
        await until_left(channel, 0)
    assert desk.titles == ["井盖", "路灯"]


async def test_mail_that_was_left_is_tried_again_while_the_connection_lives(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    dovecot.put(letter("路灯"), user=user)
    desk, clock = Desk(), ManualClock(CLOCK.now())
    desk.fails = lambda _contact: RuntimeError()
    often = settings.model_copy(update={"idle": False, "poll_seconds": 1})
    async with following(often, marks, desk, clock) as channel:
        await until_left(channel, 1)
        desk.fails = lambda _contact: None
        clock.advance(600)
        await desk.holds(1)
        await until(lambda: dovecot.seen(user) == 1)
        await until_left(channel, 0)


async def test_mail_that_was_left_long_ago_is_found_when_mails_are_numbered_anew(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    desk, clock = Desk(), ManualClock(CLOCK.now() - timedelta(days=20))
    desk.fails = lambda contact: RuntimeError() if titled(contact, "路灯") else None
    dovecot.put(letter("路灯"), user=user, came_at=clock.now())
    async with following(settings, marks, desk, clock) as channel:
        await until_left(channel, 1)
    clock.advance(20 * 86400)
    dovecot.put(letter("井盖"), user=user)
    async with following(settings, marks, desk, clock):
        await desk.holds(1)
        await until(lambda: dovecot.seen(user) == 1)
    await asyncio.to_thread(dovecot.stop)
    dovecot.renumber(user)
    await asyncio.to_thread(dovecot.start)
    desk.fails = lambda _contact: None
    async with following(settings, marks, desk, clock) as channel:
        await desk.holds(2)
        await until_left(channel, 0)
    assert desk.titles == ["井盖", "路灯"]


async def test_more_mails_than_are_tried_again_are_spoken_of(
    dovecot: DovecotServer,
    settings: MailboxSettings,
    marks: MemoryMarks,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (fetching, checking):
        monkeypatch.setattr(module, "MOST_LEFT", 2)
    desk = Desk()
    desk.fails = lambda _contact: RuntimeError()
    dovecot.put(letter("路灯"), user=user)
    async with following(settings, marks, desk) as channel:
        await until_left(channel, 1)
        assert not await speaks_of_too_many(channel)
        dovecot.put(letter("井盖"), user=user)
        await until_left(channel, 2)
        (eldest, _) = uids_left(marks)
        dovecot.put(letter("噪音"), user=user)
        async with asyncio.timeout(20):
            while eldest in uids_left(marks):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.02)
        assert await channel.left() == 2
        assert await speaks_of_too_many(channel)
        assert await speaks_of_too_many(channel)


async def test_nothing_is_passed_over_while_the_database_is_away(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    for subject in ("路灯", "井盖"):
        dovecot.put(letter(subject), user=user)
    desk = Desk()
    desk.fails = lambda _contact: TryLater("away", "")
    async with following(settings, marks, desk) as channel:
        await until(lambda: channel.trouble is not None)
        desk.fails = lambda _contact: None
        await desk.holds(2)
    assert desk.titles == ["路灯", "井盖"]


async def test_one_of_two_processes_reads(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    for number in range(5):
        dovecot.put(letter(f"路灯 {number}"), user=user)
    desk = Desk()
    async with following(settings, marks, desk), following(settings, marks, desk):
        await desk.holds(5)
        await until(lambda: dovecot.seen(user) == 5)
    assert desk.deliveries == 5


async def test_too_large_a_mail_is_taken_in_with_its_first_part(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    mail = letter("附件很大")
    mail.add_attachment(
        b"\xff\xd8\xff" + bytes(2_000_000), maintype="image", subtype="jpeg", filename="大.jpg"
    )
    dovecot.put(mail, user=user)
    desk = Desk()
    async with following(settings.model_copy(update={"largest_mb": 1}), marks, desk):
        await desk.holds(1)
    (contact,) = desk.contacts.values()
    assert contact.message is not None
    assert "邮件过大" in contact.message.text
    assert contact.enclosures == ()


async def test_of_a_mailbox_never_read_before_only_the_last_days_are_taken_in(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    now = CLOCK.now()
    dovecot.put(letter("十天前"), user=user, came_at=now - timedelta(days=10))
    dovecot.put(letter("昨天"), user=user, came_at=now - timedelta(days=1))
    desk = Desk()
    async with following(settings, marks, desk):
        await desk.holds(1)
        await until(lambda: dovecot.seen(user) == 1)
    assert desk.titles == ["昨天"]


async def test_of_a_mailbox_never_read_before_nothing_old_is_taken_in_if_so_set(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    dovecot.put(letter("旧信"), user=user)
    desk = Desk()
    async with following(settings.model_copy(update={"first_days": 0}), marks, desk) as channel:
        await until(lambda: channel.looked_at is not None)
        dovecot.put(letter("新信"), user=user)
        await desk.holds(1)
    assert desk.titles == ["新信"]


async def test_folder_with_a_chinese_name_is_read(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    written = utf7_encode("市长信箱").decode()  # as IMAP writes it
    with dovecot.client(user) as client:
        client.create(written)
    dovecot.put(letter("路灯"), user=user, folder=written)
    desk = Desk()
    async with following(settings.model_copy(update={"folder": "市长信箱"}), marks, desk):
        await desk.holds(1)
    assert desk.titles == ["路灯"]


async def test_sender_who_writes_like_a_program_gets_no_automatic_answers(
    dovecot: DovecotServer, settings: MailboxSettings, marks: MemoryMarks, user: str
) -> None:
    for number in range(4):
        dovecot.put(letter(f"第 {number} 封"), user=user)
    desk = Desk()
    few = settings.model_copy(update={"most_per_sender_and_hour": 3})
    async with following(few, marks, desk):
        await desk.holds(4)
    marked = [UNANSWERED in contact.extra for contact in desk.contacts.values()]
    assert marked == [False, False, False, True]


async def speaks_of_too_many(channel: MailboxChannel) -> bool:
    return any("不再重试" in finding.message_zh for finding in await channel.check())


def titled(contact: Contact, title: str) -> bool:
    return contact.message is not None and contact.message.title == title


def bounce_of(message_id: str) -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\nTo: mayor@linjiang.example\nSubject: Undelivered Mail\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nuser unknown\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        "Final-Recipient: rfc822; liming@citizen.example\nAction: failed\nStatus: 5.1.1\n"
        f"--b\nContent-Type: message/rfc822\n\nMessage-ID: <{message_id}>\nSubject: Re\n\nx\n--b--\n"
    ).encode()


async def until(holds: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, holds, "what the test waits for", 20)


async def until_left(channel: MailboxChannel, count: int) -> None:
    async with asyncio.timeout(20):
        while True:
            if await channel.left() == count:
                return
            await asyncio.sleep(0.02)


def uids_left(marks: MemoryMarks) -> list[int]:
    (mark,) = marks._marks.values()
    return list(mark.value["left"])


class SilentProxy:
    """Passes bytes on, and keeps them to itself while it is silent."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self.port = 0
        self.open = asyncio.Event()
        self.open.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._behind)
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        except OSError:
            pass
        finally:
            back.close()
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            await self.open.wait()
            writer.write(piece)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def silent_proxy(port: int) -> AsyncIterator[SilentProxy]:
    proxy = SilentProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
