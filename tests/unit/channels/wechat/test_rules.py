from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contacts.rules import Address, AddressKind, Contact, Enclosure, Purpose
from channels.gcj02 import to_gcj02
from channels.protocol import DeliveryNews, DeliveryState
from channels.wechat.rules import Account, contact_of, identity_of, is_greeted, news_of
from infra.kit.errors import Invalid

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
OPENID = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"
ACCOUNT = Account(
    channel="wechat",
    appid="wxba5fad812f8e6fb9",
    words={"report": "我要反映", "agent": "人工"},
)


def message(kind: str, **fields: Any) -> dict[str, Any]:
    own = {"ToUserName": "gh_1", "FromUserName": OPENID, "CreateTime": "1348831860"}
    return {**own, "MsgType": kind, "MsgId": "1234567890123456", **fields}


def heard(kind: str, **fields: Any) -> Contact:
    contact = contact_of(ACCOUNT, message(kind, **fields), NOW)
    assert contact is not None
    return contact


def test_text_is_a_message_of_the_senders_conversation() -> None:
    contact = heard("text", Content="路灯不亮")
    assert contact.message is not None
    assert contact.message.text == "路灯不亮"
    assert contact.purpose is Purpose.talk
    assert contact.thread == OPENID
    assert contact.sender == Address(kind=AddressKind.openid, value=OPENID, scope=ACCOUNT.appid)
    assert contact.received_at == NOW
    assert contact.extra == {}


@pytest.mark.parametrize("kind", ["image", "voice", "video", "shortvideo"])
def test_file_is_fetched_by_its_media_id(kind: str) -> None:
    contact = heard(kind, MediaId="media-7", PicUrl="http://mmbiz.qpic.cn/7", Format="amr")
    assert contact.message is not None
    assert contact.message.text == ""
    assert contact.enclosures == (Enclosure(media_id="media-7"),)
    assert contact.extra == {"PicUrl": "http://mmbiz.qpic.cn/7", "Format": "amr"}


def test_voice_says_what_wechat_recognised() -> None:
    contact = heard("voice", MediaId="media-7", Recognition="路灯不亮")
    assert contact.message is not None
    assert contact.message.text == "路灯不亮"


def test_place_is_made_wgs84_with_x_as_latitude() -> None:
    shown = to_gcj02(39.90869, 116.39751)
    contact = heard(
        "location",
        Location_X=str(shown[0]),
        Location_Y=str(shown[1]),
        Scale="16",
        Label="长安街1号",
    )
    assert contact.message is not None
    assert contact.message.latitude == pytest.approx(39.90869, abs=1e-6)
    assert contact.message.longitude == pytest.approx(116.39751, abs=1e-6)
    assert contact.message.address == "长安街1号"
    assert contact.extra == {"Scale": "16"}


@pytest.mark.parametrize(
    ("x", "y"), [("", ""), ("nan", "116"), ("39", "1e999"), ("abc", "116"), ("91", "116")]
)
def test_place_that_is_none_leaves_its_name(x: str, y: str) -> None:
    contact = heard("location", Location_X=x, Location_Y=y, Label="长安街1号")
    assert contact.message is not None
    assert contact.message.latitude is None
    assert (contact.message.text, contact.message.address) == ("", "长安街1号")


def test_place_without_anything_still_says_that_it_was_one() -> None:
    contact = heard("location", Location_X="", Location_Y="", Label="")
    assert contact.message is not None
    assert contact.message.text == "[位置]"


def test_link_is_told_with_title_and_address() -> None:
    contact = heard("link", Title="公告", Description="停水", Url="https://example.com/1")
    assert contact.message is not None
    assert contact.message.text == "公告\n停水\nhttps://example.com/1"


def test_kind_that_nobody_knows_is_kept_with_all_its_fields() -> None:
    contact = heard("hologram", Shape={"sides": [1, 2]})
    assert contact.message is not None
    assert "暂不支持" in contact.message.text
    assert contact.extra == {"Shape": {"sides": [1, 2]}}


def test_unionid_is_another_name_of_the_sender() -> None:
    assert heard("text", Content="您好", UnionId="u-7").aliases == (
        Address(kind=AddressKind.unionid, value="u-7"),
    )


@pytest.mark.parametrize(
    ("event", "key", "said"),
    [
        ("CLICK", "report", "我要反映"),
        ("CLICK", "agent", "人工"),
        ("SCAN", "report", "我要反映"),
        ("subscribe", "qrscene_report", "我要反映"),
    ],
)
def test_click_and_scanned_code_say_their_words(event: str, key: str, said: str) -> None:
    contact = heard("event", Event=event, EventKey=key, MsgId="")
    assert contact.message is not None
    assert contact.message.text == said
    assert not is_greeted(ACCOUNT, message("event", Event=event, EventKey=key))


def test_scan_by_a_menu_says_what_was_scanned() -> None:
    info = {"ScanType": "qrcode", "ScanResult": "light-0071"}
    contact = heard("event", Event="scancode_waitmsg", EventKey="scan", ScanCodeInfo=info)
    assert contact.message is not None
    assert contact.message.text == "light-0071"


@pytest.mark.parametrize(
    "event",
    [
        "subscribe",
        "unsubscribe",
        "LOCATION",
        "VIEW",
        "SCAN",
        "CLICK",
        "debug_demo",
        "",
        "TEMPLATESENDJOBFINISH",
    ],
)
def test_event_that_says_nothing_is_no_contact(event: str) -> None:
    assert contact_of(ACCOUNT, message("event", Event=event, EventKey="elsewhere"), NOW) is None


@pytest.mark.parametrize(
    ("event", "greeted"),
    [("subscribe", True), ("SCAN", True), ("unsubscribe", False), ("CLICK", False)],
)
def test_followers_and_scanners_are_greeted(event: str, greeted: bool) -> None:
    assert is_greeted(ACCOUNT, message("event", Event=event, EventKey="")) is greeted


@pytest.mark.parametrize("name", ["FromUserName", "CreateTime", "MsgType"])
def test_message_without_what_every_message_has_is_refused(name: str) -> None:
    fields = message("text", Content="您好")
    del fields[name]
    with pytest.raises(Invalid, match=name):
        contact_of(ACCOUNT, fields, NOW)


def test_message_for_another_account_is_refused() -> None:
    account = Account(channel="wechat", appid="wx1", original_id="gh_other")
    with pytest.raises(Invalid, match="another account"):
        contact_of(account, message("text", Content="您好"), NOW)


def test_identity_shows_nothing_of_the_sender() -> None:
    assert OPENID not in identity_of(message("text", Content="您好"))
    assert OPENID not in str(heard("text", Content="您好"))
    assert OPENID not in repr(heard("text", Content="您好"))


@pytest.mark.parametrize("name", ["MsgId", "FromUserName", "CreateTime", "Event", "EventKey"])
def test_messages_that_differ_in_one_mark_are_two(name: str) -> None:
    fields = message("event", Event="CLICK", EventKey="report")
    assert identity_of(fields) != identity_of({**fields, name: "7"})


def test_json_and_xml_of_one_message_are_one() -> None:
    fields = message("text", Content="您好")
    assert identity_of(fields) == identity_of(
        {**fields, "CreateTime": 1348831860, "MsgId": 1234567890123456}
    )


def test_template_job_tells_that_it_was_delivered() -> None:
    told = message("event", Event="TEMPLATESENDJOBFINISH", MsgID="200163836", Status="success")
    assert news_of(told) == (DeliveryNews(provider_id="200163836", state=DeliveryState.delivered),)


def test_template_job_tells_why_it_was_not() -> None:
    told = message(
        "event", Event="TEMPLATESENDJOBFINISH", MsgID=200163836, Status="failed:user block"
    )
    assert news_of(told) == (
        DeliveryNews(
            provider_id="200163836", state=DeliveryState.failed, error_code="failed:user block"
        ),
    )


@pytest.mark.parametrize("alone", [True, False])
def test_subscribed_message_tells_what_became_of_it(alone: bool) -> None:
    one = {"TemplateId": "T1", "MsgID": "7", "ErrorCode": "0", "ErrorStatus": "success"}
    other = {"TemplateId": "T2", "MsgID": "8", "ErrorCode": "20003", "ErrorStatus": "user block"}
    sent = {"List": one if alone else [one, other]}
    told = message("event", Event="subscribe_msg_sent_event", SubscribeMsgSentEvent=sent)
    news = news_of(told)
    assert [(item.provider_id, item.state.value, item.error_code) for item in news] == [
        ("7", "delivered", ""),
        *([] if alone else [("8", "failed", "20003")]),
    ]


JSON = st.recursive(
    st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.booleans(), st.none()),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "ToUserName",
        "FromUserName",
        "CreateTime",
        "MsgType",
        "MsgId",
        "Event",
        "EventKey",
        "Content",
        "MediaId",
        "Location_X",
        "Location_Y",
        "Label",
        "Title",
        "Url",
        "Recognition",
        "ScanCodeInfo",
        "SubscribeMsgSentEvent",
        "List",
        "MsgID",
        "Status",
        "UnionId",
        "New",
    ]
)
KINDS = st.sampled_from(
    ["text", "image", "voice", "video", "shortvideo", "location", "link", "event", "other"]
)
EVENTS = st.sampled_from(
    [
        "CLICK",
        "SCAN",
        "subscribe",
        "scancode_push",
        "TEMPLATESENDJOBFINISH",
        "subscribe_msg_sent_event",
    ]
)


@given(
    fields=st.dictionaries(NAMES, JSON, max_size=10),
    kind=st.one_of(KINDS, st.text(max_size=5)),
    event=EVENTS,
)
def test_whatever_the_fields_hold_is_read_or_refused(
    fields: dict[str, Any], kind: str, event: str
) -> None:
    said = {"CreateTime": 1, "FromUserName": OPENID, "Event": event, **fields, "MsgType": kind}
    news_of(said)
    is_greeted(ACCOUNT, said)
    try:
        contact = contact_of(ACCOUNT, said, NOW)
    except Invalid:
        return
    assert contact is None or len(contact.external_id) == 40
