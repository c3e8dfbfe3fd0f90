from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_bridge.catalogue.rules import Matter
from crm_bridge.suggestions.adviser import Adviser
from crm_bridge.suggestions.model import Model
from crm_bridge.suggestions.rules import Question, ReasonKind
from crm_bridge.suggestions.shipped import shipped_matters, shipped_units
from crm_bridge.units.rules import Unit, UnitKind

HEAT = Question(
    title="暖气不热", text="家里暖气一直不热，打电话没人管", address="红旗小区", category="3004"
)
DANCING = Question(title="广场舞扰民", text="跳舞音响太大", address="中山西路", category="2005")
WORDS = st.text(st.sampled_from("暖气不热停水垃圾小区内桥西街道办 12号\n\x00é𠀀"), max_size=60)


def codes(adviser: Adviser, question: Question) -> list[str]:
    return [one.unit for one in adviser.suggest(question)]


def kinds(adviser: Adviser, question: Question) -> dict[ReasonKind, str]:
    return {reason.kind: reason.text_zh for reason in adviser.suggest(question)[0].reasons}


def test_heating_goes_to_the_heating_company_and_says_why(adviser: Adviser) -> None:
    first = adviser.suggest(HEAT)[0]
    assert first.unit == "GRGS"
    assert 0.5 < first.score <= 1
    reason = first.reasons[0]
    assert reason.kind is ReasonKind.catalogue
    assert "暖气不热" in reason.text_zh
    assert "暖气不热" in reason.text_en


def test_place_decides_between_subdistricts_and_is_named(adviser: Adviser) -> None:
    assert codes(adviser, DANCING)[0] == "QXJD"
    assert "“中山西路”在桥西街道辖区内" in kinds(adviser, DANCING)[ReasonKind.place]
    elsewhere = replace(DANCING, address="胜利街")
    assert codes(adviser, elsewhere)[0] == "QDJD"


def test_exemption_is_told_as_one(adviser: Adviser) -> None:
    question = Question(text="小区内乱停车没人管", category="4004")
    assert codes(adviser, question)[0] == "FCZX"
    assert "例外" in kinds(adviser, question)[ReasonKind.catalogue]


def test_history_is_told_with_its_numbers(shipped_model: Model) -> None:
    learned = replace(shipped_model.learned, by_category={"3004": {"GRGS": 40, "ZJJ": 10}})
    model = Model(
        learned,
        shipped_model.vocabulary,
        shipped_model.rarity,
        shipped_model.weights,
        shipped_model.bias,
    )
    adviser = Adviser(shipped_units(), shipped_matters(), model)
    found = adviser.suggest(HEAT, {"3004": ("供热", "Heating")})[0]
    told = next(one for one in found.reasons if one.kind is ReasonKind.history)
    assert told.text_zh == "“供热”类以往 50 件工单中，40 件由该单位承办且未退单"
    assert told.text_en.startswith("Of 50 earlier tickets about “Heating”, 40 were")


def test_closed_unit_never_appears(shipped_model: Model) -> None:
    units = [replace(unit, active=unit.code != "GRGS") for unit in shipped_units()]
    adviser = Adviser(units, shipped_matters(), shipped_model)
    assert "GRGS" not in codes(adviser, HEAT)
    assert len(codes(adviser, HEAT)) == 3


def test_new_unit_appears_by_the_catalogue_before_anything_was_learned_of_it(
    shipped_model: Model,
) -> None:
    new = Unit(code="DKJ", name_zh="低空办", name_en="Low Altitude", kind=UnitKind.bureau)
    matter = Matter(
        code="DK1",
        name_zh="无人机扰民",
        name_en="Drones",
        category="2005",
        unit="DKJ",
        keywords=("无人机", "航拍"),
    )
    adviser = Adviser([*shipped_units(), new], [*shipped_matters(), matter], shipped_model)
    question = Question(title="无人机扰民", text="天天有无人机在窗外航拍", category="2005")
    assert "DKJ" in codes(adviser, question)


def test_without_a_model_catalogue_and_place_speak_alone() -> None:
    adviser = Adviser(shipped_units(), shipped_matters(), None)
    assert codes(adviser, HEAT)[0] == "GRGS"
    assert codes(adviser, DANCING)[0] == "QXJD"


def test_empty_text_falls_back_on_the_category(adviser: Adviser) -> None:
    assert codes(adviser, Question(category="3004"))[0] == "GRGS"
    assert ReasonKind.catalogue in kinds(adviser, Question(category="3004"))


@pytest.mark.parametrize(
    "question", [Question(), Question(text="12345"), Question(category="no such")]
)
def test_nothing_to_go_by_suggests_nothing(adviser: Adviser, question: Question) -> None:
    assert codes(adviser, question) == []


def test_city_without_units_gets_no_suggestion(shipped_model: Model) -> None:
    assert codes(Adviser([], shipped_matters(), shipped_model), HEAT) == []


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(WORDS, st.text()),
    st.one_of(WORDS, st.text()),
    st.one_of(WORDS, st.text()),
    st.sampled_from(["", "3004", "2005", "9099", "??"]),
)
def test_any_form_is_answered_with_at_most_three_open_units(
    adviser: Adviser, title: str, text: str, address: str, category: str
) -> None:
    found = adviser.suggest(Question(title=title, text=text, address=address, category=category))
    known = {unit.code for unit in shipped_units()}
    assert len(found) <= 3
    assert {one.unit for one in found} <= known
    assert sum(one.score for one in found) <= 1 + 1e-9
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert all(0 < one.score <= 1 for one in found)
