import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mailbox.reading import MOST_FILES, read
from tests.unit.channels.mailbox.mails import BOMBS, fetched, letter, read_mail

PICTURE = b"\xff\xd8\xff" + bytes(2000)


def test_letter_is_read() -> None:
    mail = read_mail(letter())
    assert (mail.sender, mail.name) == ("liming@citizen.example", "李明")
    assert (mail.subject, mail.text) == ("路灯", "滨江路 18 号的路灯不亮。")
    assert mail.message_id == "first@citizen.example"
    assert not mail.references


@pytest.mark.parametrize(
    ("header", "name", "address"),
    [
        ("liming@citizen.example", "", "liming@citizen.example"),
        ("<LiMing@Citizen.Example>", "", "liming@citizen.example"),
        ('"Li, Ming" <liming@citizen.example>', "Li, Ming", "liming@citizen.example"),
        ('"mayor@linjiang.example" <a@b.example>', "mayor@linjiang.example", "a@b.example"),
        ('"x <mayor@linjiang.example>" <a@b.example>', "x <mayor@linjiang.example>", "a@b.example"),
        ("=?gb2312?B?wO7D9w==?= <a@b.example>", "李明", "a@b.example"),
        (
            "=?utf-8?Q?=3Cmayor=40linjiang.example=3E?= <a@b.example>",
            "<mayor@linjiang.example>",
            "a@b.example",
        ),
        ("李明 <a@b.example>", "李明", "a@b.example"),
        (f"{' ' * 3000}李明\n{' ' * 3000}< a@b.example\t>", "李明", "a@b.example"),
        ("nobody at all", "", ""),
        ("(((((((((((", "", ""),
        ("", "", ""),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_sender_is_the_address_and_not_what_he_calls_himself(
    header: str, name: str, address: str, encoding: str
) -> None:
    mail = read_mail(f"From: {header}\n\nx".encode(encoding))
    assert (mail.name, mail.sender) == (name, address)


def test_reply_to_counts_only_for_a_mail_from_nobody() -> None:
    asked = {"Reply_To": "other@else.example"}
    assert read_mail(letter(**asked)).sender == "liming@citizen.example"
    nobody = letter(From="网站 <no-reply@portal.example>", **asked)
    assert read_mail(nobody).sender == "other@else.example"


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "gb18030", "utf-8"])
@pytest.mark.parametrize("cte", ["base64", "quoted-printable", "8bit"])
def test_text_is_read_in_every_make(charset: str, cte: str) -> None:
    mail = EmailMessage()
    mail.set_content("路灯不亮，请修。", charset=charset, cte=cte)
    assert read_mail(mail).text == "路灯不亮，请修。"


def test_raw_gbk_without_any_declaration_is_read() -> None:
    mail = read_mail("Subject: 路灯不亮\n\n滨江路十八号".encode("gbk"))
    assert (mail.subject, mail.text) == ("路灯不亮", "滨江路十八号")


def test_of_alternatives_the_plain_text_is_read() -> None:
    made = letter("纯文本")
    made.add_alternative("<p>网页</p>", subtype="html")
    assert read_mail(made).text == "纯文本"


def test_page_is_read_where_the_plain_text_is_empty() -> None:
    made = letter(" \n")
    made.add_alternative("<p>网页<img src='cid:1'></p>", subtype="html")
    assert read_mail(made).text == "网页"


def test_pictures_inside_a_page_are_files_but_spacers_are_not() -> None:
    made = letter("")
    made.add_alternative("<p>见图</p>", subtype="html")
    page = made.get_payload()[1]  # type: ignore[index]  # it is multipart
    assert isinstance(page, EmailMessage)
    page.add_related(PICTURE, "image", "jpeg", cid="<1>")
    page.add_related(b"\xff\xd8\xffsmall", "image", "jpeg", cid="<2>")
    (file,) = read_mail(made).files
    assert (file.name, file.content) == ("附件1.jpg", PICTURE)


@pytest.mark.parametrize(
    ("name", "kept"), [("IMG_001", "IMG_001.jpg"), ("现场.JPG", "现场.JPG"), ("a.dat", "a.dat.jpg")]
)
def test_name_of_a_file_fits_its_content(name: str, kept: str) -> None:
    made = letter()
    made.add_attachment(PICTURE, "application", "octet-stream", filename=name)
    assert read_mail(made).files[0].name == kept


def test_more_files_than_are_taken_are_told_of() -> None:
    made = letter()
    for number in range(MOST_FILES + 3):
        made.add_attachment(PICTURE, "image", "jpeg", filename=f"{number}.jpg")
    mail = read_mail(made)
    assert len(mail.files) == MOST_FILES
    assert mail.text.count("附件超过") == 1


def test_text_that_is_attached_is_read() -> None:
    made = letter("见附件")
    made.add_attachment("详细情况如下", filename="说明.txt")
    assert read_mail(made).text == "见附件\n\n〔附件 说明.txt〕\n详细情况如下"


def test_mail_that_is_forwarded_as_a_file_is_read() -> None:
    made, inner = letter("请处理"), letter("三个月了没人管", Subject="噪音扰民")
    inner.add_attachment(PICTURE, "image", "jpeg", filename="现场.jpg")
    made.add_attachment(inner)
    mail = read_mail(made)
    assert mail.text == "请处理\n\n〔转发的邮件：噪音扰民〕\n\n三个月了没人管"
    assert [file.name for file in mail.files] == ["现场.jpg"]


def test_signature_is_no_file_and_sealed_mail_says_so() -> None:
    signed = letter("路灯")
    signed.add_attachment(b"x" * 2000, "application", "pkcs7-signature", filename="smime.p7s")
    assert not read_mail(signed).files
    sealed = b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nxxxx"
    assert "已加密" in read_mail(sealed).text


def test_mail_that_was_cut_off_says_so_and_keeps_what_is_whole() -> None:
    made = letter()
    made.add_attachment(PICTURE, "image", "jpeg", filename="一.jpg")
    made.add_attachment(PICTURE, "image", "jpeg", filename="二.jpg")
    content = made.as_bytes()
    mail = read(fetched(content[:-1500], size=len(content)))
    assert [file.name for file in mail.files] == ["一.jpg"]
    assert "二.jpg 未完整接收" in mail.text
    assert "邮件过大" in mail.text


def test_quoted_mail_is_left_out_of_an_answer_only() -> None:
    text = "还是不亮\n\n-----原始邮件-----\n您好"
    assert read_mail(letter(text)).text == text
    assert read_mail(letter(text, In_Reply_To="<x@y.example>")).text == "还是不亮"


def test_identity_is_the_same_by_every_way_and_another_for_another_mail() -> None:
    content = letter().as_bytes()
    first = read_mail(content)
    assert read_mail(b"Received: by mx2\nX-Spam: no\n" + content).identity == first.identity
    assert read_mail(content.replace(b"\n", b"\r\n")).identity == first.identity
    # Programs that give every mail the same Message-ID must not lose all but the first.
    assert read_mail(letter("另一件事")).identity != first.identity
    assert read_mail(letter(Message_ID="<b@c.example>")).identity != first.identity
    assert read_mail(letter(Message_ID="")).identity != first.identity


def test_headers_that_nobody_understands_are_kept_however_many_and_long_they_are() -> None:
    unknown = {f"x-field-{number}": str(number) for number in range(100)} | {
        "x-customer": "a@b.example",
        "organization": "江南" * 1000,
    }
    head = "".join(f"{name}: {value}\n" for name, value in unknown.items())
    mail = read_mail(f"From: a@b.example\nSubject: x\n{head}X-Seen: one\nX-Seen: two\n\nx".encode())
    assert mail.extra == {"headers": {**unknown, "x-seen": ["one", "two"]}}


def test_headers_that_are_understood_and_those_of_the_way_are_not_kept_beside_the_mail() -> None:
    way = letter(X_Originating_IP="10.0.0.1", Received="from home", DKIM_Signature="v=1", Date="")
    assert read_mail(way).extra == {"headers": {"to": "mayor@linjiang.example"}}


@pytest.mark.parametrize(
    ("result", "genuine"),
    [
        ("mx.linjiang.example; spf=pass; dmarc=fail (p=reject)", False),
        ("mx.linjiang.example; dmarc=pass", True),
        ("mx.attacker.example; dmarc=fail", True),
        ("", True),
    ],
)
def test_sender_is_believed_unless_our_own_server_has_found_otherwise(
    result: str, genuine: bool
) -> None:
    mail = read_mail(letter(Authentication_Results=result), "mx.linjiang.example")
    assert mail.genuine is genuine


@pytest.mark.parametrize("bomb", BOMBS)
def test_ten_megabytes_of_mischief_are_read_soon(bomb: str) -> None:
    started = time.process_time()
    read_mail(BOMBS[bomb])
    assert time.process_time() - started < 20


BLANKS = " " * 1000
BETWEEN_BLANKS = f"\n {BLANKS}<{BLANKS}"


@pytest.mark.parametrize(
    "header",
    [
        BETWEEN_BLANKS,
        f'\n {BLANKS}"{BLANKS}',
        f"\n {BLANKS}a@b.example",
        f"a{BLANKS}<{BLANKS}a@b.example{BLANKS}x>",
        f"a{' <' * 1000}",
        "a@" * 1000,
        f'"{chr(92) * 2000}',
    ],
)
def test_header_of_a_few_kilobytes_is_read_at_once(header: str) -> None:
    """Three pieces of a pattern that may all match blanks take seconds for the first of these."""
    mail = f"From: {header}\nReply-To: {header}\nTo: {header}\nX-Other: {header}\n\nx".encode()
    started = time.process_time()
    read_mail(mail)
    assert time.process_time() - started < 2


@given(st.binary(max_size=600))
def test_any_bytes_are_a_mail(content: bytes) -> None:
    read_mail(content)


@given(st.binary(max_size=600), st.integers(0, 600))
def test_any_part_of_a_mail_is_a_mail(noise: bytes, place: int) -> None:
    made = letter()
    made.add_attachment(PICTURE, "image", "jpeg", filename="一.jpg")
    content = made.as_bytes()
    read(fetched(content[:place] + noise + content[place:], size=10**6), "mx.linjiang.example")
