from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.search.rules import (
    MOST_TERMS,
    index_terms,
    normal,
    pairs,
    ticket_terms,
    wanted,
)
from crm_bridge.tickets.vocabulary import TicketType, Urgency

texts = st.text(st.characters(codec="utf-8"), max_size=80)
chinese = st.text("停水电暖路灯不亮临江市滨18号楼aB。，！ \u3000", min_size=2, max_size=60)


def terms(title: str = "", text: str = "", address: str = "", number: str = "") -> set[str]:
    return set(index_terms(title, text, address, number).split())


def test_text_is_cut_into_overlapping_pairs() -> None:
    assert list(pairs(normal("停水三天，路灯 A栋18号"))) == [
        "停水", "水三", "三天", "路灯", "a栋", "栋1", "18", "8号",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("停水", "昨天停水了"),
        ("18号", "滨江路18号楼"),
        ("１８号", "滨江路18号楼"),
        ("abc", "ＡＢＣ大厦"),
        ("路灯 停水", "停水，路灯也不亮"),
        ("18号", "滨江路 18 号"),
        ("路 18", "滨江路 18 号"),
        ("wi fi信号", "Wi Fi 信号差"),
    ],
)
def test_word_is_found_whatever_its_width_case_and_blanks(typed: str, written: str) -> None:
    question = wanted(typed)
    assert question is not None
    assert set(question.terms) <= terms(text=written)
    assert question.fits("", written, "", "20260302-000123")


def test_blanks_that_a_stranger_wrote_take_no_longer_than_letters() -> None:
    letters = seconds_for("a" * 20_000)
    assert seconds_for(f"a{' ' * 20_000}b") < 10 * letters + 0.2


def seconds_for(text: str) -> float:
    started = time.process_time()
    terms(text=text)
    return time.process_time() - started


@given(text=chinese, data=st.data())
def test_every_word_of_a_text_finds_it(text: str, data: st.DataObject) -> None:
    runs = [run for run in normal(text).split() if len(run) >= 2]
    if not runs:
        return
    run = data.draw(st.sampled_from(runs))
    start = data.draw(st.integers(0, len(run) - 2))
    end = data.draw(st.integers(start + 2, len(run)))
    question = wanted(run[start:end])
    assert question is not None
    assert set(question.terms) <= terms(title=text)
    assert question.fits(text, "", "", "")


@given(text=texts, question=texts)
def test_anything_can_be_typed_and_written(text: str, question: str) -> None:
    kept = index_terms(text, text, text, "20260302-000123")
    assert all(term.isalnum() for term in kept.split())
    found = wanted(question)
    if found is not None:
        assert all(term.isalnum() and len(term) == 2 for term in found.terms)
        assert len(found.terms) <= MOST_TERMS
        found.fits(text, text, text, "20260302-000123")


def test_pairs_from_different_places_are_no_word() -> None:
    question = wanted("供热公司")
    assert question is not None
    scattered = "供热不足，天热公交少，找公司"
    assert set(question.terms) <= terms(text=scattered)
    assert not question.fits("", scattered, "", "")


@pytest.mark.parametrize("typed", ["", " ", "水", "？！", "😀", "' OR 1=1"[:1], '"*', "水 电"])
def test_nothing_to_look_for_is_said_so(typed: str) -> None:
    assert wanted(typed) is None


@pytest.mark.parametrize(
    "typed", ["20260302-000123", "20260302000123", "２０２６０３０２－０００１２３"]
)
def test_number_of_a_ticket_is_known_for_one(typed: str) -> None:
    found = wanted(typed)
    assert found is not None
    assert found.number == "20260302-000123"


def test_last_digits_of_a_number_find_the_ticket() -> None:
    for typed in ("123", "000123"):
        found = wanted(typed)
        assert found is not None
        assert found.serial == 123
        assert found.fits("", "", "", "20260302-000123")
        assert not found.fits("", "", "", "20260302-001234")
    assert "serial000123" in terms(number="20260302-000123")


def test_what_is_known_of_a_ticket_is_no_word_of_a_text() -> None:
    kept = ticket_terms(
        20_000,
        title="typehelp block1",
        text="",
        address="",
        number="20260302-000123",
        type=TicketType.complaint,
        category="20-05",
        urgency=Urgency.normal,
    ).split()
    assert {"typecomplaint", "urgencynormal", "block1"} <= set(kept)
    assert "typehelp" not in kept
    assert all(term.isalnum() for term in kept)
