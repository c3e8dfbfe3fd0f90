from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from channels.contacts.rules import Address, AddressKind, Contact, Enclosure, Message, Purpose
from channels.contacts.storable import DEEPEST, storable
from channels.police_110 import wire

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
ANY_TEXT = st.text(st.characters(), min_size=1, max_size=20)  # halves of surrogate pairs too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=12,
)


def contact(text: str, extra: dict[str, Any]) -> Contact:
    return Contact(
        channel="chat",
        external_id=text,
        received_at=NOW,
        message=Message(text=text, title=text, address=text, latitude=30.0, longitude=120.0),
        purpose=Purpose.talk,
        sender=Address(kind=AddressKind.openid, value=text, scope=text),
        aliases=(Address(kind=AddressKind.unionid, value=text),),
        name=text,
        thread=text,
        enclosures=(Enclosure(name=text, content=b"\0\xff"),),
        extra=extra,
    )


@given(ANY_TEXT, st.dictionaries(ANY_TEXT, JSON, max_size=3))
def test_whatever_was_sent_can_be_kept(text: str, extra: dict[str, Any]) -> None:
    kept = storable(contact(text, extra))
    said = json.dumps([repr_of(kept), dict(kept.extra)], ensure_ascii=False, allow_nan=False)
    assert "\0" not in said
    said.encode()  # halves of surrogate pairs would not be UTF-8
    assert "\\u0000" not in json.dumps(dict(kept.extra))
    assert storable(kept) is kept


@given(st.text(st.characters(max_codepoint=0xFF), min_size=1))
def test_whatever_was_sent_can_be_handed_on(text: str) -> None:
    kept = storable(contact(text, {})).message
    assert kept is not None
    assert TypeAdapter(wire.Text).validate_python(kept.text) == kept.text


def repr_of(kept: Contact) -> list[object]:
    assert kept.message is not None
    assert kept.sender is not None
    return [
        kept.external_id,
        kept.name,
        kept.thread,
        kept.message.text,
        kept.message.title,
        kept.message.address,
        kept.sender.value,
        kept.sender.scope,
        [alias.value for alias in kept.aliases],
        [enclosure.name for enclosure in kept.enclosures],
    ]


def test_what_can_be_kept_stays_as_it_is() -> None:
    found = contact("路灯不亮\n\t请修复 👍", {"未知": ["值", {"n": 1.5}], "无": None})
    assert storable(found) is found


@pytest.mark.parametrize("sign", ["\0", "\x1b", "\x7f", "\x85", "\x9f", "\ud83d"])
def test_sign_that_cannot_be_kept_is_shown_in_its_place(sign: str) -> None:
    kept = storable(contact(f"甲{sign}乙", {f"k{sign}": [f"v{sign}"]}))
    assert kept.message is not None
    assert kept.message.text == "甲\ufffd乙"
    assert dict(kept.extra) == {"k\ufffd": ["v\ufffd"]}
    assert kept.enclosures[0].content == b"\0\xff"  # bytes are no text


@pytest.mark.parametrize("degrees", [float("nan"), float("inf"), float("-inf")])
def test_place_that_is_none_is_left_out(degrees: float) -> None:
    lost = contact("a", {})
    assert lost.message is not None
    kept = storable(replace(lost, message=replace(lost.message, latitude=degrees))).message
    assert kept is not None
    assert (kept.latitude, kept.longitude, kept.text) == (None, None, "a")


def test_what_is_nested_too_deep_is_cut_off_and_nothing_else() -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = [deep]
    kept = storable(contact("a", {"deep": deep, "beside": 1}))
    assert kept.extra["beside"] == 1
    said = json.dumps(dict(kept.extra))
    assert said.count("[") == DEEPEST - 1
