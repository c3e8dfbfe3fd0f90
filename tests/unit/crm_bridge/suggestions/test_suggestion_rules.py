import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.suggestions.rules import AREA, among_areas, best, catalogue_weight, shares

CODES = st.sampled_from(["CGJ", "GRGS", "ZJJ", AREA])
LOGITS = st.dictionaries(CODES, st.floats(-500, 500), min_size=1)


@given(LOGITS, st.floats(0.3, 4))
def test_shares_make_one_whole_in_the_order_of_the_logits(
    logits: dict[str, float], temperature: float
) -> None:
    found = shares(logits, temperature)
    assert math.isclose(sum(found.values()), 1)
    for one in logits:
        for other in logits:
            assert logits[one] < logits[other] or found[one] >= found[other]


@given(LOGITS, st.dictionaries(st.sampled_from(["QX", "QD", "XX"]), st.floats(0, 1)))
def test_what_the_subdistricts_get_is_what_the_place_had(
    logits: dict[str, float], here: dict[str, float]
) -> None:
    scores = shares(logits)
    found = among_areas(scores, ["QX", "QD"], here)
    assert AREA not in found
    assert math.isclose(sum(found.values()), sum(scores.values()))


def test_without_a_place_no_subdistrict_is_preferred() -> None:
    found = among_areas({AREA: 0.8, "CGJ": 0.2}, ["QX", "QD"], {})
    assert found["QX"] == found["QD"] == pytest.approx(0.4)


def test_a_known_place_leaves_little_to_the_others() -> None:
    found = among_areas({AREA: 1.0}, ["QX", "QD"], {"QX": 1.0})
    assert found["QX"] > 0.95 > 0.05 > found["QD"] > 0


def test_only_units_that_are_named_and_have_a_score_are_among_the_best() -> None:
    scores = {"CGJ": 0.5, "GRGS": 0.3, "ZJJ": 0.3, "GONE": 0.9, "NONE": 0.0}
    assert best(scores, ["ZJJ", "GRGS", "CGJ", "NONE", "NEW"]) == ["CGJ", "GRGS", "ZJJ"]


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_catalogue_fades_with_history_but_never_to_nothing(one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    assert 0.5 >= catalogue_weight(fewer) >= catalogue_weight(more) >= 0.2
