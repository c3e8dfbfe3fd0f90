from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from channels.contacts.rules import Address, AddressKind, Contact, Message
from channels.mailbox.answering import answer_to, recipient_of
from channels.mailbox.rules import contact_of
from channels.mailbox.settings import MailboxSettings
from channels.protocol import CannotReply, Reply, ReplyFile, ReplyKind
from tests.unit.channels.mailbox.mails import NOW, letter, read_mail

SETTINGS = MailboxSettings(address="mayor@linjiang.example", display_name="临江市市长信箱")
LETTER = contact_of(read_mail(letter()), NOW)
RECEIPT = Reply(
    key="receipt:7",
    kind=ReplyKind.receipt,
    text="您好，您反映的事项已登记。\n" + "长" * 500,
    ticket_number="20260302-000001",
)


def answered(contact: Contact, reply: Reply = RECEIPT) -> EmailMessage:
    raw = answer_to(contact, reply, SETTINGS, datetime(2026, 3, 2, 2, 0, tzinfo=UTC))
    assert max(len(line) for line in raw.split(b"\r\n")) < 998
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def said(mail: EmailMessage) -> str:
    text: str = mail.get_content()
    return text.replace("\r\n", "\n").strip()


def test_answer_stands_in_the_thread_and_names_the_ticket() -> None:
    mail = answered(LETTER)
    assert mail["To"] == "liming@citizen.example"
    assert mail["From"] == "临江市市长信箱 <mayor@linjiang.example>"
    assert mail["Subject"] == "Re: 路灯【工单 20260302-000001】"
    assert mail["In-Reply-To"] == mail["References"] == "<first@citizen.example>"
    assert mail["Message-ID"].startswith(f"<lx.{LETTER.thread}.")
    assert said(mail) == RECEIPT.text


def test_same_reply_is_the_same_mail() -> None:
    assert answered(LETTER).as_bytes() == answered(LETTER).as_bytes()
    other = answered(LETTER, replace(RECEIPT, key="answer:7:1"))
    assert other["Message-ID"] != answered(LETTER)["Message-ID"]


@pytest.mark.parametrize(
    ("kind", "automatic"),
    [
        (ReplyKind.receipt, True),
        (ReplyKind.rating, True),
        (ReplyKind.answer, False),
        (ReplyKind.message, False),
    ],
)
def test_what_no_person_wrote_says_so(kind: ReplyKind, automatic: bool) -> None:
    assert (
        answered(LETTER, replace(RECEIPT, kind=kind))["Auto-Submitted"] is not None
    ) is automatic


def test_long_ids_are_kept_as_they_are() -> None:
    ids = [f"{'x' * 100}{number}@citizen.example" for number in range(15)]
    long = replace(LETTER, extra={"message_id": ids[-1], "references": ids[:-1]})
    mail = answered(long)
    assert mail["In-Reply-To"] == f"<{ids[-1]}>"
    assert mail["References"].split() == [f"<{one}>" for one in ids[-11:]]


@pytest.mark.parametrize("title", ["a\r\nBcc: all@city.example", "a\nb", "\u2028x", "a\x0bb"])
def test_title_cannot_bring_headers_in(title: str) -> None:
    assert LETTER.message is not None
    mail = answered(replace(LETTER, message=replace(LETTER.message, title=title)))
    assert mail["Bcc"] is None
    assert said(mail) == RECEIPT.text


@pytest.mark.parametrize("title", ["=?x?q?=FF=FF?=", "=?utf-8?B?8v8=?=", "=?", "😀" * 40])
def test_title_that_looks_encoded_is_said_as_it_is(title: str) -> None:
    """Found by fuzzing: the standard library decoded it, and then could not encode what came of it."""
    assert LETTER.message is not None
    raw = answer_to(
        replace(LETTER, message=replace(LETTER.message, title=title)), RECEIPT, SETTINGS, NOW
    )
    assert read_mail(raw).subject == f"Re: {title}【工单 20260302-000001】"


@pytest.mark.parametrize("forged", ["a>\r\nBcc: x", "a b", "<a>", "", 7, "é@x"])
def test_id_that_is_none_is_not_repeated(forged: object) -> None:
    mail = answered(replace(LETTER, extra={"message_id": forged, "references": [forged]}))
    assert mail["In-Reply-To"] is None
    assert mail["Bcc"] is None


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("回复：Re: 路灯", "Re: 路灯【工单 20260302-000001】"),
        ("Re: 路灯【工单 20260302-000001】", "Re: 路灯【工单 20260302-000001】"),
        ("", "Re: 您的来信【工单 20260302-000001】"),
    ],
)
def test_subject_is_answered_once(title: str, subject: str) -> None:
    assert LETTER.message is not None
    assert (
        answered(replace(LETTER, message=replace(LETTER.message, title=title)))["Subject"]
        == subject
    )


@pytest.mark.parametrize(
    "value",
    ["路灯@citizen.example", "a@b.example\r\nBcc: x@y", "a b@c.example", "@", "x@y@z.example"],
)
def test_address_that_cannot_be_written_to_is_refused(value: str) -> None:
    with pytest.raises(CannotReply):
        recipient_of(replace(LETTER, sender=Address(kind=AddressKind.mail, value=value)))


def test_letter_without_an_address_is_refused_and_with_one_is_answered_by_a_new_mail() -> None:
    web = Contact(
        channel="mayor-mailbox",
        external_id="web/0a1b",
        received_at=NOW,
        message=Message(text="路灯不亮", title="路灯"),
    )
    with pytest.raises(CannotReply):
        answered(web)
    mail = answered(replace(web, sender=Address(kind=AddressKind.mail, value="a@b.example")))
    assert mail["In-Reply-To"] is None
    assert mail["To"] == "a@b.example"


PICTURE = ReplyFile(name="修复后\n的路灯.png", type="image/png", content=b"\x89PNG\r\n\x1a\n\x00--")
PLAN = ReplyFile(name="plan.pdf", type="application/pdf", content=b"%PDF-1.7\r\n.\r\n" * 90)


def test_files_are_attached_under_their_names_behind_the_words() -> None:
    mail = answered(LETTER, replace(RECEIPT, files=(PICTURE, PLAN)))
    body, *attached = mail.iter_parts()
    assert body.get_content().replace("\r\n", "\n").strip() == RECEIPT.text
    assert [(one.get_filename(), one.get_content_type()) for one in attached] == [
        ("修复后 的路灯.png", "image/png"),
        ("plan.pdf", "application/pdf"),
    ]
    assert [one.get_content() for one in attached] == [PICTURE.content, PLAN.content]
    assert mail["In-Reply-To"] == "<first@citizen.example>"


def test_same_reply_with_files_is_the_same_mail() -> None:
    laden = replace(RECEIPT, files=(PICTURE,))
    at = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    assert answer_to(LETTER, laden, SETTINGS, at) == answer_to(LETTER, laden, SETTINGS, at)
