from datetime import UTC, datetime

import pytest

from channels.contacts.rules import AddressKind, Contact, Message
from channels.mailbox.rules import (
    TEXT_LENGTH,
    Passed,
    contact_of,
    digest,
    message_id_of,
    passed_over,
    root_of,
    thread_of,
    ticket_number_in,
)
from tests.unit.channels.mailbox.mails import NOW, letter, read_mail

OWN = frozenset({"mayor@linjiang.example"})


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, None),
        ({"Auto_Submitted": "no"}, None),
        ({"X_Auto_Response_Suppress": "All"}, None),
        ({"Subject": "自动回复机器人投诉"}, None),
        ({"Precedence": "first-class"}, None),
        ({"Auto_Submitted": "auto-replied"}, Passed.automatic),
        ({"Auto_Submitted": "auto-generated; x=y"}, Passed.automatic),
        ({"X_Autoreply": "yes"}, Passed.automatic),
        ({"Precedence": "auto_reply"}, Passed.automatic),
        ({"Subject": "自动回复：路灯", "In_Reply_To": "<x@y.example>"}, Passed.automatic),
        ({"Subject": "【自动回复】外出", "References": "<x@y.example>"}, Passed.automatic),
        ({"Subject": "Out of Office: hi", "In_Reply_To": "<x@y.example>"}, Passed.automatic),
        ({"Precedence": "bulk"}, Passed.bulk),
        ({"List_Id": "<news.example>"}, Passed.bulk),
        ({"From": "Mayor <Mayor@linjiang.example>"}, Passed.own),
        ({"Message_ID": f"<lx.{'a' * 32}.{'b' * 16}@linjiang.example>"}, Passed.own),
        ({"From": "MAILER-DAEMON@mx.example"}, Passed.report),
        ({"Return_Path": "<>"}, Passed.report),
    ],
)
def test_what_no_person_wrote_to_the_city_is_passed_over(
    headers: dict[str, str], why: Passed | None
) -> None:
    assert passed_over(read_mail(letter(**headers)), OWN) is why


def test_receipt_that_a_mail_was_read_is_passed_over() -> None:
    raw = b"From: a@b.example\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
    assert passed_over(read_mail(raw + b"--b\n\nread\n--b--"), OWN) is Passed.report


def test_letter_is_a_contact() -> None:
    contact = contact_of(read_mail(letter()), NOW)
    assert contact.channel == "mayor-mailbox"
    assert contact.sender is not None
    assert (contact.sender.kind, contact.sender.value) == (
        AddressKind.mail,
        "liming@citizen.example",
    )
    assert contact.name == "李明"
    assert contact.message == Message(title="路灯", text="滨江路 18 号的路灯不亮。")
    assert contact.thread == digest("first@citizen.example")
    assert contact.external_id.startswith(contact.thread)
    assert contact.extra["message_id"] == "first@citizen.example"


@pytest.mark.parametrize(
    ("text", "subject", "said"),
    [("", "路灯不亮", "路灯不亮"), ("", "", "（空白邮件）"), ("正文", "", "正文")],
)
def test_contact_says_something_whatever_the_mail_lacks(text: str, subject: str, said: str) -> None:
    contact = contact_of(read_mail(letter(text, Subject=subject)), NOW)
    assert contact.message is not None
    assert contact.message.text == said


def test_long_mail_is_kept_to_a_length() -> None:
    contact = contact_of(read_mail(letter("长" * 50_000)), NOW)
    assert contact.message is not None
    assert len(contact.message.text) == TEXT_LENGTH


def test_sender_who_is_not_genuine_is_nobody() -> None:
    forged = letter(Authentication_Results="mx; dmarc=fail")
    contact = contact_of(read_mail(forged, "mx"), NOW)
    assert contact.sender is None
    assert contact.extra["sender_not_genuine"] is True


def test_answers_to_a_first_mail_are_in_its_thread() -> None:
    first = read_mail(letter())
    second = read_mail(letter(Message_ID="<2@c.example>", References="<first@citizen.example>"))
    third = read_mail(
        letter(Message_ID="<3@c.example>", References="<first@citizen.example> <2@c.example>")
    )
    short = read_mail(letter(Message_ID="<4@c.example>", In_Reply_To="<first@citizen.example>"))
    assert {thread_of(one) for one in (first, second, third, short)} == {thread_of(first)}


def test_answer_to_our_mail_is_in_the_thread_that_it_answered() -> None:
    first = contact_of(read_mail(letter()), NOW)
    ours = message_id_of(first, "receipt:7", "linjiang.example")
    # Some programs forget all references but the last.
    answer = contact_of(read_mail(letter(Message_ID="<2@c.example>", In_Reply_To=f"<{ours}>")), NOW)
    assert answer.thread == first.thread
    assert message_id_of(answer, "receipt:7", "linjiang.example") == ours


def test_letter_of_the_web_form_begins_a_thread_too() -> None:
    web = Contact(
        channel="mayor-mailbox",
        external_id="web/0a1b",
        received_at=datetime(2026, 3, 2, tzinfo=UTC),
        message=Message(text="路灯"),
    )
    ours = message_id_of(web, "receipt:7", "linjiang.example")
    answer = contact_of(read_mail(letter(In_Reply_To=f"<{ours}>")), NOW)
    assert answer.thread == root_of(web)


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Re: 路灯【工单 20260302-000001】", "20260302-000001"),
        ("回复：20260302-000001", "20260302-000001"),
        ("电话 0571-85020000", ""),
        ("编号 120260302-000001", ""),
        ("", ""),
    ],
)
def test_number_of_a_ticket_is_found_in_a_subject(subject: str, number: str) -> None:
    assert ticket_number_in(subject) == number


def test_nothing_of_a_mail_is_shown_by_accident() -> None:
    mail = read_mail(letter())
    shown = repr(mail) + repr(contact_of(mail, NOW))
    assert not [word for word in ("路灯", "李明", "liming") if word in shown]
