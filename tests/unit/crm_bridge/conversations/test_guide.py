import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.conversations.guide import (
    MOST_PLACE,
    MOST_TEXT,
    PERSON,
    Guide,
    Line,
    Outcome,
    Step,
    Turn,
    asks_for_guide,
    begin,
    turn,
    word,
)
from crm_bridge.conversations.hearing import new_ticket
from crm_bridge.conversations.rules import Utterance
from crm_bridge.conversations.wording import LINES, words
from telephony.numbers import PhoneNumber

SAID = st.builds(
    Utterance,
    text=st.one_of(
        st.text(max_size=200),
        st.sampled_from(["完成", "跳过", "取消", "人工", "1", "13800015121", "路灯坏了三天"]),
    ),
    address=st.one_of(st.just(""), st.text(max_size=300)),
    files=st.integers(0, 9),
)
PLACED = st.builds(
    Utterance, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), address=st.text()
)


def told(*said: Utterance | str, start: Turn | None = None) -> Turn:
    now = start or begin(None)
    for one in said:
        now = turn(now.guide, Utterance(text=one) if isinstance(one, str) else one)
    return now


def test_straight_way_asks_what_where_for_pictures_and_for_a_number() -> None:
    says = [begin(None).say]
    guide = begin(None).guide
    for said in ("小区北门路灯坏了三天", "滨江路 18 号", "完成"):
        step = turn(guide, Utterance(text=said))
        says.append(step.say)
        guide = step.guide
    assert says == [Line.ask_what, Line.ask_where, Line.ask_pictures, Line.ask_contact]
    last = turn(guide, Utterance(text="138-0001-5121"))
    assert last.outcome is Outcome.complete
    assert (last.guide.what, last.guide.where) == ("小区北门路灯坏了三天", "滨江路 18 号")
    assert last.guide.phone == "13800015121"


def test_citizen_whose_number_is_known_is_not_asked_for_it() -> None:
    first = begin(PhoneNumber("13800015121"))
    assert told("路灯坏了三天", "滨江路", "完成", start=first).outcome is Outcome.complete


def test_place_that_was_sent_before_is_not_asked_for() -> None:
    place = Utterance(latitude=29.7, longitude=120.2, address="临江市滨江路")
    assert told(place).say is Line.ask_what_again
    after = told(place, "路灯坏了三天")
    assert after.guide.step is Step.pictures
    assert after.guide.place == "临江市滨江路"


def test_place_without_a_name_is_told_by_its_coordinates() -> None:
    after = told("路灯坏了三天", Utterance(latitude=29.7, longitude=120.25))
    assert after.guide.place == "29.700000, 120.250000"


def test_words_that_are_too_few_are_asked_for_again_and_at_last_a_person_comes() -> None:
    assert told("嗯").say is Line.ask_what_again
    assert told("嗯", "路灯坏了三天").guide.what == "嗯\n路灯坏了三天"
    assert told("?", "？", "!").outcome is Outcome.person


def test_nine_pictures_at_once_are_thanked_for_once() -> None:
    says = []
    now = told("路灯坏了三天", "滨江路")
    for _ in range(9):
        now = turn(now.guide, Utterance(files=1))
        says.append(now.say)
    assert says == [Line.picture_taken] + [None] * 8
    assert now.guide.files == 9


def test_words_between_pictures_belong_to_the_matter() -> None:
    after = told("路灯坏了三天", "滨江路", "晚上很黑")
    assert (after.say, after.guide.what) == (Line.text_added, "路灯坏了三天\n晚上很黑")


@pytest.mark.parametrize("skip", ["跳过", "0", "匿名。", " 不留 "])
def test_citizen_who_leaves_no_number_is_registered_without(skip: str) -> None:
    after = told("路灯坏了三天", "跳过", "没有", skip)
    assert (after.outcome, after.guide.phone, after.guide.place) == (Outcome.complete, "", "")


def test_what_is_no_number_is_asked_for_again_and_then_kept_as_words() -> None:
    before = told("路灯坏了三天", "滨江路", "完成")
    assert told("找小区门卫", start=before).say is Line.ask_contact_again
    after = told("找小区门卫", "门卫老李", "老李", start=before)
    assert after.outcome is Outcome.complete
    assert after.guide.what.endswith("老李")


@pytest.mark.parametrize("said", [*sorted(PERSON), "【人工】", "人工！"])
@pytest.mark.parametrize("before", [(), ("路灯坏了三天",), ("路灯坏了三天", "滨江路", "完成")])
def test_person_can_be_asked_for_at_any_step(said: str, before: tuple[str, ...]) -> None:
    after = told(*before, said)
    assert after.outcome is Outcome.person
    assert after.guide.what == ("路灯坏了三天" if before else "")


def test_guide_is_asked_for_by_its_words_alone() -> None:
    assert asks_for_guide(Utterance(text="“我要反映”"))
    assert not asks_for_guide(Utterance(text="我要反映路灯坏了"))


@given(said=st.lists(st.one_of(SAID, PLACED), max_size=30))
def test_whatever_is_said_fits_a_ticket_and_survives_being_stored(said: list[Utterance]) -> None:
    now = begin(None)
    for one in said:
        now = turn(now.guide, one)
        if now.outcome is not Outcome.goes_on:
            break
    guide = now.guide
    assert Guide.from_json(json.loads(json.dumps(guide.as_json()))) == guide
    assert len(guide.what) <= MOST_TEXT
    assert len(guide.where) <= MOST_PLACE
    if now.outcome is Outcome.complete:
        ticket = new_ticket(guide)
        assert 1 <= len(ticket.title) <= 60
        assert len(word(ticket.text)) >= 1
        assert len(ticket.address) <= 200


@given(said=SAID)
def test_matter_once_told_is_never_lost(said: Utterance) -> None:
    before = told("路灯坏了三天", "滨江路").guide
    assert turn(before, said).guide.what.startswith("路灯坏了三天")


@pytest.mark.parametrize("line", Line)
def test_every_line_has_words_without_places_left_open(line: Line) -> None:
    text = words(line, hotline="12345", number="20260302-000001")
    assert text
    assert "{" not in text
    assert line in LINES


def test_nothing_of_what_was_told_shows_in_a_log() -> None:
    guide = told("路灯坏了三天", "滨江路").guide
    assert "路灯" not in repr(guide)
    assert "滨江" not in repr(guide)
