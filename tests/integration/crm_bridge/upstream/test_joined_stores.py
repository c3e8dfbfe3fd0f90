"""Two installations share tickets, the one over SQLite and the other over each kind of database."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from crm_bridge.tickets.vocabulary import TicketState
from tests.integration.crm_bridge.upstream.conftest import Joined
from tests.integration.crm_bridge.upstream.platform import BadWire


@pytest.fixture
def joined(joined_on_each: Joined) -> Joined:
    return joined_on_each


async def state(platform: Any, ticket_id: int) -> TicketState:
    return TicketState((await platform.ticket(ticket_id)).state)


async def test_province_hands_a_ticket_down_and_gets_the_citys_reply(joined: Joined) -> None:
    province, city = joined.province, joined.city
    above = await province.left_open()
    await province.pass_on(above, "linjiang")
    await joined.turn()
    below = await city.only()
    assert below.id is not None
    there = await province.ticket(above)
    assert (below.state, below.title, below.text, below.category, below.call_me_not) == (
        TicketState.to_dispatch,
        there.title,
        there.text,
        there.category,
        True,
    )
    (link,) = await province.links()
    assert (link.remote_number, link.remote_state) == (below.number, "to_dispatch")
    await city.answer_through_a_unit(below.id, "已责令停工整改。")
    await joined.turn()
    assert await state(province, above) is TicketState.closed
    assert await province.remarks_of(above) == ["承接方答复：已责令停工整改。"]
    assert (
        await city.remarks_of(below.id) == []
    )  # that it is closed above is but the echo of the reply
    assert (await province.events(above))[-1] == "passing_confirmed"
    assert await province.is_whole()
    assert await city.is_whole()


async def test_two_workers_at_once_open_one_twin(joined: Joined) -> None:
    province, city = joined.province, joined.city
    for _ in range(3):
        await province.pass_on(await province.left_open(), "linjiang")
        await city.pass_on(await city.left_open(), "province")
    workers = [city.new_exchanger() for _ in range(3)]
    await asyncio.gather(*(worker.round(joined.wire) for worker in workers))
    await joined.turn()
    assert len(await province.tickets_of()) == len(await city.tickets_of()) == 6
    assert {link.last_error for link in await city.links()} == {None}


@pytest.mark.parametrize("seed", range(4))
async def test_over_a_bad_wire_everything_happens_once(joined: Joined, seed: int) -> None:
    """Requests and answers are lost, doubled and come late; at last both sides agree, and nothing happened twice."""
    chance = random.Random(seed)
    province, city = joined.province, joined.city
    wire = BadWire(joined.wire, chance)
    city.join(wire)
    down = [await province.left_open() for _ in range(3)]
    up = [await city.left_open() for _ in range(3)]
    for ticket_id in down:
        await province.pass_on(ticket_id, "linjiang")
    for ticket_id in up:
        await city.pass_on(ticket_id, "province")

    async def rounds(many: int) -> None:
        for _ in range(many):
            await city.settle()
            await province.settle()
            await city.exchanger.round(wire)
            city.clock.advance(chance.choice([0, 1, 400]))

    await rounds(10)
    for platform, own in ((city, up), (province, down)):
        for row in await platform.tickets_of():
            if row.id in own or row.state is not TicketState.to_dispatch:
                continue
            if chance.random() < 0.3:
                await platform.refuse(row.id or 0)
            else:
                await platform.answer_through_a_unit(row.id or 0, f"答复 {row.number}")
            await rounds(1)
    await rounds(10)
    wire.mended = True
    city.clock.advance(4000)
    await rounds(4)
    print(f"seed {seed}: {wire.faults} faults")
    assert wire.faults > 10

    assert len(await province.tickets_of()) == len(await city.tickets_of()) == 6
    for platform, other, own in ((province, city, down), (city, province, up)):
        twins = {link.key: link for link in await other.links()}
        for link in await platform.links():
            if link.ticket_id not in own:
                continue
            twin = await other.ticket(twins[link.key].ticket_id)
            ours = await platform.ticket(link.ticket_id)
            events = await platform.events(link.ticket_id)
            assert link.remote_number == twin.number
            if twin.state is TicketState.to_dispatch:
                assert ours.state is TicketState.passed_on  # its turn had not come
                continue
            refused = "not_accepted" in await other.events(twin.id or 0)
            ending = "passing_refused" if refused else "passing_confirmed"
            assert events.count(ending) == 1
            assert events.count("passing_refused") + events.count("passing_confirmed") == 1
            notes = await platform.remarks_of(link.ticket_id)
            assert notes == ([] if refused else [f"承接方答复：答复 {twin.number}"])
    assert await province.is_whole()
    assert await city.is_whole()
