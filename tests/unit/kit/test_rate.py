"""How often an address may ask: refilled evenly, a household once, and nobody is shut out by strangers."""

from __future__ import annotations

import pytest

from infra.kit.rate import Rate, counted_as


def test_who_asks_too_much_waits_until_the_next_one_is_borne() -> None:
    rate = Rate(per_minute=2)
    assert [rate.wait("192.0.2.1", 0.0) for _ in range(2)] == [0.0, 0.0]
    assert rate.wait("192.0.2.1", 0.0) == 30.0
    assert rate.wait("192.0.2.2", 0.0) == 0.0
    assert rate.wait("192.0.2.1", 30.0) == 0.0


def test_ten_thousand_addresses_shut_nobody_out_who_has_not_asked_yet() -> None:
    rate = Rate(per_minute=2)
    for n in range(20_000):
        assert rate.wait(f"10.{n // 65_536}.{n // 256 % 256}.{n % 256}", 0.0) == 0.0
    assert rate.wait("192.0.2.1", 1.0) == 0.0


def test_who_goes_on_asking_is_held_back_though_many_others_come() -> None:
    rate = Rate(per_minute=2)
    waits = []
    for n in range(12_000):
        rate.wait(f"10.0.{n // 256}.{n % 256}", 0.0)
        if n % 1_000 == 0:
            waits.append(rate.wait("192.0.2.1", 0.0))
    assert [wait > 0 for wait in waits] == [False] * 2 + [True] * 10


def test_one_household_cannot_ask_by_each_of_its_addresses() -> None:
    rate = Rate(per_minute=2)
    waits = [rate.wait(f"2001:db8:1:2::{n}", 0.0) for n in range(1, 5)]
    assert [wait > 0 for wait in waits] == [False, False, True, True]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("", ""),
    ],
)
def test_a_household_is_counted_once_whatever_addresses_it_takes(
    address: str, counted: str
) -> None:
    assert counted_as(address) == counted
