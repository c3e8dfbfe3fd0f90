"""Ratings on a page, over both databases: counted once, like those by telephone."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from crm_bridge.callbacks.rules import CallbackState
from crm_bridge.callbacks.tables import CallbackAnswerRow
from crm_bridge.callbacks.written import CannotRate, WrittenRating, WrittenRatings
from crm_bridge.progress.reading import progress_of
from crm_bridge.progress.rules import Stage, TicketProgress
from crm_bridge.tickets.tables import TicketEventRow
from crm_bridge.tickets.vocabulary import TicketEvent, TicketState
from infra.kit.idempotency import IdempotencyKey
from telephony.dialer.rules import Question, Result
from tests.integration.crm_bridge.house import FORM, LI, ZONE, House, written


@pytest.fixture
def ratings(house: House) -> WrittenRatings:
    plan = house.settings.plan(ZONE)
    return WrittenRatings(house.database, house.clock, house.ledger, plan, house.poke)


async def progress(house: House, ticket_id: int) -> TicketProgress:
    async with house.database.reading() as session:
        return await progress_of(session, ticket_id)


async def test_a_rating_on_the_page_stands_and_nobody_is_rung(
    house: House, ratings: WrittenRatings
) -> None:
    ticket_id = await house.close_a_ticket()
    assert (await progress(house, ticket_id)).can_rate
    await ratings.rate(ticket_id, WrittenRating(satisfied=1, contacted=1, solved=1))
    assert (await house.callback(ticket_id)).state is CallbackState.rated
    assert (await house.ticket(ticket_id)).state is TicketState.archived
    assert await house.ratings() == [1]
    assert await house.callbacks.leases.claim("worker", 10) == []
    async with house.database.reading() as session:
        answers = (await session.exec(select(CallbackAnswerRow))).all()
    assert {answer.question: answer.digit for answer in answers} == {
        Question.contacted: 1,
        Question.solved: 1,
        Question.satisfied: 1,
    }
    seen = await progress(house, ticket_id)
    assert (seen.stage, seen.rating, seen.can_rate) == (Stage.closed, 1, False)


async def test_who_is_dissatisfied_says_why_and_the_centre_reads_it(
    house: House, ratings: WrittenRatings
) -> None:
    ticket_id = await house.close_a_ticket()
    await ratings.rate(ticket_id, WrittenRating(satisfied=5, reason="没有人来过"))
    assert (await house.ticket(ticket_id)).state is TicketState.callback
    statement = select(TicketEventRow.detail).where(
        TicketEventRow.event == TicketEvent.dissatisfied
    )
    async with house.database.reading() as session:
        detail = (await session.exec(statement)).one()
    assert (detail["rating"], detail["text"]) == (5, "没有人来过")


async def test_a_rating_is_never_edited(house: House, ratings: WrittenRatings) -> None:
    ticket_id = await house.close_a_ticket()
    await ratings.rate(ticket_id, WrittenRating(satisfied=2))
    with pytest.raises(CannotRate):
        await ratings.rate(ticket_id, WrittenRating(satisfied=5))
    assert await house.ratings() == [2]


async def test_the_same_rating_sent_again_is_answered_alike(
    house: House, ratings: WrittenRatings
) -> None:
    ticket_id = await house.close_a_ticket()
    key = IdempotencyKey(scope="page", key="k-1", fingerprint="f")
    said = WrittenRating(satisfied=3)
    assert [await ratings.rate(ticket_id, said, key=key) for _ in range(2)] == [3, 3]
    assert await house.ratings() == [3]


async def test_two_pages_that_rate_at_once_rate_once(house: House, ratings: WrittenRatings) -> None:
    ticket_id = await house.close_a_ticket()
    outcomes = await asyncio.gather(
        *(ratings.rate(ticket_id, WrittenRating(satisfied=value)) for value in (1, 5, 3, 4)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, int) for outcome in outcomes) == 1
    assert all(isinstance(outcome, (int, CannotRate)) for outcome in outcomes)
    assert len(await house.ratings()) == 1


async def test_what_is_still_open_cannot_be_rated(house: House, ratings: WrittenRatings) -> None:
    call_id = await house.ring(ended_at=house.clock.now())
    ticket_id = await house.tickets.register(LI, replace(FORM, answer=None), call_id=call_id)
    assert not (await progress(house, ticket_id)).can_rate
    with pytest.raises(CannotRate):
        await ratings.rate(ticket_id, WrittenRating(satisfied=1))


async def test_who_stayed_anonymous_is_not_rung_but_may_rate(
    house: House, ratings: WrittenRatings
) -> None:
    received = await house.intake.take(written(phone=None))
    assert received.ticket_number is not None
    ticket_id = 1
    lead = replace(LI, permissions=LI.permissions | {"ticket.read_any"})
    await house.tickets.answer(lead, ticket_id, "已修好")
    assert (await house.callback(ticket_id)).state is CallbackState.not_called
    await ratings.rate(ticket_id, WrittenRating(satisfied=4))
    assert (await house.callback(ticket_id)).state is CallbackState.rated
    assert (await house.ticket(ticket_id)).state is TicketState.callback


async def test_a_key_pressed_while_the_page_rated_does_not_rate_again(
    house: House, ratings: WrittenRatings
) -> None:
    ticket_id = await house.close_a_ticket()
    (order,) = await house.callbacks.leases.claim("worker", 1)
    await ratings.rate(ticket_id, WrittenRating(satisfied=2))
    house.clock.advance(house.settings.lease_seconds + 1)
    (left,) = await house.callbacks.leases.take_over("other", 5)
    assert left.attempt_id == order.survey.attempt_id
    assert (await house.callback(ticket_id)).state is CallbackState.rated
    assert [attempt.result for attempt in await house.attempts()] == [None, Result.in_writing]
    assert await house.ratings() == [2]


@pytest.mark.parametrize(
    "wrong", [{"satisfied": 0}, {"satisfied": 6}, {"satisfied": 1, "contacted": 3}]
)
def test_a_digit_that_answers_nothing_is_no_rating(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="does not answer"):
        WrittenRating(**wrong)
