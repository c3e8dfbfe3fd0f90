import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_bridge.suggestions.places import Gazetteer, names_in
from crm_bridge.suggestions.rules import Question
from crm_bridge.suggestions.shipped import shipped_matters

AREAS = {"QXJD": "桥西街道", "QDJD": "桥东街道"}
MATTERS = shipped_matters()


def gazetteer(**learned: int) -> Gazetteer:
    names = {"槐荫路": learned} if learned else {}
    return Gazetteer(AREAS, MATTERS, names)


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("临江市桥西区中山西路18号红旗小区3号楼", ["中山西路", "红旗小区"]),
        ("西里社区胡同口", ["西里社区"]),
        ("君悦府二期工地", ["君悦府"]),
        ("学府路文昌路交叉口", ["学府路", "文昌路"]),
        ("中华西大街与裕西街口", ["中华西大街", "裕西街"]),
        ("和平东路", ["和平东路"]),
        ("第一中学门口", ["第一中学"]),
        ("", []),
        ("12345", []),
    ],
)
def test_streets_estates_and_villages_are_found_in_an_address(
    address: str, names: list[str]
) -> None:
    assert list(names_in(address)) == names


def test_street_of_the_catalogue_tells_the_subdistrict() -> None:
    found = gazetteer().where(Question(address="中山西路 5 号"))
    assert found.shares == {"QXJD": 1.0}
    assert found.names == {"QXJD": ("中山西路",)}


def test_area_named_outright_outweighs_a_street_elsewhere() -> None:
    found = gazetteer().where(Question(address="桥西街道", text="靠近胜利街"))
    assert found.shares["QXJD"] > 0.9 > found.shares["QDJD"] > 0


def test_confirmed_dispatches_teach_new_places() -> None:
    assert gazetteer().where(Question(address="槐荫路")).shares == {}
    found = gazetteer(QXJD=9, QDJD=1).where(Question(address="槐荫路"))
    assert found.shares == {"QXJD": pytest.approx(0.9), "QDJD": pytest.approx(0.1)}


def test_place_of_a_closed_subdistrict_is_forgotten() -> None:
    found = gazetteer(CLOSED=50).where(Question(address="槐荫路"))
    assert found.shares == {}


TOLD = gazetteer()


@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_shares_make_one_whole_or_are_none(title: str, text: str, address: str) -> None:
    found = TOLD.where(Question(title=title, text=text, address=address))
    assert not found.shares or sum(found.shares.values()) == pytest.approx(1)


@settings(deadline=None)
@given(st.text(st.sampled_from("市区路街与小12里 社"), max_size=40))
def test_any_address_is_read(address: str) -> None:
    assert all(2 <= len(name) <= 12 for name in names_in(address))
