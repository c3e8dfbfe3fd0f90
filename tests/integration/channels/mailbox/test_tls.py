from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.contacts.rules import Address, AddressKind, Contact, Message
from channels.mailbox.channel import MailboxChannel
from channels.mailbox.imap import ImapConnection, MailServerAway
from channels.mailbox.settings import MailboxSettings
from channels.marks.memory import MemoryMarks
from channels.protocol import Reply, ReplyKind
from infra.kit.clock import ManualClock
from tests.mail_servers import (
    PASSWORD,
    USER,
    DovecotServer,
    make_certificate,
    own_dovecot,
    start_sink,
)

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
LETTER = Contact(
    channel="mayor-mailbox",
    external_id=f"{'a' * 32}-{'b' * 16}",
    received_at=NOW,
    sender=Address(kind=AddressKind.mail, value="liming@citizen.example"),
    message=Message(title="路灯", text="路灯不亮"),
    thread="a" * 32,
)
ANSWER = Reply(key="answer:7:1", kind=ReplyKind.answer, text="路灯已修好。")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def dovecot(certificate: Path) -> Iterator[DovecotServer]:
    with own_dovecot(certificate=certificate) as server:
        yield server


def settings(**more: object) -> MailboxSettings:
    given = {"address": USER, "deadline_seconds": 10, "imap_password": PASSWORD, **more}
    return MailboxSettings.model_validate(given)


def reading(dovecot: DovecotServer, security: str, **more: object) -> MailboxSettings:
    port = dovecot.tls_port if security == "tls" else dovecot.port
    return settings(imap_host="127.0.0.1", imap_port=port, imap_security=security, **more)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_mailbox_is_read_in_secret(
    dovecot: DovecotServer, certificate: Path, security: str
) -> None:
    connection = ImapConnection(reading(dovecot, security, ca_file=str(certificate)))
    try:
        folder = await connection.open()
        assert folder.can_idle
        await connection.wait(0.2)
        assert await connection.uids_above(0) == []
    finally:
        await connection.close()


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_server_with_a_certificate_that_nobody_knows_is_not_believed(
    dovecot: DovecotServer, security: str
) -> None:
    connection = ImapConnection(reading(dovecot, security))
    try:
        with pytest.raises(MailServerAway) as caught:
            await connection.open()
        assert "CertVerification" in caught.value.detail_en
    finally:
        await connection.close()


@pytest.mark.parametrize("starttls", [False, True])
async def test_answer_goes_out_in_secret(certificate: Path, starttls: bool) -> None:
    with start_sink(certificate=certificate, starttls=starttls) as sink:
        trusting = settings(
            smtp_host="127.0.0.1",
            smtp_port=sink.port,
            smtp_security="starttls" if starttls else "tls",
            ca_file=str(certificate),
        )
        clock = ManualClock(NOW)
        await MailboxChannel(trusting, MemoryMarks(clock), clock).reply(LETTER, ANSWER)
        assert len(sink.mails) == 1
        stranger = trusting.model_copy(update={"ca_file": ""})
        with pytest.raises(MailServerAway):
            await MailboxChannel(stranger, MemoryMarks(clock), clock).reply(LETTER, ANSWER)
        assert len(sink.mails) == 1
