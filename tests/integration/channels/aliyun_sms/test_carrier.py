"""Short messages through the stub of Alibaba Cloud, over a socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from channels.aliyun_sms.carrier import AliyunCarrier, AliyunRefused
from channels.aliyun_sms.settings import AliyunSmsSettings
from channels.aliyun_sms.stub import StubAliyun
from channels.protocol import CannotReply
from channels.sms.protocol import MessageRejected
from channels.sms.rules import MessageKind, ShortMessage
from channels.sms.service import Messenger
from channels.sms.settings import SmsSettings
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Misconfigured, TryLater
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber


@pytest.fixture
async def stub() -> AsyncIterator[StubAliyun]:
    stub = StubAliyun()
    async with stub.serving():
        yield stub


def settings_for(stub: StubAliyun, **more: object) -> AliyunSmsSettings:
    values = {
        "access_key_id": stub.access_key_id,
        "access_key_secret": SecretStr(stub.secret),
        "templates": {"code": "SMS_1", "rating": "SMS_2", "answer": "SMS_2"},
        "api_url": stub.url,
        "report_token": SecretStr("token"),
        **more,
    }
    return AliyunSmsSettings.model_validate(values)


@pytest.fixture
async def carrier(stub: StubAliyun, clock: ManualClock) -> AsyncIterator[AliyunCarrier]:
    carrier = AliyunCarrier(settings_for(stub), "12345热线", clock)
    yield carrier
    await carrier.close()


def message(phone: str = "13800005678", kind: MessageKind = MessageKind.code) -> ShortMessage:
    return ShortMessage(
        key="code:7",
        phone=PhoneNumber(phone),
        kind=kind,
        text="验证码 123456",
        parameters={"code": "123456"},
    )


async def test_a_message_goes_out_by_its_template_under_our_key(
    carrier: AliyunCarrier, stub: StubAliyun
) -> None:
    sent = await carrier.send(message())

    [taken] = stub.sent
    assert sent.provider_id == taken["BizId"]
    assert taken["PhoneNumbers"] == "13800005678"
    assert taken["SignName"] == "12345热线"
    assert taken["TemplateCode"] == "SMS_1"
    assert json.loads(taken["TemplateParam"]) == {"code": "123456"}
    assert taken["OutId"] == "code:7"
    assert taken["Timestamp"] == "2026-03-02T01:30:00Z"


async def test_a_number_abroad_stands_with_its_country_code(
    carrier: AliyunCarrier, stub: StubAliyun
) -> None:
    await carrier.send(message("0085291234567"))

    assert stub.sent[0]["PhoneNumbers"] == "85291234567"


@pytest.mark.parametrize(
    ("phone", "kind"),
    [("03152345678", MessageKind.code), ("13800005678", MessageKind.message)],
)
async def test_what_cannot_be_sent_is_refused_before_anybody_is_asked(
    carrier: AliyunCarrier, stub: StubAliyun, phone: str, kind: MessageKind
) -> None:
    with pytest.raises(CannotReply):
        await carrier.send(message(phone, kind))
    assert stub.sent == []


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", TryLater),
        ("isv.AMOUNT_NOT_ENOUGH", AliyunRefused),
        ("isv.BLACK_KEY_CONTROL_LIMIT", MessageRejected),
        ("isp.SYSTEM_ERROR", TimeoutError),
    ],
)
async def test_codes_are_told_apart(
    carrier: AliyunCarrier, stub: StubAliyun, code: str, error: type[Exception]
) -> None:
    stub.code = code

    with pytest.raises(error):
        await carrier.send(message())


async def test_a_wrong_secret_is_for_an_operator_to_mend(
    stub: StubAliyun, clock: ManualClock
) -> None:
    settings = settings_for(stub, access_key_secret=SecretStr("another"))
    carrier = AliyunCarrier(settings, "12345热线", clock)

    with pytest.raises(AliyunRefused):
        await carrier.send(message())
    assert [one.setting for one in await carrier.check()] == ["aliyun_sms.access_key_id"]
    await carrier.close()


async def test_nobody_at_the_address_has_taken_it_for_certain(
    stub: StubAliyun, clock: ManualClock
) -> None:
    settings = settings_for(stub, api_url="http://127.0.0.1:9/")
    carrier = AliyunCarrier(settings, "12345热线", clock)

    with pytest.raises(TryLater):
        await carrier.send(message())
    await carrier.close()


@pytest.mark.parametrize("taken", [True, False])
async def test_a_message_in_doubt_is_sent_once_whether_it_had_arrived_or_not(
    carrier: AliyunCarrier,
    stub: StubAliyun,
    sqlite_database: Database,
    vault: Vault,
    clock: ManualClock,
    taken: bool,
) -> None:
    messenger = Messenger(sqlite_database, clock, vault, carrier, SmsSettings())
    stub.code, stub.takes_anyway = "isp.SYSTEM_ERROR", taken
    with pytest.raises(TimeoutError):
        await messenger.send(message())
    stub.code = ""
    clock.advance(31)

    while await messenger.run_once():
        pass

    assert [one["OutId"] for one in stub.sent] == ["code:7"]
    assert await messenger.unknown() == []


async def test_check_names_templates_that_are_missing(stub: StubAliyun, clock: ManualClock) -> None:
    carrier = AliyunCarrier(settings_for(stub, templates={}), "12345热线", clock)

    findings = await carrier.check()

    assert {one.setting for one in findings} == {"aliyun_sms.templates"}
    assert any(one.fatal for one in findings)
    await carrier.close()


async def test_check_finds_nothing_to_mend_in_a_good_account(carrier: AliyunCarrier) -> None:
    assert list(await carrier.check()) == []


async def test_no_account_is_said_at_the_start(clock: ManualClock) -> None:
    with pytest.raises(Misconfigured, match="access_key_id"):
        AliyunCarrier(AliyunSmsSettings(), "12345热线", clock)
