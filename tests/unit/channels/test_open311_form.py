"""Whatever is posted as a report is a contact or is refused by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contacts.rules import Contact
from channels.open311.rules import Form, Question, Report, contact_of, identity_of
from infra.kit.errors import Invalid
from infra.kit.identity import Principal, Role

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SITE = Principal(
    user_id=0, number="key:7", name="随手拍", role=Role.MACHINE, permissions=frozenset()
)
OTHER = replace(SITE, number="key:8")
FORM: Form = {"service_code": ["2004"], "lat": ["30.1"], "long": ["120.1"], "description": ["不亮"]}
QUESTIONS = (
    Question(code="N", description="几盏", datatype="number"),
    Question(code="K", description="种类", datatype="singlevaluelist", values={"a": "路灯"}),
    Question(code="T", description="何时", datatype="datetime"),
)
NAMES = [
    "service_code",
    "lat",
    "long",
    "address_string",
    "address_id",
    "description",
    "phone",
    "media_url",
    "attribute[N]",
    "attribute[K][]",
    "attribute[T]",
    "attribute[",
]


def report(form: Form) -> Report:
    return Report(
        sender=SITE, form=form, received_at=NOW, service="路灯与井盖", questions=QUESTIONS
    )


def contact_or_refusal(form: Form) -> Contact | Invalid:
    try:
        return contact_of(report(form))
    except Invalid as refused:
        return refused


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.lists(
            st.text() | st.floats().map(str) | st.sampled_from(["1e309", "nan", "-0", "٣"]),
            max_size=3,
        ),
    )
)
def test_any_form_is_a_contact_or_is_refused_by_name(form: Form) -> None:
    read = contact_or_refusal(form)
    if isinstance(read, Invalid):
        assert read.fields
        assert all(field.pointer[1:].split("[")[0] for field in read.fields)
        assert all(field.message_zh and field.message_en for field in read.fields)
        return
    message = read.message
    assert message is not None
    assert message.latitude is None or -90 <= message.latitude <= 90
    assert "\x00" not in message.text + message.title + message.address
    assert len(message.title) <= 60


def test_same_form_gives_the_same_contact_whatever_key_is_written_in_it() -> None:
    with_key = {**FORM, "api_key": ["lx_7_secret"]}
    assert contact_of(report(FORM)) == contact_of(report(with_key))


@pytest.mark.parametrize(
    ("form", "sender", "key", "later", "same"),
    [
        (FORM, SITE, "", timedelta(hours=2), True),
        (FORM, SITE, "", timedelta(days=1), False),
        (FORM, OTHER, "", timedelta(0), False),
        ({**FORM, "description": ["仍然不亮"]}, SITE, "", timedelta(0), False),
        (FORM, SITE, "k1", timedelta(0), False),
    ],
)
def test_what_makes_a_report_the_same(
    form: Form, sender: Principal, key: str, later: timedelta, same: bool
) -> None:
    first = identity_of(SITE, FORM, "", NOW)
    assert (identity_of(sender, form, key, NOW + later) == first) is same


@pytest.mark.parametrize("name", ["attribute[external_id]", "attribute[fixmystreet_id]"])
def test_senders_own_number_is_believed_for_ever_and_for_himself_only(name: str) -> None:
    own = {**FORM, name: ["55"]}
    changed = {**own, "description": ["别的"]}
    first = identity_of(SITE, own, "", NOW)
    assert identity_of(SITE, changed, "", NOW + timedelta(days=400)) == first
    assert identity_of(OTHER, own, "", NOW) != first
