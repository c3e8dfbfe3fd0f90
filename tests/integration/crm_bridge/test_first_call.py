from telephony.dialer.memory import Reply
from telephony.dialer.rules import Question
from tests.integration.crm_bridge.house import FORM, LI, MOBILE, House


async def test_from_a_ring_to_a_rating(house: House) -> None:
    answers = {Question.contacted: 1, Question.solved: 2, Question.satisfied: 1}
    house.dialer.script(MOBILE, Reply(answers=answers))

    call_id = await house.ring(MOBILE, ended_at=house.clock.now())
    ticket_id = await house.tickets.register(LI, FORM, call_id=call_id)
    assert (await house.ticket(ticket_id)).state == "closed"
    assert (await house.callback(ticket_id)).state == "due"

    assert await house.runner.run_once() == 1

    assert [rung.number for rung in house.dialer.rung] == [MOBILE]
    assert (await house.callback(ticket_id)).state == "rated"
    assert await house.ratings() == [1]
    ticket = await house.ticket(ticket_id)
    assert (ticket.number, ticket.state, ticket.rating) == ("20260302-000001", "archived", 1)
    assert await house.events(ticket_id) == ["registered", "answered", "callback_due", "satisfied"]
    assert await house.outbox("callback.finished") == [
        {
            "agents": ["1001"],
            "data": {
                "ticket_id": ticket_id,
                "number": "20260302-000001",
                "result": "rated",
                "rating": 1,
            },
        }
    ]
    assert house.dialer.forgotten == [(await house.attempts())[0].id]
