from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from infra.kit.logging import configure


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure("info", readable=False, stream=stream)
    yield stream
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_a_field_with_a_telling_name_is_not_written(written: io.StringIO) -> None:
    structlog.get_logger("a").info("login", number="1001", password="secret", agent_id=3)
    entry = json.loads(written.getvalue())
    assert entry["password"] == entry["number"] == "[redacted]"
    assert entry["agent_id"] == 3


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call from 13812345678 came", "call from 138****5678 came"),
        ("+8613812345678", "+86138****5678"),
        ("to sip:13812345678@10.0.0.1", "to sip:138****5678@10.0.0.1"),
        ("<sips:+8613812345678@example.cn>", "<sips:+86138****5678@example.cn>"),
        ("tel:8613812345678", "tel:86138****5678"),
        ("id 11010119900307123X here", "id [redacted] here"),
        ("linkedid 1767225600.13812345678", "linkedid 1767225600.13812345678"),
        ("ticket 20260302-000123", "ticket 20260302-000123"),
    ],
)
def test_numbers_of_citizens_are_masked_in_any_text(
    written: io.StringIO, text: str, shown: str
) -> None:
    logging.getLogger("some.library").warning("%s", text)
    assert json.loads(written.getvalue())["event"] == shown


def test_numbers_are_masked_however_deep_they_lie(written: io.StringIO) -> None:
    structlog.get_logger("a").info(
        "x", facts={"to": ["13812345678", {"name": "王小明", "13812345678": 1}], "n": 2}
    )
    facts = json.loads(written.getvalue())["facts"]
    assert facts == {"to": ["138****5678", {"name": "[redacted]", "138****5678": 1}], "n": 2}


def test_of_an_exception_its_type_and_places_are_written_and_never_its_message(
    written: io.StringIO,
) -> None:
    try:
        int("王小明 lives at 13812345678")
    except ValueError:
        structlog.get_logger("a").exception("it_broke")
    line = written.getvalue()
    entry = json.loads(line)
    assert entry["error"] == "ValueError"
    assert "test_logging.py" in entry["places"][-1]
    assert "王小明" not in line
