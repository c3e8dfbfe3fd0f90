"""Citizens whom the telephone does not reach, or who are not drawn: asked in writing, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from sqlmodel import select

from channels.contacts.rules import Address, AddressKind, Contact, Message
from channels.protocol import ReplyKind
from channels.sms.service import Messenger
from channels.sms.settings import SmsSettings
from crm_bridge.callbacks.rules import is_sampled
from crm_bridge.callbacks.written import WrittenRating, WrittenRatings
from crm_bridge.replies.service import Replies
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.replies.tables import ReplyRow
from crm_bridge.replies.unreached import Unreached
from crm_bridge.tickets.details import Noted
from crm_bridge.tickets.tables import TicketEventRow, TicketRow
from crm_bridge.tickets.vocabulary import TicketEvent
from telephony.dialer.memory import Reply
from telephony.dialer.rules import Result
from telephony.numbers import PhoneNumber
from tests.integration.channels.sms.paper import PaperProvider
from tests.integration.crm_bridge.house import AT_ONCE, FORM, LI, MOBILE, ZONE, House

LANDLINE = PhoneNumber("05718765432")


class Links:
    """Makes addresses that can be told apart."""

    def rating_link(self, ticket_id: int) -> str:
        return f"https://12345.example.gov.cn/citizen/#/rate/{ticket_id}"


class Desk:
    """A house that asks in writing, and what citizens got."""

    def __init__(self, house: House, settings: ReplySettings | None = None) -> None:
        settings = settings or ReplySettings()
        self.house = house
        self.provider = PaperProvider()
        self.messenger = Messenger(
            house.database, house.clock, house.vault, self.provider, SmsSettings()
        )
        self.replies = Replies(house.database, house.clock, house.vault, settings)
        unreached = Unreached(house.vault, self.replies, self.messenger, settings, Links())
        house.callbacks.on_unreached(unreached.ask)

    async def try_until_it_ends(self, ticket_id: int) -> None:
        """Let the clock go on until the callback has ended, and send what there is to send."""
        while (await self.house.callback(ticket_id)).state == "due":
            self.house.clock.set((await self.house.callback(ticket_id)).due_at)
            await self.house.runner.run_once()
        while await self.messenger.run_once():
            pass

    async def replied(self) -> list[str]:
        async with self.house.database.reading() as session:
            return [row.key for row in (await session.exec(select(ReplyRow))).all()]

    async def link_sent(self, ticket_id: int) -> bool:
        async with self.house.database.reading() as session:
            events = await session.exec(
                select(TicketEventRow.detail).where(
                    TicketEventRow.ticket_id == ticket_id, TicketEventRow.event == "not_rated"
                )
            )
            return bool((events.one() or {}).get("link_sent"))


async def test_after_the_third_attempt_a_link_goes_out_by_short_message_once(house: House) -> None:
    desk = Desk(house)
    house.dialer.script(MOBILE, Reply(result=Result.no_answer))
    ticket_id = await house.close_a_ticket()

    await desk.try_until_it_ends(ticket_id)

    [message] = desk.provider.handed
    assert len(await house.attempts()) == 3
    assert message.phone == MOBILE
    assert message.text.endswith(f"/citizen/#/rate/{ticket_id}")
    assert message.parameters["link"] in message.text
    assert await desk.link_sent(ticket_id)
    assert (await house.callback(ticket_id)).state == "unrated"
    assert await house.ratings() == []


async def test_the_link_goes_to_the_number_at_which_the_citizen_wants_to_be_called(
    house: House,
) -> None:
    desk = Desk(house)
    wanted = PhoneNumber("13900009999")
    house.dialer.script(wanted, Reply(result=Result.no_answer))
    ticket_id = await house.close_a_ticket(replace(FORM, callback_phone=wanted))

    await desk.try_until_it_ends(ticket_id)

    assert [message.phone for message in desk.provider.handed] == [wanted]


async def test_a_rating_by_the_link_counts(house: House) -> None:
    desk = Desk(house)
    house.dialer.script(MOBILE, Reply(result=Result.no_answer))
    ticket_id = await house.close_a_ticket()
    await desk.try_until_it_ends(ticket_id)
    written = WrittenRatings(
        house.database, house.clock, house.ledger, house.settings.plan(ZONE), house.poke
    )

    await written.rate(ticket_id, WrittenRating(satisfied=2))

    assert await house.ratings() == [2]
    assert (await house.ticket(ticket_id)).rating == 2


@pytest.mark.parametrize("result", [Result.answered, Result.wants_person])
async def test_who_was_reached_and_did_not_rate_is_not_pestered(
    house: House, result: Result
) -> None:
    desk = Desk(house)
    house.dialer.script(MOBILE, Reply(result=result))
    ticket_id = await house.close_a_ticket()

    await desk.try_until_it_ends(ticket_id)

    assert desk.provider.handed == []
    assert not await desk.link_sent(ticket_id)


@pytest.mark.parametrize(
    ("number", "result"), [(MOBILE, Result.no_such_number), (LANDLINE, Result.no_answer)]
)
async def test_a_number_that_can_show_no_link_gets_none(
    house: House, number: PhoneNumber, result: Result
) -> None:
    desk = Desk(house)
    house.dialer.script(number, Reply(result=result))
    call_id = await house.ring(number, ended_at=house.clock.now())
    ticket_id = await house.tickets.register(LI, FORM, call_id=call_id)

    await desk.try_until_it_ends(ticket_id)

    assert desk.provider.handed == []
    assert not await desk.link_sent(ticket_id)


async def test_who_wrote_is_asked_where_he_wrote_from(house: House) -> None:
    desk = Desk(house)
    house.dialer.script(MOBILE, Reply(result=Result.no_such_number))
    received = await house.intake.take(
        Contact(
            channel="letters",
            external_id="letter-1",
            received_at=datetime.fromisoformat("2026-03-02T09:00:00+08:00"),
            phone=MOBILE,
            sender=Address(kind=AddressKind.mail, value="liming@example.com"),
            message=Message(title="路灯不亮", text="滨江路路灯三天不亮。"),
        )
    )
    ticket_id = await answered(house, received.ticket_number)

    await desk.try_until_it_ends(ticket_id)

    assert await desk.replied() == [f"rating:{ticket_id}:1"]
    assert desk.provider.handed == []
    assert await desk.link_sent(ticket_id)


async def test_a_city_that_asks_nobody_in_writing_sends_no_link(house: House) -> None:
    desk = Desk(house, ReplySettings(kinds=(ReplyKind.answer,)))
    house.dialer.script(MOBILE, Reply(result=Result.no_answer))
    ticket_id = await house.close_a_ticket()

    await desk.try_until_it_ends(ticket_id)

    assert desk.provider.handed == []


async def test_of_a_sample_the_others_are_not_rung_and_are_archived(house: House) -> None:
    few = await sampled_house(house, 10)

    tickets = [await few.close_a_ticket() for _ in range(30)]

    states = [(await few.callback(ticket_id)).state for ticket_id in tickets]
    drawn = [
        is_sampled(house.vault.digest(f"callback-sample:{ticket_id}"), 10) for ticket_id in tickets
    ]
    assert [state == "due" for state in states] == drawn
    assert 0 < sum(drawn) < 15
    left_out = tickets[drawn.index(False)]
    assert (await few.callback(left_out)).bar == "not_sampled"
    assert (await few.ticket(left_out)).state == "archived"


async def sampled_house(house: House, percent: int) -> House:
    """Return the same house with a sample of callbacks."""
    settings = AT_ONCE.model_copy(update={"sample_percent": percent})
    return House(database=house.database, clock=house.clock, vault=house.vault, settings=settings)


async def answered(house: House, number: str | None) -> int:
    """A written ticket is answered at once. Returns the ticket."""
    async with house.database.transaction() as session:
        statement = select(TicketRow.id).where(TicketRow.number == number)
        found = (await session.exec(statement)).one()
        assert found is not None
        ticket = await house.ledger.ticket(session, found)
        await house.ledger.happen(
            session, ticket.id, TicketEvent.answered, detail=Noted(text="已修复。")
        )
    return found
