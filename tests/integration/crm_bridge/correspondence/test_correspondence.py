from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from sqlmodel import select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Address, AddressKind, Contact, Message
from channels.mailbox.reading import read
from channels.mailbox.rules import FetchedMail, contact_of, message_id_of
from crm_bridge.correspondence.service import DESTINATION, Correspondence
from crm_bridge.intake import Intake
from crm_bridge.notes.service import Notes
from crm_bridge.notes.tables import TicketNoteRow
from crm_bridge.tickets.service import Tickets
from crm_bridge.tickets.tables import AssignmentRow, TicketContactRow, TicketRow
from crm_bridge.tickets.vocabulary import AssignmentRole, AssignmentState, TicketState, TicketType
from infra.kit.identity import Role
from infra.kit.outbox import OutboxEntry
from infra.kit.relay import Relay
from tests.integration.crm_bridge.house import CGJ, House, written

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


class OneClerk:
    """Every unit has one clerk."""

    async def of_units(self, session: AsyncSession, units: Collection[str]) -> Sequence[str]:
        return ["5001"] if units else []

    async def with_roles(self, session: AsyncSession, roles: Collection[Role]) -> Sequence[str]:
        return []


async def anybody(*_: object) -> None:
    return None


class Post:
    """A hotline with a mailbox."""

    def __init__(self, house: House) -> None:
        self.house = house
        database, clock = house.database, house.clock
        correspondence = Correspondence(clock, Notes(database, clock, anybody), OneClerk())
        tickets = Tickets(
            database, clock, house.ledger, house.origins, house.poke, sequel=correspondence
        )
        self.intake = Intake(database, clock, house.contacts, tickets, house.incoming, house.poke)
        self.told: list[OutboxEntry] = []
        self._relay = Relay(
            database,
            clock,
            {DESTINATION: correspondence.deliver, "feed": self._hear, "webhook": self._hear},
        )

    async def take(self, contact: Contact) -> None:
        await self.intake.take(contact)
        while await self._relay.run_once():
            pass

    async def rows(self, kind: Any) -> list[Any]:
        async with self.house.database.reading() as session:
            return list((await session.exec(select(kind))).all())

    async def notes(self) -> list[tuple[int, str]]:
        return [(note.ticket_id, note.text) for note in await self.rows(TicketNoteRow)]

    async def move(self, **values: object) -> None:
        async with self.house.database.transaction() as session:
            await session.exec(update(TicketRow).values(**values))

    async def _hear(self, _session: AsyncSession, entry: OutboxEntry) -> None:
        self.told.append(entry)


@pytest.fixture
def post(house: House) -> Post:
    return Post(house)


def mail(number: int, text: str, sender: str = "liming@citizen.example", **headers: str) -> Contact:
    made = EmailMessage()
    made["From"], made["Subject"] = sender, headers.pop("subject", "路灯")
    made["Message-ID"] = f"<{number}@citizen.example>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    content = made.as_bytes()
    return contact_of(read(FetchedMail(content=content, size=len(content), received_at=NOW)), NOW)


FIRST = mail(1, "路灯不亮")
OURS = f"<{message_id_of(FIRST, 'receipt:1', 'linjiang.example')}>"


async def test_answer_to_our_mail_stands_beside_its_ticket(post: Post) -> None:
    await post.take(FIRST)
    await post.take(mail(2, "还有井盖坏了", In_Reply_To=OURS))
    (ticket,) = await post.rows(TicketRow)
    assert await post.notes() == [(ticket.id, "还有井盖坏了")]
    assert len(await post.rows(TicketContactRow)) == 2


async def test_second_mail_of_a_thread_stands_beside_its_ticket(post: Post) -> None:
    await post.take(FIRST)
    await post.take(mail(2, "补充照片", References="<1@citizen.example>"))
    await post.take(mail(3, "再补充", References="<1@citizen.example> <2@citizen.example>"))
    (ticket,) = await post.rows(TicketRow)
    assert await post.notes() == [(ticket.id, "补充照片"), (ticket.id, "再补充")]


async def test_number_in_the_subject_is_enough_for_whose_ticket_it_is(post: Post) -> None:
    await post.take(FIRST)
    (ticket,) = await post.rows(TicketRow)
    await post.take(mail(2, "补充", subject=f"关于{ticket.number}"))
    assert await post.notes() == [(ticket.id, "补充")]
    await post.take(mail(3, "我也是", "wang@else.example", subject=f"关于{ticket.number}"))
    assert len(await post.notes()) == 1
    assert len(await post.rows(TicketRow)) == 2


async def test_somebody_else_in_the_same_thread_has_a_matter_of_his_own(post: Post) -> None:
    await post.take(FIRST)
    await post.take(mail(2, "我家也不亮", "wang@else.example", In_Reply_To=OURS))
    assert len(await post.rows(TicketRow)) == 2
    assert await post.notes() == []


async def test_same_answer_twice_stands_there_once(post: Post) -> None:
    await post.take(FIRST)
    answer = mail(2, "还有井盖坏了", In_Reply_To=OURS)
    for _ in range(3):
        await post.take(answer)
    assert len(await post.notes()) == 1


async def test_answer_that_comes_first_in_two_steps_stands_beside_its_ticket(post: Post) -> None:
    await post.intake.in_two_steps(FIRST)
    await post.intake.in_two_steps(mail(2, "还有井盖坏了", In_Reply_To=OURS))
    assert len(await post.rows(TicketRow)) == 1


@pytest.mark.parametrize(
    "state",
    [
        TicketState.closed,
        TicketState.done,
        TicketState.callback,
        TicketState.archived,
        TicketState.stopped,
    ],
)
async def test_answer_to_what_is_over_is_a_new_matter_that_nobody_overlooks(
    post: Post, state: TicketState
) -> None:
    await post.take(FIRST)
    await post.move(state=state)
    await post.take(mail(2, "还是不亮", In_Reply_To=OURS))
    assert len(await post.rows(TicketRow)) == 2
    assert await post.notes() == []
    # What follows goes on with the new one.
    await post.take(mail(3, "补充", References="<1@citizen.example> <2@citizen.example>"))
    newest = max(ticket.id for ticket in await post.rows(TicketRow))
    assert await post.notes() == [(newest, "补充")]


async def test_answer_on_a_joined_ticket_goes_to_the_main_one(post: Post) -> None:
    await post.take(FIRST)
    await post.take(mail(9, "另一封", "wang@else.example", subject="噪音"))
    own, main = await post.rows(TicketRow)
    async with post.house.database.transaction() as session:
        row = await session.get_one(TicketRow, own.id)
        row.main_id, row.state = main.id, TicketState.joined
    await post.take(mail(2, "补充", In_Reply_To=OURS))
    assert await post.notes() == [(main.id, "补充")]


async def test_unit_that_works_on_it_is_told(post: Post) -> None:
    await post.take(FIRST)
    (ticket,) = await post.rows(TicketRow)
    async with post.house.database.transaction() as session:
        session.add(
            AssignmentRow(
                ticket_id=ticket.id,
                n=1,
                round=1,
                unit=CGJ,
                role=AssignmentRole.lead,
                state=AssignmentState.in_hand,
                designated=False,
                dispatched_at=NOW,
                sign_due_at=NOW,
                due_at=NOW,
                due_provisional=False,
                limit="5wd",
                category="2005",
                channel="mayor-mailbox",
                type=TicketType.help,
            )
        )
    post.told.clear()
    await post.take(mail(2, "补充", In_Reply_To=OURS))
    agents = [entry.body["agents"] for entry in post.told if entry.destination == "feed"]
    assert ["5001"] in agents


async def test_answer_by_mail_to_a_letter_of_the_web_form_stands_beside_its_ticket(
    post: Post,
) -> None:
    letter = Contact(
        channel="mayor-mailbox",
        external_id="web/0a1b",
        received_at=NOW,
        sender=Address(kind=AddressKind.mail, value="liming@citizen.example"),
        message=Message(title="路灯", text="路灯不亮"),
    )
    await post.take(letter)
    ours = f"<{message_id_of(letter, 'receipt:1', 'linjiang.example')}>"
    await post.take(mail(2, "补充", In_Reply_To=ours))
    assert len(await post.notes()) == 1


async def test_other_channels_are_left_alone(post: Post) -> None:
    await post.take(written("form-1"))
    await post.take(written("form-2"))
    assert len(await post.rows(TicketRow)) == 2
