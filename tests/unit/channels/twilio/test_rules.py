from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contacts.rules import Purpose
from channels.protocol import Delivery, DeliveryState
from channels.twilio.rules import LARGEST_BODY, form_of, left, news_of, written
from infra.kit.errors import Invalid

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SID = "SM" + "1" * 32
NAMES = (
    "MessageSid",
    "CallSid",
    "From",
    "Body",
    "MessageStatus",
    "CallStatus",
    "RecordingUrl",
    "RecordingDuration",
    "MediaUrl0",
    "MediaUrl9",
    "ErrorCode",
    "Something",
)
FORMS = st.dictionaries(st.sampled_from(NAMES), st.text(max_size=60))


def posted(path: str, form: Mapping[str, str] | bytes, key: str = "") -> Delivery:
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    query = {"key": [key]} if key else {}
    return Delivery(method="POST", path=path, query=query, body=body, received_at=NOW)


def test_a_message_is_one_of_the_conversation_of_its_number() -> None:
    contact = written(
        posted("sms", {"MessageSid": SID, "From": "+8613800005678", "Body": " 路灯不亮 "})
    )

    assert contact.external_id == SID
    assert contact.phone is not None
    assert contact.phone.digits == "13800005678"
    assert (contact.purpose, contact.thread) == (Purpose.talk, "+8613800005678")
    assert contact.message is not None
    assert contact.message.text == "路灯不亮"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"Body": "", "MediaUrl0": "https://api.twilio.com/x"}, "（图片）"),
        ({"Body": "  "}, "（空短信）"),
        ({}, "（空短信）"),
    ],
)
def test_a_message_without_words_says_so(form: Mapping[str, str], text: str) -> None:
    contact = written(posted("sms", {"MessageSid": SID, "From": "+8613800005678", **form}))

    assert contact.message is not None
    assert contact.message.text == text


def test_every_picture_of_a_message_is_to_be_fetched() -> None:
    media = {f"MediaUrl{n}": f"https://api.twilio.com/{n}" for n in range(3)}

    contact = written(posted("sms", {"MessageSid": SID, "From": "+8613800005678", **media}))

    assert [one.media_id for one in contact.enclosures] == list(media.values())
    assert contact.extra == {}


@pytest.mark.parametrize("sender", ["Anonymous", "CityBank", "", "restricted"])
def test_who_withholds_his_number_has_none(sender: str) -> None:
    contact = left(
        posted("voice-recorded", {"CallSid": "CA1", "RecordingUrl": "https://x", "From": sender})
    )

    assert contact.phone is None


def test_what_nobody_reads_is_kept_with_the_contact_that_seals_it() -> None:
    form = {
        "CallSid": "CA1",
        "RecordingUrl": "https://api.twilio.com/RE1",
        "From": "+8613800005678",
        "CallerName": "LI MING",
        "ForwardedFrom": "+8613900009999",
        "Digits": "#",
        "FromCity": "HANGZHOU",
    }

    contact = left(posted("voice-recorded", form))

    assert contact.extra == {
        "CallerName": "LI MING",
        "ForwardedFrom": "+8613900009999",
        "Digits": "#",
        "FromCity": "HANGZHOU",
    }
    assert contact.enclosures[0].media_id == "https://api.twilio.com/RE1.mp3"


@pytest.mark.parametrize(
    ("path", "status", "state"),
    [
        ("status", "sent", DeliveryState.sent),
        ("status", "delivered", DeliveryState.delivered),
        ("status", "undelivered", DeliveryState.failed),
        ("status", "failed", DeliveryState.failed),
        ("voice-status", "completed", DeliveryState.delivered),
        ("voice-status", "no-answer", DeliveryState.failed),
        ("voice-status", "busy", DeliveryState.failed),
    ],
)
def test_a_status_is_news_of_the_message_whose_key_the_address_brings(
    path: str, status: str, state: DeliveryState
) -> None:
    kind = "Message" if path == "status" else "Call"
    form = {f"{kind}Sid": "X1", f"{kind}Status": status}

    [news] = news_of(posted(path, form, key="reply:7"))

    assert (news.provider_id, news.state, news.key) == ("X1", state, "reply:7")


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "", "something new"])
def test_a_status_that_settles_nothing_is_no_news(status: str) -> None:
    assert news_of(posted("status", {"MessageSid": "X1", "MessageStatus": status})) == ()


def test_a_failure_bears_twilios_code() -> None:
    form = {"MessageSid": "X1", "MessageStatus": "undelivered", "ErrorCode": "30005"}

    [news] = news_of(posted("status", form))

    assert news.error_code == "30005"


@pytest.mark.parametrize(
    "body", [b"\xff", b"a" * (LARGEST_BODY + 1), b"&".join(b"a=%d" % n for n in range(300))]
)
def test_what_is_no_form_of_twilios_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        form_of(posted("sms", body))


@given(FORMS | st.binary(max_size=200))
def test_whatever_is_posted_is_understood_or_refused(form: Mapping[str, str] | bytes) -> None:
    for path, read in (("sms", written), ("voice-recorded", left), ("status", news_of)):
        try:
            read(posted(path, form))
        except Invalid:
            continue
