from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.ami.framing import MAX_PENDING_BYTES, Framer, TooLong, parse_headers

NAME = "市民热线 · 张伟"
STREAM = (
    f"Event: Newchannel\r\nCallerIDName: {NAME}\r\n\r\n"
    f"Event: Hangup\r\nCallerIDName: {NAME}\r\nCause: 16\r\n\r\n"
).encode()
WHOLE = [
    {"Event": "Newchannel", "CallerIDName": NAME},
    {"Event": "Hangup", "CallerIDName": NAME, "Cause": "16"},
]


def messages(*chunks: bytes) -> list[dict[str, str]]:
    framer = Framer()
    return [parse_headers(message) for chunk in chunks for message in framer.feed(chunk)]


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_a_chinese_name_split_at_any_byte_arrives_whole(cut: int) -> None:
    assert messages(STREAM[:cut], STREAM[cut:]) == WHOLE


def test_a_stream_that_comes_byte_by_byte_arrives_whole() -> None:
    assert messages(*(STREAM[i : i + 1] for i in range(len(STREAM)))) == WHOLE


@given(st.lists(st.integers(0, len(STREAM)), max_size=20).map(sorted))
def test_a_stream_cut_anywhere_gives_the_same_messages(cuts: list[int]) -> None:
    edges = [0, *cuts, len(STREAM)]
    assert messages(*(STREAM[a:b] for a, b in pairwise(edges))) == WHOLE


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_whatever_bytes_come_headers_or_a_clear_error_come_out(chunks: list[bytes]) -> None:
    for headers in messages(*chunks):
        assert all("\n" not in value for value in headers.values())


def test_a_peer_that_never_ends_a_message_is_refused() -> None:
    framer = Framer()
    framer.feed(b"x" * MAX_PENDING_BYTES)
    with pytest.raises(TooLong):
        framer.feed(b"x")


def test_of_a_repeated_header_the_first_counts() -> None:
    message = b"Event: Hangup\r\nActionID: ours\r\nEvent: Newchannel\r\nActionID: theirs"
    assert parse_headers(message) == {"Event": "Hangup", "ActionID": "ours"}


def test_bytes_that_are_not_utf8_are_replaced_and_not_dropped() -> None:
    assert parse_headers(b"Name: a\xff\xfeb") == {"Name": "a��b"}
