"""Files that go with replies: read just before they are sent, and only over ways that carry them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from channels.protocol import FileLimits, ReplyKind
from infra.kit.errors import NotFound, TryLater
from tests.integration.crm_bridge.house import LI
from tests.integration.crm_bridge.replies.house import MOBILE, ReplyHouse, ScriptedWay
from tests.pictures import png

PDF = b"%PDF-1.7 plan"


class CarryingWay(ScriptedWay):
    """Carries pictures, and documents of a few bytes."""

    carries = FileLimits(types={"image/png": 100_000, "application/pdf": 20}, together=100_000)


@pytest.fixture
def chat(desk: ReplyHouse) -> CarryingWay:
    desk.chat = desk.ways["chat"] = CarryingWay()
    return desk.chat


async def file(desk: ReplyHouse, name: str = "现场.png", content: bytes | None = None) -> int:
    return (await desk.attachments.take(LI, name, content or png())).id


async def test_reply_brings_its_files_with_their_bytes_in_their_order(
    desk: ReplyHouse, chat: CarryingWay
) -> None:
    plan, picture = await file(desk, "方案.pdf", PDF), await file(desk)
    reply_id = await desk.say(await desk.contact(), files=[plan, picture])
    await desk.sender.run_once()
    (given,) = chat.given
    assert [(one.name, one.type) for one in given.files] == [
        ("方案.pdf", "application/pdf"),
        ("现场.png", "image/png"),
    ]
    assert given.files[0].content == PDF
    assert (await desk.row(reply_id)).state.value == "sent"


async def test_what_is_carried_shows_in_no_repr(desk: ReplyHouse, chat: CarryingWay) -> None:
    await desk.say(await desk.contact(), files=[await file(desk, "张三.pdf", PDF)])
    await desk.sender.run_once()
    assert not any(word in repr(chat.given) for word in ("张三", "PDF-1.7", "已派人"))


async def test_file_that_the_way_does_not_carry_stays_behind_and_the_words_go(
    desk: ReplyHouse, chat: CarryingWay
) -> None:
    large = await file(desk, "方案.pdf", PDF + b" of many pages")
    await desk.say(await desk.contact(), files=[large])
    await desk.sender.run_once()
    (given,) = chat.given
    assert (given.text, given.files) == ("您好，已派人查看。", [])


async def test_files_that_are_too_much_together_stay_behind_from_there(
    desk: ReplyHouse, chat: CarryingWay
) -> None:
    size = len(png())
    chat.carries = FileLimits(types={"image/png": size}, together=2 * size)
    files = [await file(desk) for _ in range(3)]
    await desk.say(await desk.contact(), files=files)
    await desk.sender.run_once()
    assert len(chat.given[0].files) == 2


async def test_file_without_words_that_nothing_carries_has_failed_and_says_why(
    desk: ReplyHouse,
) -> None:
    reply_id = await desk.say(await desk.contact(), text="", files=[await file(desk)])
    await desk.sender.run_once()
    row = await desk.row(reply_id)
    assert (row.state.value, row.error) == ("failed", "file-not-carried")
    assert desk.chat.given == []


async def test_answer_that_goes_by_short_message_brings_its_words_only(
    desk: ReplyHouse, chat: CarryingWay
) -> None:
    del desk.ways["chat"]
    files = [await file(desk)]
    await desk.say(await desk.contact(MOBILE), kind=ReplyKind.answer, files=files)
    await desk.sender.run_once()
    await desk.sender.run_once()
    (given,) = desk.sms.given
    assert (given.text, list(given.files)) == ("您好，已派人查看。", [])


async def test_store_that_is_away_puts_the_reply_off_and_nothing_is_sent(
    desk: ReplyHouse, chat: CarryingWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply_id = await desk.say(await desk.contact(), files=[await file(desk)])
    with monkeypatch.context() as patched:
        patched.setattr(desk.store, "get", _raising(TryLater("the store of files is away")))
        await desk.sender.run_once()
    assert ((await desk.row(reply_id)).state.value, chat.given) == ("queued", [])
    desk.clock.advance(60)
    await desk.sender.run_once()
    assert len(chat.given[0].files) == 1


async def test_file_that_is_gone_costs_nobody_the_words(
    desk: ReplyHouse, chat: CarryingWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.say(await desk.contact(), files=[await file(desk)])
    monkeypatch.setattr(desk.store, "get", _raising(NotFound("the file is damaged")))
    await desk.sender.run_once()
    assert [one.text for one in chat.given] == ["您好，已派人查看。"]


async def test_reply_with_files_is_leased_for_longer(desk: ReplyHouse, chat: CarryingWay) -> None:
    plain = await desk.say(await desk.contact(), "message:1")
    laden = await desk.say(await desk.contact(), "message:2", files=[await file(desk)])
    claims = desk.sender._claims  # what is looked at is the lease itself
    await claims.take(8, {})
    first, second = await desk.row(plain), await desk.row(laden)
    assert first.leased_until is not None
    assert second.leased_until == first.leased_until + timedelta(seconds=60)


def _raising(error: Exception) -> Callable[[str], Awaitable[bytes]]:
    """Return what stands for the store's `get` and fails."""

    async def get(_digest: str) -> bytes:
        raise error

    return get
