"""Tickets about one matter follow their main one, all of them, once."""

import asyncio
from typing import Any

import pytest

from crm_bridge.tickets.details import Replied
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.ticket import Ticket
from infra.kit.errors import Invalid
from telephony.dialer.memory import Reply
from telephony.dialer.rules import Question
from tests.integration.crm_bridge.house import GRGS, MOBILE
from tests.integration.crm_bridge.tickets.city import CHEN, HE, MAYOR, City
from tests.integration.crm_bridge.tickets.desk import Client, Desk

MANY = 25


async def joined_to(city: City, main_id: int, how_many: int) -> list[int]:
    ids = [await city.left_open() for _ in range(how_many)]
    for ticket_id in ids:
        await city.joining.join(HE, await city.now(ticket_id), main_id)
    return ids


async def finish(city: City, ticket_id: int) -> None:
    n = (await city.assignments(ticket_id))[-1].n
    reply = Replied(n=n, text="已修复", contacted=True)
    await city.work.reply(CHEN, await city.now(ticket_id), reply)
    await city.closing.audit(HE, await city.now(ticket_id), accept=True, reason="")


async def states(city: City, ids: list[int]) -> set[str]:
    return {(await city.ticket(ticket_id)).state.value for ticket_id in ids}


async def test_all_that_are_joined_follow_a_few_at_a_time_and_owe_a_callback_each(
    city: City,
) -> None:
    main_id = await city.in_hand()
    ids = await joined_to(city, main_id, MANY)
    await finish(city, main_id)
    assert await states(city, ids) == {"joined"}
    relay = city.relay()
    while await relay.run_once():
        left = sum(state == "joined" for state in [(await city.ticket(i)).state for i in ids])
        assert left in (25, 5, 0)
        # Whoever takes over after a death finds the rest in the outbox.
        relay = city.relay()
    assert await states(city, ids) == {"closed"}
    for ticket_id in ids:
        assert (await city.callback(ticket_id)).state == "due"
        assert (await city.events(ticket_id)).count("main_finished") == 1
    assert await city.is_whole()


async def test_death_in_the_middle_of_a_delivery_leaves_nothing_half_done(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    main_id = await city.in_hand()
    ids = await joined_to(city, main_id, 8)
    await finish(city, main_id)
    happen, done = city.ledger.happen, 0

    async def dies_at_the_fifth(*args: Any, **named: Any) -> Ticket:
        nonlocal done
        done += 1
        if done == 5:
            raise ConnectionError
        return await happen(*args, **named)

    monkeypatch.setattr(city.ledger, "happen", dies_at_the_fifth)
    await city.relay().run_once()
    assert await states(city, ids) == {"joined"}
    monkeypatch.undo()
    city.clock.advance(60)
    await city.relay().run_once()
    assert await states(city, ids) == {"closed"}
    assert [(await city.events(i)).count("main_finished") for i in ids] == [1] * 8


async def test_two_relays_let_each_follow_once(city: City) -> None:
    main_id = await city.in_hand()
    ids = await joined_to(city, main_id, 25)
    await finish(city, main_id)
    relays = [city.relay(), city.relay()]
    while any(await asyncio.gather(*(relay.run_once() for relay in relays))):
        pass
    for ticket_id in ids:
        assert (await city.events(ticket_id)).count("main_finished") == 1


async def test_one_that_is_joined_to_the_next_round_does_not_finish_with_this_one(
    city: City,
) -> None:
    main_id = await city.in_hand()
    (early,) = await joined_to(city, main_id, 1)
    await finish(city, main_id)
    city.dialer.script(MOBILE, Reply(answers={Question.satisfied: 5}))
    await city.runner.run_once()
    await city.closing.redo(HE, await city.now(main_id), "问题反复")
    city.clock.advance(1)
    (late,) = await joined_to(city, main_id, 1)
    relay = city.relay()
    while await relay.run_once():
        pass
    assert (await city.ticket(early)).state == "closed"
    assert (await city.ticket(late)).state == "joined"


async def test_ticket_is_free_of_its_units_when_it_is_joined(city: City, client: Client) -> None:
    main_id, ticket_id = await city.in_hand(), await city.in_hand(GRGS)
    desk = Desk(client, ticket_id)
    seen = await desk.act("3001", "join", main_id=main_id)
    number = (await city.ticket(main_id)).number
    assert (seen["state"], seen["main"]) == ("joined", {"id": main_id, "number": number})
    assert [one.state for one in await city.assignments(ticket_id)] == ["joined", "joined"]
    main = await Desk(client, main_id).look("3001")
    assert (main["joined"], main["joined_count"]) == ([seen["number"]], 1)
    seen = await desk.act("3001", "separate", reason="并非同一事项")
    assert (seen["state"], seen["main"]) == ("to_dispatch", None)
    seen = await desk.act("3001", "dispatch", lead=GRGS)
    assert [one["n"] for one in seen["assignments"]] == [1, 2, 3]
    assert await city.is_whole()


async def test_what_is_joined_or_finished_or_main_cannot_be_joined_or_followed(city: City) -> None:
    main_id = await city.in_hand()
    (joined,) = await joined_to(city, main_id, 1)
    other, closed = await city.left_open(), await city.close_a_ticket()
    for target in (joined, closed, other):
        with pytest.raises(Invalid) as caught:
            await city.joining.join(HE, await city.now(other), target)
        assert [field.pointer for field in caught.value.fields] == ["/main_id"]
    with pytest.raises(TransitionRefused, match="joined to it"):
        await city.joining.join(HE, await city.now(main_id), other)
    with pytest.raises(TransitionRefused):
        await city.joining.join(HE, await city.now(closed), main_id)


async def test_main_ticket_is_not_stopped_while_others_wait_for_it(city: City) -> None:
    main_id = await city.in_hand()
    (joined,) = await joined_to(city, main_id, 1)
    await city.closing.ask_stop(HE, await city.now(main_id), "诉求人撤回")
    with pytest.raises(TransitionRefused, match="separate them first"):
        await city.closing.decide_stop(MAYOR, await city.now(main_id), approve=True, reason="")
    await city.joining.separate(HE, await city.now(joined), "主单终止")
    await city.closing.decide_stop(MAYOR, await city.now(main_id), approve=True, reason="")
    assert (await city.ticket(main_id)).state == "stopped"
    assert [one.state for one in await city.assignments(main_id)] == ["stopped"]


async def test_separated_at_the_last_moment_goes_its_own_way(city: City) -> None:
    main_id = await city.in_hand()
    first, second = await joined_to(city, main_id, 2)
    await finish(city, main_id)
    await city.joining.separate(HE, await city.now(first), "并非同一事项")
    relay = city.relay()
    while await relay.run_once():
        pass
    assert (await city.ticket(first)).state == "to_dispatch"
    assert (await city.ticket(second)).state == "closed"
