"""Files to citizens of WeChat: kept there as temporary material, then shown by a customer-service message."""

import io
from dataclasses import replace

import pytest
from PIL import Image

from channels.attachments.rules import ENDINGS
from channels.protocol import CannotReply, Reply, ReplyFile, ReplyKind
from channels.wechat.stub.server import StubWeChat
from channels.wechat.stub.state import Fault
from infra.kit.clock import ManualClock
from infra.kit.errors import TryLater
from tests.integration.channels.wechat.account import ACCOUNT, MINI, OPENID, Ours
from tests.integration.channels.wechat.test_replies import SEND, TEMPLATE, contact
from tests.pictures import png

UPLOAD = "/cgi-bin/media/upload"
PICTURE = ReplyFile(name="张三家门口.png", type="image/png", content=png())
VOICE = ReplyFile(name="通知.mp3", type="audio/mpeg", content=b"ID3 spoken")
VIDEO = ReplyFile(name="演示.mp4", type="video/mp4", content=b"....ftypmp42 moving")


def said(*files: ReplyFile, text: str = "", kind: ReplyKind = ReplyKind.message) -> Reply:
    return Reply(key="message:7", kind=kind, text=text, files=files)


def jpeg(width: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, width), 90).convert("RGB").save(out, "JPEG", quality=95)
    return out.getvalue()


@pytest.mark.parametrize(
    ("file", "kind"), [(PICTURE, "image"), (VOICE, "voice"), (VIDEO, "video")], ids=str
)
async def test_file_reaches_the_citizen_with_its_bytes(
    clock: ManualClock, ours: Ours, stub: StubWeChat, file: ReplyFile, kind: str
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    await ours.official(stub.url).reply(contact(clock), said(file))
    (taken,) = stub.state.taken
    assert (taken.kind, taken.content) == (kind, file.content)


async def test_words_come_before_the_files_and_these_in_their_order(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    await ours.official(stub.url).reply(contact(clock), said(VOICE, PICTURE, text="请看图。"))
    assert [one.kind for one in stub.state.taken] == ["text", "voice", "image"]


async def test_poster_of_a_video_goes_along_small_enough(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    poster = jpeg(640)
    assert len(poster) > 64 * 1024
    await ours.official(stub.url).reply(contact(clock), said(replace(VIDEO, poster=poster)))
    kind, thumb = stub.state.media[stub.state.taken[0].body["video"]["thumb_media_id"]]
    assert kind == "image/jpeg"
    assert len(thumb) <= 64 * 1024


async def test_more_files_than_may_be_sent_at_once_stay_behind_the_words(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    await ours.official(stub.url).reply(contact(clock), said(*[PICTURE] * 6, text="共六张。"))
    assert [one.kind for one in stub.state.taken] == ["text", *["image"] * 4]


async def test_words_that_take_every_message_leave_no_room_for_files(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    words = said(*[PICTURE] * 3, text="长" * 4_000)
    with pytest.raises(
        TimeoutError, match="beginning"
    ):  # six pieces are one more than WeChat takes
        await ours.official(stub.url).reply(contact(clock), words)
    assert stub.state.media == {}


async def test_token_that_has_ended_is_renewed_and_the_file_kept_once(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    channel = ours.official(stub.url)
    stub.state.heard(ACCOUNT.appid, OPENID)
    await channel.reply(contact(clock), said(text="您好。"))
    stub.state.revoke(ACCOUNT.appid)
    await channel.reply(contact(clock), said(PICTURE))
    assert [one.kind for one in stub.state.taken] == ["text", "image"]
    assert len(stub.state.media) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(code=-1),
        Fault(code=45009),
        Fault(status=500),
        Fault(status=504, taken=True),
        Fault(silent=True, taken=True),
    ],
    ids=str,
)
async def test_file_that_could_not_be_kept_is_tried_again_and_nothing_was_said(
    clock: ManualClock, ours: Ours, stub: StubWeChat, fault: Fault
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    stub.fail(UPLOAD, fault)
    channel, reply = ours.official(stub.url), said(PICTURE, text="请看图。")
    with pytest.raises(TryLater):
        await channel.reply(contact(clock), reply)
    assert stub.state.taken == []
    await channel.reply(contact(clock), reply)
    assert [one.kind for one in stub.state.taken] == ["text", "image"]


async def test_file_of_which_nobody_can_tell_is_in_doubt(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    stub.fail(SEND, Fault(silent=True, taken=True))
    with pytest.raises(TimeoutError):
        await ours.official(stub.url).reply(contact(clock), said(PICTURE))
    assert len(stub.state.taken) == 1


async def test_file_that_fails_after_its_words_is_in_doubt_and_not_begun_again(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    stub.fail(SEND, Fault(seconds=0), Fault(code=45047))
    with pytest.raises(TimeoutError, match="beginning"):
        await ours.official(stub.url).reply(contact(clock), said(PICTURE, text="请看图。"))
    assert [one.kind for one in stub.state.taken] == ["text"]


@pytest.mark.parametrize("code", [40004, 45001])
async def test_file_that_wechat_never_takes_is_told_of(
    clock: ManualClock, ours: Ours, stub: StubWeChat, code: int
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    stub.fail(UPLOAD, Fault(code=code))
    with pytest.raises(CannotReply, match=str(code)) as refused:
        await ours.official(stub.url).reply(contact(clock), said(PICTURE))
    assert "张三" not in str(refused.value) + refused.value.detail_zh


async def test_file_alone_is_not_told_by_template_when_the_window_is_closed(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    channel = ours.official(stub.url, templates=TEMPLATE)
    with pytest.raises(CannotReply, match="45015"):
        await channel.reply(contact(clock), said(PICTURE, kind=ReplyKind.answer))
    await channel.reply(contact(clock), said(PICTURE, text="已修好。", kind=ReplyKind.answer))
    assert [one.way for one in stub.state.taken] == ["template"]


async def test_mini_program_shows_pictures(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(MINI.appid, OPENID)
    channel = ours.mini(stub.url)
    await channel.reply(contact(clock, MINI.appid, "wechat-mini"), said(PICTURE))
    assert [one.kind for one in stub.state.taken] == ["image"]
    assert all(one.startswith("image/") for one in channel.carries.types)


async def test_what_accounts_carry_is_what_hotline_and_wechat_know(
    ours: Ours, stub: StubWeChat
) -> None:
    for channel in (ours.official(stub.url), ours.mini(stub.url)):
        assert set(channel.carries.types) <= set(ENDINGS)
        assert not channel.carries.take("application/pdf", 1)
        assert channel.carries.take("image/png", 1)
