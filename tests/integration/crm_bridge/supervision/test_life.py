import asyncio
from datetime import timedelta

import pytest

from crm_bridge.supervision.paper import Minutes
from crm_bridge.supervision.papers import FILES
from crm_bridge.supervision.rules import PaperEvent, PaperRefused, PaperState, Rung
from infra.kit.errors import Forbidden, Invalid, NotFound
from infra.kit.idempotency import IdempotencyKey
from tests.integration.crm_bridge.supervision.town import (
    AGENT,
    CLERK,
    HEAD,
    HOMELESS,
    OTHER,
    SUN,
    Town,
    new_paper,
)
from tests.pictures import png

MINUTES = Minutes(attended="各单位分管负责人", text="会议听取了汇报。", decisions=("三日内停工",))


async def test_an_order_is_read_replied_to_and_closed(town: Town) -> None:
    paper_id = await town.supervision.issue(SUN, new_paper(await town.ticket()))
    await town.supervision.read(CLERK, paper_id)
    assert (await town.paper(paper_id)).state is PaperState.read
    await town.supervision.reply(HEAD, paper_id, "已停工整改。")
    paper = await town.paper(paper_id)
    assert paper.state is PaperState.replied
    await town.supervision.end(SUN, paper_id, PaperEvent.closed, "已核实办结。")
    paper = await town.paper(paper_id)
    assert (paper.state, paper.conclusion, paper.closed_by) == (
        PaperState.closed,
        "已核实办结。",
        "3001",
    )
    (own,) = await town.recipients(paper_id)
    assert (own.read_by, own.replied_by, own.reply) == ("4001", "4002", "已停工整改。")
    assert [act for _, act, _ in await town.audited()] == [
        "supervision.issue",
        "supervision.read",
        "supervision.reply",
        "supervision.closed",
    ]


async def test_the_issuer_is_told_of_a_reply_and_of_a_rules_paper_every_dispatcher(
    town: Town,
) -> None:
    ticket = await town.ticket()
    by_hand = await town.supervision.issue(SUN, new_paper(ticket))
    by_rule = await town.raise_to(ticket, Rung.reminder)
    await town.supervision.reply(CLERK, by_hand, "已办理。")
    await town.supervision.reply(CLERK, by_rule, "已办理。")
    told = await town.told("supervision.replied")
    assert [body["agents"] for body in told] == [["3001"], ["3001", "3002"]]
    assert [body["data"]["unit"] for body in told] == ["CGJ", "CGJ"]


async def test_a_second_look_changes_nothing(town: Town) -> None:
    paper_id = await town.raise_to(await town.ticket(), Rung.reminder)
    await town.supervision.read(CLERK, paper_id)
    town.clock.advance(60)
    await town.supervision.read(HEAD, paper_id)
    (own,) = await town.recipients(paper_id)
    assert own.read_by == "4001"
    assert len(await town.told("supervision.read")) == 1


async def test_a_paper_is_replied_to_when_the_last_main_recipient_has(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.supervision.issue(SUN, new_paper(ticket, main=("CGJ", "ZJJ")))
    await town.supervision.reply(CLERK, paper_id, "城管已办。")
    assert (await town.paper(paper_id)).state is PaperState.issued
    await town.supervision.reply(OTHER, paper_id, "住建已办。")
    assert (await town.paper(paper_id)).state is PaperState.replied


async def test_both_units_reply_at_the_same_moment(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.supervision.issue(SUN, new_paper(ticket, main=("CGJ", "ZJJ")))
    await asyncio.gather(
        town.supervision.reply(CLERK, paper_id, "城管已办。"),
        town.supervision.reply(OTHER, paper_id, "住建已办。"),
    )
    assert (await town.paper(paper_id)).state is PaperState.replied


async def test_clerk_and_head_reply_at_the_same_moment_and_one_is_told(town: Town) -> None:
    paper_id = await town.raise_to(await town.ticket(), Rung.order)
    done = await asyncio.gather(
        town.supervision.reply(CLERK, paper_id, "甲。。"),
        town.supervision.reply(HEAD, paper_id, "乙。。"),
        return_exceptions=True,
    )
    (refused,) = [one for one in done if one is not None]
    assert isinstance(refused, PaperRefused)
    assert "已经反馈" in refused.detail_zh


async def test_the_same_key_replies_once(town: Town) -> None:
    paper_id = await town.raise_to(await town.ticket(), Rung.order)
    key = IdempotencyKey(scope="4001 POST /reply", key="k", fingerprint="f")
    for _ in range(2):
        await town.supervision.reply(CLERK, paper_id, "已办理。", key=key)
    assert len(await town.told("supervision.replied")) == 1


async def test_a_unit_with_a_copy_reads_and_does_not_reply(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.supervision.issue(SUN, new_paper(ticket, copies=("ZJJ",)))
    await town.supervision.read(OTHER, paper_id)
    assert (await town.paper(paper_id)).state is PaperState.issued
    with pytest.raises(Forbidden, match="copy"):
        await town.supervision.reply(OTHER, paper_id, "不归我们。")


async def test_for_another_unit_the_paper_does_not_exist(town: Town) -> None:
    paper_id = await town.raise_to(await town.ticket(), Rung.order)
    for who in (OTHER, HOMELESS, SUN):
        with pytest.raises(NotFound):
            await town.supervision.read(who, paper_id)
        with pytest.raises(NotFound):
            await town.supervision.reply(who, paper_id, "已办理。")
    (own,) = await town.recipients(paper_id)
    assert own.read_at is None


async def test_a_meeting_is_held_minuted_and_its_decisions_are_reported_on(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.supervision.issue(SUN, new_paper(ticket, Rung.meeting))
    with pytest.raises(PaperRefused, match="minutes"):
        await town.supervision.reply(CLERK, paper_id, "已落实。")
    with pytest.raises(PaperRefused, match="minutes"):
        await town.supervision.end(SUN, paper_id, PaperEvent.closed, "办结。")
    await town.supervision.minute(SUN, paper_id, MINUTES)
    paper = await town.paper(paper_id)
    assert paper.state is PaperState.held
    assert paper.reply_due_at is not None
    assert paper.reply_due_at - town.clock.now() > timedelta(days=7)
    with pytest.raises(PaperRefused):
        await town.supervision.minute(SUN, paper_id, MINUTES)
    await town.supervision.reply(CLERK, paper_id, "已落实。")
    await town.supervision.end(SUN, paper_id, PaperEvent.closed, "会议事项已落实。")
    assert (await town.paper(paper_id)).state is PaperState.closed
    assert [body["agents"] for body in await town.told("supervision.minuted")] == [
        ["4001", "4002", "5001"]
    ]


async def test_only_a_decision_takes_a_matter_off_the_list(town: Town) -> None:
    paper_id = await town.raise_to(await town.ticket(), Rung.listed)
    with pytest.raises(PaperRefused, match="delist"):
        await town.supervision.end(SUN, paper_id, PaperEvent.closed, "办结。")
    with pytest.raises(PaperRefused, match="every main recipient has read"):
        await town.supervision.end(SUN, paper_id, PaperEvent.delisted, "摘牌。")
    await town.supervision.reply(CLERK, paper_id, "已整改。")
    assert len((await town.reader.listed()).items) == 1
    await town.supervision.end(SUN, paper_id, PaperEvent.delisted, "经核实整改到位，决定摘牌。")
    assert (await town.reader.listed()).items == []


async def test_what_was_issued_in_error_is_withdrawn_and_its_number_stays_used(
    town: Town,
) -> None:
    ticket = await town.ticket()
    paper_id = await town.supervision.issue(SUN, new_paper(ticket))
    await town.supervision.end(SUN, paper_id, PaperEvent.withdrawn, "误发。")
    with pytest.raises(PaperRefused, match="closed or withdrawn"):
        await town.supervision.reply(CLERK, paper_id, "已办理。")
    await town.supervision.read(CLERK, paper_id)
    (own,) = await town.recipients(paper_id)
    assert own.read_at is None
    following = await town.supervision.issue(SUN, new_paper(ticket))
    assert (await town.paper(following)).serial == 2


async def test_what_has_been_replied_to_is_not_withdrawn(town: Town) -> None:
    paper_id = await town.raise_to(await town.ticket(), Rung.order)
    await town.supervision.reply(CLERK, paper_id, "已办理。")
    with pytest.raises(PaperRefused, match="close it instead"):
        await town.supervision.end(SUN, paper_id, PaperEvent.withdrawn, "误发。")


async def test_closing_and_replying_at_once_leaves_one_of_the_two(town: Town) -> None:
    paper_id = await town.raise_to(await town.ticket(), Rung.reminder)
    done = await asyncio.gather(
        town.supervision.reply(CLERK, paper_id, "已办理。"),
        town.supervision.end(SUN, paper_id, PaperEvent.withdrawn, "误发。"),
        return_exceptions=True,
    )
    assert sum(isinstance(one, PaperRefused) for one in done) == 1
    (own,) = await town.recipients(paper_id)
    withdrawn = (await town.paper(paper_id)).state is PaperState.withdrawn
    assert withdrawn == (own.replied_at is None)


async def test_nothing_happens_to_a_paper_that_is_not_there(town: Town) -> None:
    with pytest.raises(NotFound):
        await town.supervision.end(SUN, 7, PaperEvent.closed, "办结。")
    with pytest.raises(NotFound):
        await town.supervision.read(CLERK, 7)


async def test_files_of_a_reply_are_seen_by_its_unit_and_the_centre_alone(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.supervision.issue(SUN, new_paper(ticket, main=("CGJ", "ZJJ")))
    file = await town.attachments.take(CLERK, "现场.png", png())
    await town.supervision.reply(CLERK, paper_id, "已停工。", [file.id])
    sights = {FILES: town.reader}
    for who in (SUN, CLERK, HEAD):
        shown = (await town.reader.show(who, paper_id)).recipients[0].attachments
        assert [one.name for one in shown] == ["现场.png"]
        found, _ = await town.attachments.open(who, file.id, sights)
        assert found == file
    assert (await town.reader.show(OTHER, paper_id)).recipients[0].attachments == []
    for stranger in (OTHER, HOMELESS, AGENT):
        with pytest.raises(Forbidden):
            await town.attachments.open(stranger, file.id, sights)


async def test_somebody_elses_file_is_refused_and_nothing_is_half_written(town: Town) -> None:
    paper_id = await town.raise_to(await town.ticket(), Rung.order)
    file = await town.attachments.take(OTHER, "现场.png", png())
    with pytest.raises(Invalid) as refused:
        await town.supervision.reply(CLERK, paper_id, "已停工。", [file.id])
    assert [error.pointer for error in refused.value.fields] == ["/attachments/0"]
    (own,) = await town.recipients(paper_id)
    assert (own.replied_at, own.reply) == (None, None)
