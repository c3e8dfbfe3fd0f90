"""Forms of the citizen pages, on SQLite and on PostgreSQL: taken in once, by people, within limits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import select

from channels.attachments.tables import AttachmentRow
from channels.contacts.tables import ContactRow
from crm_bridge.callbacks.rules import CallbackState
from crm_bridge.citizen_pages.settings import CitizenPageSettings
from crm_bridge.citizen_pages.tables import AllowanceRow, SpentProofRow
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketState, TicketType
from tests.integration.crm_bridge.citizen_pages.desk import (
    CODE,
    EASY,
    PHONE,
    Desk,
    Page,
    picture,
)
from tests.integration.crm_bridge.house import LI, House

LEAD = replace(LI, permissions=LI.permissions | {"ticket.read_any"})


async def tickets(house: House) -> list[TicketRow]:
    async with house.database.reading() as session:
        return list((await session.exec(select(TicketRow))).all())


async def rows(house: House, table: type[Any]) -> list[Any]:
    async with house.database.reading() as session:
        return list((await session.exec(select(table))).all())


async def test_a_form_is_a_ticket_of_its_type_and_nobody_is_behind_it(
    house: House, page: Page
) -> None:
    filed = await page.report(latitude=30.27415, longitude=120.15515)
    (ticket,) = await tickets(house)
    assert (ticket.number, ticket.type) == (filed["number"], TicketType.complaint)
    assert ticket.citizen_id is None
    assert len(filed["query_code"]) == 9
    (contact,) = await rows(house, ContactRow)
    assert contact.message["latitude"] == 30.27415


async def test_a_number_that_was_shown_is_the_citizens_and_one_that_was_not_is_refused(
    house: House, page: Page
) -> None:
    refused = await page.report(phone=PHONE, expect=403)
    assert refused["type"].endswith("phone-not-shown")
    shown = await page.show_phone()
    other = await page.report(phone="13800015122", phone_pass=shown, expect=403)
    assert other["fields"][0]["pointer"] == "/phone"
    filed = await page.report(phone=PHONE, phone_pass=shown, name="李明", confidential=True)
    assert filed["query_code"] is None
    (ticket,) = await tickets(house)
    assert ticket.confidential
    async with house.database.reading() as session:
        assert ticket.citizen_id is not None
        citizen = await house.contacts.citizen(session, ticket.citizen_id)
    assert citizen.phone is not None
    assert citizen.phone.digits == PHONE


async def test_the_same_form_ten_times_at_once_is_one_ticket(house: House, page: Page) -> None:
    key = uuid4().hex
    proofs = [await page.prove("report") for _ in range(10)]
    answers = await asyncio.gather(
        *(page.report(key=key, proof=proof, expect=None) for proof in proofs)
    )
    assert len(await tickets(house)) == 1
    assert {answer["number"] for answer in answers} == {(await tickets(house))[0].number}


async def test_one_proof_is_good_for_one_form_and_the_same_form_needs_no_other(
    house: House, page: Page
) -> None:
    key, proof = uuid4().hex, await page.prove("report")
    first = await page.report(key=key, proof=proof)
    again = await page.report(key=key, proof=proof)
    assert again["number"] == first["number"]
    refused = await page.report(proof=proof, expect=422)
    assert refused["type"].endswith("proof-refused")
    assert len(await tickets(house)) == 1


async def test_a_proof_that_comes_ten_times_at_once_is_spent_once(house: House, page: Page) -> None:
    proof = await page.prove("report")
    answers = await asyncio.gather(*(page.report(proof=proof, expect=None) for _ in range(10)))
    assert sorted(answer["status"] for answer in answers) == [201] + [422] * 9
    assert len(await tickets(house)) == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"text": ""}, "/text"),
        ({"text": "\u200b\u202e"}, "/text"),
        ({"type": "invalid"}, "/type"),
        ({"latitude": 30.0}, "/longitude"),
        ({"phone": "12345"}, "/phone"),
        ({"uploads": ["made-up"]}, "/uploads/0"),
        ({"uploads": ["x"] * 10}, "/uploads"),
        ({"mail": "a@b@c"}, "/mail"),
        ({"more": 1}, "/more"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_written(
    house: House, page: Page, changes: dict[str, Any], pointer: str
) -> None:
    refused = await page.report(expect=422, **changes)
    assert [field["pointer"] for field in refused["fields"]] == [pointer]
    assert await tickets(house) == []


@pytest.mark.parametrize("key", ["", "short", "has space in it and more", "x" * 65])
async def test_a_form_without_a_key_of_its_own_is_refused(
    house: House, page: Page, key: str
) -> None:
    body = {"text": "路灯不亮", "proof": await page.prove("report")}
    headers = {"Idempotency-Key": key} if key else {}
    await page.ask("POST", "/reports", body, expect=422, headers=headers)
    assert await tickets(house) == []


async def test_files_that_were_sent_before_belong_to_the_contact(house: House, page: Page) -> None:
    uploads = [await page.upload(picture(200, 150)), await page.upload(picture(120, 90))]
    await page.report(uploads=uploads)
    (contact,) = await rows(house, ContactRow)
    subjects = {row.subject for row in await rows(house, AttachmentRow)}
    assert subjects == {f"contact:{contact.id}"}


async def test_a_letter_comes_into_the_mailbox_unless_the_city_takes_none(house: House) -> None:
    async with Desk(house=house).open() as page:
        await page.report(kind="letter", title="停车难", mail="Li@Example.com")
    (contact,) = await rows(house, ContactRow)
    assert (contact.channel, contact.external_id[:4]) == ("mayor-mailbox", "web/")
    closed = Desk(house=house, settings=EASY.model_copy(update={"letters": False}))
    async with closed.open() as page:
        await page.report(kind="letter", title="停车难", expect=404)


async def test_a_number_may_report_so_often_a_day(house: House) -> None:
    settings = CitizenPageSettings(work_bits=4, reports_per_phone=2)
    async with Desk(house=house, settings=settings).open() as page:
        shown = await page.show_phone()
        for _ in range(2):
            await page.report(phone=PHONE, phone_pass=shown)
        proof = await page.prove("report")
        refused = await page.report(phone=PHONE, phone_pass=shown, proof=proof, expect=429)
        assert "12345" in refused["detail_zh"]
        # What was refused has cost nothing: the proof is still good.
        house.clock.advance(60)
        await page.report(proof=proof)
        house.clock.advance(86_400)
        await page.report(phone=PHONE, phone_pass=await page.show_phone())
    assert len(await tickets(house)) == 4


async def test_an_address_may_report_so_often_and_others_are_not_held_up(house: House) -> None:
    settings = CitizenPageSettings(work_bits=4, reports_per_address=3)
    async with Desk(house=house, settings=settings).open() as page:
        for _ in range(3):
            await page.report()
        await page.report(expect=429)
        page.address = "192.0.2.2"
        await page.report()


async def test_work_grows_harder_for_an_address_that_asks_for_much(house: House) -> None:
    settings = CitizenPageSettings(work_bits=2, work_bits_most=4, free_per_hour=2)
    async with Desk(house=house, settings=settings).open() as page:
        bits = []
        for _ in range(7):
            bits.append((await page.ask("POST", "/challenges", {"purpose": "report"}))["bits"])
            await page.report()
        assert bits == [2, 2, 3, 3, 4, 4, 4]
        page.address = "192.0.2.2"
        assert (await page.ask("POST", "/challenges", {"purpose": "report"}))["bits"] == 2


async def test_an_address_that_floods_is_told_to_wait(house: House) -> None:
    settings = CitizenPageSettings(requests_per_minute=5)
    async with Desk(house=house, settings=settings).open() as page:
        for _ in range(5):
            await page.ask("GET", "/page")
        refused = await page.ask("GET", "/page", expect=429)
        assert refused["type"].endswith("too-many-requests")


async def test_codes_are_sent_for_work_and_within_limits(house: House) -> None:
    desk = Desk(house=house, settings=CitizenPageSettings(work_bits=4, codes_per_address=2))
    async with desk.open() as page:
        made_up = {"challenge": "w.code.x.1.1.x", "nonce": "1"}
        await page.ask("POST", "/codes", {"phone": PHONE, "proof": made_up}, expect=422)
        for _ in range(2):
            await page.show_phone()
        proof = await page.prove("code")
        await page.ask("POST", "/codes", {"phone": PHONE, "proof": proof}, expect=429)
        assert desk.codes.sent == [PHONE, PHONE]
        await page.ask("POST", "/phone-passes", {"phone": PHONE, "code": "000000"}, expect=422)
        body = {"phone": "13800015122", "code": CODE}
        await page.ask("POST", "/phone-passes", body, expect=422)


async def test_what_is_counted_names_nobody_and_is_forgotten(
    house: House, desk: Desk, page: Page
) -> None:
    await page.report(phone=PHONE, phone_pass=await page.show_phone())
    kept = repr(await rows(house, AllowanceRow))
    assert PHONE not in kept
    assert "192.0.2.1" not in kept
    house.clock.advance(2 * 86_400)
    await desk.gate.purge()
    assert await rows(house, AllowanceRow) == []
    assert await rows(house, SpentProofRow) == []


async def test_progress_is_found_by_number_and_telephone_and_by_nothing_less(
    house: House, page: Page
) -> None:
    shown = await page.show_phone()
    number = (await page.report(phone=PHONE, phone_pass=shown))["number"]
    found = await page.find(number, phone=f"+86 {PHONE}")
    assert (found["stage"], found["can_rate"]) == ("registered", False)
    assert [step["text_zh"] for step in found["steps"]] == ["已收到您的诉求并登记"]
    for wrong in (
        {"phone": "13800015122"},
        {"query_code": "AAAA-AAAA"},
    ):
        refused = await page.find(number, expect=404, **wrong)
        assert refused["type"].endswith("no-such-matter")
    await page.find("20200101-000001", phone=PHONE, expect=404)
    await page.find(number, expect=422)


async def test_who_tries_numbers_has_to_wait(house: House) -> None:
    settings = CitizenPageSettings(work_bits=4, misses_per_address=3)
    async with Desk(house=house, settings=settings).open() as page:
        filed = await page.report()
        for tried in range(3):
            await page.find(filed["number"], query_code=f"AAAA-AAA{tried}", expect=404)
        code = filed["query_code"]
        await page.find(filed["number"], query_code=code, expect=429)
        house.clock.advance(3600)
        await page.find(filed["number"], query_code=code)


async def test_what_hides_its_citizen_is_not_there_for_who_has_not_shown_his_telephone(
    house: House, page: Page
) -> None:
    shown = await page.show_phone()
    number = (await page.report(type="report", phone=PHONE, phone_pass=shown))["number"]
    hidden = await page.find(number, phone=PHONE, expect=404)
    nothing = await page.find("20200101-000001", phone=PHONE, expect=404)
    same = ("type", "detail_zh", "detail_en", "status")
    assert [hidden[name] for name in same] == [nothing[name] for name in same]
    assert (await page.find(number, phone=PHONE, phone_pass=shown))["number"] == number


async def test_a_pass_opens_its_matter_and_rates_it_once(house: House, page: Page) -> None:
    filed = await page.report()
    opened = {"ticket_pass": filed["ticket_pass"]}
    (ticket,) = await tickets(house)
    rating = {**opened, "satisfied": 5, "solved": 3, "reason": "没有\u202e修好"}
    headers = {"Idempotency-Key": uuid4().hex}
    refused = await page.ask("POST", "/ratings", rating, expect=409, headers=headers)
    assert refused["type"].endswith("cannot-rate")
    assert ticket.id is not None
    await house.tickets.answer(LEAD, ticket.id, "已修好")
    assert (await page.ask("POST", "/matter", opened))["can_rate"]
    for _ in range(2):
        await page.ask("POST", "/ratings", rating, expect=201, headers=headers)
        page.address = "192.0.2.77"  # the second time over another network
    assert await house.ratings() == [5]
    assert (await house.callback(ticket.id)).state is CallbackState.rated
    assert (await house.ticket(ticket.id)).state is TicketState.callback
    seen = await page.ask("POST", "/matter", opened)
    assert (seen["rating"], seen["can_rate"], seen["answer"]) == (5, False, "已修好")
    other = {**rating, "satisfied": 1}
    again = {"Idempotency-Key": uuid4().hex}
    await page.ask("POST", "/ratings", other, expect=409, headers=again)
    house.clock.advance(61 * 86_400)
    await page.ask("POST", "/matter", opened, expect=403)


async def test_a_link_leads_to_the_page_that_rates(desk: Desk) -> None:
    link = desk.passes.rating_link(7)
    assert link.startswith("https://12345.example/citizen/#/rate/t.7.")
    assert desk.passes.ticket(link.rsplit("/", 1)[1]) == 7
