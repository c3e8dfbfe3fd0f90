"""winmail.dat is made here by hand and read by another's library too, so that both sides cannot err together."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tnefparse import TNEF  # type: ignore[import-untyped]  # it ships none

from channels.mailbox.winmail import MOST_FILES, unwrap
from tests.unit.channels.mailbox.mails import letter, read_mail

PICTURE = b"\xff\xd8\xff" + bytes(3000)
_SIGNATURE = struct.pack("<IH", 0x223E9F78, 1)
_UNICODE, _STRING, _BINARY, _LONG = 0x1F, 0x1E, 0x102, 0x03


def attribute(level: int, number: int, kind: int, data: bytes) -> bytes:
    return (
        struct.pack("<BHHI", level, number, kind, len(data))
        + data
        + struct.pack("<H", sum(data) & 0xFFFF)
    )


def properties(*values: tuple[int, int, bytes]) -> bytes:
    made = struct.pack("<I", len(values))
    for name, kind, value in values:
        made += struct.pack("<HH", kind, name)
        if kind == _LONG:
            made += value
        else:
            made += struct.pack("<II", 1, len(value)) + value + bytes(-len(value) % 4)
    return made


def a_file(name: str, content: bytes, *, long_name: str = "") -> bytes:
    made = attribute(2, 0x9002, 6, bytes(14))
    made += attribute(2, 0x8010, 1, name.encode("gbk") + b"\0")
    made += attribute(2, 0x800F, 6, content)
    if long_name:
        told = (0x3707, _UNICODE, f"{long_name}\0".encode("utf-16-le"))
        number = (0x0E21, _LONG, struct.pack("<I", 0))
        made += attribute(2, 0x9005, 6, properties(number, told))
    return made


def winmail(*parts: bytes, page: int = 936) -> bytes:
    return _SIGNATURE + attribute(1, 0x9007, 6, struct.pack("<II", page, 0)) + b"".join(parts)


def test_files_and_text_are_unwrapped() -> None:
    made = winmail(
        attribute(1, 0x9003, 6, properties((0x1000, _UNICODE, "路灯不亮\0".encode("utf-16-le")))),
        a_file("ZHAOPI~1.JPG", PICTURE, long_name="照片 一.jpg"),
        a_file("说明.pdf", b"%PDF-1.7"),
    )
    found = unwrap(made)
    assert found is not None
    assert found.text == "路灯不亮"
    assert found.files == (("照片 一.jpg", PICTURE), ("说明.pdf", b"%PDF-1.7"))


def test_what_is_unwrapped_is_what_another_library_unwraps() -> None:
    made = winmail(
        attribute(1, 0x9003, 6, properties((0x1000, _UNICODE, "路灯\0".encode("utf-16-le")))),
        a_file("a.jpg", PICTURE, long_name="照片.jpg"),
        a_file("b.jpg", b"\xff\xd8\xffx"),
        page=1252,
    )
    oracle, found = TNEF(made), unwrap(made)
    assert found is not None
    assert [one.data for one in oracle.attachments] == [content for _, content in found.files]
    assert [one.long_filename().strip("\0") for one in oracle.attachments] == [
        name for name, _ in found.files
    ]
    assert oracle.body.strip("\0") == found.text


def test_page_and_text_in_the_code_page_are_read() -> None:
    found = unwrap(
        winmail(
            attribute(1, 0x800C, 2, "路灯".encode("gbk") + b"\0"),
            attribute(1, 0x9003, 6, properties((0x1013, _BINARY, "<p>网页</p>".encode("gbk")))),
        )
    )
    assert found is not None
    assert (found.text, found.html) == ("路灯", "<p>网页</p>")


def test_mail_with_a_winmail_dat_is_read() -> None:
    made = letter("正文")
    wrapped = winmail(attribute(1, 0x800C, 2, b"inner\0"), a_file("a.jpg", PICTURE))
    made.add_attachment(wrapped, "application", "ms-tnef", filename="winmail.dat")
    mail = read_mail(made)
    assert mail.text == "正文"
    assert [(file.name, file.content) for file in mail.files] == [("a.jpg", PICTURE)]


def test_text_of_a_winmail_dat_is_read_where_the_mail_has_none() -> None:
    made = letter("")
    made.add_attachment(
        winmail(attribute(1, 0x800C, 2, "路灯不亮".encode("gbk"))),
        "application",
        "octet-stream",
        filename="WINMAIL.DAT",
    )
    assert read_mail(made).text == "路灯不亮"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x78\x9f\x3e\x22"])
def test_what_is_none_is_none(content: bytes) -> None:
    assert unwrap(content) is None


def test_only_so_many_files_are_unwrapped() -> None:
    found = unwrap(winmail(*(a_file(f"{n}.jpg", b"x") for n in range(MOST_FILES + 5))))
    assert found is not None
    assert len(found.files) == MOST_FILES


@pytest.mark.parametrize("cut", range(0, 300, 7))
def test_one_that_was_cut_off_gives_what_is_whole(cut: int) -> None:
    made = winmail(a_file("a.jpg", b"\xff\xd8\xff", long_name="照片.jpg"), a_file("b.pdf", b"%PDF"))
    unwrap(made[:cut])


@given(st.binary(max_size=300))
def test_any_bytes_can_follow_the_signature(noise: bytes) -> None:
    unwrap(_SIGNATURE + noise)


_HEADS = st.tuples(
    st.sampled_from([1, 2]),
    st.sampled_from([0x9002, 0x9003, 0x9005, 0x9007, 0x8010, 0x800F, 0x800C]),
    st.binary(max_size=60),
)


@given(st.lists(_HEADS, max_size=8))
def test_any_broken_attributes_are_passed_over(parts: Sequence[tuple[int, int, bytes]]) -> None:
    unwrap(winmail(*(attribute(level, number, 6, data) for level, number, data in parts)))


@pytest.mark.parametrize(
    "bomb",
    [
        winmail(*[attribute(1, 0x8004, 6, b"")] * 900_000),
        winmail(attribute(1, 0x9003, 6, struct.pack("<I", 0xFFFFFFFF) + bytes(10_000_000))),
        winmail(
            attribute(
                1,
                0x9003,
                6,
                struct.pack("<IHHI", 1, _UNICODE, 0x1000, 0xFFFFFFFF) + bytes(10_000_000),
            )
        ),
        winmail(attribute(1, 0x9003, 6, struct.pack("<IHHI", 1, 0x1003, 0x1000, 0xFFFFFFFF))),
    ],
    ids=["attributes", "properties", "values", "many values"],
)
def test_ten_megabytes_of_mischief_cost_little(bomb: bytes) -> None:
    started = time.process_time()
    unwrap(bomb)
    assert time.process_time() - started < 10
