"""One value, two documents that say the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.open311.documents import Format, write
from crm_bridge.open311.rules import Status, span_of, states_of, status_of
from crm_bridge.tickets.vocabulary import TicketState
from infra.kit.errors import Invalid, NotFound
from tests.contract.crm_bridge.open311.reader import parse_xml, read

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
leaves = st.text() | st.integers() | st.booleans() | st.none() | st.floats(-180, 180)


@given(st.lists(st.dictionaries(st.sampled_from(["code", "description", "lat"]), leaves)))
def test_any_text_makes_a_document_that_an_independent_parser_reads(
    value: list[dict[str, Any]],
) -> None:
    root = parse_xml(write("errors", value, Format.xml))
    assert [child.name for child in root.children] == ["error"] * len(value)
    assert json.loads(write("errors", value, Format.json)) is not None


@given(
    st.lists(
        st.fixed_dictionaries(
            {"code": st.from_regex(r"[a-z<>&\"'\u4e00-\u9fff]{1,20}", fullmatch=True)}
        ),
        min_size=1,
    )
)
def test_both_formats_say_the_same(value: list[dict[str, Any]]) -> None:
    xml = read(write("services", value, Format.xml), "text/xml; charset=utf-8")
    plain = read(write("services", value, Format.json), "application/json; charset=utf-8")
    assert xml == plain == value


def test_characters_that_xml_does_not_know_are_dropped() -> None:
    body = write("errors", [{"code": "a\x00\x0b\ufffe\ud800b\tc\n"}], Format.xml)
    assert b"<code>ab\tc\n</code>" in body


@pytest.mark.parametrize("ending", ["", "html", "XML", "xml.json"])
def test_other_endings_are_not_found(ending: str) -> None:
    with pytest.raises(NotFound):
        Format.of(ending)


def test_every_state_is_open_or_closed() -> None:
    both = [*states_of([Status.open]), *states_of([Status.closed])]
    assert sorted(both) == sorted(TicketState)
    assert status_of(TicketState.in_hand) is Status.open
    assert {state.value for state in states_of([Status.closed])} == {
        "closed",
        "done",
        "callback",
        "archived",
        "stopped",
    }


@given(
    st.sampled_from(["start_date", "end_date", "status"]),
    st.text(max_size=30) | st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
)
def test_span_is_found_or_refused_whatever_is_sent(name: str, text: str) -> None:
    try:
        start, end = span_of({name: text}, NOW)
    except Invalid:
        return
    assert start <= end
    assert (end - start).days <= 90
