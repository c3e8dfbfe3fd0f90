import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import delete, select

from channels.contacts.tables import ContactRow
from crm_bridge.tickets.casebook import Stale
from crm_bridge.tickets.details import About, Dispatched, Terms
from crm_bridge.tickets.projection import differences, log_of
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit.errors import Forbidden, Invalid, NotFound
from infra.kit.group_commit import Prepared, Writing
from infra.kit.idempotency import IdempotencyKey
from telephony.numbers import PhoneNumber
from tests.integration.crm_bridge.house import CGJ, FORM, GRGS, LI, MOBILE, WANG, ZHOU, House

OPEN = replace(FORM, answer=None)
KEY = IdempotencyKey(scope="1001 POST /api/v1/tickets", key="k-1", fingerprint="0" * 64)


async def test_form_with_an_answer_is_closed_and_owes_a_callback(house: House) -> None:
    ticket_id = await house.close_a_ticket()
    ticket = await house.ticket(ticket_id)
    assert (ticket.state, ticket.closed_at) == ("closed", house.clock.now())
    assert await house.events(ticket_id) == ["registered", "answered"]
    assert (await house.callback(ticket_id)).state == "due"


async def test_form_without_an_answer_waits_for_dispatch(house: House) -> None:
    ticket_id = await house.tickets.register(LI, OPEN, call_id=await house.ring())
    ticket = await house.ticket(ticket_id)
    assert (ticket.state, ticket.closed_at) == ("to_dispatch", None)
    assert await house.events(ticket_id) == ["registered", "left_open"]


async def test_open_ticket_can_be_answered_once(house: House) -> None:
    ticket_id = await house.tickets.register(LI, OPEN, call_id=await house.ring())
    await house.tickets.answer(LI, ticket_id, "已告知")
    assert (await house.ticket(ticket_id)).state == "closed"
    with pytest.raises(TransitionRefused):
        await house.tickets.answer(LI, ticket_id, "再次告知")


async def test_same_key_gives_the_same_ticket(house: House) -> None:
    call_id = await house.ring()
    first = await house.tickets.register(LI, FORM, call_id=call_id, key=KEY)
    assert await house.tickets.register(LI, FORM, call_id=call_id, key=KEY) == first
    assert await house.count(TicketRow) == 1


async def test_same_key_answers_once(house: House) -> None:
    ticket_id = await house.tickets.register(LI, OPEN, call_id=await house.ring())
    for _ in range(2):
        await house.tickets.answer(LI, ticket_id, "已告知", key=KEY)
    assert await house.events(ticket_id) == ["registered", "left_open", "answered"]


async def test_same_key_twice_at_once_answers_once_and_refuses_neither(house: House) -> None:
    ticket_id = await house.tickets.register(LI, OPEN, call_id=await house.ring())
    answers = [house.tickets.answer(LI, ticket_id, "已告知", version=2, key=KEY) for _ in range(5)]
    assert set(await asyncio.gather(*answers)) == {ticket_id}
    assert await house.events(ticket_id) == ["registered", "left_open", "answered"]


async def test_call_about_two_matters_opens_two_tickets_of_one_contact(house: House) -> None:
    call_id = await house.ring()
    await house.tickets.register(LI, FORM, call_id=call_id)
    await house.tickets.register(LI, OPEN, call_id=call_id)
    async with house.database.reading() as session:
        links = (await session.exec(select(TicketContactRow))).all()
    assert len(links) == 2
    assert len({link.contact_id for link in links}) == 1


async def test_agent_who_is_faster_than_the_voice_worker_gets_the_ticket(house: House) -> None:
    call_id = await house.ring()
    async with house.database.transaction() as session:
        await session.delete((await session.exec(select(ContactRow))).one())
    ticket_id = await house.tickets.register(LI, FORM, call_id=call_id)
    assert (await house.ticket(ticket_id)).citizen_id is not None
    assert await house.contacts.waiting() == []


async def test_walk_in_is_a_contact_at_the_counter(house: House) -> None:
    form = replace(FORM, callback_phone=MOBILE, citizen_name="李明")
    ticket_id = await house.tickets.register(LI, form)
    async with house.database.reading() as session:
        contact = (await session.exec(select(ContactRow))).one()
        assert contact.citizen_id is not None
        citizen = await house.contacts.citizen(session, contact.citizen_id)
    assert contact.channel == "counter"
    assert (citizen.name, citizen.phone) == ("李明", MOBILE)
    assert (await house.ticket(ticket_id)).citizen_id == citizen.id


async def test_numbers_of_one_day_have_no_gap_and_begin_anew_at_the_citys_midnight(
    house: House,
) -> None:
    ids = await asyncio.gather(*(house.tickets.register(LI, OPEN) for _ in range(8)))
    numbers = sorted([(await house.ticket(ticket_id)).number for ticket_id in ids])
    assert numbers == [f"20260302-{n:06d}" for n in range(1, 9)]
    house.clock.advance(14.5 * 3600)
    assert (await house.ticket(await house.tickets.register(LI, OPEN))).number == "20260303-000001"


async def test_number_is_taken_when_all_else_that_could_wait_is_done(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id = await house.ring(PhoneNumber("13800017777"))
    async with house.database.transaction() as session:
        await session.exec(delete(ContactRow))
    sent: list[str] = []

    def hear(*args: Any) -> None:
        sent.append(" ".join(args[2].split()[:3]))

    execute = Writing._execute

    def hear_writing(self: Writing, statement: Prepared, values: dict[str, Any]) -> None:
        hear(self, None, statement.on(self._dialect).sql)
        execute(self, statement, values)

    event.listen(house.database.engine.sync_engine, "before_cursor_execute", hear)
    monkeypatch.setattr(Writing, "_execute", hear_writing)
    for origin in (call_id, None):
        sent.clear()
        await house.tickets.register(LI, FORM, call_id=origin)
        number = sent.index("INSERT INTO ticket_days")
        assert sent.index("INSERT INTO contacts") < number
        assert sent[number + 1] == "INSERT INTO tickets"


async def test_ticket_of_a_refused_form_takes_no_number(house: House) -> None:
    with pytest.raises(Invalid):
        await house.tickets.register(LI, replace(OPEN, category="nonsense"))
    assert (await house.ticket(await house.tickets.register(LI, OPEN))).number == "20260302-000001"


@pytest.mark.parametrize(
    ("origin", "pointer"), [({"call_id": 999}, "/call_id"), ({"contact_id": 999}, "/contact_id")]
)
async def test_origin_that_does_not_exist_is_a_field_error(
    house: House, origin: dict[str, int], pointer: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await house.tickets.register(LI, FORM, **origin)  # type: ignore[arg-type]  # one of the two ids
    assert [field.pointer for field in caught.value.fields] == [pointer]


async def test_another_agents_call_is_refused(house: House) -> None:
    call_id = await house.ring()
    with pytest.raises(Forbidden):
        await house.tickets.register(WANG, FORM, call_id=call_id)
    with pytest.raises(Forbidden):
        await house.tickets.register(WANG, FORM, contact_id=1)
    assert await house.count(TicketRow) == 0


async def test_contact_that_another_agent_made_a_ticket_of_is_refused(house: House) -> None:
    at_counter = replace(OPEN, confidential=True, callback_phone=MOBILE)
    first = await house.tickets.register(LI, at_counter)
    with pytest.raises(Forbidden):
        await house.tickets.register(WANG, OPEN, contact_id=1)
    assert await house.tickets.register(LI, OPEN, contact_id=1) != first


async def test_another_agents_ticket_cannot_be_answered_but_by_a_lead(house: House) -> None:
    ticket_id = await house.tickets.register(LI, OPEN, call_id=await house.ring())
    with pytest.raises(Forbidden):
        await house.tickets.answer(WANG, ticket_id, "已告知")
    await house.tickets.answer(ZHOU, ticket_id, "已告知")
    with pytest.raises(NotFound):
        await house.tickets.answer(LI, 999, "已告知")


async def test_answer_to_an_older_version_is_refused(house: House) -> None:
    ticket_id = await house.tickets.register(LI, OPEN, call_id=await house.ring())
    with pytest.raises(Stale):
        await house.tickets.answer(LI, ticket_id, "已告知", version=1)
    await house.tickets.answer(LI, ticket_id, "已告知", version=2)


async def test_two_answers_at_once_are_one(house: House) -> None:
    ticket_id = await house.tickets.register(LI, OPEN, call_id=await house.ring())
    results = await asyncio.gather(
        *(house.tickets.answer(LI, ticket_id, f"答复 {n}") for n in range(4)),
        return_exceptions=True,
    )
    assert results.count(ticket_id) == 1
    assert sum(isinstance(result, TransitionRefused) for result in results) == 3


async def test_stored_state_is_what_the_events_say(house: House) -> None:
    tickets = [
        await house.close_a_ticket(),
        await house.tickets.register(LI, OPEN, call_id=await house.ring()),
        await house.close_a_ticket(replace(FORM, call_me_not=True)),
    ]
    house.clock.advance(1)
    await house.runner.run_once()
    async with house.database.transaction() as session:
        due = house.clock.now() + timedelta(days=7)
        terms = Terms(sign_due_at=due, due_at=due, limit="5wd")
        dispatched = Dispatched(lead=CGJ, helpers=(GRGS,), terms=terms)
        await house.ledger.happen(session, tickets[1], TicketEvent.dispatched, detail=dispatched)
        await house.ledger.happen(session, tickets[1], TicketEvent.signed, detail=About(n=1))
    for ticket_id in tickets:
        async with house.database.reading() as session:
            assert await differences(session, ticket_id) == []
            log = await log_of(session, ticket_id)
        assert [entry.from_state for entry in log[1:]] == [entry.to_state for entry in log[:-1]]


async def test_every_write_is_told_with_ids_only(house: House) -> None:
    ticket_id = await house.close_a_ticket()
    (created,) = await house.outbox("ticket.created")
    (changed,) = await house.outbox("ticket.changed")
    assert created == {
        "agents": ["1001"],
        "data": {
            "ticket_id": ticket_id,
            "number": "20260302-000001",
            "state": "registered",
            "version": 1,
        },
    }
    assert changed["data"] == {
        "ticket_id": ticket_id,
        "number": "20260302-000001",
        "state": "closed",
        "version": 2,
    }
    assert house.pokes > 0


@pytest.mark.parametrize(
    ("form", "caller", "reason"),
    [
        (replace(FORM, call_me_not=True), MOBILE, "call_me_not"),
        (FORM, None, "anonymous"),
        (replace(FORM, call_me_not=True), None, "call_me_not"),
    ],
)
async def test_citizen_who_may_not_be_called_is_not_and_the_ticket_is_archived(
    house: House, form: object, caller: PhoneNumber | None, reason: str
) -> None:
    assert isinstance(form, type(FORM))
    ticket_id = await house.tickets.register(LI, form, call_id=await house.ring(caller))
    callback = await house.callback(ticket_id)
    assert (callback.state, callback.bar, callback.phone_encrypted) == ("not_called", reason, None)
    assert (await house.ticket(ticket_id)).state == "archived"
    assert await house.runner.run_once() == 0
    assert house.dialer.rung == []


async def test_anonymous_caller_who_leaves_a_number_is_called_there(house: House) -> None:
    other = PhoneNumber("13800029999")
    form = replace(FORM, callback_phone=other)
    await house.tickets.register(LI, form, call_id=await house.ring(None))
    await house.runner.run_once()
    assert [rung.number for rung in house.dialer.rung] == [other]
