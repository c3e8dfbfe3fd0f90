from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.protocol import CannotReply, DeliveryNews, DeliveryState, Sent
from channels.sms.protocol import MessageRejected
from channels.sms.rules import MessageKind, MessageNews, MessageRefused, MessageState, ShortMessage
from channels.sms.service import Messenger
from channels.sms.settings import SmsSettings
from channels.sms.tables import ShortMessageRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import NotFound, TryLater
from infra.kit.identity import Principal, Role
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber
from tests.integration.channels.sms.paper import LedgerProvider, PaperProvider

NEXT = 700.0
"""Seconds after which every retry is due."""

LEAD = Principal(
    user_id=1,
    number="2001",
    name="班长",
    role=Role.LEAD,
    permissions=frozenset({"callback.review"}),
)


@pytest.fixture
def paper() -> PaperProvider:
    return PaperProvider()


@pytest.fixture
def ledger() -> LedgerProvider:
    return LedgerProvider()


@pytest.fixture
def make(database: Database, clock: ManualClock, vault: Vault) -> Callable[..., Messenger]:
    def messenger(provider: PaperProvider, **settings: float) -> Messenger:
        return Messenger(database, clock, vault, provider, SmsSettings.model_validate(settings))

    return messenger


def message(key: str = "notice:1", phone: str = "13800005678", **more: object) -> ShortMessage:
    values = {"kind": MessageKind.notice, "text": "您的工单已办结。"} | more
    return ShortMessage(key=key, phone=PhoneNumber(phone), **values)  # type: ignore[arg-type]  # of a test


async def row_of(database: Database, key: str = "notice:1") -> ShortMessageRow:
    async with database.reading() as session:
        statement = select(ShortMessageRow).where(ShortMessageRow.key == key)
        return (await session.exec(statement)).one()


async def queue(database: Database, messenger: Messenger, *messages: ShortMessage) -> None:
    async with database.transaction() as session:
        for one in messages:
            await messenger.queue(session, one)


async def test_a_message_that_is_handed_over_twice_is_sent_once(
    make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)

    first = await messenger.send(message())
    again = await messenger.send(message())

    assert first == again == Sent(provider_id="P1")
    assert len(paper.handed) == 1


async def test_ten_who_send_the_same_at_once_send_it_once(
    make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)

    results = await asyncio.gather(
        *(messenger.send(message()) for _ in range(10)), return_exceptions=True
    )

    assert len(paper.handed) == 1
    assert {type(result) for result in results} <= {Sent, TryLater}
    assert await messenger.send(message()) == Sent(provider_id="P1")


async def test_number_and_text_lie_sealed(
    database: Database, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    await make(paper).send(message())

    row = await row_of(database)

    assert "13800005678" not in repr(row)
    assert "办结" not in repr(row)


async def test_a_queued_message_is_tried_until_it_is_taken(
    database: Database, clock: ManualClock, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)
    paper.faults = [TryLater(), TryLater()]
    await queue(database, messenger, message(), message())

    tried = [await messenger.run_once()]
    too_soon = await messenger.run_once()
    for _ in range(2):
        clock.advance(NEXT)
        tried.append(await messenger.run_once())

    assert tried == [1, 1, 1]
    assert too_soon == 0
    assert (await row_of(database)).state is MessageState.sent
    assert [one.text for one in paper.handed] == [message().text] * 3


async def test_what_is_rolled_back_is_not_sent(
    database: Database, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)

    async with database.reading() as session:
        await messenger.queue(session, message())

    assert await messenger.run_once() == 0
    assert paper.handed == []


async def test_who_waits_for_his_message_tries_again_himself(
    clock: ManualClock, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)
    paper.faults = [TryLater()]

    with pytest.raises(TryLater):
        await messenger.send(message())
    clock.advance(NEXT)
    by_the_worker = await messenger.run_once()

    assert by_the_worker == 0
    assert await messenger.send(message()) == Sent(provider_id="P2")


async def test_a_message_that_is_refused_is_never_tried_again(
    database: Database, clock: ManualClock, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)
    paper.faults = [MessageRejected("21211")]
    await queue(database, messenger, message())

    await messenger.run_once()
    clock.advance(NEXT)

    assert await messenger.run_once() == 0
    assert (await row_of(database)).error_code == "21211"
    with pytest.raises(CannotReply):
        await messenger.send(message())


@pytest.mark.parametrize("fault", [TimeoutError(), RuntimeError("a slip of the provider's file")])
async def test_a_message_of_unknown_fate_is_not_sent_again_by_itself(
    database: Database,
    clock: ManualClock,
    make: Callable[..., Messenger],
    paper: PaperProvider,
    fault: Exception,
) -> None:
    messenger = make(paper)
    paper.faults = [fault]
    await queue(database, messenger, message())

    await messenger.run_once()
    clock.advance(86_400 * 3)
    await messenger.run_once()

    assert len(paper.handed) == 1
    assert [one.message.key for one in await messenger.unknown()] == ["notice:1"]
    with pytest.raises(TimeoutError):
        await messenger.send(message())


async def test_a_message_whose_worker_died_is_of_unknown_fate(
    database: Database, clock: ManualClock, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)
    paper.gate.clear()
    dying = asyncio.create_task(messenger.send(message()))
    await paper.came.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    paper.gate.set()

    with pytest.raises(TryLater):
        await messenger.send(message())
    clock.advance(60)

    with pytest.raises(TimeoutError):
        await messenger.send(message())
    assert len(paper.handed) == 1
    assert (await row_of(database)).state is MessageState.unknown


async def test_what_the_providers_books_show_is_not_sent_again(
    database: Database, clock: ManualClock, make: Callable[..., Messenger], ledger: LedgerProvider
) -> None:
    messenger = make(ledger)
    ledger.faults = [TimeoutError()]
    ledger.got = [Sent(provider_id="P1")]
    await queue(database, messenger, message())
    await messenger.run_once()
    clock.advance(31)

    await messenger.run_once()
    clock.advance(NEXT)

    assert await messenger.run_once() == 0
    row = await row_of(database)
    assert (row.state, row.provider_id, len(ledger.handed)) == (MessageState.sent, "P1", 1)


async def test_what_the_providers_books_do_not_show_is_sent_again(
    database: Database, clock: ManualClock, make: Callable[..., Messenger], ledger: LedgerProvider
) -> None:
    messenger = make(ledger)
    ledger.faults = [TimeoutError()]
    with pytest.raises(TimeoutError):
        await messenger.send(message())

    clock.advance(31)
    await messenger.run_once()
    await messenger.run_once()

    assert len(ledger.handed) == 2
    assert (await row_of(database)).state is MessageState.sent


async def test_a_twin_in_the_providers_books_is_not_taken_for_the_lost_one(
    database: Database, clock: ManualClock, make: Callable[..., Messenger], ledger: LedgerProvider
) -> None:
    messenger = make(ledger)
    twin = await messenger.send(message("notice:0"))
    ledger.faults = [TimeoutError()]
    ledger.got = [twin]
    await queue(database, messenger, message())
    await messenger.run_once()
    clock.advance(31)

    await messenger.run_once()
    await messenger.run_once()

    assert len(ledger.handed) == 3


@pytest.mark.parametrize("known_by", ["provider_id", "key"])
async def test_the_providers_news_reach_the_message_and_whoever_listens(
    database: Database, make: Callable[..., Messenger], paper: PaperProvider, known_by: str
) -> None:
    messenger = make(paper)
    heard: list[MessageNews] = []

    async def listen(_session: AsyncSession, news: MessageNews) -> None:
        heard.append(news)

    messenger.on_news(listen)
    names = {"provider_id": {"provider_id": "P1"}, "key": {"provider_id": "X", "key": "notice:1"}}
    await messenger.send(message())

    news = DeliveryNews(state=DeliveryState.delivered, **names[known_by])
    await messenger.heard("paper", [news, news])

    assert [one.state for one in heard] == [MessageState.sent, MessageState.delivered]
    assert (await row_of(database)).provider_id == "P1"


async def test_news_settle_a_message_of_unknown_fate(
    database: Database, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)
    paper.faults = [TimeoutError()]
    with pytest.raises(TimeoutError):
        await messenger.send(message())

    news = DeliveryNews(provider_id="P9", state=DeliveryState.sent, key="notice:1")
    await messenger.heard("paper", [news])

    assert await messenger.send(message()) == Sent(provider_id="P9")
    assert len(paper.handed) == 1


async def test_news_that_overtake_the_answer_stand(
    database: Database, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)
    paper.gate.clear()
    sending = asyncio.create_task(messenger.send(message()))
    await paper.came.wait()

    news = DeliveryNews(provider_id="P1", state=DeliveryState.delivered, key="notice:1")
    await messenger.heard("paper", [news])
    paper.gate.set()

    assert await sending == Sent(provider_id="P1")
    assert (await row_of(database)).state is MessageState.delivered


async def test_news_of_what_others_sent_are_passed_over(
    make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    news = DeliveryNews(
        provider_id="P1", state=DeliveryState.failed, key="elsewhere", error_code="1"
    )

    await make(paper).heard("paper", [news])

    assert paper.handed == []


async def test_a_message_whose_time_is_over_is_not_sent(
    database: Database, clock: ManualClock, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)
    await queue(
        database,
        messenger,
        message("code:1", valid_until=clock.now() + timedelta(minutes=5)),
        message("notice:1", phone="13800001111"),
    )
    clock.advance(301)

    await messenger.run_once()

    assert [one.key for one in paper.handed] == ["notice:1"]
    assert (await row_of(database, "code:1")).error_code == "expired"


async def test_a_number_gets_no_more_than_its_share_of_a_day(
    database: Database, clock: ManualClock, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper, per_phone_per_day=2)
    await messenger.send(message("a"))
    await messenger.send(message("b"))

    with pytest.raises(MessageRejected):
        await messenger.send(message("c"))
    await messenger.send(message("d", phone="13800001111"))
    clock.advance(86_401)
    await messenger.send(message("e"))

    assert [one.key for one in paper.handed] == ["a", "b", "d", "e"]
    assert (await row_of(database, "c")).error_code == "too-many"


@pytest.mark.parametrize(("again", "handed"), [(True, 2), (False, 1)])
async def test_a_person_decides_what_nobody_knows(
    make: Callable[..., Messenger], paper: PaperProvider, again: bool, handed: int
) -> None:
    messenger = make(paper)
    paper.faults = [TimeoutError()]
    with pytest.raises(TimeoutError):
        await messenger.send(message())
    [lost] = await messenger.unknown()

    await messenger.decide(LEAD, lost.id, again=again)
    await messenger.run_once()

    assert len(paper.handed) == handed
    assert await messenger.unknown() == []
    with pytest.raises(MessageRefused):
        await messenger.decide(LEAD, lost.id, again=again)


async def test_there_is_nothing_to_decide_about_a_message_that_is_not_there(
    make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    with pytest.raises(NotFound):
        await make(paper).decide(LEAD, 99, again=True)


async def test_two_workers_send_each_message_once(
    database: Database, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    one, other = make(paper), make(paper)
    await queue(database, one, *(message(f"n:{n}", phone=f"1380000{n:04}") for n in range(30)))

    while any(await asyncio.gather(one.run_once(), other.run_once())):
        pass

    assert sorted(sent.key for sent in paper.handed) == sorted(f"n:{n}" for n in range(30))


async def test_what_is_settled_is_forgotten_in_time(
    database: Database, clock: ManualClock, make: Callable[..., Messenger], paper: PaperProvider
) -> None:
    messenger = make(paper)
    paper.faults = [None, TimeoutError()]
    await messenger.send(message("old"))
    with pytest.raises(TimeoutError):
        await messenger.send(message("lost"))
    clock.advance(86_400 * 91)

    await messenger.purge()

    async with database.reading() as session:
        assert (await session.exec(select(ShortMessageRow.key))).all() == ["lost"]
