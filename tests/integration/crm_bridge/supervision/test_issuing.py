import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlmodel import select, update

from agent_console.accounts.tables import UserRow
from crm_bridge.supervision.rules import Cause, Origin, PaperState, RecipientRole, Rung
from crm_bridge.supervision.tables import PaperRow
from crm_bridge.tickets.vocabulary import TicketState
from crm_bridge.units.tables import UnitRow
from infra.kit.errors import Invalid
from tests.integration.crm_bridge.supervision.town import QIAN, SUN, ZONE, Town, new_paper


async def test_a_rule_issues_each_rung_with_its_number_text_and_limit(town: Town) -> None:
    ticket = await town.ticket()
    ids = [await town.raise_to(ticket, rung) for rung in Rung]
    papers = [await town.paper(paper_id) for paper_id in ids]
    assert [paper.number for paper in papers] == [
        "热线提〔2026〕1号",
        "热线督〔2026〕1号",
        "热线调〔2026〕1号",
        "热线挂〔2026〕1号",
    ]
    assert {paper.origin for paper in papers} == {Origin.rule}
    assert {paper.cause for paper in papers} == {Cause.overdue}
    assert {paper.issued_by for paper in papers} == {None}
    # Issued on Monday: 1, 3 and 10 working days; a meeting's limit is set with its minutes.
    closes = [p.reply_due_at.astimezone(ZONE).isoformat() if p.reply_due_at else "" for p in papers]
    assert closes == [
        "2026-03-03T17:30:00+08:00",
        "2026-03-05T17:30:00+08:00",
        "",
        "2026-03-16T17:30:00+08:00",
    ]
    meeting = papers[2]
    assert meeting.meeting_at == datetime(2026, 3, 4, 9, 30, tzinfo=ZONE)
    for paper in papers:
        recipients = await town.recipients(paper.id or 0)
        assert [(one.unit, one.role) for one in recipients] == [("CGJ", RecipientRole.main)]


async def test_the_same_rung_of_the_same_round_is_issued_once(town: Town) -> None:
    ticket = await town.ticket(units=("CGJ", "ZJJ"))
    first = await town.raise_to(ticket, Rung.reminder)
    assert await town.raise_to(ticket, Rung.reminder, Cause.due_soon) == first
    other = await town.raise_to(ticket, Rung.reminder, n=2)
    assert other != first
    assert [paper.number for paper in await town.papers()] == [
        "热线提〔2026〕1号",
        "热线提〔2026〕2号",
    ]
    assert len(await town.told("supervision.issued")) == 2


async def test_two_workers_that_raise_at_once_issue_one_paper_and_leave_no_gap(
    town: Town,
) -> None:
    tickets = [await town.ticket() for _ in range(4)]
    found = await asyncio.gather(
        *(town.raise_to(ticket, Rung.order) for ticket in tickets for _ in range(3))
    )
    assert len(set(found)) == len(tickets)
    assert sorted(paper.serial for paper in await town.papers()) == [1, 2, 3, 4]


async def test_issuing_by_many_at_once_gives_distinct_numbers_without_a_gap(town: Town) -> None:
    ticket = await town.ticket()
    ids = await asyncio.gather(
        *(
            town.supervision.issue(who, new_paper(ticket, rung))
            for who in (SUN, QIAN)
            for rung in (Rung.order, Rung.reminder)
            for _ in range(5)
        )
    )
    assert len(set(ids)) == 20
    by_rung = {
        rung: sorted(paper.serial for paper in await town.papers() if paper.rung is rung)
        for rung in (Rung.order, Rung.reminder)
    }
    assert by_rung == {Rung.order: [*range(1, 11)], Rung.reminder: [*range(1, 11)]}


async def test_a_refused_paper_uses_no_number(town: Town) -> None:
    ticket = await town.ticket()
    with pytest.raises(Invalid):
        await town.supervision.issue(SUN, new_paper(ticket, main=("NONE",)))
    await town.supervision.issue(SUN, new_paper(ticket))
    assert [paper.serial for paper in await town.papers()] == [1]


async def test_a_transaction_that_is_given_up_gives_its_number_back(town: Town) -> None:
    ticket = await town.ticket()

    async def fail() -> None:
        async with town.database.transaction() as session:
            row = await town.supervision._issuing.by_hand(session, SUN, new_paper(ticket))
            assert row.serial == 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await town.supervision.issue(SUN, new_paper(ticket))
    assert [paper.serial for paper in await town.papers()] == [1]


async def test_numbers_begin_anew_with_the_citys_year(town: Town) -> None:
    ticket = await town.ticket()
    # 31 December in UTC is already the new year in the city.
    for moment in ("2026-12-31T15:59:59+00:00", "2026-12-31T16:00:00+00:00"):
        town.clock.set(datetime.fromisoformat(moment))
        await town.supervision.issue(SUN, new_paper(ticket))
    numbers = [paper.number for paper in await town.papers()]
    assert numbers == ["热线督〔2026〕1号", "热线督〔2027〕1号"]


async def test_a_listed_matter_is_not_listed_again_before_it_is_delisted(town: Town) -> None:
    ticket = await town.ticket()
    by_hand = await town.supervision.issue(SUN, new_paper(ticket, Rung.listed))
    assert await town.raise_to(ticket, Rung.listed, Cause.redone_often) == by_hand
    async with town.database.transaction() as session:
        await session.exec(update(PaperRow).values(state=PaperState.closed))
    again = await town.raise_to(ticket, Rung.listed, Cause.redone_often)
    assert again != by_hand
    assert (await town.paper(again)).number == "热线挂〔2026〕2号"


async def test_clerks_and_heads_are_told_and_of_grave_rungs_the_leaders_too(town: Town) -> None:
    ticket = await town.ticket()
    for rung in Rung:
        await town.raise_to(ticket, rung)
    told = await town.told("supervision.issued")
    assert [body["agents"] for body in told] == [
        ["4001", "4002"],
        ["4001", "4002"],
        ["4001", "4002", "5001"],
        ["4001", "4002", "5001"],
    ]
    assert told[0]["data"] == {
        "paper_id": 1,
        "number": "热线提〔2026〕1号",
        "rung": "reminder",
        "state": "issued",
        "ticket_id": ticket,
    }


async def test_somebody_who_left_is_not_told(town: Town) -> None:
    async with town.database.transaction() as session:
        clerk = (await session.exec(select(UserRow).where(UserRow.number == "4001"))).one()
        clerk.disabled = True
    await town.raise_to(await town.ticket(), Rung.reminder)
    assert [body["agents"] for body in await town.told("supervision.issued")] == [["4002"]]


async def test_issuing_is_in_the_audit_log_with_ids_alone(town: Town) -> None:
    ticket = await town.ticket()
    await town.raise_to(ticket, Rung.reminder)
    await town.supervision.issue(SUN, new_paper(ticket))
    assert await town.audited() == [
        (None, "supervision.issue", "paper:1"),
        ("3001", "supervision.issue", "paper:2"),
    ]


async def test_a_closed_unit_still_gets_what_a_rule_demands_but_nothing_by_hand(
    town: Town,
) -> None:
    ticket = await town.ticket()
    async with town.database.transaction() as session:
        (await session.get_one(UnitRow, "CGJ")).active = False
    assert await town.raise_to(ticket, Rung.reminder)
    with pytest.raises(Invalid) as refused:
        await town.supervision.issue(SUN, new_paper(ticket))
    assert [error.pointer for error in refused.value.fields] == ["/main/0"]


@pytest.mark.parametrize("state", [TicketState.archived, TicketState.stopped])
async def test_a_matter_that_is_over_is_not_supervised(town: Town, state: TicketState) -> None:
    ticket = await town.ticket(state=state)
    with pytest.raises(Invalid) as refused:
        await town.supervision.issue(SUN, new_paper(ticket))
    assert [error.pointer for error in refused.value.fields] == ["/ticket_id"]
    assert await town.papers() == []


async def test_a_meeting_called_by_rule_before_the_holidays_is_held_after_them(
    town: Town,
) -> None:
    town.clock.set(datetime(2026, 9, 30, 2, 0, tzinfo=UTC))
    paper = await town.paper(await town.raise_to(await town.ticket(), Rung.meeting))
    # 1–7 October is off, 10 October is worked: two working days on are 8 and 9 October.
    assert paper.meeting_at is not None
    assert paper.meeting_at.astimezone(ZONE).isoformat() == "2026-10-09T09:30:00+08:00"


async def test_papers_follow_each_other_as_they_were_issued(town: Town) -> None:
    ticket = await town.ticket()
    for _ in range(3):
        await town.supervision.issue(SUN, new_paper(ticket))
        town.clock.advance(60)
    papers = await town.papers()
    assert all(
        later.issued_at - earlier.issued_at == timedelta(minutes=1)
        for earlier, later in pairwise(papers)
    )
