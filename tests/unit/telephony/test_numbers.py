from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.kit.errors import Invalid
from telephony.numbers import PhoneNumber


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("13812345678", "13812345678"),
        ("138 1234 5678", "13812345678"),
        ("138-1234-5678", "13812345678"),
        ("+8613812345678", "13812345678"),
        ("0086 138 1234 5678", "13812345678"),
        ("8613812345678", "13812345678"),
        ("(010) 6512-3456", "01065123456"),
        ("12345", "12345"),
        ("110", "110"),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, digits: str) -> None:
    assert PhoneNumber.parse(text).digits == digits


@pytest.mark.parametrize(
    "text", ["", "12", "1234567890123456", "138x", "138\r\nAction: x", "１３８"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        PhoneNumber.parse(text)


@pytest.mark.parametrize(
    ("digits", "masked"),
    [
        ("13812345678", "138****5678"),
        ("65123456", "651****56"),
        ("12345", "12****45"),
        ("110", "****10"),
    ],
)
def test_a_number_is_shown_masked(digits: str, masked: str) -> None:
    assert str(PhoneNumber(digits)) == masked


@given(st.from_regex(r"[0-9]{3,15}", fullmatch=True))
def test_no_printed_form_holds_the_whole_number(digits: str) -> None:
    number = PhoneNumber(digits)
    assert digits not in f"{number} {number!r}"
