"""Matters that the hotline hands to 110, and what 110 says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from channels.police_110.stub import Fault
from channels.police_110.wire import Kind, Message
from channels.protocol import Delivery
from crm_bridge.police.rules import AlreadyHandedOver, FirstReceiverKeeps, HandoverState
from crm_bridge.police.service import Words
from crm_bridge.police.tables import MessageState
from crm_bridge.tickets.vocabulary import TicketState, TicketType
from infra.kit.errors import Forbidden
from infra.kit.idempotency import IdempotencyKey
from tests.integration.crm_bridge.house import LI, WANG
from tests.integration.crm_bridge.police.station import Station, people
from tests.integration.crm_bridge.tickets.city import HE, OPEN

LI_MAY = people()[0]


async def hand_over(station: Station, *, emergency: bool = False, **changes: Any) -> int:
    """Li hands a ticket to 110. Returns the ticket."""
    ticket_id = await station.left_open(**changes)
    await station.handing.ticket(LI, await station.now(ticket_id), emergency=emergency)
    await station.settle()
    return ticket_id


def answering(station: Station, *answers: tuple[Kind, dict[str, str]]) -> Callable[..., Any]:
    """An officer who answers these to every transfer, in order."""

    def officer(message: Message) -> Sequence[Message]:
        return [station.police.answer(kind, message, **said) for kind, said in answers]

    return officer


async def heard(station: Station) -> None:
    """Return when the officer has said all, and all that follows is done."""
    await station.police.quiet()
    await station.settle()


async def test_a_ticket_is_passed_on_accepted_and_closed_and_the_result_is_a_note(
    station_on_each: Station,
) -> None:
    station = station_on_each
    station.police.officer = answering(
        station,
        (Kind.accepted, {"handled_by": "江滨派出所"}),
        (Kind.finished, {"text": "民警已到场处置。"}),
    )
    ticket_id = await hand_over(station)
    await heard(station)

    (transfer,) = station.police.taken
    assert transfer.matter is not None
    assert transfer.matter.text == OPEN.text
    assert transfer.matter.caller_phone == "13800015121"
    ticket = await station.ticket(ticket_id)
    assert transfer.number == ticket.number
    assert (await station.events(ticket_id))[-2:] == ["passed_on", "passing_confirmed"]
    assert await station.remarks_of(ticket_id) == ["110 处置结果：民警已到场处置。"]
    # An officer who is faster than the receipt has accepted what nobody knew to be received.
    assert [one for one in await station.story() if one[0] != "received"] == [
        ("offered", "hotline"),
        ("accepted", "police"),
        ("finished", "police"),
    ]
    assert await station.is_whole()


async def test_a_refused_matter_comes_back_for_dispatch_and_the_hotline_keeps_it(
    station_on_each: Station,
) -> None:
    station = station_on_each
    refused = {"reason": "不属公安职责", "where_to_turn": "城管执法局"}
    station.police.officer = answering(station, (Kind.refused, refused))
    ticket_id = await hand_over(station)
    await heard(station)
    assert (await station.ticket(ticket_id)).state is TicketState.to_dispatch
    assert await station.remarks_of(ticket_id) == ["110 退回：不属公安职责\n请市民咨询：城管执法局"]
    assert (await station.story())[-1] == ("refused", "hotline")
    again = await station.now(ticket_id)
    with pytest.raises(FirstReceiverKeeps):
        await station.handing.ticket(LI, again, emergency=False)
    await station.handing.ticket(LI, again, emergency=True)
    await station.settle()
    assert [message.kind for message in station.police.taken] == [Kind.transfer] * 2


async def test_a_refusal_that_is_faster_than_our_own_news_hands_nothing_over_again(
    station_on_each: Station,
) -> None:
    station = station_on_each
    station.police.officer = answering(station, (Kind.refused, {"reason": "不属公安职责"}))
    ticket_id = await station.left_open()
    await station.handing.ticket(LI, await station.now(ticket_id), emergency=False)
    await station.courier.round()
    await heard(station)
    assert station.told() == ["transfer"]
    assert len(await station.rows()) == 1


async def test_what_is_there_already_is_not_handed_over_twice(station: Station) -> None:
    ticket_id = await hand_over(station)
    with pytest.raises(AlreadyHandedOver):
        await station.handing.ticket(LI, await station.now(ticket_id), emergency=True)
    assert station.told() == ["transfer"]


async def test_a_ticket_that_a_unit_has_stays_with_it(station: Station) -> None:
    ticket_id = await station.in_hand()
    await station.handing.ticket(LI, await station.now(ticket_id), emergency=True)
    await station.settle()
    assert (await station.ticket(ticket_id)).state is TicketState.in_hand
    assert station.told() == ["transfer"]


async def test_a_ticket_passed_on_by_its_own_form_is_handed_over_too(station: Station) -> None:
    ticket_id = await station.left_open()
    await station.closing.pass_on(HE, await station.now(ticket_id), platform="110", reference="")
    await station.settle()
    assert station.told() == ["transfer"]
    assert (await station.rows())[0].agent == HE.number


async def test_what_a_person_decided_meanwhile_no_message_undoes(station: Station) -> None:
    ticket_id = await hand_over(station)
    await station.closing.passing(
        HE, await station.now(ticket_id), confirmed=False, reference="", reason="电话告知不接收"
    )
    transfer = station.police.taken[0]
    await station.police.say(station.police.answer(Kind.accepted, transfer, text="已受理"))
    assert (await station.ticket(ticket_id)).state is TicketState.to_dispatch
    assert await station.remarks_of(ticket_id) == ["110 已受理：已受理"]


async def test_an_answer_that_was_refused_does_what_it_says_when_it_is_tried_again(
    station: Station,
) -> None:
    ticket_id = await hand_over(station)
    said = station.police.answer(Kind.accepted, station.police.taken[0], text="已受理")
    raw = Delivery(method="POST", body=said.encoded(), received_at=station.clock.now())
    assert await station.hearing.again(raw) == ()
    assert "passing_confirmed" in await station.events(ticket_id)


@pytest.mark.parametrize(
    ("type_", "emergency", "number"),
    [
        (TicketType.report, False, ""),
        (TicketType.report, True, "13800015121"),
        (TicketType.complaint, False, "13800015121"),
    ],
)
async def test_whose_a_report_is_stays_hidden_unless_somebody_is_in_danger(
    station: Station, type_: TicketType, emergency: bool, number: str
) -> None:
    await hand_over(station, emergency=emergency, type=type_)
    matter = station.police.taken[0].matter
    assert matter is not None
    assert matter.caller_phone == number


@pytest.mark.parametrize("fault", [Fault.busy, Fault.refusing, Fault.answer_lost, Fault.slow])
async def test_a_platform_that_fails_gets_it_later_once(
    station_on_each: Station, fault: Fault
) -> None:
    station = station_on_each
    if fault is Fault.slow:
        station.patience = 0.3
        station.join(station.police.url)
    station.police.fault = fault
    await hand_over(station)
    (waiting,) = await station.messages()
    assert waiting.state is MessageState.waiting
    assert waiting.error in {"try-later", "misconfigured"}
    assert (await station.rows())[0].state is HandoverState.offered
    station.police.fault = Fault.none
    if fault is Fault.slow:
        station.patience = 10.0
        station.join(station.police.url)
    station.clock.advance(3)
    await station.settle()
    (taken,) = await station.messages()
    assert (taken.state, taken.attempts) == (MessageState.taken, 2)
    assert station.told() == ["transfer"]
    assert station.police.requests == 2
    assert (await station.rows())[0].state is HandoverState.received


async def test_a_platform_that_is_gone_gets_everything_in_order_when_it_is_back(
    station: Station,
) -> None:
    station.police.fault = Fault.busy
    call_id = await station.ring()
    await station.handing.call(LI, ("pbx-1", "1740879000.1"), Words(), emergency=True)
    await station.settle()
    await station.tickets.register(LI, OPEN, call_id=call_id)
    await station.settle()
    assert station.told() == []
    station.police.fault = Fault.none
    station.clock.advance(600)
    await station.settle()
    assert station.told() == ["transfer", "supplement"]


async def test_what_nobody_takes_for_a_day_is_given_up_shown_and_sent_again_by_a_person(
    station_on_each: Station,
) -> None:
    station = station_on_each
    station.police.fault = Fault.busy
    await hand_over(station)
    station.clock.advance(25 * 3600)
    await station.settle()
    assert (await station.story())[-1] == ("undelivered", "hotline")
    detail = await station.handovers.one(LI, 1)
    assert detail.undelivered
    waiting = await station.handovers.page(
        direction=None, state=None, undelivered=True, cursor=None, limit=5
    )
    assert [(one.id, one.ticket_title) for one in waiting.items] == [(1, OPEN.title)]
    assert [entry.kind for entry in station.fed if entry.kind.startswith("police")]
    station.police.fault = Fault.none
    assert await station.courier.again(1) == 1
    await station.settle()
    assert station.told() == ["transfer"]
    waiting = await station.handovers.page(
        direction=None, state=None, undelivered=True, cursor=None, limit=5
    )
    assert waiting.items == []


async def test_two_couriers_carry_a_message_once(station_on_each: Station) -> None:
    station = station_on_each
    ticket_id = await station.left_open()
    await station.handing.ticket(LI, await station.now(ticket_id), emergency=False)
    carried = await asyncio.gather(*(station.courier.round() for _ in range(4)))
    assert sum(carried) == 1
    assert station.police.requests == 1


async def test_the_call_that_is_going_on_is_handed_over_before_anything_is_typed(
    station_on_each: Station,
) -> None:
    station = station_on_each
    call_id = await station.ring()
    call = ("pbx-1", "1740879000.1")
    first = await station.handing.call(LI, call, Words(address="江滨路 8 号"), emergency=True)
    again = await station.handing.call(LI, call, Words(text="有人持刀"), emergency=True)
    assert first == again
    await station.settle()
    matter = station.police.taken[0].matter
    assert matter is not None
    assert (matter.caller_phone, matter.address) == ("13800015121", "江滨路 8 号")
    assert matter.urgency.value == "critical"

    ticket_id = await station.tickets.register(LI, OPEN, call_id=call_id)
    await station.settle()
    assert station.told() == ["transfer", "supplement"]
    more = station.police.taken[1]
    assert more.number == (await station.ticket(ticket_id)).number
    assert more.matter is not None
    assert more.matter.text == OPEN.text
    (row,) = await station.rows()
    assert row.ticket_id == ticket_id


async def test_a_call_that_110_has_accepted_closes_its_ticket_when_it_is_passed_on(
    station: Station,
) -> None:
    station.police.officer = answering(station, (Kind.accepted, {}))
    call_id = await station.ring()
    await station.handing.call(LI, ("pbx-1", "1740879000.1"), Words(), emergency=True)
    await station.settle()
    await heard(station)
    ticket_id = await station.tickets.register(LI, OPEN, call_id=call_id)
    await station.closing.pass_on(LI, await station.now(ticket_id), platform="110", reference="")
    await station.settle()
    assert "passing_confirmed" in await station.events(ticket_id)
    assert station.told() == ["transfer", "supplement"]


async def test_nobody_hands_over_a_colleagues_call(station: Station) -> None:
    await station.ring()
    with pytest.raises(Forbidden):
        await station.handing.call(WANG, ("pbx-1", "1740879000.1"), Words(), emergency=True)


async def test_a_press_that_is_sent_again_hands_over_once(station: Station) -> None:
    ticket_id = await station.left_open()
    key = IdempotencyKey(scope="1001 POST", key="k-1", fingerprint="0" * 64)
    command = replace(await station.now(ticket_id), key=key)
    await asyncio.gather(*(station.handing.ticket(LI, command, emergency=True) for _ in range(3)))
    await station.settle()
    assert station.told() == ["transfer"]


async def test_an_answer_that_comes_ten_times_counts_once(station_on_each: Station) -> None:
    station = station_on_each
    ticket_id = await hand_over(station)
    refusal = station.police.answer(Kind.refused, station.police.taken[0], reason="不属公安职责")
    await asyncio.gather(*(station.police.say(refusal) for _ in range(10)))
    assert (await station.events(ticket_id)).count("passing_refused") == 1
    assert [step for step, _ in await station.story()].count("refused") == 1
    assert len(await station.remarks_of(ticket_id)) == 1


async def test_one_key_over_http(station: Station) -> None:
    call_id = await station.ring()
    assert call_id
    body = {
        "call": {"pbx": "pbx-1", "linkedid": "1740879000.1", "text": "有人持刀"},
        "ring": True,
    }
    headers = {"Authorization": f"Bearer {LI_MAY.number}", "Idempotency-Key": "press-1"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(f"{station.url}/api/v1/police/handovers", json=body) as response:
            made = await response.json()
            assert response.status == 201, made
        # No telephony here: the data goes all the same, and why nobody is rung is said.
        assert (made["third"], made["ring_problem"]) == (None, "no-telephony")
        assert made["handover"]["state"] == "offered"
        assert made["handover"]["custody"][0]["who"] == "1001"
        async with http.post(f"{station.url}/api/v1/police/handovers", json=body) as response:
            assert (await response.json())["handover"]["id"] == made["handover"]["id"]
        wrong = {**body, "ticket": {"id": 1}}
        async with http.post(f"{station.url}/api/v1/police/handovers", json=wrong) as response:
            assert response.status == 422


async def test_who_may_not_watch_sees_only_his_own(station: Station) -> None:
    await hand_over(station)
    with pytest.raises(Forbidden):
        await station.handovers.one(WANG, 1)
    page = await station.handovers.page(direction=None, state=None, cursor=None, limit=1)
    assert [item.id for item in page.items] == [1]
    assert page.next_cursor is None
