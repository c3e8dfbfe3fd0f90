"""What citizens who wrote are told by themselves, through the whole life of a ticket."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.tables import AttachmentRow
from channels.contacts.rules import Contact
from channels.protocol import DeliveryNews, DeliveryState, ReplyKind
from crm_bridge.replies.extensions import ExtensionsTold
from crm_bridge.replies.receipts import Receipts
from crm_bridge.replies.rules import ReplyEvent
from crm_bridge.replies.service import Replies
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.replies.tables import ReplyRow
from crm_bridge.replies.telling import Telling
from crm_bridge.tickets.details import ExtensionAsked, Noted, Replied
from crm_bridge.tickets.vocabulary import TicketEvent, Wait
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.outbox import OutboxEntry
from infra.kit.relay import Relay
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber
from tests.integration.crm_bridge.house import CGJ, MOBILE, ZHOU, ZONE, written
from tests.integration.crm_bridge.tickets.city import CHEN, HE, City

EVERYTHING = ReplySettings(kinds=tuple(ReplyKind), receipt_channels=("letters",))


class Links:
    def rating_link(self, ticket_id: int) -> str:
        return f"https://12345.example.gov.cn/citizen/#/rate/{ticket_id}"


@dataclass(kw_only=True)
class Town(City):
    """The city, which tells its citizens."""

    told: ReplySettings = EVERYTHING

    def __post_init__(self) -> None:
        self.destinations = ("webhook",)
        super().__post_init__()
        self.replies = Replies(self.database, self.clock, self.vault, self.told)
        self.telling = Telling(self.replies, self.told, ZONE, Links())
        self.replies.on_arrived(ExtensionsTold(self.replies, self.ledger).arrived)
        self.intake._registrar = Receipts(self.replies, self.told, ["letters"])  # as it is wired

    async def wrote(self, contact: Contact) -> int:
        """A citizen writes. Returns the ticket that opened."""
        await self.intake.take(contact)
        await self.carry_on()
        return self.tickets_opened()

    def tickets_opened(self) -> int:
        self._opened = getattr(self, "_opened", 0) + 1
        return self._opened

    async def carry_on(self) -> None:
        """The relay tells whoever is to be told, each entry twice over."""

        async def twice(session: AsyncSession, entry: OutboxEntry) -> None:
            await self.telling.follow(session, entry)
            await self.telling.follow(session, entry)

        async def nothing(_session: AsyncSession, _entry: OutboxEntry) -> None:
            return

        ways = {"webhook": twice, "feed": nothing, "followers": self.followers.deliver}
        relay = Relay(self.database, self.clock, ways)
        while await relay.run_once():
            pass

    async def handle(self, ticket_id: int, text: str = "路灯已修复。") -> None:
        """城管执法局 gets a ticket, replies, and the centre accepts the reply."""
        await self.dispatching.dispatch(HE, await self.now(ticket_id), lead=CGJ)
        await self.carry_on()
        await self.work.sign(CHEN, await self.now(ticket_id), 1)
        reply = Replied(n=1, text=text, measures="更换灯泡", contacted=True)
        await self.work.reply(CHEN, await self.now(ticket_id), reply)
        await self.closing.audit(HE, await self.now(ticket_id), accept=True, reason="")
        await self.carry_on()

    async def extend(self, ticket_id: int) -> None:
        """城管执法局 gets a ticket and is given three days more."""
        await self.dispatching.dispatch(HE, await self.now(ticket_id), lead=CGJ)
        await self.work.sign(CHEN, await self.now(ticket_id), 1)
        asked = ExtensionAsked(n=1, days=3, reason="材料未到")
        await self.work.ask_extension(CHEN, await self.now(ticket_id), asked)
        await self.dispatching.decide_extension(
            HE, await self.now(ticket_id), approve=True, reason=""
        )
        await self.carry_on()

    async def goes_out(self, *events: ReplyEvent, provider_id: str | None = None) -> None:
        """The last reply is sent, or what else the events say; by its id the provider may tell more of it."""
        async with self.database.transaction() as session:
            last = select(ReplyRow).order_by(col(ReplyRow.id).desc()).limit(1).with_for_update()
            row = (await session.exec(last)).one()
            row.provider_id = row.provider_id or provider_id
            for event in events:
                await self.replies.happen(session, row, event)
        await self.carry_on()

    async def said(self) -> list[tuple[str, str]]:
        """Kind and text of everything that citizens were told."""
        async with self.database.reading() as session:
            rows = (await session.exec(select(ReplyRow).order_by(col(ReplyRow.id)))).all()
        return [(row.kind.value, self.replies.read(row).text) for row in rows]


@pytest.fixture
async def town(database: Database, clock: ManualClock, vault: Vault) -> Town:
    found = Town(database=database, clock=clock, vault=vault)
    await found.open()
    return found


async def test_who_wrote_is_told_the_number_the_progress_and_the_answer(town: Town) -> None:
    ticket_id = await town.wrote(written())
    await town.handle(ticket_id)
    said = await town.said()
    assert [kind for kind, _ in said] == ["receipt", "progress", "answer"]
    assert all("20260302-000001" in text for _, text in said)
    assert "路灯已修复。" in said[2][1]
    assert (
        "更换灯泡" not in said[2][1]
    )  # what the centre and the unit say to each other stays theirs


async def test_files_of_an_answer_go_with_it_and_it_says_where_else_they_are(town: Town) -> None:
    ticket_id = await town.wrote(written())
    row = AttachmentRow(
        sha256="0" * 64,
        name="须知.pdf",
        size=9,
        type="application/pdf",
        uploaded_by=HE.number,
        uploaded_at=town.clock.now(),
        subject=f"ticket:{ticket_id}",
    )
    async with town.database.transaction() as session:
        session.add(row)
        await session.flush()
        noted = Noted(text="请带证件到窗口办理。", attachments=(row.id or 0,))
        await town.ledger.happen(
            session, ticket_id, TicketEvent.answered, actor=HE.number, detail=noted
        )
    await town.carry_on()
    async with town.database.reading() as session:
        statement = select(ReplyRow).where(ReplyRow.kind == ReplyKind.answer)
        (told,) = (await session.exec(statement)).all()
    assert town.replies.files(told) == [row.id]
    assert "附件 1 个" in town.replies.read(told).text


async def test_who_cannot_be_rung_is_asked_to_rate_in_writing(town: Town) -> None:
    ticket_id = await town.wrote(written(phone=None))
    await town.handle(ticket_id)
    kind, text = (await town.said())[-1]
    assert kind == "rating"
    assert f"https://12345.example.gov.cn/citizen/#/rate/{ticket_id}" in text


async def test_who_can_be_rung_is_rung(town: Town) -> None:
    await town.handle(await town.wrote(written()))
    assert "rating" not in [kind for kind, _ in await town.said()]


async def test_who_rang_is_told_on_the_telephone(town: Town) -> None:
    ticket_id = await town.left_open()
    await town.carry_on()
    await town.handle(ticket_id)
    assert await town.said() == []


async def test_answer_on_the_spot_goes_out_as_it_was_given(town: Town) -> None:
    ticket_id = await town.wrote(written())
    await town.tickets.answer(ZHOU, ticket_id, "夜间施工须有许可证。")
    await town.carry_on()
    kind, text = (await town.said())[-1]
    assert (kind, "夜间施工须有许可证。" in text) == ("answer", True)


async def test_what_is_not_accepted_says_where_to_turn(town: Town) -> None:
    ticket_id = await town.wrote(written())
    await town.closing.refuse(
        HE, await town.now(ticket_id), grounds="属诉讼事项", where_to_turn="请咨询 12368"
    )
    await town.carry_on()
    kind, text = (await town.said())[-1]
    assert kind == "answer"
    assert "属诉讼事项\n请咨询 12368" in text


async def test_ticket_that_was_joined_gets_the_answer_of_its_main_one(town: Town) -> None:
    main_id = await town.wrote(written("form-1", PhoneNumber("13800015122")))
    other_id = await town.wrote(written("form-2"))
    await town.joining.join(HE, await town.now(other_id), main_id)
    await town.handle(main_id, "整条路的路灯已修复。")
    answers = [text for kind, text in await town.said() if kind == "answer"]
    assert len(answers) == 2
    assert all("整条路的路灯已修复。" in text for text in answers)
    assert {"000001" in text for text in answers} == {True, False}


async def test_city_says_what_is_told(database: Database, clock: ManualClock, vault: Vault) -> None:
    only = ReplySettings(kinds=(ReplyKind.answer,), receipt_channels=("letters",))
    town = Town(database=database, clock=clock, vault=vault, told=only)
    await town.open()
    await town.handle(await town.wrote(written()))
    assert [kind for kind, _ in await town.said()] == ["answer"]


async def test_receipt_goes_out_only_over_the_channels_that_want_one(town: Town) -> None:
    await town.wrote(replace(written(), channel="web-form"))
    assert await town.said() == []


async def test_receipt_is_there_as_soon_as_the_ticket_is(town: Town) -> None:
    await town.intake.take(written())
    assert [kind for kind, _ in await town.said()] == ["receipt"]


async def test_receipt_of_a_contact_that_was_left_behind_goes_out_once(town: Town) -> None:
    await town.contacts.receive(written(phone=MOBILE))
    await town.intake.resume()
    await town.intake.take(written())
    assert [kind for kind, _ in await town.said()] == ["receipt"]


async def test_who_wrote_is_told_of_an_extension_and_the_centre_need_not(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    town = Town(database=database, clock=clock, vault=vault, told=ReplySettings())
    await town.open()
    ticket_id = await town.wrote(written())
    await town.extend(ticket_id)
    [(kind, text)] = await town.said()
    assert (kind, "2026年3月10日" in text, "20260302-000001" in text) == ("progress", True, True)
    assert await town.waiting(Wait.to_tell) == 1

    await town.goes_out(ReplyEvent.claimed, ReplyEvent.taken, ReplyEvent.told_delivered)

    assert await town.waiting(Wait.to_tell) == 0
    assert (await town.events(ticket_id)).count("told") == 1
    assert len(await town.said()) == 1
    assert await town.is_whole()


async def test_extension_that_a_provider_took_and_could_not_deliver_stays_with_the_centre(
    town: Town,
) -> None:
    ticket_id = await town.wrote(written())
    await town.extend(ticket_id)

    await town.goes_out(ReplyEvent.claimed, ReplyEvent.taken, provider_id="p-1")
    assert await town.waiting(Wait.to_tell) == 1
    failed = DeliveryNews(provider_id="p-1", state=DeliveryState.failed, error_code="user block")
    await town.replies.delivered("letters", [failed])
    await town.carry_on()

    assert await town.waiting(Wait.to_tell) == 1
    assert "told" not in await town.events(ticket_id)
    assert await town.is_whole()


async def test_extension_counts_as_told_when_the_provider_says_that_it_was_delivered(
    town: Town,
) -> None:
    ticket_id = await town.wrote(written())
    await town.extend(ticket_id)
    await town.goes_out(ReplyEvent.claimed, ReplyEvent.taken, provider_id="p-1")

    for state in (DeliveryState.delivered, DeliveryState.read):
        await town.replies.delivered("letters", [DeliveryNews(provider_id="p-1", state=state)])
    await town.carry_on()

    assert await town.waiting(Wait.to_tell) == 0
    assert (await town.events(ticket_id)).count("told") == 1


async def test_extension_counts_as_told_once_sent_where_no_news_of_it_will_come(town: Town) -> None:
    ticket_id = await town.wrote(written())
    await town.extend(ticket_id)
    await town.goes_out(ReplyEvent.claimed, ReplyEvent.taken)
    assert await town.waiting(Wait.to_tell) == 0
    assert (await town.events(ticket_id)).count("told") == 1


async def test_who_cannot_be_told_of_an_extension_in_writing_stays_with_the_centre(
    town: Town,
) -> None:
    ticket_id = await town.wrote(written())
    await town.extend(ticket_id)
    await town.goes_out(ReplyEvent.claimed, ReplyEvent.given_up)
    assert await town.waiting(Wait.to_tell) == 1
    assert "told" not in await town.events(ticket_id)


async def test_news_of_an_extension_that_comes_when_the_unit_has_finished_changes_nothing(
    town: Town,
) -> None:
    ticket_id = await town.wrote(written())
    await town.extend(ticket_id)
    reply = Replied(n=1, text="路灯已修复。", contacted=True)
    await town.work.reply(CHEN, await town.now(ticket_id), reply)
    await town.closing.audit(HE, await town.now(ticket_id), accept=True, reason="")
    await town.goes_out(ReplyEvent.claimed, ReplyEvent.taken)
    assert "told" not in await town.events(ticket_id)
    assert await town.is_whole()


async def test_city_that_does_not_want_it_tells_of_extensions_by_hand(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    settings = ReplySettings(tell_extensions=False)
    town = Town(database=database, clock=clock, vault=vault, told=settings)
    await town.open()
    await town.extend(await town.wrote(written()))
    assert (await town.said(), await town.waiting(Wait.to_tell)) == ([], 1)
