from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contacts.rules import AddressKind
from crm_bridge.citizens.masking import masked
from crm_bridge.citizens.rules import (
    TRANSITIONS,
    Decision,
    Known,
    MergeRefused,
    MergeState,
    head,
    next_state,
    other_forms,
    pair,
    together,
)
from crm_bridge.citizens.settings import CitizenSettings
from telephony.numbers import PhoneNumber

PAIRS = st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 12)).filter(lambda two: two[0] != two[1])
)


@pytest.mark.parametrize(
    ("state", "decision"),
    [both for both in product(MergeState, Decision) if both not in TRANSITIONS],
)
def test_what_the_table_does_not_know_is_refused(state: MergeState, decision: Decision) -> None:
    with pytest.raises(MergeRefused):
        next_state(state, decision)


def test_every_decision_can_be_taken_back() -> None:
    assert next_state(next_state(MergeState.suggested, Decision.confirm), Decision.undo)
    assert next_state(next_state(MergeState.suggested, Decision.dismiss), Decision.confirm)
    assert next_state(MergeState.undone, Decision.confirm) is MergeState.confirmed


@given(PAIRS, st.sets(st.integers(1, 15)))
def test_everybody_is_in_one_group_and_pairs_are_in_the_same(
    pairs: list[tuple[int, int]], citizens: set[int]
) -> None:
    groups = together(pairs, citizens)
    everybody = [citizen for group in groups for citizen in group]

    assert len(everybody) == len(set(everybody))
    assert set(everybody) == citizens | {citizen for two in pairs for citizen in two}
    assert all(any({one, other} <= group for group in groups) for one, other in pairs)


@given(PAIRS)
def test_the_order_of_pairs_does_not_matter(pairs: list[tuple[int, int]]) -> None:
    turned = [(other, one) for one, other in reversed(pairs)]

    assert set(together(pairs, ())) == set(together(turned, ()))


@given(st.lists(st.builds(Known, id=st.integers(1, 99), has_number=st.booleans()), min_size=1))
def test_whoever_is_known_by_a_number_is_the_head_before_others(group: list[Known]) -> None:
    chief = head(group)
    numbered = [one.id for one in group if one.has_number]

    assert chief == min(numbered or [one.id for one in group])


def test_a_pair_is_written_in_one_order() -> None:
    assert pair(7, 3) == pair(3, 7) == (3, 7)
    with pytest.raises(ValueError, match="himself"):
        pair(3, 3)


@pytest.mark.parametrize(
    ("digits", "area_code", "forms"),
    [
        ("87654321", "0571", ["057187654321"]),
        ("057187654321", "0571", ["87654321"]),
        ("2345678", "0315", ["03152345678"]),
        ("02187654321", "0571", []),
        ("13800005678", "0571", []),
        ("12345", "0571", []),
        ("110", "0571", []),
        ("87654321", "", []),
        ("0571123", "0571", []),
    ],
)
def test_a_landline_is_known_with_and_without_its_area_code(
    digits: str, area_code: str, forms: list[str]
) -> None:
    assert [form.digits for form in other_forms(PhoneNumber(digits), area_code)] == forms


@given(st.from_regex(r"[2-8][0-9]{6,7}", fullmatch=True), st.sampled_from(["010", "021", "0571"]))
def test_the_other_form_of_the_other_form_is_the_number(digits: str, area_code: str) -> None:
    number = PhoneNumber(digits)

    [longer] = other_forms(number, area_code)

    assert other_forms(longer, area_code) == (number,)


@pytest.mark.parametrize("value", ["571", "0000", "057١", "05711", "abc", "+86"])
def test_what_is_no_area_code_stops_the_start(value: str) -> None:
    with pytest.raises(ValueError, match="area code"):
        CitizenSettings(area_code=value)


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (AddressKind.mail, "liming@example.com", "l***@example.com"),
        (AddressKind.mail, "nonsense", "…"),
        (AddressKind.openid, "o6_bmjrPTlm6_2sgVt7hMZOPfL2M", "…fL2M"),
        (AddressKind.account, "张三", "…"),
    ],
)
def test_an_address_is_shown_masked(kind: AddressKind, value: str, shown: str) -> None:
    assert masked(kind, value) == shown


@given(st.sampled_from(AddressKind), st.text(min_size=2))
def test_no_masked_form_is_the_address(kind: AddressKind, value: str) -> None:
    assert masked(kind, value) != value
