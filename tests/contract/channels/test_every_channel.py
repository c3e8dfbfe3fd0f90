"""What every channel promises, tried with the samples of `every.py`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from channels.attachments.rules import ENDINGS
from channels.contacts.rules import Received
from channels.protocol import CarryingFiles, ChannelSettings, FileLimits, Mode, Reply, ReplyKind
from channels.registry import Registry
from infra.kit.errors import LianxinError
from infra.run.settings import Settings
from tests.contract.channels.every import SAMPLES
from tests.contract.channels.samples import Sample

ANSWER = Reply(key="reply-7", kind=ReplyKind.answer, text="您好，您反映的问题已处理。")


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.channel.name)
def sample(request: pytest.FixtureRequest) -> Sample:
    found: Sample = request.param
    return found


def test_names_and_shapes_are_those_of_channels() -> None:
    assert len(Registry(sample.channel for sample in SAMPLES)) == len(SAMPLES)


def test_every_channel_of_an_installation_has_a_sample() -> None:
    installed = {
        name
        for name, section in Settings.model_fields.items()
        if isinstance(section.annotation, type) and issubclass(section.annotation, ChannelSettings)
    }
    tried = {sample.channel.Settings for sample in SAMPLES}
    sections = {Settings.model_fields[name].annotation for name in installed}
    assert sections <= tried


def test_settings_have_defaults_and_refuse_what_they_do_not_know(sample: Sample) -> None:
    assert isinstance(sample.channel.Settings(), ChannelSettings)
    with pytest.raises(ValueError, match="no_such_setting"):
        sample.channel.Settings.model_validate({"no_such_setting": 1})


def test_every_setting_is_described(sample: Sample) -> None:
    assert all(field.description for field in sample.channel.Settings.model_fields.values())


def test_mode_is_one_of_three(sample: Sample) -> None:
    assert sample.channel.mode in Mode


def test_contacts_bear_the_channels_name(sample: Sample) -> None:
    delivery = sample.contact
    sample.channel.verify(delivery)
    contacts = sample.channel.parse(delivery)
    assert contacts
    assert {contact.channel for contact in contacts} == {sample.channel.name}


def test_same_delivery_gives_the_same_contacts(sample: Sample) -> None:
    delivery = sample.contact
    assert sample.channel.parse(delivery) == sample.channel.parse(delivery)


def test_what_is_no_contact_gives_none(sample: Sample) -> None:
    assert list(sample.channel.parse(sample.something_else)) == []


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if sample.unknown is not None],
    ids=lambda sample: sample.channel.name,
)
def test_what_nobody_knows_is_handed_on_with_the_contact(sample: Sample) -> None:
    (contact,) = sample.channel.parse(sample.unknown)
    assert sample.unknown_value in json.dumps(dict(contact.extra), ensure_ascii=False)


def test_external_ids_carry_no_telephone_number(sample: Sample) -> None:
    for contact in sample.channel.parse(sample.contact):
        assert contact.phone is None or contact.phone.digits not in str(contact)


def test_second_delivery_is_acknowledged_like_the_first(sample: Sample) -> None:
    first = Received(contact_id=7, first=True, ticket_number="20260302-000001")
    answer = sample.channel.acknowledge([first])
    assert answer == sample.channel.acknowledge([replace(first, first=False)])
    assert 200 <= answer.status < 300


CARRIES_FILES = {"wechat", "wechat-mini", "mayor-mailbox"}


def test_channel_says_whether_its_replies_bring_files(sample: Sample) -> None:
    carries = isinstance(sample.channel, CarryingFiles)
    assert carries == (sample.channel.name in CARRIES_FILES)


def test_what_a_channel_carries_is_of_types_that_are_taken_in(sample: Sample) -> None:
    limits = getattr(sample.channel, "carries", FileLimits(types={}, together=0))
    assert set(limits.types) <= set(ENDINGS)
    assert all(0 < most <= limits.together for most in limits.types.values())
    assert not limits.take("text/html", 1)


async def refusal_of_reply(sample: Sample) -> LianxinError | None:
    (contact, *_) = sample.channel.parse(sample.contact)
    try:
        await sample.channel.reply(contact, ANSWER)
    except LianxinError as error:
        return error
    return None


async def test_reply_is_carried_or_refused_with_a_reason(sample: Sample) -> None:
    refusal = await refusal_of_reply(sample)
    assert refusal is None or (refusal.detail_zh and refusal.detail_en)
