"""Citizens who turn out to be one person, and after all are not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, select

from channels.contacts.rules import Address, AddressKind, Contact, Message
from channels.contacts.tables import CitizenRow, ContactRow
from channels.marks.memory import MemoryMarks
from crm_bridge.citizens.belongings import Belongings, own_citizen
from crm_bridge.citizens.lookout import Lookout
from crm_bridge.citizens.reading import People
from crm_bridge.citizens.rules import Decision, Ground, MergeRefused, MergeState
from crm_bridge.citizens.service import Merges, number_digests, one_person
from crm_bridge.citizens.settings import CitizenSettings
from crm_bridge.citizens.tables import CitizenMergeRow, CitizenMoveRow
from crm_bridge.tickets.tables import TicketRow
from infra.kit.audit import AuditRow
from infra.kit.errors import Forbidden, NotFound
from telephony.numbers import PhoneNumber
from tests.integration.crm_bridge.house import FORM, LI, MOBILE, SUN, WANG, House

OPENID = Address(kind=AddressKind.openid, value="o6_bmjrPTlm6_2sgVt7hMZOPfL2M", scope="gh_1")
MAIL = Address(kind=AddressKind.mail, value="liming@example.com")
OTHER_MOBILE = PhoneNumber("13900009999")
HOUR = timedelta(hours=1)


@pytest.fixture
def merges(house: House) -> Merges:
    return Merges(house.database, house.clock, Belongings(house.contacts, house.vault))


@pytest.fixture
def lookout(house: House, merges: Merges) -> Lookout:
    return _lookout(house, merges, "")


@pytest.fixture
def people(house: House) -> People:
    return People(house.database, house.clock, house.vault, HOUR)


def _lookout(house: House, merges: Merges, area_code: str) -> Lookout:
    settings = CitizenSettings(area_code=area_code)
    marks = MemoryMarks(house.clock)
    return Lookout(house.database, house.vault, house.contacts, merges, marks, settings)


async def write(
    house: House, sender: Address, n: int = 1, phone: PhoneNumber | None = None
) -> int | None:
    """A citizen writes from an account; returns the citizen."""
    received = await house.intake.take(
        Contact(
            channel="letters",
            external_id=f"{sender.kind}-{n}",
            received_at=house.clock.now(),
            phone=phone,
            sender=sender,
            message=Message(title="路灯不亮", text=f"滨江路路灯第 {n} 次不亮。"),
        )
    )
    async with house.database.reading() as session:
        return (await session.get_one(ContactRow, received.contact_id)).citizen_id


async def call(house: House, phone: PhoneNumber = MOBILE) -> int | None:
    """A citizen rings; returns the citizen."""
    await house.ring(phone)
    async with house.database.reading() as session:
        return await house.contacts.known(session, phone)


async def owners(house: House) -> dict[str, list[int | None]]:
    """Return whose every contact and every ticket is shown to be, in the order in which they came."""
    async with house.database.reading() as session:
        return {
            table.__tablename__: list(
                (await session.exec(select(table.citizen_id).order_by(col(table.id)))).all()
            )
            for table in (ContactRow, TicketRow)
        }


async def suggestions(house: House) -> Sequence[CitizenMergeRow]:
    async with house.database.reading() as session:
        return (await session.exec(select(CitizenMergeRow).order_by(col(CitizenMergeRow.id)))).all()


async def suggest(house: House, merges: Merges, one: int | None, other: int | None) -> int:
    assert one is not None
    assert other is not None
    async with house.database.transaction() as session:
        assert await merges.suggest(session, one, other, Ground.typed_number)
    return (await suggestions(house))[-1].id or 0


async def test_an_account_that_gives_a_known_number_is_suggested_and_nothing_more(
    house: House, lookout: Lookout
) -> None:
    caller = await call(house)
    writer = await write(house, OPENID, phone=MOBILE)

    await lookout.look_once()

    [found] = await suggestions(house)
    assert (found.one_id, found.other_id) == (caller, writer)
    assert (found.ground, found.state) == (Ground.typed_number, MergeState.suggested)
    assert (await owners(house))["contacts"] == [caller, writer]


async def test_nobody_is_asked_twice(house: House, lookout: Lookout, merges: Merges) -> None:
    await call(house)
    await write(house, OPENID, phone=MOBILE)
    await lookout.look_once()
    [found] = await suggestions(house)
    await merges.decide(SUN, found.id or 0, Decision.dismiss)
    await write(house, OPENID, 2, phone=MOBILE)

    for _ in range(3):
        await lookout.look_once()
    await _lookout(house, merges, "").look_once()

    assert [row.state for row in await suggestions(house)] == [MergeState.dismissed]


async def test_a_number_of_nobody_suggests_nothing(house: House, lookout: Lookout) -> None:
    await call(house)
    await write(house, OPENID, phone=OTHER_MOBILE)
    await write(house, MAIL)

    assert await lookout.look_once() is False
    assert await suggestions(house) == []


async def test_two_accounts_that_give_one_number_are_suggested(
    house: House, lookout: Lookout
) -> None:
    one = await write(house, OPENID, phone=OTHER_MOBILE)
    other = await write(house, MAIL, phone=OTHER_MOBILE)

    await lookout.look_once()

    assert [(row.one_id, row.other_id) for row in await suggestions(house)] == [(one, other)]


async def test_a_callback_at_anothers_number_is_suggested(house: House, lookout: Lookout) -> None:
    caller = await call(house)
    other_call = await house.ring(OTHER_MOBILE)
    await house.tickets.register(LI, replace(FORM, callback_phone=MOBILE), call_id=other_call)

    await lookout.look_once()

    [found] = await suggestions(house)
    assert (found.one_id, found.ground) == (caller, Ground.callback_number)


async def test_a_landline_with_and_without_its_area_code_is_suggested_where_the_city_has_one(
    house: House, merges: Merges
) -> None:
    short = await call(house, PhoneNumber("87654321"))
    long = await call(house, PhoneNumber("057187654321"))

    await _lookout(house, merges, "").look_once()
    unknown = await suggestions(house)
    await _lookout(house, merges, "0571").look_once()

    assert unknown == []
    [found] = await suggestions(house)
    assert (found.one_id, found.other_id, found.ground) == (short, long, Ground.area_code)


async def test_confirmed_they_have_one_history_and_what_comes_later_is_in_it(
    house: House, merges: Merges
) -> None:
    caller = await call(house)
    writer = await write(house, OPENID)
    merge = await suggest(house, merges, caller, writer)

    await merges.decide(SUN, merge, Decision.confirm)
    await write(house, OPENID, 2)
    await call(house)

    shown = await owners(house)
    assert set(shown["contacts"]) == {caller}
    assert set(shown["tickets"]) == {caller}


async def test_taken_back_everybody_has_his_own_again_and_what_came_meanwhile(
    house: House, merges: Merges
) -> None:
    caller = await call(house)
    writer = await write(house, OPENID)
    merge = await suggest(house, merges, caller, writer)
    await merges.decide(SUN, merge, Decision.confirm)
    await write(house, OPENID, 2)
    await call(house)

    await merges.decide(SUN, merge, Decision.undo)

    assert await owners(house) == {
        "contacts": [caller, writer, writer, caller],
        "tickets": [writer, writer],
    }
    async with house.database.reading() as session:
        assert (await session.exec(select(CitizenMoveRow))).all() == []
        assert (await session.exec(select(CitizenRow.merged_into_id))).all() == [None, None]


async def test_a_chain_is_one_person_and_comes_apart_at_any_link(
    house: House, merges: Merges
) -> None:
    caller = await call(house)
    writer, mailer = await write(house, OPENID), await write(house, MAIL)
    near = await suggest(house, merges, writer, mailer)
    far = await suggest(house, merges, caller, writer)
    await merges.decide(SUN, near, Decision.confirm)
    first = await owners(house)
    await merges.decide(SUN, far, Decision.confirm)
    both = await owners(house)
    await write(house, MAIL, 2)

    await merges.decide(SUN, near, Decision.undo)
    without_near = await owners(house)
    await merges.decide(SUN, far, Decision.undo)

    assert first["contacts"] == [caller, writer, writer]
    assert both["contacts"] == [caller, caller, caller]
    assert without_near["contacts"] == [caller, caller, mailer, mailer]
    assert (await owners(house))["contacts"] == [caller, writer, mailer, mailer]


async def test_a_ring_stays_together_when_one_link_is_taken_out(
    house: House, merges: Merges
) -> None:
    caller = await call(house)
    writer, mailer = await write(house, OPENID), await write(house, MAIL)
    links = [
        await suggest(house, merges, caller, writer),
        await suggest(house, merges, writer, mailer),
        await suggest(house, merges, caller, mailer),
    ]
    for link in links:
        await merges.decide(SUN, link, Decision.confirm)

    await merges.decide(SUN, links[0], Decision.undo)

    assert set((await owners(house))["contacts"]) == {caller}


async def test_decisions_at_the_same_moment_come_one_after_the_other(
    house: House, merges: Merges
) -> None:
    merge = await suggest(house, merges, await call(house), await write(house, OPENID))

    results = await asyncio.gather(
        *(merges.decide(SUN, merge, Decision.confirm) for _ in range(5)), return_exceptions=True
    )

    assert [type(result) for result in results if result is not None] == [MergeRefused] * 4


async def test_decisions_are_in_the_audit_log_without_anything_personal(
    house: House, merges: Merges
) -> None:
    caller, writer = await call(house), await write(house, OPENID)
    merge = await suggest(house, merges, caller, writer)
    await merges.decide(SUN, merge, Decision.confirm)

    async with house.database.reading() as session:
        [row] = (await session.exec(select(AuditRow))).all()
    assert (row.action, row.actor) == ("citizen.confirm_merge", "3001")
    assert row.subject == f"citizen:{caller}"
    assert row.detail == {"with": writer, "ground": "typed_number"}


async def test_a_suggestion_that_is_not_there_cannot_be_decided(merges: Merges) -> None:
    with pytest.raises(NotFound):
        await merges.decide(SUN, 99, Decision.confirm)


async def test_a_person_is_shown_masked_with_whom_else_he_may_be(
    house: House, merges: Merges, people: People
) -> None:
    caller = await call(house)
    writer = await write(house, OPENID)
    await suggest(house, merges, caller, writer)

    view = await people.person(SUN, caller or 0)

    [merge] = view.merges
    assert view.citizen.phone_masked == "138****5121"
    assert merge.other.id == writer
    assert [known.shown for known in merge.other.known_by] == ["…fL2M"]
    assert merge.other.contacts == 1


async def test_one_history_over_all_channels_in_pages(
    house: House, merges: Merges, people: People
) -> None:
    caller = await call(house)
    writer = await write(house, OPENID)
    await merges.decide(SUN, await suggest(house, merges, caller, writer), Decision.confirm)
    house.clock.advance(60)
    await write(house, OPENID, 2)

    first = await people.history(SUN, writer or 0, None, 2)
    rest = await people.history(SUN, caller or 0, first.cursor, 2)

    assert [entry.channel for entry in first.items] == ["letters", "letters"]
    assert [entry.channel for entry in rest.items] == ["voice"]
    assert rest.cursor is None
    assert first.items[0].ticket_title == "路灯不亮"


async def test_what_hides_its_citizen_is_not_in_his_history_for_others(
    house: House, people: People
) -> None:
    call_id = await house.ring()
    await house.tickets.register(LI, replace(FORM, confidential=True), call_id=call_id)
    async with house.database.reading() as session:
        caller = await house.contacts.known(session, MOBILE)
    watching = replace(WANG, permissions=WANG.permissions | {"call.read_any"})

    assert (await people.history(watching, caller or 0, None, 9)).items == []
    assert len((await people.history(LI, caller or 0, None, 9)).items) == 1
    assert len((await people.history(SUN, caller or 0, None, 9)).items) == 1


async def test_an_agent_sees_whom_he_talks_with_and_nobody_else(
    house: House, people: People
) -> None:
    caller, stranger = await call(house), await call(house, OTHER_MOBILE)
    await house.ring(OTHER_MOBILE, agent="1002")

    assert (await people.person(WANG, stranger or 0)).citizen.id == stranger
    with pytest.raises(Forbidden):
        await people.person(WANG, caller or 0)
    with pytest.raises(NotFound):
        await people.person(SUN, 99)


async def test_an_agent_decides_about_those_he_has_to_do_with_only(
    house: House, merges: Merges, people: People
) -> None:
    merge = await suggest(house, merges, await call(house), await write(house, OPENID))

    await people.require_near_pair(LI, merge)
    with pytest.raises(Forbidden):
        await people.require_near_pair(WANG, merge)
    with pytest.raises(NotFound):
        await people.require_near_pair(SUN, 99)


async def test_a_person_is_known_by_each_of_his_numbers_and_a_ticket_by_whose_it_is(
    house: House, merges: Merges
) -> None:
    first, second = await call(house), await call(house, OTHER_MOBILE)
    writer = await write(house, OPENID)
    for other in (second, writer):
        merge = await suggest(house, merges, first, other)
        await merges.decide(SUN, merge, Decision.confirm)

    async with house.database.reading() as session:
        ticket = (await session.exec(select(TicketRow))).one()
        known = await number_digests(session, second or 0)
        own = await own_citizen(session, ticket)
    assert set(known) == {first, second}
    assert known[second or 0] == house.vault.digest(OTHER_MOBILE.digits)
    assert (ticket.citizen_id, own) == (first, writer)


async def test_who_is_one_person_is_known_from_any_of_his_rows(
    house: House, merges: Merges
) -> None:
    caller, writer = await call(house), await write(house, OPENID)
    await merges.decide(SUN, await suggest(house, merges, caller, writer), Decision.confirm)

    async with house.database.reading() as session:
        assert set(await one_person(session, writer or 0)) == {caller, writer}
        assert set(await one_person(session, caller or 0)) == {caller, writer}
        assert await one_person(session, 99) == ()
