"""Forms: what becomes of every field, whatever was typed, and who may post."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels.contacts.rules import AddressKind
from channels.web_form.channel import WebFormChannel, WebFormSettings
from channels.web_form.rules import (
    TEXT_LENGTH,
    Form,
    FormKind,
    clean,
    contact_of,
    require_signature,
)
from channels.web_form.site import form_of
from infra.kit.errors import Invalid, NotAuthenticated
from telephony.numbers import PhoneNumber
from tests.contract.channels.web_form import KEY, NOW, form, signed


def test_a_posted_form_keeps_every_field() -> None:
    contact = contact_of(form_of(form(confidential=True)), NOW)
    message = contact.message
    assert message is not None
    assert (message.type, message.title, message.confidential) == ("complaint", "路灯不亮", True)
    assert (message.latitude, message.longitude) == (30.27415, 120.15515)
    assert contact.phone == PhoneNumber("13800015121")
    assert (contact.channel, contact.external_id) == ("web-form", "site-form-20260302-0001")
    assert contact.name == "李明"


def test_a_letter_belongs_to_the_mailbox_and_is_answered_by_mail() -> None:
    letter = Form(
        key="a" * 32,
        kind=FormKind.letter,
        title="停车难",
        text="老城区停车难",
        mail="Li@Example.com",
    )
    contact = contact_of(letter, NOW)
    assert (contact.channel, contact.external_id) == ("mayor-mailbox", "web/" + "a" * 32)
    assert contact.sender is not None
    assert (contact.sender.kind, contact.sender.value) == (AddressKind.mail, "li@example.com")


def test_files_that_were_sent_before_are_enclosed() -> None:
    contact = contact_of(Form(key="a" * 32, text="见照片", attachments=(7, 9)), NOW)
    assert [one.attachment_id for one in contact.enclosures] == [7, 9]


def test_nobody_is_seen_in_what_is_printed_of_a_form() -> None:
    shown = repr(form_of(form()))
    assert "13800015121" not in shown
    assert "李明" not in shown
    assert "滨江路" not in shown


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  路灯\r\n不亮 ", "路灯\n不亮"),
        ("路\u202e灯\u200b不\x00亮", "路灯不亮"),
        ("\ud800路灯", "路灯"),
        ("e\u0301", "é"),
    ],
)
def test_what_cannot_be_seen_is_taken_off(typed: str, kept: str) -> None:
    assert clean(typed) == kept


@given(st.text(max_size=6000), st.text(max_size=300), st.text(max_size=300))
def test_whatever_is_typed_is_a_contact_that_fits_or_is_refused(
    text: str, title: str, address: str
) -> None:
    form = Form(key="a" * 32, text=text, title=title, address=address)
    if not clean(text):
        with pytest.raises(Invalid):
            contact_of(form, NOW)
        return
    message = contact_of(form, NOW).message
    assert message is not None
    assert 1 <= len(message.text) <= TEXT_LENGTH
    assert "\n" not in message.title + message.address
    message.text.encode()


@given(st.binary(max_size=400))
def test_bytes_that_are_no_form_are_refused_and_nothing_else_happens(body: bytes) -> None:
    with pytest.raises(Invalid):
        form_of(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["type", "text", "latitude", "longitude", "phone", "name", "weather"]),
        json_values,
    )
)
def test_a_form_with_any_values_is_a_contact_or_refused(changes: dict[str, Any]) -> None:
    with suppress(Invalid):
        assert contact_of(form_of(form(**changes)), NOW).message is not None


SIGNS = st.characters() | st.characters(categories=["Cs"])
"""What a header may hold: bytes that are no UTF-8 come as surrogates."""


@given(st.text(SIGNS, max_size=200), st.binary(max_size=50))
@example("t=1772415000,v1=\udc82", b"")
def test_no_header_that_is_made_up_opens_the_door(header: str, body: bytes) -> None:
    with pytest.raises(NotAuthenticated):
        require_signature(header, body, KEY, NOW)


def test_of_several_signatures_one_must_fit() -> None:
    delivery = signed(form())
    header = delivery.headers["lianxin-signature"] + ",v1=00"
    require_signature(header, delivery.body, KEY, NOW + timedelta(minutes=4))


def test_without_a_secret_nobody_may_post() -> None:
    delivery = signed(form(), key="")
    with pytest.raises(NotAuthenticated, match=r"web_form\.key"):
        WebFormChannel().verify(delivery)


async def test_a_secret_that_can_be_guessed_is_found() -> None:
    (finding,) = await WebFormChannel(WebFormSettings(key="12345")).check()
    assert finding.setting == "web_form.key"
    assert await WebFormChannel(WebFormSettings(key=KEY)).check() == ()
