import asyncio

from sqlmodel import select

from agent_console.accounts.staff import AccountStaff
from crm_bridge.supervision.lapsing import CONCLUSION, Lapsing
from crm_bridge.supervision.notices import Notices
from crm_bridge.supervision.rules import PaperEvent, PaperState, Rung
from crm_bridge.tickets.tables import AssignmentRow
from tests.integration.crm_bridge.supervision.town import CLERK, SUN, Town, new_paper


async def end(town: Town, ticket_id: int, n: int = 1) -> None:
    """The unit's part of a ticket is over."""
    async with town.database.transaction() as session:
        statement = select(AssignmentRow).where(
            AssignmentRow.ticket_id == ticket_id, AssignmentRow.n == n
        )
        (await session.exec(statement)).one().ended_at = town.clock.now()


def lapsing(town: Town) -> Lapsing:
    notices = Notices(town.clock, AccountStaff())
    return Lapsing(town.database, town.clock, 60, notices, town.poke)


async def test_letters_and_orders_are_closed_when_their_assignment_has_ended(town: Town) -> None:
    ticket = await town.ticket()
    ids = {rung: await town.raise_to(ticket, rung) for rung in Rung}
    assert await lapsing(town).once() == 0
    await end(town, ticket)
    assert await lapsing(town).once() == 2
    states = {rung: (await town.paper(paper_id)).state for rung, paper_id in ids.items()}
    assert states == {
        Rung.reminder: PaperState.closed,
        Rung.order: PaperState.closed,
        # What a meeting decided and what is listed stays until the centre says so.
        Rung.meeting: PaperState.issued,
        Rung.listed: PaperState.issued,
    }
    paper = await town.paper(ids[Rung.order])
    assert (paper.conclusion, paper.closed_by) == (CONCLUSION, None)
    assert (None, "supervision.lapsed", f"paper:{paper.id}") in await town.audited()


async def test_units_are_told_of_a_paper_that_lapses_and_nobody_when_none_does(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.raise_to(ticket, Rung.reminder)
    await lapsing(town).once()
    assert town.pokes == 0
    await end(town, ticket)
    await lapsing(town).once()
    assert town.pokes == 1
    (told,) = await town.told("supervision.closed")
    assert told["agents"] == ["4001", "4002"]
    assert (told["data"]["paper_id"], told["data"]["state"]) == (paper_id, "closed")
    await lapsing(town).once()
    assert town.pokes == 1
    assert len(await town.told("supervision.closed")) == 1


async def test_what_is_about_another_assignment_or_the_whole_ticket_stays(town: Town) -> None:
    ticket = await town.ticket(units=("CGJ", "ZJJ"))
    other = await town.raise_to(ticket, Rung.reminder, n=2)
    whole = await town.supervision.issue(SUN, new_paper(ticket, n=None))
    await end(town, ticket)
    assert await lapsing(town).once() == 0
    for paper_id in (other, whole):
        assert (await town.paper(paper_id)).state is PaperState.issued


async def test_what_the_centre_has_ended_keeps_its_own_conclusion(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.raise_to(ticket, Rung.reminder)
    await town.supervision.reply(CLERK, paper_id, "已办理。")
    await town.supervision.end(SUN, paper_id, PaperEvent.closed, "经核实办结。")
    await end(town, ticket)
    assert await lapsing(town).once() == 0
    assert (await town.paper(paper_id)).conclusion == "经核实办结。"


async def test_two_workers_close_each_paper_once(town: Town) -> None:
    for _ in range(5):
        ticket = await town.ticket()
        await town.raise_to(ticket, Rung.order)
        await end(town, ticket)
    closed = await asyncio.gather(*(lapsing(town).once() for _ in range(3)))
    rest = await lapsing(town).once()
    assert sum(closed) + rest == 5
    acts = [act for _, act, _ in await town.audited()]
    assert acts.count("supervision.lapsed") == 5
