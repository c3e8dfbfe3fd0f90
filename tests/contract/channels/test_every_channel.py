"""What every channel promises. A channel that is registered without a sample here fails."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.contacts.rules import Received
from channels.open311.channel import Open311Channel
from channels.open311.rules import Note, Report
from channels.protocol import Channel, ChannelSettings, Mode, Reply, ReplyKind
from channels.registry import Registry
from channels.voice import VoiceChannel
from infra.kit.errors import LianxinError
from infra.kit.identity import Principal, Role
from telephony.calls.rules import Call, CallChange, CallState, ChangeKind, Direction
from telephony.numbers import PhoneNumber

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
ANSWER = Reply(key="reply-7", kind=ReplyKind.answer, text="您好，您反映的问题已处理。")
CALL = CallChange(
    kind=ChangeKind.offered,
    at=NOW,
    call=Call(
        pbx="pbx-1",
        linkedid="1740879000.7",
        direction=Direction.inbound,
        state=CallState.offered,
        caller=PhoneNumber("13800015121"),
        queue="hotline",
        agent=None,
        offered_at=NOW,
    ),
)

REPORT = Report(
    sender=Principal(
        user_id=0,
        number="key:7",
        name="随手拍",
        role=Role.MACHINE,
        permissions=frozenset({"open311.write"}),
    ),
    form={
        "api_key": ["lx_7_secret"],
        "service_code": ["2004"],
        "lat": ["37.76524078"],
        "long": ["-122.4212043"],
        "phone": ["13800015121"],
        "description": ["路灯不亮"],
    },
    received_at=NOW,
    service="路灯与井盖",
)

CHANNELS = Registry([VoiceChannel(), Open311Channel()])
DELIVERIES: Mapping[str, Any] = {"voice": CALL, "open311": REPORT}
"""One genuine delivery with at least one contact for each channel."""
SOMETHING_ELSE: Mapping[str, Any] = {
    "voice": replace(CALL, kind=ChangeKind.ended),
    "open311": Note(
        sender=REPORT.sender,
        form={"service_request_id": ["20260302-000001"], "description": ["仍然不亮"]},
        received_at=NOW,
    ),
}
"""One genuine delivery that is no contact."""


@pytest.fixture(params=list(CHANNELS), ids=lambda channel: channel.name)
def channel(request: pytest.FixtureRequest) -> Channel[Any]:
    found: Channel[Any] = request.param
    return found


def test_settings_have_defaults_and_refuse_what_they_do_not_know(channel: Channel[Any]) -> None:
    assert isinstance(channel.Settings(), ChannelSettings)
    with pytest.raises(ValueError, match="no_such_setting"):
        channel.Settings.model_validate({"no_such_setting": 1})


def test_every_setting_is_described(channel: Channel[Any]) -> None:
    assert all(field.description for field in channel.Settings.model_fields.values())


def test_mode_is_one_of_three(channel: Channel[Any]) -> None:
    assert channel.mode in Mode


def test_contacts_bear_the_channels_name(channel: Channel[Any]) -> None:
    delivery = DELIVERIES[channel.name]
    channel.verify(delivery)
    contacts = channel.parse(delivery)
    assert contacts
    assert {contact.channel for contact in contacts} == {channel.name}


def test_same_delivery_gives_the_same_contacts(channel: Channel[Any]) -> None:
    delivery = DELIVERIES[channel.name]
    assert channel.parse(delivery) == channel.parse(delivery)


def test_what_is_no_contact_gives_none(channel: Channel[Any]) -> None:
    assert list(channel.parse(SOMETHING_ELSE[channel.name])) == []


def test_external_ids_carry_no_telephone_number(channel: Channel[Any]) -> None:
    for contact in channel.parse(DELIVERIES[channel.name]):
        assert contact.phone is None or contact.phone.digits not in str(contact)


def test_second_delivery_is_acknowledged_like_the_first(channel: Channel[Any]) -> None:
    first = Received(contact_id=7, first=True, ticket_number="20260302-000001")
    answer = channel.acknowledge([first])
    assert answer == channel.acknowledge([replace(first, first=False)])
    assert 200 <= answer.status < 300


async def refusal_of_reply(channel: Channel[Any]) -> LianxinError | None:
    (contact, *_) = channel.parse(DELIVERIES[channel.name])
    try:
        await channel.reply(contact, ANSWER)
    except LianxinError as error:
        return error
    return None


async def test_reply_is_carried_or_refused_with_a_reason(channel: Channel[Any]) -> None:
    refusal = await refusal_of_reply(channel)
    assert refusal is None or (refusal.detail_zh and refusal.detail_en)
