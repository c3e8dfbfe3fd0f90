import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from crm_bridge.callbacks.rules import CallbackRefused, CallbackState
from crm_bridge.callbacks.settings import CallbackSettings
from crm_bridge.callbacks.tables import CallbackAnswerRow, CallbackRow, RatingRow
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from telephony.calls.tables import CallRow
from telephony.dialer.memory import Reply
from telephony.dialer.rules import Outcome, Question, Result
from tests.integration.crm_bridge.house import AT_ONCE, FORM, LI, MOBILE, ZHOU, House

LEASE = AT_ONCE.lease_seconds + 1


def pressed(digit: int) -> Reply:
    return Reply(answers={Question.satisfied: digit})


@pytest.mark.parametrize(
    ("digit", "ticket_state"),
    [(1, "archived"), (2, "archived"), (3, "archived"), (4, "callback"), (5, "callback")],
)
async def test_rating_arrives_on_the_ticket_and_the_dissatisfied_wait_for_the_centre(
    house: House, digit: int, ticket_state: str
) -> None:
    house.dialer.script(MOBILE, pressed(digit))
    ticket_id = await house.close_a_ticket()
    await house.runner.run_once()
    ticket = await house.ticket(ticket_id)
    assert (ticket.state, ticket.rating) == (ticket_state, digit)
    assert (await house.callback(ticket_id)).state == "rated"
    assert await house.ratings() == [digit]


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (Result.silent, "due"),
        (Result.hung_up, "due"),
        (Result.machine, "due"),
        (Result.busy, "due"),
        (Result.no_answer, "due"),
        (Result.carrier_failure, "due"),
        (Result.answered, "unrated"),
        (Result.wants_person, "unrated"),
        (Result.no_such_number, "not_called"),
        (Result.unknown, "needs_review"),
    ],
)
async def test_first_attempt_without_a_rating_leads_to_state(
    house: House, result: Result, state: str
) -> None:
    house.dialer.script(MOBILE, Reply(result=result))
    ticket_id = await house.close_a_ticket()
    await house.runner.run_once()
    assert (await house.callback(ticket_id)).state == state
    assert [attempt.result for attempt in await house.attempts()] == [result]
    assert await house.ratings() == []


async def test_citizen_who_never_answers_is_tried_three_times_and_is_not_rated(
    house: House,
) -> None:
    house.dialer.script(MOBILE, Reply(result=Result.no_answer))
    ticket_id = await house.close_a_ticket()
    while (await house.callback(ticket_id)).state == "due":
        house.clock.set((await house.callback(ticket_id)).due_at)
        await house.runner.run_once()
    ticket = await house.ticket(ticket_id)
    assert (ticket.state, ticket.rating) == ("archived", None)
    assert (await house.events(ticket_id))[-1] == "not_rated"
    started = [attempt.started_at for attempt in await house.attempts()]
    assert len(started) == len(house.dialer.rung) == 3
    assert started[2] - started[0] >= timedelta(days=2)
    assert [body["data"] for body in await house.outbox("callback.finished")] == [
        {
            "ticket_id": ticket_id,
            "number": ticket.number,
            "result": "unrated",
            "rating": None,
        }
    ]


async def test_carrier_failure_is_tried_again_in_a_minute_and_then_rated(house: House) -> None:
    house.dialer.script(MOBILE, Reply(result=Result.carrier_failure), pressed(5))
    ticket_id = await house.close_a_ticket()
    await house.runner.run_once()
    assert await house.runner.run_once() == 0
    house.clock.advance(60)
    await house.runner.run_once()
    assert (await house.ticket(ticket_id)).rating == 5


async def test_nobody_is_rung_before_the_delay_nor_outside_the_windows(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    settings = CallbackSettings(delay_seconds=7_200, seconds_between_calls=0)
    house = await House(database=database, clock=clock, vault=vault, settings=settings).open()
    ticket_id = await house.close_a_ticket()
    due_at = (await house.callback(ticket_id)).due_at
    assert due_at == clock.now() + timedelta(hours=2)
    clock.set(datetime.fromisoformat("2026-03-02T12:30:00+08:00"))
    assert await house.runner.run_once() == 0
    clock.set(datetime.fromisoformat("2026-03-02T14:30:00+08:00"))
    assert await house.runner.run_once() == 1


async def test_order_to_ring_ends_with_the_window(house: House) -> None:
    await house.close_a_ticket()
    house.clock.set(datetime.fromisoformat("2026-03-02T11:59:55+08:00"))
    await house.runner.run_once()
    (rung,) = house.dialer.rung
    assert rung.survey.valid_until == datetime.fromisoformat("2026-03-02T12:00:00+08:00")


async def test_attempt_is_on_disk_before_the_telephone_rings(house: House) -> None:
    house.dialer.holding = True
    await house.close_a_ticket()
    ringing = asyncio.create_task(house.runner.run_once())
    await until(lambda: bool(house.dialer.rung))
    (attempt,) = await house.attempts()
    assert (attempt.id, attempt.result) == (house.dialer.rung[0].survey.attempt_id, None)
    house.dialer.finish(attempt.id)
    await ringing


async def test_two_runners_ask_once(house: House) -> None:
    house.dialer.script(MOBILE, pressed(1))
    for _ in range(5):
        await house.close_a_ticket()
    runners = [house.new_runner() for _ in range(2)]
    await asyncio.gather(*(runner.run_once() for runner in runners for _ in range(3)))
    assert len(house.dialer.rung) == 5
    assert len({rung.survey.attempt_id for rung in house.dialer.rung}) == 5
    assert await house.ratings() == [1] * 5


async def test_runner_keeps_to_its_number_of_concurrent_calls(house: House) -> None:
    house.settings = house.settings.model_copy(update={"concurrent_calls": 2})
    for _ in range(5):
        await house.close_a_ticket()
    assert await house.new_runner().run_once() == 2


async def test_worker_that_died_is_settled_from_the_pbx_and_nobody_is_rung_again(
    house: House,
) -> None:
    house.dialer.script(MOBILE, pressed(2))
    ticket_id = await house.close_a_ticket()
    attempt_id = await ring_and_die(house)
    house.dialer.finish(attempt_id)
    assert await house.runner.run_once() == 0
    assert (await house.callback(ticket_id)).state == "dialing"
    house.clock.advance(LEASE)
    assert await house.runner.run_once() == 0
    assert len(house.dialer.rung) == 1
    assert (await house.ticket(ticket_id)).rating == 2
    assert house.dialer.forgotten == [attempt_id]


async def test_call_that_still_runs_after_a_crash_is_waited_for(house: House) -> None:
    house.dialer.script(MOBILE, pressed(3))
    ticket_id = await house.close_a_ticket()
    attempt_id = await ring_and_die(house)
    house.clock.advance(LEASE)
    await house.runner.run_once()
    assert (await house.callback(ticket_id)).state == "dialing"
    house.dialer.finish(attempt_id)
    house.clock.advance(LEASE)
    await house.runner.run_once()
    assert (await house.ticket(ticket_id)).rating == 3
    assert len(house.dialer.rung) == 1


async def test_attempt_that_the_pbx_knows_nothing_of_goes_to_a_person(house: House) -> None:
    ticket_id = await house.close_a_ticket()
    await house.callbacks.leases.claim("a-worker-that-dies-now", 1)
    house.clock.advance(LEASE)
    assert await house.runner.run_once() == 0
    assert (await house.callback(ticket_id)).state == "needs_review"
    house.clock.advance(30 * 24 * 3600)
    assert await house.runner.run_once() == 0
    assert house.dialer.rung == []
    (waiting,) = await house.callbacks.to_review()
    assert waiting.ticket_id == ticket_id


async def test_worker_that_slept_through_its_lease_cannot_ring(house: House) -> None:
    await house.close_a_ticket()
    (order,) = await house.callbacks.leases.claim("a-worker-that-falls-asleep", 1)
    house.clock.advance(LEASE)
    await house.runner.run_once()
    outcome = await house.dialer.ask(order.number, order.survey)
    assert outcome.result is Result.refused_late
    assert house.dialer.rung == []


async def test_lease_that_is_renewed_is_not_taken_over(house: House) -> None:
    await house.close_a_ticket()
    (order,) = await house.callbacks.leases.claim("busy", 1)
    house.clock.advance(20)
    await house.callbacks.leases.renew("busy", [order.callback_id])
    house.clock.advance(20)
    assert await house.callbacks.leases.take_over("another") == []


async def test_order_that_never_reached_the_pbx_is_given_again_and_is_no_attempt(
    house: House,
) -> None:
    house.dialer.script(MOBILE, pressed(1))
    ticket_id = await house.close_a_ticket()
    house.dialer.reachable = False
    assert await house.runner.run_once() == 1
    assert (await house.callback(ticket_id)).state == "due"
    house.dialer.reachable = True
    house.clock.advance(60)
    assert await house.runner.run_once() == 0  # the runner rests before it tries the PBX again
    assert await house.new_runner().run_once() == 1
    assert await house.ratings() == [1]
    assert len(house.dialer.rung) == 1


async def test_pbx_that_is_away_after_a_crash_is_asked_again_later(house: House) -> None:
    house.dialer.script(MOBILE, pressed(1))
    await house.close_a_ticket()
    attempt_id = await ring_and_die(house)
    house.dialer.finish(attempt_id)
    house.dialer.reachable = False
    house.clock.advance(LEASE)
    await house.runner.run_once()
    assert await house.ratings() == []
    house.dialer.reachable = True
    house.clock.advance(LEASE)
    await house.runner.run_once()
    assert await house.ratings() == [1]


async def test_pbx_that_could_not_be_told_to_forget_is_told_later(house: House) -> None:
    house.dialer.script(MOBILE, pressed(1))
    await house.close_a_ticket()
    attempt_id = await ring_and_die(house)
    house.dialer.finish(attempt_id)
    outcome = await house.dialer.settle(attempt_id)
    assert outcome is not None
    await house.callbacks.finish(outcome)  # and the process dies before it tells the PBX
    assert house.dialer.forgotten == []
    for _ in range(2):
        house.clock.advance(LEASE)
        await house.runner.run_once()
    assert house.dialer.forgotten == [attempt_id]
    assert await house.ratings() == [1]


async def test_outcome_that_arrives_twice_counts_once(house: House) -> None:
    house.dialer.script(MOBILE, pressed(1))
    ticket_id = await house.close_a_ticket()
    await house.runner.run_once()
    (attempt,) = await house.attempts()
    before = await house.events(ticket_id)
    for digit in (1, 5):
        await house.callbacks.finish(outcome_of(house, attempt.id, Result.answered, digit))
    assert await house.ratings() == [1]
    assert await house.events(ticket_id) == before


async def test_outcome_of_an_unknown_attempt_is_let_go(house: House) -> None:
    await house.callbacks.finish(outcome_of(house, "nobodys", Result.answered, 1))
    assert await house.ratings() == []


@pytest.mark.parametrize(
    ("first", "late", "state", "ticket_state"),
    [
        (Result.unknown, 2, "rated", "archived"),
        (Result.unknown, 5, "rated", "callback"),
        (Result.answered, 2, "rated", "archived"),
        (Result.answered, 5, "rated", "callback"),
        (Result.hung_up, 3, "rated", "archived"),
    ],
)
async def test_key_that_a_second_outcome_brings_counts_once(
    house: House, first: Result, late: int, state: str, ticket_state: str
) -> None:
    house.dialer.script(MOBILE, Reply(result=first))
    ticket_id = await house.close_a_ticket()
    await house.runner.run_once()
    (attempt,) = await house.attempts()
    for _ in range(2):
        await house.callbacks.finish(outcome_of(house, attempt.id, Result.answered, late))
    assert await house.ratings() == [late]
    ticket = await house.ticket(ticket_id)
    assert (ticket.state, ticket.rating) == (ticket_state, late)
    assert (await house.callback(ticket_id)).state == state
    house.clock.advance(10 * 24 * 3600)
    assert await house.runner.run_once() == 0


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (Result.no_answer, "due"),
        (Result.no_such_number, "not_called"),
        (Result.answered, "unrated"),
        (Result.unknown, "needs_review"),
    ],
)
async def test_doubt_ends_when_the_worker_that_rang_turns_up_after_all(
    house: House, known: Result, state: str
) -> None:
    house.dialer.script(MOBILE, Reply(result=Result.unknown))
    ticket_id = await house.close_a_ticket()
    await house.runner.run_once()
    (attempt,) = await house.attempts()
    await house.callbacks.finish(outcome_of(house, attempt.id, known))
    assert (await house.callback(ticket_id)).state == state
    assert [attempt.result for attempt in await house.attempts()] == [known]


async def test_first_key_to_a_question_stands(house: House) -> None:
    house.dialer.script(MOBILE, pressed(1))
    await house.close_a_ticket()
    await house.runner.run_once()
    (attempt,) = await house.attempts()
    await house.callbacks.finish(outcome_of(house, attempt.id, Result.answered, 5))
    async with house.database.reading() as session:
        (answer,) = (await session.exec(select(CallbackAnswerRow))).all()
        (rating,) = (await session.exec(select(RatingRow))).all()
    assert (answer.digit, rating.value) == (1, 1)


@pytest.mark.parametrize(
    ("call_again", "callback", "ticket"),
    [(True, "due", "callback"), (False, "unrated", "archived")],
)
async def test_person_decides_about_a_doubtful_attempt(
    house: House, call_again: bool, callback: str, ticket: str
) -> None:
    house.dialer.script(MOBILE, Reply(result=Result.unknown), pressed(1))
    ticket_id = await house.close_a_ticket()
    await house.runner.run_once()
    row = await house.callback(ticket_id)
    assert row.id is not None
    await house.callbacks.review(ZHOU, row.id, call_again=call_again)
    assert (await house.callback(ticket_id)).state == callback
    assert (await house.ticket(ticket_id)).state == ticket
    assert await house.runner.run_once() == int(call_again)
    with pytest.raises(CallbackRefused):
        await house.callbacks.review(ZHOU, row.id, call_again=True)
    async with house.database.reading() as session:
        (entry,) = (await session.exec(select(AuditRow))).all()
    assert (entry.actor, entry.action) == ("2001", "callback.review")


async def test_installation_that_does_not_ring_still_settles(house: House) -> None:
    await house.close_a_ticket()
    await house.callbacks.leases.claim("dies", 1)
    await house.close_a_ticket(replace(FORM, title="另一件事"))
    house.settings = house.settings.model_copy(update={"enabled": False})
    house.clock.advance(LEASE)
    assert await house.new_runner().run_once() == 0
    assert len(await house.callbacks.to_review()) == 1


async def test_running_worker_rings_what_becomes_due(house: House) -> None:
    house.dialer.script(MOBILE, pressed(2))
    worker = asyncio.create_task(house.runner.run())
    try:
        await house.close_a_ticket()
        async with asyncio.timeout(10):
            while not await house.ratings():  # noqa: ASYNC110  # what is waited for is a row
                await asyncio.sleep(0.01)
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    assert await house.ratings() == [2]


async def test_news_of_an_older_attempt_waits_until_the_newer_one_has_ended(house: House) -> None:
    house.dialer.script(MOBILE, Reply(result=Result.unknown), Reply(result=Result.no_answer))
    ticket_id = await house.close_a_ticket()
    await house.runner.run_once()
    (older,) = await house.attempts()
    await house.callbacks.review(ZHOU, older.callback_id, call_again=True)
    newer = await ring_and_die(house, among=2)
    await house.callbacks.finish(outcome_of(house, older.id, Result.answered, 2))
    assert (await house.callback(ticket_id)).state == "dialing"
    house.dialer.finish(newer)
    house.clock.advance(LEASE)
    await house.runner.run_once()
    assert await house.ratings() == [2]


def outcome_of(
    house: House, attempt_id: str, result: Result, satisfied: int | None = None
) -> Outcome:
    answers = {} if satisfied is None else {Question.satisfied: satisfied}
    return Outcome(
        attempt_id=attempt_id, result=result, answers=answers, ended_at=house.clock.now()
    )


async def ring_and_die(house: House, *, among: int = 1) -> str:
    """Let a worker ring a citizen and be killed while the call runs, which is number `among` of all calls."""
    house.dialer.holding = True
    worker = asyncio.create_task(house.new_runner().run_once())
    await until(lambda: len(house.dialer.rung) == among)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    return house.dialer.rung[-1].survey.attempt_id


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # the scripted dialer has no event to wait for
            await asyncio.sleep(0.005)


async def test_citizen_who_is_still_on_the_line_is_rung_after_the_call(house: House) -> None:
    call_id = await house.ring()
    ticket_id = await house.tickets.register(LI, FORM, call_id=call_id)
    assert await house.runner.run_once() == 0
    assert (await house.callback(ticket_id)).state is CallbackState.due
    assert await house.attempts() == []
    async with house.database.transaction() as session:
        call = await session.get_one(CallRow, call_id)
        call.ended_at = house.clock.now()
    house.clock.advance(31)
    assert await house.runner.run_once() == 1


async def test_number_that_the_key_does_not_open_goes_to_a_person_and_the_others_are_rung(
    house: House,
) -> None:
    unreadable, readable = await house.close_a_ticket(), await house.close_a_ticket()
    house.dialer.script(MOBILE, pressed(1))
    async with house.database.transaction() as session:
        row = await session.get_one(CallbackRow, (await house.callback(unreadable)).id)
        row.phone_encrypted = b"sealed with a key that is lost"
    await house.runner.run_once()
    assert (await house.callback(unreadable)).state is CallbackState.needs_review
    assert (await house.callback(readable)).state is CallbackState.rated
