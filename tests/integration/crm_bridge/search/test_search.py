"""What is found is what one finds by looking at every ticket; with small portions, so that every way is walked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import true
from sqlmodel import col, select

from channels.contacts.rules import CitizenKind
from channels.contacts.service import Contacts
from channels.contacts.tables import CitizenRow, ContactRow
from crm_bridge.categories.service import Categories
from crm_bridge.search import finding, rules, service
from crm_bridge.search.conditions import Filters
from crm_bridge.search.indexing import fill, terms_values
from crm_bridge.search.service import TicketSearch
from crm_bridge.search.tables import TicketTermsRow
from crm_bridge.tickets.ledger import ticket_of
from crm_bridge.tickets.tables import AssignmentRow, TicketContactRow, TicketRow
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketState,
    TicketType,
    Urgency,
)
from crm_bridge.units.rules import UnitKind
from crm_bridge.units.tables import UnitRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Invalid
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber
from tests.integration.crm_bridge.house import LI, SUN, WANG

TITLES = ("路灯不亮", "小区停水", "供热不足", "占道经营", "停水停电")
TEXTS = (
    "昨天停水，路灯也不亮。",
    "供热公司一直没有人来。",
    "天热公交少，找公司反映。",
    "Ａ座１８号楼噪声",
)
CATEGORIES = ("2001", "2002", "1001")
PHONE = PhoneNumber("13800015121")
TICKETS = 120


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rules, finding):
        monkeypatch.setattr(module, "BLOCK", 16)
    monkeypatch.setattr(finding, "_MOST_AT_ONCE", 6)
    monkeypatch.setattr(finding, "_OFTEN", 3)
    for module in (finding, service):
        monkeypatch.setattr(module, "FEW", 7)
        monkeypatch.setattr(module, "PORTION", 5)


@pytest.fixture
async def tickets(database: Database, clock: ManualClock, vault: Vault) -> list[TicketRow]:
    """Tickets of some weeks, in the order of their ids."""
    chance = Random(11)
    await Categories(database, clock).seed()
    made = [
        _ticket(chance, n, clock.now() - timedelta(hours=TICKETS - n))
        for n in range(1, TICKETS + 1)
    ]
    async with database.transaction() as session:
        session.add(UnitRow(code="CGJ", name_zh="城管", name_en="C", kind=UnitKind.bureau))
        session.add(UnitRow(code="GRGS", name_zh="供热", name_en="G", kind=UnitKind.utility))
        session.add(
            CitizenRow(
                id=1,
                kind=CitizenKind.person,
                phone_digest=vault.digest(PHONE.digits),
                first_seen_at=clock.now(),
            )
        )
        await session.flush()
        session.add_all(made)
        await session.flush()
        session.add_all(TicketTermsRow(**terms_values(ticket_of(row))) for row in made)
        ids = [row.id or 0 for row in made]
        session.add_all(
            ContactRow(
                id=n,
                channel="voice" if n % 7 else "web-form",
                external_id=f"{n}",
                received_at=clock.now(),
            )
            for n in ids
        )
        await session.flush()
        session.add_all(TicketContactRow(ticket_id=n, contact_id=n) for n in ids)
        session.add_all(_assignment(row, clock) for row in made if (row.id or 0) % 3 == 0)
    return made


def _ticket(chance: Random, n: int, at: datetime) -> TicketRow:
    return TicketRow(
        id=n,
        number=f"{at:%Y%m%d}-{n:06d}",
        type=chance.choice(list(TicketType)),
        category=chance.choice(CATEGORIES),
        title=chance.choice(TITLES),
        text=chance.choice(TEXTS),
        address=f"滨江路{n}号",
        urgency=Urgency.critical if n % 40 == 0 else Urgency.normal,
        confidential=n % 10 == 0,
        call_me_not=False,
        citizen_id=1 if n % 5 == 0 else None,
        agent=chance.choice(("1001", "1002")),
        created_at=at,
        state=TicketState.in_hand if n % 30 == 0 else TicketState.archived,
        round=1,
        version=1,
    )


def _assignment(row: TicketRow, clock: ManualClock) -> AssignmentRow:
    assert row.id is not None
    return AssignmentRow(
        ticket_id=row.id,
        n=1,
        round=1,
        unit="CGJ" if row.id % 2 else "GRGS",
        role=AssignmentRole.lead,
        state=AssignmentState.in_hand if row.id % 30 == 0 else AssignmentState.finished,
        designated=False,
        dispatched_at=row.created_at,
        sign_due_at=row.created_at,
        due_at=clock.now() - timedelta(hours=1)
        if row.id % 60 == 0
        else clock.now() + timedelta(hours=1),
        due_provisional=False,
        limit="5wd",
        category=row.category,
        channel="voice",
        type=row.type,
        agent=row.agent,
    )


async def found(
    database: Database,
    clock: ManualClock,
    vault: Vault,
    filters: Filters,
    *,
    who: Principal = SUN,
    limit: int = 9,
) -> list[int]:
    """All that is found, page by page."""
    search = TicketSearch(clock, Contacts(database, vault))
    ids: list[int] = []
    before: int | None = None
    for _ in range(TICKETS):
        async with database.reading() as session:
            part = await search.find(
                session,
                who,
                filters,
                true(),
                before=before,
                limit=limit,
            )
        assert len(part.rows) <= limit
        ids += [row.id or 0 for row, _ in part.rows]
        if part.below is None:
            return ids
        before = part.below
    raise AssertionError("the list does not end")


WORDS: dict[str, Callable[[TicketRow], bool]] = {
    "停水": lambda row: "停水" in row.title + "|" + row.text,
    "供热公司": lambda row: "供热公司" in row.text,
    "路灯 停水": lambda row: "路灯" in row.title + row.text and "停水" in row.title + row.text,
    "18号楼": lambda row: "１８号楼" in row.text,
    "a座": lambda row: "Ａ座" in row.text,
    "滨江路77号": lambda row: row.id == 77,
    "滨江路": lambda row: True,
    "嬲嬲": lambda row: False,
    "77": lambda row: row.id == 77,
    "000077": lambda row: row.id == 77,
}


@pytest.mark.parametrize("typed", WORDS)
async def test_words_find_every_ticket_that_has_them_and_no_other(
    database: Database, clock: ManualClock, vault: Vault, tickets: list[TicketRow], typed: str
) -> None:
    expected = [row.id for row in reversed(tickets) if WORDS[typed](row)]
    assert await found(database, clock, vault, Filters(words=typed)) == expected


FILTERS: list[tuple[Filters, Callable[[Any, datetime], object]]] = [
    (Filters(state=TicketState.in_hand), lambda row, now: row.state is TicketState.in_hand),
    (Filters(state=TicketState.archived), lambda row, now: row.state is TicketState.archived),
    (Filters(type=TicketType.help), lambda row, now: row.type is TicketType.help),
    (Filters(urgency=Urgency.critical), lambda row, now: row.urgency is Urgency.critical),
    (Filters(categories=["2001"]), lambda row, now: row.category == "2001"),
    (Filters(agent="1002"), lambda row, now: row.agent == "1002"),
    (Filters(unit="CGJ"), lambda row, now: row.id % 6 == 3),
    (Filters(unit="GRGS"), lambda row, now: row.id % 6 == 0),
    (Filters(unit="NONE"), lambda row, now: False),
    (Filters(channel="web-form"), lambda row, now: row.id % 7 == 0),
    (Filters(overdue=True), lambda row, now: row.id % 60 == 0),
    (Filters(unit="GRGS", overdue=True), lambda row, now: row.id % 60 == 0),
    (Filters(agent="1001", channel="voice"), lambda row, now: row.agent == "1001" and row.id % 7),
]  # fmt: skip


@pytest.mark.parametrize("words", ["", "停水", "供热公司"])
@pytest.mark.parametrize("number", range(len(FILTERS)))
async def test_filters_alone_and_with_words_find_what_fits_both(
    database: Database,
    clock: ManualClock,
    vault: Vault,
    tickets: list[TicketRow],
    number: int,
    words: str,
) -> None:
    filters, fits = FILTERS[number]
    expected = [
        row.id
        for row in reversed(tickets)
        if fits(row, clock.now()) and (not words or words in row.title + "|" + row.text)
    ]
    assert await found(database, clock, vault, replace(filters, words=words)) == expected


@pytest.mark.parametrize("words", ["", "停水"])
async def test_days_bound_the_list_on_both_sides(
    database: Database, clock: ManualClock, vault: Vault, tickets: list[TicketRow], words: str
) -> None:
    since, until = clock.now() - timedelta(hours=70), clock.now() - timedelta(hours=40)
    expected = [
        row.id
        for row in reversed(tickets)
        if since <= row.created_at < until and words in row.title + "|" + row.text
    ]
    assert 0 < len(expected) < 31
    filters = Filters(words=words, since=since, until=until)
    assert await found(database, clock, vault, filters) == expected
    never = replace(filters, since=clock.now() + timedelta(days=9), until=None)
    assert await found(database, clock, vault, never) == []
    before = replace(filters, since=None, until=clock.now() - timedelta(days=90))
    assert await found(database, clock, vault, before) == []


async def test_number_of_a_ticket_finds_it_alone(
    database: Database, clock: ManualClock, vault: Vault, tickets: list[TicketRow]
) -> None:
    assert await found(database, clock, vault, Filters(words=tickets[41].number)) == [42]
    assert await found(database, clock, vault, Filters(words="20990101-000042")) == []


async def test_telephone_finds_the_citizens_tickets_but_not_those_that_hide_him(
    database: Database, clock: ManualClock, vault: Vault, tickets: list[TicketRow]
) -> None:
    dialler = replace(WANG, permissions=WANG.permissions | {"number.reveal"})
    his = [row for row in reversed(tickets) if row.citizen_id == 1]
    shown = [row.id for row in his if not row.confidential and row.type is not TicketType.report]
    filters = Filters(words="138 0001 5121")
    assert await found(database, clock, vault, filters, who=dialler) == shown
    allowed = replace(dialler, permissions=dialler.permissions | {"ticket.confidential"})
    assert len(shown) < len(his)
    assert await found(database, clock, vault, filters, who=allowed) == [row.id for row in his]
    assert await found(database, clock, vault, filters, who=LI) == []
    of_unit = replace(allowed, unit="CGJ")
    assert await found(database, clock, vault, filters, who=of_unit) == []


@pytest.mark.parametrize(
    "typed",
    [
        '停水" OR "路灯', "停水'); DROP TABLE tickets;--", "停水*", "停水 AND", "NEAR(停水 路灯)",
        "^停水", "停水:路灯", "{停水}", "😀停水😀", "停水\t路灯", "ticket_words:停水", "\\停水", "%停水%",
        "停" * 200, "停水" * 100, "ａ" * 100,
    ],
)  # fmt: skip
async def test_odd_questions_break_nothing(
    database: Database, clock: ManualClock, vault: Vault, tickets: list[TicketRow], typed: str
) -> None:
    ids = await found(database, clock, vault, Filters(words=typed))
    assert set(ids) <= {row.id for row in tickets}


@pytest.mark.parametrize("typed", ["水", "😀", "？", "-", "' '"])
async def test_question_without_anything_to_look_for_is_a_field_error(
    database: Database, clock: ManualClock, vault: Vault, tickets: list[TicketRow], typed: str
) -> None:
    with pytest.raises(Invalid) as error:
        await found(database, clock, vault, Filters(words=typed))
    assert error.value.fields[0].pointer == "/q"


async def test_words_follow_an_amended_ticket_and_a_deleted_one_is_gone(
    database: Database, clock: ManualClock, vault: Vault, tickets: list[TicketRow]
) -> None:
    async with database.transaction() as session:
        row = await session.get_one(TicketRow, 50)
        row.title, row.text = "井盖丢失", "井盖丢失，行人危险"
        await session.merge(TicketTermsRow(**terms_values(ticket_of(row))))
    assert await found(database, clock, vault, Filters(words="井盖")) == [50]
    assert 50 not in await found(database, clock, vault, Filters(words="停水"))
    async with database.transaction() as session:
        await session.delete(await session.get_one(TicketTermsRow, 50))
    assert await found(database, clock, vault, Filters(words="井盖")) == []


async def test_tickets_of_an_older_version_get_their_words(
    database: Database, clock: ManualClock, vault: Vault, tickets: list[TicketRow]
) -> None:
    async with database.transaction() as session:
        lost = (
            await session.exec(select(TicketTermsRow).where(col(TicketTermsRow.ticket_id) <= 30))
        ).all()
        for row in lost:
            await session.delete(row)
    assert 3 not in await found(database, clock, vault, Filters(words="滨江路"))
    async with database.transaction() as session:
        assert await (await session.connection()).run_sync(fill) == 30
    assert await found(database, clock, vault, Filters(words="滨江路")) == list(
        range(TICKETS, 0, -1)
    )
