"""Matters that 110 hands to the hotline."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr
from sqlmodel import select

from channels.contacts.tables import ContactRow
from channels.police_110.settings import SignatureMethod
from channels.police_110.wire import Kind, MatterBody
from crm_bridge.police.rules import HandoverState
from crm_bridge.tickets.details import Replied
from crm_bridge.tickets.tables import TicketRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Misconfigured, Refused
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import CGJ
from tests.integration.crm_bridge.police.station import NOISE, Station, serving, transfer_of
from tests.integration.crm_bridge.tickets.city import CHEN, HE


async def handed_over(station: Station, matter: MatterBody = NOISE) -> int:
    """A matter that 110 hands over. Returns its ticket."""
    receipt = await station.police.hand_over(matter)
    await station.settle()
    async with station.database.reading() as session:
        found = select(TicketRow).where(TicketRow.number == receipt.number)
        ticket_id = (await session.exec(found)).one().id
    assert ticket_id is not None
    return ticket_id


async def reply_by_unit(station: Station, ticket_id: int, text: str) -> None:
    await station.work.sign(CHEN, await station.now(ticket_id), 1)
    said = Replied(n=1, text=text, contacted=True)
    await station.work.reply(CHEN, await station.now(ticket_id), said)
    await station.closing.audit(HE, await station.now(ticket_id), accept=True, reason="")
    await station.settle()


async def test_a_matter_is_received_accepted_and_fed_back(station_on_each: Station) -> None:
    station = station_on_each
    ticket_id = await handed_over(station)
    ticket = await station.ticket(ticket_id)
    assert ticket.text == NOISE.text
    assert await station.story() == [("received", "police")]
    assert station.told() == []

    await station.dispatching.dispatch(HE, await station.now(ticket_id), lead=CGJ, helpers=())
    await station.settle()
    assert station.told() == ["accepted"]
    await reply_by_unit(station, ticket_id, "已责令停止夜间施工。")

    assert station.told() == ["accepted", "finished"]
    finished = station.police.taken[-1]
    assert (finished.text, finished.number) == ("已责令停止夜间施工。", ticket.number)
    assert await station.story() == [
        ("received", "police"),
        ("accepted", "hotline"),
        ("finished", "hotline"),
    ]
    assert (await station.rows())[0].state is HandoverState.finished
    assert await station.is_whole()


async def test_a_matter_that_is_not_ours_goes_back_with_its_reason(
    station_on_each: Station,
) -> None:
    station = station_on_each
    ticket_id = await handed_over(station)
    await station.closing.refuse(
        HE, await station.now(ticket_id), grounds="属治安案件", where_to_turn="请联系辖区派出所"
    )
    await station.settle()
    assert station.told() == ["refused"]
    refused = station.police.taken[0]
    assert (refused.reason, refused.where_to_turn) == ("属治安案件", "请联系辖区派出所")
    assert await station.story() == [("received", "police"), ("refused", "police")]


async def test_ten_deliveries_at_once_are_one_ticket_and_one_answer(
    station_on_each: Station,
) -> None:
    station = station_on_each
    receipts = await asyncio.gather(*(station.police.hand_over(NOISE, "JJ-TEN") for _ in range(10)))
    await station.settle()
    assert len({receipt.number for receipt in receipts}) == 1
    assert await station.count(TicketRow) == 1
    assert [row.transfer_id for row in await station.rows()] == ["JJ-TEN"]


async def test_what_110_adds_later_is_on_the_ticket_once(station_on_each: Station) -> None:
    station = station_on_each
    ticket_id = await handed_over(station)
    transfer = (await station.rows())[0].transfer_id
    more = transfer_of(
        station.clock, transfer, MatterBody(text="报警人称现已停工。"), Kind.supplement
    )
    for _ in range(2):
        await station.police.say(more)
    assert await station.remarks_of(ticket_id) == ["110 补充情况：报警人称现已停工。"]
    assert await station.story() == [("received", "police"), ("supplemented", "police")]


async def test_110_decides_nothing_any_more_about_what_it_handed_over(station: Station) -> None:
    ticket_id = await handed_over(station)
    transfer = transfer_of(station.clock, (await station.rows())[0].transfer_id)
    await station.police.say(station.police.answer(Kind.finished, transfer, text="警方已处置"))
    assert (await station.rows())[0].state is HandoverState.received
    assert await station.remarks_of(ticket_id) == ["110 补充情况：警方已处置"]


async def test_a_wrong_secret_stores_nothing(station: Station) -> None:
    wrong = {"secret": SecretStr("another-secret-of-theirs")}
    station.police.settings = station.police.settings.model_copy(update=wrong)
    with pytest.raises(Misconfigured):
        await station.police.hand_over(NOISE)
    answer = station.police.answer(Kind.accepted, transfer_of(station.clock, "JJ0001"))
    with pytest.raises(Misconfigured):
        await station.police.say(answer)
    async with station.database.reading() as session:
        assert (await session.exec(select(ContactRow))).all() == []


async def test_an_answer_about_nothing_is_refused(station: Station) -> None:
    answer = station.police.answer(Kind.accepted, transfer_of(station.clock, "JJ-unknown"))
    with pytest.raises(Refused, match="404"):
        await station.police.say(answer)


@pytest.mark.parametrize("method", [SignatureMethod.hmac_sm3, SignatureMethod.sm2_sm3])
async def test_the_whole_way_there_and_back_by_the_national_algorithms(
    sqlite_database: Database, clock: ManualClock, vault: Vault, method: SignatureMethod
) -> None:
    made = Station(database=sqlite_database, clock=clock, vault=vault, method=method)
    await made.open()
    async with serving(made) as station:
        ticket_id = await handed_over(station)
        await station.closing.refuse(
            HE, await station.now(ticket_id), grounds="属治安案件", where_to_turn="派出所"
        )
        await station.settle()
        assert station.told() == ["refused"]
        assert await station.channel.check() != []  # the loopback has no TLS, which is said
