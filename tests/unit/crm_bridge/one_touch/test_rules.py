from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_console.guest_sip import of_guest
from crm_bridge.one_touch.rules import Owner, Place, guest_of_pass, guest_pass, linkedid_of
from infra.kit.errors import NotAuthenticated
from telephony.numbers import PhoneNumber
from telephony.one_touch.rules import Press

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
GUEST = "guest-0011223344556677"
OWNER = Owner(
    name="王秀兰",
    phone=PhoneNumber("13900007777"),
    address="江滨路 8 号 3 单元 201",
    contact="女儿 王芳 13900008888",
    notes="心脏病；钥匙在 202 邻居处",
)


def seal(content: bytes) -> str:
    return hashlib.sha256(b"key" + content).hexdigest()


def test_a_pass_lets_its_guest_in_until_it_ends() -> None:
    until = NOW + timedelta(minutes=62)
    text = guest_pass(GUEST, until, seal)
    assert guest_of_pass(text, NOW, seal) == (GUEST, until)
    with pytest.raises(NotAuthenticated):
        guest_of_pass(text, until, seal)


def test_a_pass_that_was_altered_lets_nobody_in() -> None:
    name, moment, digits = guest_pass(GUEST, NOW + timedelta(minutes=5), seal).split(".")
    for wrong in (
        f"guest-ffff223344556677.{moment}.{digits}",
        f"{name}.{int(moment) + 1}.{digits}",
        f"{name}.{moment}.{'0' * 64}",
        f"{name}.{moment}",
        "",
    ):
        with pytest.raises(NotAuthenticated):
            guest_of_pass(wrong, NOW, seal)


@given(st.text(max_size=120))
def test_no_text_that_is_made_up_is_a_pass(text: str) -> None:
    with pytest.raises(NotAuthenticated):
        guest_of_pass(text, NOW, seal)


def test_owner_and_place_are_read_as_they_were_sealed_and_are_not_shown() -> None:
    assert Owner.read(OWNER.text()) == OWNER
    place = Place(address="江滨路 8 号", latitude=30.2, longitude=120.1)
    assert Place.read(place.text()) == place
    shown = repr(OWNER) + repr(place)
    for private in ("王秀兰", "13900007777", "江滨路", "心脏病", "30.2"):
        assert private not in shown


@given(st.text(min_size=1))
def test_a_press_has_one_call_that_the_pbx_can_name(external_id: str) -> None:
    named = linkedid_of(external_id)
    assert named == linkedid_of(external_id)
    assert Press(linkedid=named, owner=OWNER.phone).linkedid == named


INVITE = (
    f"INVITE sip:12345@hotline.invalid SIP/2.0\r\nFrom: <sip:{GUEST}@hotline.invalid>;tag=1\r\n\r\n"
)


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        (INVITE, True),
        (INVITE.replace("From:", "f :"), True),
        ("SIP/2.0 200 OK\r\nFrom: <sip:12345@x>\r\n\r\n", True),
        ("\r\n\r\n", True),
        (INVITE.replace(GUEST, "agent-1001"), False),
        (INVITE.replace(GUEST, "guest-ffff223344556677"), False),
        (INVITE + "From: <sip:agent-1001@hotline.invalid>\r\n", False),
        (INVITE + f"From: <sip:agent-1001:{'a' * 400}@hotline.invalid>\r\n", False),
        (INVITE + "From: sip:agent-1001@hotline.invalid\r\n", False),
        ("REGISTER sip:x SIP/2.0\r\nTo: <sip:agent-1001@x>\r\n\r\n", False),
        (INVITE.replace("From: <", 'From: "a" <sip:agent-1001@x> <'), False),
    ],
)
def test_only_what_comes_from_the_guests_own_account_passes(message: str, passes: bool) -> None:
    assert of_guest(message, GUEST) is passes


def test_message_of_many_lines_that_never_end_is_looked_at_soon() -> None:
    lines = "\nf:<sip:" * 8000
    assert seconds_for(lines) < 20 * seconds_for(lines.replace("sip", "tel")) + 0.5


def seconds_for(message: str) -> float:
    started = time.process_time()
    assert not of_guest(message, GUEST)
    return time.process_time() - started
