"""The citizen is asked when the limit has passed or the ticket has finished, whichever is first, and once a round."""

from datetime import timedelta

import pytest
from sqlmodel import delete, select

from crm_bridge.callbacks.rules import CallbackState
from crm_bridge.callbacks.tables import CallbackRow, RatingRow
from crm_bridge.tickets.details import Replied, ReturnAsked
from crm_bridge.tickets.vocabulary import ReturnGrounds, Wait
from telephony.dialer.memory import Reply
from telephony.dialer.rules import Outcome, Question, Result
from tests.integration.crm_bridge.house import CGJ, GRGS, MOBILE
from tests.integration.crm_bridge.tickets.city import CHEN, FENG, HE, City

LIMIT = timedelta(days=5).total_seconds()


async def limit_passes(city: City) -> int:
    ticket_id = await city.in_hand()
    city.clock.advance(LIMIT + 1)
    await owe(city, ticket_id)
    return ticket_id


async def owe(city: City, ticket_id: int) -> None:
    async with city.database.transaction() as session:
        await city.callbacks.owe(session, await city.ledger.ticket(session, ticket_id))


async def finish(city: City, ticket_id: int) -> None:
    reply = Replied(n=1, text="已办理", contacted=True)
    await city.work.reply(CHEN, await city.now(ticket_id), reply)
    await city.closing.audit(HE, await city.now(ticket_id), accept=True, reason="")


async def ring(city: City, ticket_id: int, reply: Reply) -> None:
    city.dialer.script(MOBILE, reply)
    due_at = (await city.callback(ticket_id)).due_at
    city.clock.set(max(due_at, city.clock.now()))
    assert await city.runner.run_once() == 1


def pressed(digit: int) -> Reply:
    return Reply(answers={Question.satisfied: digit})


async def test_unfinished_ticket_owes_its_callback_once_and_stays_where_it_is(city: City) -> None:
    ticket_id = await limit_passes(city)
    await owe(city, ticket_id)
    assert (await city.callback(ticket_id)).state == "due"
    assert (await city.ticket(ticket_id)).state == "in_hand"


@pytest.mark.parametrize(("digit", "waits", "state"), [(2, 0, "archived"), (5, 1, "callback")])
async def test_ticket_that_was_rated_before_it_finished_goes_on_from_the_rating(
    city: City, digit: int, waits: int, state: str
) -> None:
    ticket_id = await limit_passes(city)
    await ring(city, ticket_id, pressed(digit))
    assert ((await city.ticket(ticket_id)).state, (await city.ticket(ticket_id)).rating) == (
        "in_hand",
        digit,
    )
    assert await city.waiting(Wait.dissatisfied) == 0
    await finish(city, ticket_id)
    assert (await city.ticket(ticket_id)).state == state
    assert await city.waiting(Wait.dissatisfied) == waits
    assert await city.runner.run_once() == 0
    assert await city.is_whole()


async def test_dissatisfied_before_the_end_is_redone_after_it_and_asked_anew(city: City) -> None:
    ticket_id = await limit_passes(city)
    await ring(city, ticket_id, pressed(5))
    await finish(city, ticket_id)
    await city.closing.redo(HE, await city.now(ticket_id), "未解决")
    ticket = await city.ticket(ticket_id)
    assert (ticket.state, ticket.round) == ("dispatched", 2)
    await owe(city, ticket_id)
    async with city.database.reading() as session:
        rounds = [(row.round, row.state) for row in (await session.exec(select(CallbackRow))).all()]
    assert sorted(rounds) == [(1, CallbackState.rated), (2, CallbackState.due)]


async def test_ticket_that_finishes_while_the_citizen_is_still_to_be_reached_waits_for_him(
    city: City,
) -> None:
    ticket_id = await limit_passes(city)
    await ring(city, ticket_id, Reply(result=Result.no_answer))
    await finish(city, ticket_id)
    assert (await city.ticket(ticket_id)).state == "callback"
    await ring(city, ticket_id, pressed(1))
    assert (await city.ticket(ticket_id)).state == "archived"
    assert (await city.callback(ticket_id)).state == "rated"


async def test_citizen_who_was_never_reached_before_the_end_is_not_rung_again_in_the_round(
    city: City,
) -> None:
    ticket_id = await limit_passes(city)
    for _ in range(3):
        await ring(city, ticket_id, Reply(result=Result.no_answer))
    assert (await city.callback(ticket_id)).state == "unrated"
    await finish(city, ticket_id)
    ticket = await city.ticket(ticket_id)
    assert (ticket.state, ticket.rating) == ("archived", None)


async def test_citizen_who_may_not_be_called_is_not_and_the_ticket_is_archived_when_done(
    city: City,
) -> None:
    ticket_id = await city.in_hand(call_me_not=True)
    await owe(city, ticket_id)
    assert (await city.ticket(ticket_id)).state == "in_hand"
    await finish(city, ticket_id)
    assert (await city.ticket(ticket_id)).state == "archived"
    assert (await city.callback(ticket_id)).bar == "call_me_not"


async def test_key_that_arrives_when_the_ticket_has_been_returned_counts_when_it_finishes(
    city: City,
) -> None:
    ticket_id = await limit_passes(city)
    asked = ReturnAsked(n=1, grounds=ReturnGrounds.not_ours, text="不属本单位")
    await city.work.ask_return(CHEN, await city.now(ticket_id), asked)
    await city.dispatching.decide_return(HE, await city.now(ticket_id), 1, approve=True, reason="")
    await ring(city, ticket_id, pressed(5))
    assert (await city.ticket(ticket_id)).state == "to_dispatch"
    await city.closing.refuse(
        HE, await city.now(ticket_id), grounds="涉法涉诉", where_to_turn="人民法院"
    )
    assert (await city.ticket(ticket_id)).state == "callback"
    assert await city.waiting(Wait.dissatisfied) == 1
    await city.closing.redo(HE, await city.now(ticket_id), "应予办理")
    assert (await city.ticket(ticket_id)).state == "to_dispatch"


@pytest.mark.parametrize(
    ("rung_before", "charged"),
    [(False, (GRGS, 2)), (True, (CGJ, 1))],
    ids=["asked after", "before"],
)
async def test_what_the_citizen_says_counts_for_the_lead_about_which_he_was_asked(
    city: City, rung_before: bool, charged: tuple[str, int]
) -> None:
    ticket_id = await limit_passes(city)
    if rung_before:
        await ring(city, ticket_id, pressed(1))
    asked = ReturnAsked(n=1, grounds=ReturnGrounds.not_ours, text="不属本单位")
    await city.work.ask_return(CHEN, await city.now(ticket_id), asked)
    await city.dispatching.decide_return(HE, await city.now(ticket_id), 1, approve=True, reason="")
    await city.dispatching.dispatch(HE, await city.now(ticket_id), lead=GRGS)
    await city.work.sign(FENG, await city.now(ticket_id), 2)
    reply = Replied(n=2, text="已办理", contacted=True)
    await city.work.reply(FENG, await city.now(ticket_id), reply)
    await city.closing.audit(HE, await city.now(ticket_id), accept=True, reason="")
    if not rung_before:
        await ring(city, ticket_id, pressed(1))
    unit, n = charged
    lead = (await city.assignments(ticket_id))[n - 1]
    async with city.database.reading() as session:
        rating = (await session.exec(select(RatingRow))).one()
    callback = await city.callback(ticket_id)
    for row in (callback, rating):
        assert (row.unit, row.assignment_id, row.counted_at) == (unit, lead.id, lead.dispatched_at)


async def test_rating_of_an_earlier_round_is_not_taken_for_this_one(city: City) -> None:
    ticket_id = await city.in_hand()
    await finish(city, ticket_id)
    await ring(city, ticket_id, pressed(5))
    await city.closing.redo(HE, await city.now(ticket_id), "未解决")
    first = await city.callback(ticket_id)
    async with city.database.transaction() as session:
        row = await session.get_one(type(first), first.id)
        row.state = CallbackState.unrated
    before = await city.events(ticket_id)
    (attempt,) = await city.attempts()
    late = Outcome(
        attempt_id=attempt.id,
        result=Result.answered,
        answers={Question.satisfied: 1},
        ended_at=city.clock.now(),
    )
    async with city.database.transaction() as session:
        await session.exec(delete(RatingRow))
    await city.callbacks.finish(late)
    assert await city.events(ticket_id) == before
