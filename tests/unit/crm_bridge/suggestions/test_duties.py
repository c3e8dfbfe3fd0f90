from hypothesis import given, settings
from hypothesis import strategies as st

from crm_bridge.catalogue.rules import Exemption, Matter
from crm_bridge.suggestions.duties import Duties
from crm_bridge.suggestions.rules import AREA, Question

PARKING = Matter(
    code="JJ02",
    name_zh="道路违法停车",
    name_en="Parking offences",
    category="4004",
    unit="JJZD",
    keywords=("违停", "乱停车"),
    exemptions=(Exemption(words=("小区内",), unit="FCZX"),),
)
WASTE = Matter(
    code="HW01",
    name_zh="垃圾清运",
    name_en="Waste",
    category="2003",
    unit="HWZ",
    keywords=("垃圾",),
    places=("桥西街道",),
)
DANCING = tuple(
    Matter(
        code=f"{unit}05",
        name_zh=f"{name}：广场舞",
        name_en=f"{name}: Dancing",
        category="2005",
        unit=unit,
        keywords=("广场舞",),
    )
    for unit, name in (("QXJD", "桥西"), ("QDJD", "桥东"))
)
DUTIES = Duties((PARKING, WASTE, *DANCING), {"QXJD", "QDJD"})


def test_keyword_speaks_for_its_unit() -> None:
    found = DUTIES.of(Question(text="门口天天违停"))
    assert {unit: (duty.words, duty.taken) for unit, duty in found.items()} == {
        "JJZD": (("违停",), False)
    }


def test_own_category_makes_a_keyword_stronger() -> None:
    plain = DUTIES.of(Question(text="违停"))["JJZD"]
    sorted_right = DUTIES.of(Question(text="违停", category="4004"))["JJZD"]
    assert sorted_right.strength > plain.strength


def test_exemption_takes_a_matter_to_the_other_unit() -> None:
    found = DUTIES.of(Question(text="小区内乱停车"))
    assert found["FCZX"].taken
    assert found["FCZX"].words == ("小区内",)
    assert found["FCZX"].strength > found["JJZD"].strength


def test_words_of_an_exemption_alone_speak_for_nobody() -> None:
    assert DUTIES.of(Question(text="小区内环境好")) == {}


def test_matter_of_some_places_does_not_hold_elsewhere() -> None:
    assert DUTIES.of(Question(text="垃圾没人收", address="桥东街道")) == {}
    assert set(DUTIES.of(Question(text="垃圾没人收", address="桥西街道"))) == {"HWZ"}


def test_what_every_subdistrict_has_speaks_for_that_of_the_place() -> None:
    assert set(DUTIES.of(Question(title="广场舞"))) == {AREA}


def test_without_a_known_word_the_category_speaks() -> None:
    found = DUTIES.of(Question(text="？？？", category="4004"))
    assert {unit: duty.words for unit, duty in found.items()} == {"JJZD": ()}


def test_nothing_known_speaks_for_nobody() -> None:
    assert DUTIES.of(Question()) == {}
    assert DUTIES.of(Question(text="你好", category="nonsense")) == {}


def test_full_width_letters_and_capitals_are_the_same_word() -> None:
    duties = Duties(
        (Matter(code="1", name_zh="a", name_en="a", category="1", unit="X", keywords=("ETC",)),), ()
    )
    assert set(duties.of(Question(text="ｅｔｃ扣费"))) == {"X"}


@settings(deadline=None)
@given(st.text(), st.text(), st.text(), st.sampled_from(["", "4004", "2005", "?"]))
def test_any_text_is_answered(title: str, text: str, address: str, category: str) -> None:
    found = DUTIES.of(Question(title=title, text=text, address=address, category=category))
    assert all(duty.strength > 0 for duty in found.values())
