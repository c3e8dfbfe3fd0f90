import time
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mailbox.mime import MOST_DEPTH, MOST_PARTS, split
from tests.unit.channels.mailbox.mails import BOMBS, deep


def mail() -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "路灯"
    made.set_content("路灯不亮")
    made.add_alternative("<p>路灯不亮</p>", subtype="html")
    made.add_attachment(
        b"\xff\xd8\xffpicture", maintype="image", subtype="jpeg", filename="照片 一.jpg"
    )
    return made


@pytest.mark.parametrize("content", [mail().as_bytes(), mail().as_bytes(policy=SMTP)])
def test_parts_are_found_in_order(content: bytes) -> None:
    headers, parts, everything = split(content)
    assert everything
    assert headers.get("subject") == "路灯"
    assert [part.type for part in parts] == ["text/plain", "text/html", "image/jpeg"]
    assert parts[0].text.strip() == "路灯不亮"
    assert parts[0].alternatives == parts[1].alternatives != 0
    assert (parts[2].name, parts[2].body, parts[2].alternatives) == (
        "照片 一.jpg",
        b"\xff\xd8\xffpicture",
        0,
    )


@pytest.mark.parametrize(
    "disposition",
    [
        'attachment; filename="=?gb2312?B?1dXGrC5qcGc=?="',
        "attachment; filename*=UTF-8''%E7%85%A7%E7%89%87.jpg",
        "attachment; filename*0*=GBK''%D5%D5;\r\n filename*1*=%C6%AC.jpg",
        "attachment; filename=照片.jpg",
        'attachment; filename="照片.jpg"',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_name_of_a_file_is_read_however_it_is_written(disposition: str, encoding: str) -> None:
    raw = f"Content-Type: image/jpeg\r\nContent-Disposition: {disposition}\r\n\r\nx".encode(
        encoding
    )
    (part,) = split(raw)[1]
    assert (part.name, part.is_attached) == ("照片.jpg", True)


def test_parts_of_a_mail_within_a_mail_know_its_headers() -> None:
    outer, inner = EmailMessage(), EmailMessage()
    inner["Subject"] = "里面"
    inner.set_content("内文")
    outer.set_content("外文")
    outer.add_attachment(inner)
    parts = split(outer.as_bytes())[1]
    assert [part.text.strip() for part in parts] == ["外文", "内文"]
    assert parts[0].within is None
    assert parts[1].within is not None
    assert parts[1].within.get("subject") == "里面"


def test_part_whose_end_did_not_come_is_not_whole() -> None:
    content = mail().as_bytes()
    cut = content[: content.index(b"/9j/")]
    *texts, picture = split(cut, complete=False)[1]
    assert all(part.whole for part in texts)
    assert not picture.whole


def test_boundary_that_never_comes_leaves_the_text() -> None:
    raw = b'Content-Type: multipart/mixed; boundary="b"\n\nhello'
    (part,) = split(raw)[1]
    assert part.content == b"hello"


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"\r\n\r\n", b"a", b"Subject", b"Subject: a", b": b\n\nx"]
)
def test_mail_that_is_hardly_one_is_split(raw: bytes) -> None:
    assert len(split(raw)[1]) == 1


def test_line_that_only_begins_like_a_boundary_is_none() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--bb\nx--b\n--b--\n"
    (part,) = split(raw)[1]
    assert part.content == b"--bb\nx--b"


def test_parts_are_followed_only_so_deep() -> None:
    assert split(deep(MOST_DEPTH - 1) + b"\nhello")[1][0].content == b"hello"
    (part,) = split(deep(MOST_DEPTH + 5) + b"\nhello")[1]
    assert part.type == "multipart/mixed"


def test_only_so_many_parts_are_looked_at() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1000
    _, parts, everything = split(raw)
    assert len(parts) < MOST_PARTS
    assert not everything


@given(st.binary(max_size=400))
def test_any_bytes_are_split(content: bytes) -> None:
    for part in split(content)[1]:
        assert isinstance(part.text, str)
        assert isinstance(part.name, str)


_PIECES = st.sampled_from(
    [
        b"--b\n",
        b"--b--\n",
        b"\n",
        b"\r\n",
        b"Content-Type: multipart/mixed; boundary=b\n",
        b'Content-Type: multipart/alternative; boundary="b"\n',
        b"Content-Type: message/rfc822\n",
        b"Content-Type: text/plain; charset=gbk\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Disposition: attachment; filename*0*=gbk''%C6; filename*2=x\n",
        b"Subject: =?gbk?B?",
        b"\xc6\xac",
        b"hello",
        b" ",
    ]
)


@given(st.lists(_PIECES, max_size=30))
def test_any_broken_mail_is_split(pieces: list[bytes]) -> None:
    headers, parts, _ = split(b"".join(pieces))
    headers.get("subject")
    for part in parts:
        _ = part.text, part.name, part.type, part.body


@pytest.mark.parametrize("bomb", BOMBS)
def test_ten_megabytes_of_mischief_cost_little(bomb: str) -> None:
    """The standard library's parser overflows its stack or takes minutes for some of these."""
    started = time.process_time()
    headers, parts, _ = split(BOMBS[bomb])
    headers.get("subject")
    for part in parts:
        _ = part.text, part.name, part.is_attached
    assert time.process_time() - started < 20
