from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.aliyun_sms.rules import (
    Meaning,
    contacts_of,
    meaning,
    news_of,
    reported,
    signature,
)
from channels.protocol import Delivery, DeliveryState
from infra.kit.errors import Invalid
from telephony.numbers import PhoneNumber

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def pushed(items: object) -> Delivery:
    return Delivery(method="POST", body=json.dumps(items).encode(), received_at=NOW)


def test_a_request_is_signed_as_in_the_providers_own_example() -> None:
    # From the documentation of the service's HTTP interface.
    parameters = {
        "AccessKeyId": "testId",
        "Action": "SendSms",
        "Format": "XML",
        "OutId": "123",
        "PhoneNumbers": "15300000001",
        "RegionId": "cn-hangzhou",
        "SignName": "阿里云短信测试专用",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466",
        "SignatureVersion": "1.0",
        "TemplateCode": "SMS_71390007",
        "TemplateParam": '{"customer":"test"}',
        "Timestamp": "2017-07-12T02:42:19Z",
        "Version": "2017-05-25",
    }

    assert signature("GET", parameters, "testSecret") == "zJDF+Lrzhj/ThnlvIToysFRq6t4="


@pytest.mark.parametrize(
    ("code", "means"),
    [
        ("OK", Meaning.taken),
        ("Throttling.User", Meaning.later),
        ("isv.BUSINESS_LIMIT_CONTROL", Meaning.later),
        ("isp.SYSTEM_ERROR", Meaning.in_doubt),
        ("isp.RAM_PERMISSION_DENY", Meaning.account),
        ("isv.AMOUNT_NOT_ENOUGH", Meaning.account),
        ("isv.SMS_TEMPLATE_ILLEGAL", Meaning.account),
        ("SignatureDoesNotMatch", Meaning.account),
        ("InvalidAccessKeyId.NotFound", Meaning.account),
        ("isv.MOBILE_NUMBER_ILLEGAL", Meaning.rejected),
        ("isv.BLACK_KEY_CONTROL_LIMIT", Meaning.rejected),
    ],
)
def test_what_a_code_means_for_a_message(code: str, means: Meaning) -> None:
    assert meaning(code) is means


def test_a_report_of_failure_bears_the_carriers_code() -> None:
    item = {
        "phone_number": "1",
        "success": False,
        "err_code": "MK:0001",
        "biz_id": "b",
        "out_id": "k",
    }

    [news] = news_of([item])

    assert (news.state, news.error_code, news.key) == (DeliveryState.failed, "MK:0001", "k")


def test_numbers_that_are_hidden_alike_share_no_conversation() -> None:
    hidden = {"content": "路灯不亮", "send_time": "2026-03-02", "phone_number": "138****1234"}
    items = [{**hidden, "sequence_id": 1}, {**hidden, "sequence_id": 2}]
    first, second = contacts_of(reported(pushed(items)), NOW)
    assert first.thread != second.thread


@pytest.mark.parametrize("number", ["nobody", "", None, 7])
def test_an_answer_without_a_number_is_taken_and_so_are_those_beside_it(number: object) -> None:
    answer = {"content": "路灯不亮", "send_time": "2026-03-02 09:30:00"}
    mangled = {**answer, "phone_number": number, "sequence_id": 1}
    whole = {**answer, "phone_number": "13800015121", "sequence_id": 2}
    first, second = contacts_of(reported(pushed([mangled, whole])), NOW)
    assert (first.phone, first.extra) == (None, {"phone_number": number})
    assert first.thread != second.thread
    assert second.phone == PhoneNumber("13800015121")


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_pushed_is_understood_or_refused(body: bytes) -> None:
    raw = Delivery(method="POST", body=body, received_at=NOW)

    try:
        items = reported(raw)
        contacts = contacts_of(items, NOW)
    except Invalid:
        return
    assert len(contacts) + len(news_of(items)) == len(items)
