from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.protocol import Reply, ReplyKind
from channels.wechat.stub.rulings import data_refused
from channels.wechat.templates import PIECE_BYTES, filled, pieces

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FIELDS = {
    "character_string1": "{number}",
    "thing2": "{text}",
    "phrase3": "{text}",
    "time4": "{time}",
    "name5": "{text}",
    "number6": "{number}",
}


def reply(text: str, number: str = "20260302-000001") -> Reply:
    return Reply(key="k", kind=ReplyKind.answer, text=text, ticket_number=number)


def test_fields_are_filled() -> None:
    said = filled(FIELDS, reply("已修好"), NOW)
    assert said["character_string1"] == {"value": "20260302-000001"}
    assert said["thing2"] == {"value": "已修好"}
    assert said["time4"] == {"value": "2026-03-02 09:30"}


def test_long_text_is_cut_with_a_mark() -> None:
    said = filled(
        {"thing1": "{text}"}, reply("您反映的路灯不亮问题，已由市政部门更换灯具并恢复照明。"), NOW
    )
    assert said["thing1"]["value"] == "您反映的路灯不亮问题，已由市政部门更换…"
    assert len(said["thing1"]["value"]) == 20


def test_braces_of_the_citizens_are_only_text() -> None:
    said = filled({"thing1": "{text}"}, reply("{0.__class__} {"), NOW)
    assert said["thing1"]["value"] == "{0.__class__} {"


@given(text=st.text(), number=st.text(max_size=40))
def test_whatever_is_told_the_template_is_taken(text: str, number: str) -> None:
    fields = {name: value for name, value in FIELDS.items() if name != "number6"}
    body = {"touser": "o", "template_id": "t", "data": filled(fields, reply(text, number), NOW)}
    assert data_refused(body) == 0


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=6000))
def test_pieces_hold_all_of_it_and_none_is_too_long(text: str) -> None:
    found = pieces(text)
    assert all(len(piece.encode()) <= PIECE_BYTES for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["", " \n "])
def test_nothing_is_one_empty_piece(text: str) -> None:
    assert pieces(text) == [""]


def test_pieces_end_with_a_line_where_there_is_one() -> None:
    first = "甲" * 600
    assert pieces(f"{first}\n{'乙' * 300}") == [first, "乙" * 300]
