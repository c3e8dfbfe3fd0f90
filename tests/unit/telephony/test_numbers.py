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
        ("013812345678", "13812345678"),
        ("(010) 6512-3456", "01065123456"),
        ("+86 10 6512 3456", "01065123456"),
        ("0086-315-2345678", "03152345678"),
        ("+86 755 2345 6789", "075523456789"),
        ("+86 400 810 9999", "4008109999"),
        ("+1 415 555 2671", "0014155552671"),
        ("001 415 555 2671", "0014155552671"),
        ("+8612345", "12345"),
        ("12345", "12345"),
        ("110", "110"),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, digits: str) -> None:
    assert PhoneNumber.parse(text).digits == digits


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "12",
        "1234567890123456",
        "138x",
        "138\r\nAction: x",
        "１３８",
    ],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        PhoneNumber.parse(text)


@pytest.mark.parametrize(
    ("digits", "e164"),
    [
        ("13812345678", "+8613812345678"),
        ("01065123456", "+861065123456"),
        ("0014155552671", "+14155552671"),
        ("4008109999", "+864008109999"),
    ],
)
def test_a_number_is_given_to_the_world_in_e164(digits: str, e164: str) -> None:
    assert PhoneNumber(digits).e164 == e164


def test_a_foreign_number_is_not_taken_for_a_mobile_of_ours() -> None:
    abroad = PhoneNumber.parse("+14155552671")

    assert abroad != PhoneNumber.parse("14155552671")
    assert abroad.is_foreign
    assert not abroad.is_mobile


@given(
    st.from_regex(
        r"1[3-9][0-9]{9}|0(10|2[0-9])[1-9][0-9]{7}|0[35679][0-9]{2}[1-9][0-9]{6,7}|00[1-79][0-9]{7,12}|[48]00[0-9]{7}",
        fullmatch=True,
    )
)
def test_a_number_comes_back_from_e164_as_it_was(digits: str) -> None:
    number = PhoneNumber(digits)
    assert PhoneNumber.parse(number.e164) == number


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
