import pytest

from channels.mailbox.rules import Bounce, Mail
from tests.unit.channels.mailbox.mails import read_mail

OURS = f"lx.{'a' * 32}.{'b' * 16}@linjiang.example"


def report(action: str = "failed", status: str = "5.1.1", original: str = OURS) -> Mail:
    return read_mail(
        (
            "From: MAILER-DAEMON@mx.example\nSubject: Undelivered\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
            "--b\nContent-Type: text/plain\n\nsorry\n"
            f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nAction: {action}\n"
            f"Status: {status}\n--b\nContent-Type: text/rfc822-headers\n\n"
            f"Message-ID: <{original}>\nSubject: x\n--b--\n"
        ).encode()
    )


def test_report_names_our_mail_and_why() -> None:
    assert report().report == (Bounce(message_id=OURS, status="5.1.1"),)


@pytest.mark.parametrize(
    ("action", "status"), [("delayed", "4.4.1"), ("delivered", "2.0.0"), ("failed", "4.7.1")]
)
def test_report_of_what_may_still_arrive_is_not_final(action: str, status: str) -> None:
    (bounce,) = report(action, status).report
    assert not bounce.final


def test_report_on_a_mail_that_is_not_ours_says_nothing() -> None:
    assert report(original="other@linjiang.example").report == ()


def test_report_that_keeps_to_no_standard_is_understood_by_our_id() -> None:
    mail = read_mail(
        f"From: postmaster@qq.example\nReturn-Path: <>\nReferences: <{OURS}>\n\n退信：550 用户不存在".encode()
    )
    assert mail.report == (Bounce(message_id=OURS, status="550"),)


def test_citizens_mail_that_quotes_our_id_is_no_report() -> None:
    assert read_mail(f"From: a@b.example\n\n{OURS} 5.1.1".encode()).report == ()
