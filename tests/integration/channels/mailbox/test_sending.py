import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from channels.contacts.rules import Address, AddressKind, Contact, Message
from channels.mailbox.channel import UNANSWERED, MailboxChannel
from channels.mailbox.imap import LoginRefused, MailServerAway
from channels.mailbox.settings import MailboxSettings
from channels.mailbox.smtp import Smtp
from channels.marks.memory import MemoryMarks
from channels.protocol import CannotReply, Reply, ReplyFile, ReplyKind
from infra.kit.clock import ManualClock
from infra.kit.errors import TryLater
from tests.mail_servers import Sink
from tests.parts import free_port

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
LETTER = Contact(
    channel="mayor-mailbox",
    external_id=f"{'a' * 32}-{'b' * 16}",
    received_at=NOW,
    sender=Address(kind=AddressKind.mail, value="liming@citizen.example"),
    message=Message(title="路灯", text="路灯不亮"),
    thread="a" * 32,
    extra={"message_id": "first@citizen.example"},
)
ANSWER = Reply(
    key="answer:7:1",
    kind=ReplyKind.answer,
    text="您好，路灯已修好。\n.\n感谢您的来信。",
    ticket_number="20260302-000001",
)


def channel_to(port: int, **more: object) -> MailboxChannel:
    given = {
        "address": "mayor@linjiang.example",
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "deadline_seconds": 15,
        **more,
    }
    clock = ManualClock(NOW)
    return MailboxChannel(MailboxSettings.model_validate(given), MemoryMarks(clock), clock)


async def test_answer_arrives_whole_and_in_the_thread(sink: Sink) -> None:
    sent = await channel_to(sink.port).reply(LETTER, ANSWER)
    ((sender, recipients, mail),) = sink.mails
    assert (sender, recipients) == ("mayor@linjiang.example", ["liming@citizen.example"])
    assert mail["Message-ID"] == f"<{sent.provider_id}>"
    assert mail["In-Reply-To"] == "<first@citizen.example>"
    assert "20260302-000001" in mail["Subject"]
    # A line with a single dot would end the mail if it were not doubled on the way.
    assert mail.get_content().replace("\r\n", "\n").strip() == ANSWER.text


async def test_files_of_an_answer_arrive_with_their_bytes(sink: Sink) -> None:
    content = bytes(range(256)) * 400
    plan = ReplyFile(name="整改方案.pdf", type="application/pdf", content=content)
    await channel_to(sink.port).reply(LETTER, replace(ANSWER, files=(plan,)))
    ((_, _, mail),) = sink.mails
    body, attached = mail.iter_parts()
    assert body.get_content().replace("\r\n", "\n").strip() == ANSWER.text
    assert (attached.get_filename(), attached.get_content()) == ("整改方案.pdf", content)


async def test_address_that_does_not_exist_is_another_ways_business(sink: Sink) -> None:
    sink.refuse_recipient = "550 5.1.1 no such user"
    with pytest.raises(CannotReply):
        await channel_to(sink.port).reply(LETTER, ANSWER)
    assert sink.mails == []


async def test_server_that_asks_to_wait_is_asked_again_later(sink: Sink) -> None:
    sink.refuse_recipient = "450 4.2.0 greylisted"
    with pytest.raises(TryLater) as caught:
        await channel_to(sink.port).reply(LETTER, ANSWER)
    assert caught.value.retry_after >= 60


async def test_mail_that_is_refused_for_good_is_another_ways_business(sink: Sink) -> None:
    sink.refuse_data = "554 5.7.1 looks like spam"
    with pytest.raises(CannotReply):
        await channel_to(sink.port).reply(LETTER, ANSWER)


async def test_mail_that_is_refused_for_now_is_tried_later(sink: Sink) -> None:
    sink.refuse_data = "451 4.3.0 disk full"
    with pytest.raises(TryLater):
        await channel_to(sink.port).reply(LETTER, ANSWER)


async def test_nobody_can_tell_what_became_of_a_mail_whose_answer_was_lost(sink: Sink) -> None:
    sink.hang_up = True
    with pytest.raises(TimeoutError):
        await channel_to(sink.port).reply(LETTER, ANSWER)
    # And indeed it was taken: sending it again would have been wrong.
    assert len(sink.mails) == 1


async def test_server_that_is_away_has_taken_nothing() -> None:
    with pytest.raises(MailServerAway):
        await channel_to(free_port()).reply(LETTER, ANSWER)


async def test_server_that_says_nothing_has_taken_nothing() -> None:
    async with saying(b"") as port:
        with pytest.raises(MailServerAway):
            await channel_to(port, deadline_seconds=0.3).reply(LETTER, ANSWER)


async def test_server_that_says_something_else_has_taken_nothing() -> None:
    async with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        with pytest.raises(MailServerAway):
            await channel_to(port).reply(LETTER, ANSWER)


async def test_login_that_is_refused_is_told_from_a_server_that_is_away() -> None:
    greeting = (b"220 mx\r\n", b"250-mx\r\n250 AUTH PLAIN\r\n", b"535 5.7.8 no\r\n")
    async with saying(*greeting) as port:
        settings = MailboxSettings.model_validate(
            {
                "address": "mayor@linjiang.example",
                "smtp_host": "127.0.0.1",
                "smtp_port": port,
                "smtp_security": "none",
                "smtp_password": "wrong",
            }
        )
        with pytest.raises(LoginRefused):
            await Smtp(settings).check()


async def test_check_sends_nothing(sink: Sink) -> None:
    found = await channel_to(sink.port).check()
    assert [finding.setting for finding in found] == ["mayor_mailbox.imap_host"]
    assert sink.mails == []


async def test_mailbox_that_cannot_send_says_so() -> None:
    with pytest.raises(CannotReply):
        await channel_to(1, smtp_host="").reply(LETTER, ANSWER)


async def test_sender_that_may_be_a_program_gets_answers_of_people_only(sink: Sink) -> None:
    noisy = Contact(
        channel=LETTER.channel,
        external_id=LETTER.external_id,
        received_at=NOW,
        sender=LETTER.sender,
        message=LETTER.message,
        extra={UNANSWERED: True},
    )
    channel = channel_to(sink.port)
    receipt = Reply(key="receipt:7", kind=ReplyKind.receipt, text="已登记")
    with pytest.raises(CannotReply):
        await channel.reply(noisy, receipt)
    await channel.reply(noisy, ANSWER)
    assert len(sink.mails) == 1


@asynccontextmanager
async def saying(*lines: bytes) -> AsyncIterator[int]:
    """A server that says its lines one after the other, each when it has been asked something, and then nothing."""

    ended: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        ended.append(task)
        try:
            for number, line in enumerate(lines):
                if number and not await reader.readline():
                    break
                writer.write(line)
            await reader.read()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*ended, return_exceptions=True)
