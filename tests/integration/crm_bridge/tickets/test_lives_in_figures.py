"""What a life becomes in the figures: who is counted, and whom nobody can hold to account."""

from collections.abc import Mapping
from datetime import date

import pytest
from sqlmodel import col, select

from crm_bridge.rates.exclusion_list import ExclusionList
from crm_bridge.rates.exclusions import ExclusionDecided, Exclusions
from crm_bridge.rates.rules import Period
from crm_bridge.rates.scope import Question
from crm_bridge.rates.service import Cell, Rates
from crm_bridge.rates.tables import ExclusionRow
from crm_bridge.rates.vocabulary import OVERTAKEN, Dimension, Figure
from crm_bridge.tickets.details import Replied, ReturnAsked
from crm_bridge.tickets.vocabulary import ReturnGrounds
from infra.kit.audit import AuditRow
from tests.integration.crm_bridge.house import CGJ, GRGS, ZONE
from tests.integration.crm_bridge.tickets.city import CHEN, DENG, HE, MAYOR, QIN, City

ALL_DAYS = Period(first=date(2000, 1, 1), last=date(2100, 12, 31))


async def completion(city: City) -> Mapping[str | None, Cell]:
    """办结率 of each unit."""
    question = Question(figures=[Figure.completion], period=ALL_DAYS, group=[Dimension.unit])
    table = await Rates(city.database, city.clock, ZONE).table(HE, question)
    return {unit: cell for (unit,), cell in table.now.cells[Figure.completion].items()}


async def test_stop_takes_an_assignment_out_of_a_figure_that_a_proposal_was_open_for(
    city: City,
) -> None:
    ticket_id = await city.in_hand()
    exclusions = Exclusions(city.database, city.clock)
    proposal = await exclusions.propose(
        DENG, ticket_id=ticket_id, n=1, figures=[Figure.completion], reason="道路封闭施工"
    )
    await city.closing.ask_stop(HE, await city.now(ticket_id), "诉求人撤回")
    await city.closing.decide_stop(MAYOR, await city.now(ticket_id), approve=True, reason="")

    cell = (await completion(city))[CGJ]
    assert (cell.raw.denominator, cell.adjusted.denominator) == (1, 0)
    async with city.database.reading() as session:
        row = (await session.exec(select(ExclusionRow).where(ExclusionRow.id == proposal))).one()
    assert (row.state, row.decided_by, row.decision_reason) == ("refused", None, OVERTAKEN)
    with pytest.raises(ExclusionDecided):
        await exclusions.decide(QIN, proposal, approve=True, reason="")


async def test_a_proposal_that_a_stop_has_overtaken_is_refused_by_the_system(city: City) -> None:
    ticket_id = await city.in_hand()
    exclusions = Exclusions(city.database, city.clock)
    # He approves the stop too; of his own proposal he decides nothing.
    proposal = await exclusions.propose(
        MAYOR, ticket_id=ticket_id, n=1, figures=[Figure.completion], reason="道路封闭施工"
    )
    await city.closing.ask_stop(HE, await city.now(ticket_id), "诉求人撤回")
    await city.closing.decide_stop(MAYOR, await city.now(ticket_id), approve=True, reason="")

    listed = await ExclusionList(city.database).show(proposal)
    assert (listed.state, listed.decided_by) == ("refused", None)
    assert listed.decided_at == city.clock.now()
    statement = select(AuditRow).where(AuditRow.subject == f"exclusion:{proposal}")
    async with city.database.reading() as session:
        found = (await session.exec(statement.order_by(col(AuditRow.id)))).all()
    assert [(row.action, row.actor) for row in found] == [
        ("exclusion.proposed", MAYOR.number),
        ("exclusion.refused", None),
    ]


async def test_stop_leaves_an_exclusion_alone_that_was_approved_before(city: City) -> None:
    ticket_id = await city.in_hand()
    exclusions = Exclusions(city.database, city.clock)
    proposal = await exclusions.propose(
        DENG, ticket_id=ticket_id, n=1, figures=[Figure.completion], reason="道路封闭施工"
    )
    await exclusions.decide(QIN, proposal, approve=True, reason="")
    await city.closing.ask_stop(HE, await city.now(ticket_id), "诉求人撤回")
    await city.closing.decide_stop(MAYOR, await city.now(ticket_id), approve=True, reason="")

    (one,) = (await completion(city))[CGJ].excluded
    assert (one.reason, one.approved_by) == ("道路封闭施工", "3002")


async def test_helper_let_go_with_its_lead_s_return_is_not_counted_as_unfinished(
    city: City,
) -> None:
    ticket_id = await city.dispatched(GRGS)
    await city.work.ask_return(
        CHEN,
        await city.now(ticket_id),
        ReturnAsked(n=1, grounds=ReturnGrounds.not_ours, text="不属本单位"),
    )
    assert (await completion(city))[GRGS].raw.denominator == 1
    await city.dispatching.decide_return(
        HE, await city.now(ticket_id), 1, approve=True, reason="应派燃气公司"
    )

    cells = await completion(city)
    assert {unit: cell.raw.denominator for unit, cell in cells.items()} == {CGJ: 0, GRGS: 0}


async def test_helper_without_whom_the_lead_finished_counts_as_unfinished(city: City) -> None:
    ticket_id = await city.in_hand(GRGS)
    reply = Replied(n=1, text="已办理", contacted=True, without_helpers="协办未到场")
    await city.work.reply(CHEN, await city.now(ticket_id), reply)
    await city.closing.audit(HE, await city.now(ticket_id), accept=True, reason="")

    cells = await completion(city)
    assert (cells[CGJ].raw.numerator, cells[CGJ].raw.denominator) == (1, 1)
    assert (cells[GRGS].raw.numerator, cells[GRGS].raw.denominator) == (0, 1)
