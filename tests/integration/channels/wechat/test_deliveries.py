"""What WeChat pushes, as it pushes it: signed, plain or encrypted, XML or JSON."""

from dataclasses import replace
from datetime import timedelta

import pytest

from channels.protocol import (
    Acknowledgement,
    Checking,
    Delivery,
    DeliveryState,
    Greeting,
    Telling,
    WithMedia,
)
from channels.wechat.document import fields_of
from channels.wechat.envelope import Envelope, signature
from channels.wechat.stub.pushing import Pusher, signed
from channels.wechat.stub.state import State, StubAccount
from infra.kit.clock import ManualClock
from infra.kit.errors import Invalid, NotAuthenticated
from tests.integration.channels.wechat.account import (
    ACCOUNT,
    MINI,
    OPENID,
    Ours,
    delivery,
    one,
)

TEXT = {"FromUserName": OPENID, "MsgType": "text", "Content": "路灯不亮"}


def pushed(account: StubAccount, clock: ManualClock, **fields: object) -> Delivery:
    pusher = Pusher(State(clock=clock, accounts={}))
    return delivery(pusher.request(account, {**TEXT, **fields}), clock.now())


def test_both_accounts_have_every_shape_of_a_webhook(clock: ManualClock, ours: Ours) -> None:
    for channel in (ours.official(), ours.mini()):
        for shape in (Greeting, Telling, WithMedia, Checking):
            assert isinstance(channel, shape)


@pytest.mark.parametrize("as_json", [False, True], ids=["xml", "json"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "safe"])
def test_message_is_taken_in_every_form(
    clock: ManualClock, ours: Ours, as_json: bool, encrypted: bool
) -> None:
    mode = "safe" if encrypted else "plain"
    account = replace(ACCOUNT, as_json=as_json, encrypted=encrypted)
    channel = ours.official(encryption=mode)
    raw = pushed(account, clock, New={"field": ["kept"]} if as_json else {"field": "kept"})
    channel.verify(raw)
    assert channel.greet(raw) is None
    contact = one(channel.parse(raw))
    assert contact.message is not None
    assert contact.message.text == "路灯不亮"
    assert contact.sender is not None
    assert contact.sender.scope == ACCOUNT.appid
    assert "kept" in str(contact.extra["New"])
    assert channel.acknowledge([]) == Acknowledgement(body=b"success")


def test_mini_programs_message_is_of_its_own_channel(clock: ManualClock, ours: Ours) -> None:
    channel = ours.mini()
    raw = pushed(MINI, clock)
    channel.verify(raw)
    assert one(channel.parse(raw)).channel == "wechat-mini"


def test_compatible_mode_reads_what_is_encrypted_and_not_what_stands_beside(
    clock: ManualClock, ours: Ours
) -> None:
    channel = ours.official(encryption="compatible")
    raw = pushed(ACCOUNT, clock)
    beside = raw.body.replace(b"<xml>", b"<xml><Content><![CDATA[forged]]></Content>")
    raw = replace(raw, body=beside)
    channel.verify(raw)
    contact = one(channel.parse(raw))
    assert contact.message is not None
    assert contact.message.text == "路灯不亮"


@pytest.mark.parametrize(
    "changed",
    [
        {"msg_signature": "0" * 40},
        {"msg_signature": ""},
        {"msg_signature": "签" * 40},
        {"timestamp": "1"},
        {"timestamp": ""},
        {"timestamp": "²"},
        {"timestamp": "9" * 400},
        {"nonce": "7"},
    ],
    ids=str,
)
def test_wrongly_signed_message_is_refused(
    clock: ManualClock, ours: Ours, changed: dict[str, str]
) -> None:
    raw = pushed(ACCOUNT, clock)
    query = {**raw.query, **{name: [value] for name, value in changed.items()}}
    with pytest.raises(NotAuthenticated):
        ours.official().verify(replace(raw, query=query))


def test_plain_message_is_refused_where_only_encrypted_ones_are_taken(
    clock: ManualClock, ours: Ours
) -> None:
    raw = pushed(replace(ACCOUNT, encrypted=False), clock)
    with pytest.raises(NotAuthenticated):
        ours.official().verify(raw)


def test_message_of_another_account_is_refused(clock: ManualClock, ours: Ours) -> None:
    # The same token and key at two accounts: only the AppID inside tells them apart.
    other = replace(ACCOUNT, appid="wx0000000000000000")
    with pytest.raises(NotAuthenticated):
        ours.official().verify(pushed(other, clock))


@pytest.mark.parametrize("encryption", ["plain", "safe"])
def test_old_signature_is_refused(clock: ManualClock, ours: Ours, encryption: str) -> None:
    raw = pushed(replace(ACCOUNT, encrypted=encryption == "safe"), clock)
    late = replace(raw, received_at=raw.received_at + timedelta(minutes=121))
    with pytest.raises(NotAuthenticated, match="clock"):
        ours.official(encryption=encryption).verify(late)
    ours.official(encryption=encryption, signature_minutes=0).verify(late)


def test_clock_that_is_an_hour_off_refuses_nothing(clock: ManualClock, ours: Ours) -> None:
    raw = pushed(ACCOUNT, clock)
    for minutes in (-60, 60):
        ours.official().verify(
            replace(raw, received_at=raw.received_at + timedelta(minutes=minutes))
        )


def test_account_that_is_not_set_up_takes_nothing(clock: ManualClock, ours: Ours) -> None:
    raw = pushed(ACCOUNT, clock)
    for missing in ({"token": ""}, {"encoding_aes_key": ""}):
        with pytest.raises(NotAuthenticated, match="set up"):
            ours.official(**missing).verify(raw)


def test_address_is_checked_with_the_documentations_example(clock: ManualClock, ours: Ours) -> None:
    channel = ours.official(signature_minutes=0)
    raw = Delivery(
        method="GET",
        query={
            "signature": ["f464b24fc39322e44b38aa78f5edd27bd1441696"],
            "echostr": ["4375120948345356249"],
            "timestamp": ["1714036504"],
            "nonce": ["1514711492"],
        },
        received_at=clock.now(),
    )
    channel.verify(raw)
    assert channel.greet(raw) == Acknowledgement(body=b"4375120948345356249")
    with pytest.raises(NotAuthenticated):
        channel.verify(replace(raw, query={**raw.query, "nonce": ["1514711493"]}))


@pytest.mark.parametrize("as_json", [False, True], ids=["xml", "json"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "safe"])
def test_new_follower_is_greeted_in_the_form_of_the_event(
    clock: ManualClock, ours: Ours, as_json: bool, encrypted: bool
) -> None:
    account = replace(ACCOUNT, as_json=as_json, encrypted=encrypted)
    mode = "safe" if encrypted else "plain"
    channel = ours.official(encryption=mode, greeting="您好 ]]>")
    raw = pushed(account, clock, MsgType="event", Event="subscribe", EventKey="")
    channel.verify(raw)
    greeting = channel.greet(raw)
    assert greeting is not None
    said = fields_of(greeting.body)
    if encrypted:
        nonce = raw.parameter("nonce")
        parts = (ACCOUNT.token, str(said["TimeStamp"]), nonce, said["Encrypt"])
        assert said["MsgSignature"] == signature(*parts)
        said = fields_of(Envelope(ACCOUNT.encoding_aes_key, ACCOUNT.appid).open(said["Encrypt"]))
    assert said["Content"] == "您好 ]]>"
    assert (said["ToUserName"], said["FromUserName"]) == (OPENID, ACCOUNT.original_id)
    assert list(channel.parse(raw)) == []


def test_no_greeting_is_said_where_none_is_set(clock: ManualClock, ours: Ours) -> None:
    raw = pushed(ACCOUNT, clock, MsgType="event", Event="subscribe", EventKey="")
    assert ours.official(greeting="").greet(raw) is None


def test_news_of_a_template_is_told_once_and_is_no_contact(clock: ManualClock, ours: Ours) -> None:
    channel = ours.official()
    raw = pushed(
        ACCOUNT, clock, MsgType="event", Event="TEMPLATESENDJOBFINISH", MsgID="7", Status="success"
    )
    channel.verify(raw)
    (news,) = channel.news(raw)
    assert news.state is DeliveryState.delivered
    assert list(channel.parse(raw)) == []


def test_garbage_that_is_well_signed_is_refused_with_its_reason(
    clock: ManualClock, ours: Ours
) -> None:
    channel = ours.official(encryption="plain")
    raw = replace(pushed(replace(ACCOUNT, encrypted=False), clock), body=b"<xml><a></xml>")
    channel.verify(raw)
    assert channel.greet(raw) is None
    for read in (channel.news, channel.parse):
        with pytest.raises(Invalid, match="not a message of WeChat"):
            read(raw)


def test_garbage_inside_a_good_envelope_is_refused_with_its_reason(
    clock: ManualClock, ours: Ours
) -> None:
    channel = ours.official()
    at = int(clock.now().timestamp())
    raw = delivery(signed(ACCOUNT, {"MsgType": "text"}, at), clock.now())
    channel.verify(raw)
    with pytest.raises(Invalid, match="FromUserName"):
        channel.parse(raw)
