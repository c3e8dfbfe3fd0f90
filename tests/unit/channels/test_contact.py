from datetime import UTC, datetime

import pytest

from channels.contacts.rules import Citizen, CitizenKind, Contact, Message
from telephony.numbers import PhoneNumber

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def test_contact_shows_no_number_and_no_words() -> None:
    contact = Contact(
        channel="letters",
        external_id="7",
        received_at=NOW,
        phone=PhoneNumber("13800015121"),
        message=Message(text="路灯不亮"),
    )
    assert "13800015121" not in repr(contact) + str(contact)
    assert "路灯" not in repr(contact) + str(contact)


def test_citizen_shows_no_name_and_no_number() -> None:
    citizen = Citizen(
        id=1,
        kind=CitizenKind.person,
        name="李明",
        phone=PhoneNumber("13800015121"),
        first_seen_at=NOW,
    )
    assert "李明" not in repr(citizen)
    assert "138" not in repr(citizen)


@pytest.mark.parametrize(
    ("channel", "external_id"), [("", "1"), ("voice", ""), ("voice", "x" * 201)]
)
def test_contact_without_channel_or_with_an_impossible_id_is_refused(
    channel: str, external_id: str
) -> None:
    with pytest.raises(ValueError, match=r"contact|external id"):
        Contact(channel=channel, external_id=external_id, received_at=NOW)


def test_contact_at_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Contact(channel="voice", external_id="1", received_at=NOW.replace(tzinfo=None))
