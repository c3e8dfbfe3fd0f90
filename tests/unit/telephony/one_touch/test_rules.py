from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.numbers import PhoneNumber
from telephony.one_touch.rules import (
    Guest,
    Press,
    accounts,
    guest_of_channel,
    guest_of_path,
    left_over,
    until_of,
)

UNTIL = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
NOW = UNTIL.timestamp()
ONE, TWO = "guest-0011223344556677", "guest-8899aabbccddeeff"
GUEST = Guest(name=ONE, secret="s3cret", caller=PhoneNumber("13800015121"), until=UNTIL)


def test_a_guest_can_call_the_hotline_and_neither_register_nor_transfer() -> None:
    by_family = {account.family: account for account in accounts(GUEST)}
    endpoint = json.loads(by_family["ps/endpoint"].value)
    assert endpoint["context"] == "from-guest"
    assert "aors" not in endpoint
    assert endpoint["allow_transfer"] == "no"
    assert by_family["lianxin-guest"].value == f"{int(NOW)}-13800015121"


def test_secret_and_number_are_not_shown() -> None:
    shown = repr(GUEST) + repr(accounts(GUEST))
    assert "s3cret" not in shown
    assert "13800015121" not in shown


@pytest.mark.parametrize("name", ["agent-1001", "guest-1", "guest-00112233445566zz", "", f"{ONE}x"])
def test_what_is_no_guests_name_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="guest"):
        Guest(name=name, secret="s", caller=None, until=UNTIL)
    assert guest_of_path(f"ps/endpoint/{name}") is None
    assert guest_of_channel(f"PJSIP/{name}-00000001") is None


@pytest.mark.parametrize("name", ["1", "lx1-1", "lx1-00112233445566zz", "lx1-0011223344556677&x"])
def test_what_is_no_press_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="lx1-"):
        Press(linkedid=name, owner=PhoneNumber("13800015121"))


def test_who_may_still_call_or_talks_keeps_his_telephone() -> None:
    stored = {f"ps/{kind}/{name}": "{}" for kind in ("auth", "endpoint") for name in (ONE, TWO)}
    stored["ps/endpoint/agent-1001"] = "{}"
    allowed = {f"lianxin-guest/{ONE}": f"{int(NOW) + 1}-"}
    assert left_over(stored, allowed, [], NOW) == [TWO]
    assert left_over(stored, allowed, [f"PJSIP/{TWO}-00000007"], NOW) == []
    assert left_over(stored, allowed, ["PJSIP/agent-1001-00000001"], NOW + 2) == [ONE, TWO]


def test_an_entry_without_its_telephone_is_taken_away_too() -> None:
    assert left_over({}, {f"lianxin-guest/{ONE}": f"{int(NOW) - 1}-"}, [], NOW) == [ONE]


@given(st.text(max_size=30))
def test_any_value_is_a_moment_or_long_ago(value: str) -> None:
    assert until_of(value) >= 0
    assert guest_of_path(value) is None
    assert guest_of_channel(value) is None
