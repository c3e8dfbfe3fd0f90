"""Files that agents send: over the channel, as a link, or refused before anything is sent."""

import pytest

from channels.attachments.service import Attachment
from crm_bridge.conversations.files import MessageFiles, SentFiles
from infra.kit.errors import Forbidden, Invalid
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal
from tests.integration.crm_bridge.conversations.house import CARRIED, LI, WANG, ZHOU, TalkHouse
from tests.pictures import png

KEY = IdempotencyKey(scope="1001 POST /…", key="f-1", fingerprint="f")


async def uploaded(talks: TalkHouse, name: str = "现场.png", who: Principal = LI) -> Attachment:
    content = b"%PDF-1.7 plan" if name.endswith(".pdf") else png()
    return await talks.attachments.take(who, name, content)


async def send(talks: TalkHouse, talk: int, file: Attachment, who: Principal = LI) -> int:
    return await talks.service.say(who, talk, after_seq=2, key=None, attachment=file.id)


async def test_picture_goes_along_without_words(talks: TalkHouse) -> None:
    talk, file = await talks.opened(LI), await uploaded(talks)
    seq = await send(talks, talk, file)
    carried = talks.carriage.carried[-1]
    assert (carried.reply.text, carried.files) == ("", (file.id,))
    shown = await talks.reader.message(LI, talk, seq)
    assert [(one.id, one.name, one.type) for one in shown.files] == [
        (file.id, "现场.png", "image/png")
    ]
    assert (shown.text, shown.delivery, shown.files_coming) == ("", "queued", 0)


async def test_file_that_is_sent_twice_under_one_key_is_sent_once(talks: TalkHouse) -> None:
    talk, file = await talks.opened(LI), await uploaded(talks)
    first, again = [
        await talks.service.say(LI, talk, after_seq=2, key=KEY, attachment=file.id)
        for _ in range(2)
    ]
    assert first == again
    assert [one.files for one in talks.carriage.carried].count((file.id,)) == 1


async def test_document_that_the_channel_does_not_carry_is_refused_before_anything_is_sent(
    talks: TalkHouse,
) -> None:
    talk, before = await talks.opened(LI), len(talks.carriage.carried)
    with pytest.raises(Invalid) as refused:
        await send(talks, talk, await uploaded(talks, "方案.pdf"))
    (field,) = refused.value.fields
    assert field.pointer == "/attachment"
    assert "png" in field.message_zh
    assert "方案" not in str(refused.value) + field.message_zh
    assert len(talks.carriage.carried) == before
    assert [one[1] for one in await talks.messages(talk)] == ["citizen", "guide"]


async def test_channel_without_files_says_so(talks: TalkHouse) -> None:
    talk = await talks.opened(LI, channel="twilio")
    with pytest.raises(Invalid) as refused:
        await send(talks, talk, await uploaded(talks))
    assert "文字" in refused.value.fields[0].message_zh


async def test_document_goes_as_a_link_where_citizens_can_open_one(talks: TalkHouse) -> None:
    by_link = SentFiles(talks.attachments, CARRIED, lambda one: f"https://12345.example/f/{one}")
    talks.service = talks.serving(by_link)
    talk, file = await talks.opened(LI), await uploaded(talks, "方案.pdf")
    seq = await send(talks, talk, file)
    carried = talks.carriage.carried[-1]
    assert carried.reply.text.endswith(f"https://12345.example/f/{file.id}")
    assert "方案.pdf" in carried.reply.text
    assert carried.files == ()
    shown = await talks.reader.message(LI, talk, seq)
    assert (shown.text, [one.id for one in shown.files]) == (carried.reply.text, [file.id])


async def test_only_ones_own_file_that_belongs_to_nothing_is_sent(talks: TalkHouse) -> None:
    talk = await talks.opened(LI)
    theirs, mine = await uploaded(talks, who=WANG), await uploaded(talks)
    await send(talks, talk, mine)
    before = len(await talks.messages(talk))
    for file in (theirs, mine):
        with pytest.raises(Invalid):
            await send(talks, talk, file)
    assert len(await talks.messages(talk)) == before


async def test_file_is_seen_by_who_sees_the_conversation(talks: TalkHouse) -> None:
    talk, file = await talks.opened(LI), await uploaded(talks)
    await send(talks, talk, file)
    sights = {"message": MessageFiles(talks.database)}
    for who in (LI, ZHOU):
        assert (await talks.attachments.open(who, file.id, sights))[1] == png()
    with pytest.raises(Forbidden):
        await talks.attachments.open(WANG, file.id, sights)


async def test_conversation_says_which_files_can_be_sent(talks: TalkHouse) -> None:
    view = await talks.reader.show(LI, await talks.opened(LI))
    assert (view.file_limits, view.files_by_link) == ({"image/png": 100_000}, False)
