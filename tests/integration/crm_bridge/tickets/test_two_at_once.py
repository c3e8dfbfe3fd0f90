"""Two people act on one ticket at the same moment: one wins, the other is told what has changed."""

import asyncio
from typing import Any

import pytest

from crm_bridge.tickets.casebook import Command, Stale
from infra.kit.idempotency import IdempotencyKey
from tests.integration.crm_bridge.house import CGJ, GRGS
from tests.integration.crm_bridge.test_api import ask
from tests.integration.crm_bridge.tickets.city import CHEN, DENG, HE, QIN, City
from tests.integration.crm_bridge.tickets.desk import Client, Desk


async def test_of_two_dispatchers_one_wins_and_the_other_is_told_what_changed(
    city: City, client: Client
) -> None:
    ticket_id = await city.left_open()
    path = f"/tickets/{ticket_id}/dispatch"
    answers = await asyncio.gather(
        ask(client, "POST", path, {"version": 2, "lead": CGJ}, who="3001"),
        ask(client, "POST", path, {"version": 2, "lead": GRGS}, who="3002"),
    )
    (won, ticket), (lost, problem) = sorted(answers, key=lambda answer: answer[0])
    assert (won, lost) == (200, 409)
    winner = "3001" if ticket["assignments"][0]["unit"] == CGJ else "3002"
    assert problem["type"] == "urn:lianxin:problem:stale"
    assert problem["title_zh"] == "工单已被他人更新，请刷新后再操作"
    (change,) = problem["changed"]
    assert (change["seq"], change["event"], change["actor"]) == (3, "dispatched", winner)
    assert [one.unit for one in await city.assignments(ticket_id)] == [
        CGJ if winner == "3001" else GRGS
    ]
    assert await city.is_whole()


async def test_of_many_at_once_exactly_one_wins(city: City) -> None:
    ticket_id = await city.left_open()
    seen = await city.now(ticket_id)
    results = await asyncio.gather(
        *(
            city.dispatching.dispatch(who, seen, lead=unit)
            for who in (HE, QIN)
            for unit in (CGJ, GRGS)
            for _ in range(3)
        ),
        return_exceptions=True,
    )
    assert results.count(None) == 1
    assert sum(isinstance(result, Stale) for result in results) == 11
    assert len(await city.assignments(ticket_id)) == 1
    assert await city.is_whole()


async def test_of_two_clerks_who_sign_at_once_one_is_told(
    city: City,
) -> None:
    ticket_id = await city.dispatched()
    seen = await city.now(ticket_id)
    results = await asyncio.gather(
        city.work.sign(CHEN, seen, 1), city.work.sign(DENG, seen, 1), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "Stale"]
    assert await city.events(ticket_id) == ["registered", "left_open", "dispatched", "signed"]


async def test_stale_screen_is_told_everything_since(city: City, client: Client) -> None:
    ticket_id = await city.in_hand()
    desk = Desk(client, ticket_id)
    desk.seen = {"version": 2}
    status, problem = await desk.try_to("3001", "told", how="phone", text="已告知")
    assert (status, [change["event"] for change in problem["changed"]]) == (
        409,
        ["dispatched", "signed"],
    )
    assert set(problem["changed"][0]) == {"seq", "event", "actor", "at"}


async def test_screen_of_the_future_is_refused_too(city: City, client: Client) -> None:
    desk = Desk(client, await city.left_open())
    desk.seen = {"version": 99}
    status, problem = await desk.try_to("3001", "told", how="phone", text="已告知")
    assert (status, problem["changed"]) == (409, [])


async def test_same_key_acts_once_however_often_it_is_sent(city: City, client: Client) -> None:
    desk = Desk(client, await city.left_open())
    await desk.look("3001")
    said: dict[str, Any] = {"lead": CGJ, "version": 2}
    answers = await asyncio.gather(
        *(desk.try_to("3001", "dispatch", key="k-1", **said) for _ in range(4))
    )
    assert [status for status, _ in answers] == [200] * 4
    assert len(await city.assignments(desk.seen["id"])) == 1
    status, problem = await desk.try_to("3001", "dispatch", key="k-1", lead=GRGS, version=2)
    assert (status, problem["type"]) == (422, "urn:lianxin:problem:invalid")


async def test_key_of_another_person_is_another_key(city: City) -> None:
    ticket_id = await city.dispatched()
    keys = [
        IdempotencyKey(scope=f"{who} POST /sign", key="k-1", fingerprint="0" * 64)
        for who in ("5001", "5002")
    ]
    await city.work.sign(CHEN, Command(ticket_id=ticket_id, version=3, key=keys[0]), 1)
    with pytest.raises(Stale):
        await city.work.sign(DENG, Command(ticket_id=ticket_id, version=3, key=keys[1]), 1)


async def test_two_who_join_crosswise_do_not_wait_for_each_other(city: City) -> None:
    first, second = await city.left_open(), await city.left_open()
    results = await asyncio.gather(
        city.joining.join(HE, await city.now(first), second),
        city.joining.join(QIN, await city.now(second), first),
        return_exceptions=True,
    )
    assert results.count(None) == 1
    states = {(await city.ticket(ticket_id)).state for ticket_id in (first, second)}
    assert states == {"joined", "to_dispatch"}
