import pytest

from crm_bridge.catalogue.rules import Matter
from crm_bridge.suggestions.calibration import temperature_for, together
from crm_bridge.suggestions.duties import Duty

DUTY = Duty(
    strength=2.0,
    matter=Matter(code="1", name_zh="a", name_en="a", category="1", unit="NEW"),
    words=("a",),
)


def test_what_is_written_is_added_to_what_was_learned() -> None:
    assert together({"A": 1.0, "B": -1.0}, {"A": DUTY}, 0) == {"A": pytest.approx(2.0), "B": -1.0}


def test_written_counts_less_beside_a_long_history() -> None:
    young = together({"A": 1.0}, {"A": DUTY}, 0)["A"]
    old = together({"A": 1.0}, {"A": DUTY}, 1_000_000)["A"]
    assert young > old > 1.0


def test_unit_that_nothing_was_learned_of_does_not_begin_at_the_bottom() -> None:
    found = together({"A": 2.0, "B": -4.0, "C": -6.0}, {"NEW": DUTY}, 0)
    assert found["NEW"] > found["B"]


def test_alone_the_catalogue_counts_whole() -> None:
    assert together({}, {"A": DUTY}, 1_000_000) == {"A": 2.0}


def test_logits_that_are_too_sure_are_cooled() -> None:
    cases: list[tuple[dict[str, float], dict[str, Duty]]] = [({"A": 5.0, "B": 0.0}, {})] * 100
    half_right = ["A", "B"] * 50
    assert temperature_for(cases, half_right, 0) > 2
    assert temperature_for(cases, ["A"] * 100, 0) < 0.5


def test_too_few_cases_change_nothing() -> None:
    assert temperature_for([({"A": 5.0}, {})], ["A"], 0) == 1.0
