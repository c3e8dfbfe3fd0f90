"""Rows of a file become contacts, or say what is wrong with them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contacts.rules import Contact
from crm_bridge.contact_import.sheet import COLUMNS, Reading, contacts_of
from crm_bridge.sheets.columns import SheetRow

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
READING = Reading(categories={"2005"}, zone=ZoneInfo("Asia/Shanghai"), now=NOW)
PHONE = "13800012340"


def row(number: int = 2, **values: str) -> SheetRow:
    blank = dict.fromkeys((column.name for column in COLUMNS), "")
    return SheetRow(number=number, values=blank | {"text": "路灯不亮。"} | values)


def one(**values: str) -> Contact:
    (contact,), errors = contacts_of([row(2, **values)], READING)
    assert errors == []
    return contact


def test_a_row_becomes_a_matter_with_all_that_it_says() -> None:
    contact = one(
        title="路灯不亮",
        address="解放路 30 号",
        type="投诉",
        category="2005",
        name="孙丽",
        phone="+86 138-0001-2340",
        confidential="是",
        channel="letter",
        external_id="2026-17",
        received_at="2026-03-01 09:30",
    )
    assert (contact.channel, contact.external_id) == ("letter", "file:2026-17")
    assert contact.received_at == datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
    assert contact.phone is not None
    assert (contact.phone.digits, contact.name) == (PHONE, "孙丽")
    assert contact.message is not None
    assert (contact.message.type, contact.message.category) == ("complaint", "2005")
    assert contact.message.confidential


def test_a_row_with_the_matter_alone_came_to_the_counter_now() -> None:
    contact = one()
    assert (contact.channel, contact.received_at, contact.phone) == ("counter", NOW, None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01", "2026-02-28T16:00:00+00:00"),
        ("2026/3/1 9:05", "2026-03-01T01:05:00+00:00"),
        ("2026年3月1日", "2026-02-28T16:00:00+00:00"),
        ("2026年3月1日 9时05分", "2026-03-01T01:05:00+00:00"),
        ("2026-03-01T09:05:06", "2026-03-01T01:05:06+00:00"),
        ("2026-03-01T09:05:00+09:00", "2026-03-01T00:05:00+00:00"),
    ],
)
def test_a_moment_is_read_as_offices_write_it(written: str, meant: str) -> None:
    assert one(received_at=written).received_at == datetime.fromisoformat(meant)


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ({"text": "路"}, "text"),
        ({"type": "抱怨"}, "type"),
        ({"category": "9999"}, "category"),
        ({"confidential": "也许"}, "confidential"),
        ({"channel": "We Chat"}, "channel"),
        ({"phone": "13800012340、13900012340"}, "phone"),
        ({"received_at": "昨天"}, "received_at"),
        ({"received_at": "2026-02-30"}, "received_at"),
        ({"received_at": "2026-03-02 10:01"}, "received_at"),
        ({"received_at": "0001-01-01"}, "received_at"),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(values: Mapping[str, str], column: str) -> None:
    contacts, errors = contacts_of([row(), row(7, **values)], READING)
    assert [(error.row, error.column) for error in errors] == [(7, column)]
    assert len(contacts) == 1


def test_no_error_repeats_a_number_or_a_name() -> None:
    rows = [row(phone="1380001234x", name="孙丽", type="抱怨", text="她姓孙")]
    _, errors = contacts_of(rows, READING)
    assert errors
    said = "".join(f"{error.message_zh}{error.message_en}" for error in errors)
    assert not any(part in said for part in ("1380001234", "孙"))


def test_the_same_number_of_one_source_twice_is_an_error_and_of_two_is_not() -> None:
    rows = [
        row(2, external_id="17"),
        row(3, external_id="17", text="另一件事。"),
        row(4, external_id="17", channel="letter"),
    ]
    _, errors = contacts_of(rows, READING)
    assert [(error.row, error.column) for error in errors] == [(3, "external_id")]
    _, errors = contacts_of([row(2), row(3)], READING)
    assert [(error.row, error.column) for error in errors] == [(3, "")]


def test_a_row_without_a_number_is_known_by_what_it_says() -> None:
    assert one().external_id == one().external_id
    assert one().external_id != one(address="解放路").external_id


ANY_ROW = st.fixed_dictionaries({column.name: st.text(max_size=250) for column in COLUMNS})


@given(st.lists(ANY_ROW, max_size=4))
def test_whatever_stands_in_a_row_is_read_without_a_fault(values: list[dict[str, str]]) -> None:
    rows = [SheetRow(number=n, values=said) for n, said in enumerate(values, 2)]
    contacts, errors = contacts_of(rows, READING)
    assert len(contacts) <= len(rows)
    assert all(2 <= error.row <= 5 for error in errors)
