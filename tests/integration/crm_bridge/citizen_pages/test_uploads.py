"""Files in pieces, on SQLite and on PostgreSQL: a lost network costs one piece."""

from __future__ import annotations

import asyncio

import pytest
from sqlmodel import select

from channels.attachments.tables import AttachmentRow
from crm_bridge.citizen_pages.settings import CitizenPageSettings
from crm_bridge.citizen_pages.tables import UploadPartRow, UploadRow
from tests.integration.crm_bridge.citizen_pages.desk import Desk, Page, picture
from tests.integration.crm_bridge.house import House

PIECE = 16 * 1024


async def count(house: House, table: type[UploadPartRow | UploadRow | AttachmentRow]) -> int:
    async with house.database.reading() as session:
        return len((await session.exec(select(table))).all())


async def test_a_file_in_pieces_is_one_file_and_its_pieces_are_gone(
    house: House, page: Page
) -> None:
    content = picture(400, 300)
    assert len(content) > 2 * PIECE
    upload = await page.upload(content)
    state = await page.ask("GET", f"/uploads/{upload}")
    assert (state["taken"], state["received"]) == (True, len(content))
    assert (await count(house, AttachmentRow), await count(house, UploadPartRow)) == (1, 0)


async def test_a_piece_that_comes_twice_or_from_elsewhere_changes_nothing(
    house: House, page: Page
) -> None:
    content = picture(400, 300)
    begun = await page.begin("a.jpg", len(content))
    upload = begun["upload"]
    first = await page.part(upload, 0, content[:PIECE])
    assert first["received"] == PIECE
    again = await page.part(upload, 0, content[:PIECE])
    assert again["received"] == PIECE
    ahead = await page.part(upload, 3 * PIECE, content[:PIECE])
    assert ahead["received"] == PIECE
    assert await count(house, UploadPartRow) == 1


async def test_the_same_piece_ten_times_at_once_is_kept_once(house: House, page: Page) -> None:
    content = picture(400, 300)
    begun = await page.begin("a.jpg", len(content))
    answers = await asyncio.gather(
        *(page.part(begun["upload"], 0, content[:PIECE]) for _ in range(10))
    )
    assert {answer["received"] for answer in answers} == {PIECE}
    assert await count(house, UploadPartRow) == 1


async def test_the_last_piece_ten_times_at_once_is_one_file(house: House, page: Page) -> None:
    content = picture(100, 80)
    begun = await page.begin("a.jpg", len(content))
    await asyncio.gather(*(page.part(begun["upload"], 0, content) for _ in range(10)))
    state = await page.ask("GET", f"/uploads/{begun['upload']}")
    assert state["taken"]
    assert await count(house, AttachmentRow) == 1


async def test_a_file_whose_last_answer_was_lost_is_taken_when_it_is_asked_for(
    house: House, desk: Desk, page: Page
) -> None:
    content = picture(100, 80)
    begun = await page.begin("a.jpg", len(content))
    # The piece is on disk, and the process ended before the file was taken.
    async with house.database.transaction() as session:
        row = (await session.exec(select(UploadRow))).one()
        assert row.id is not None
        session.add(UploadPartRow(upload_id=row.id, start=0, content=content))
        row.received = len(content)
    state = await page.part(begun["upload"], len(content), b"")
    assert state["taken"]


async def test_a_file_that_is_taken_while_it_is_asked_for_again_stays_taken(
    house: House, desk: Desk, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = picture(100, 80)
    begun = await page.begin("a.jpg", len(content))
    both, taken = asyncio.Barrier(2), asyncio.Event()
    finish = desk.uploads._finish

    async def one_after_the_other(row: UploadRow) -> bool:
        if await both.wait() == 0:
            await taken.wait()
            return await finish(row)
        first = await finish(row)
        taken.set()
        return first

    monkeypatch.setattr(desk.uploads, "_finish", one_after_the_other)
    last = asyncio.create_task(page.part(begun["upload"], 0, content))

    async def here() -> bool:
        return bool((await page.ask("GET", f"/uploads/{begun['upload']}"))["received"])

    async with asyncio.timeout(20):
        while not await here():  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.01)
        again = await page.part(begun["upload"], len(content), b"")
    assert (again["taken"], (await last)["taken"]) == (True, True)
    assert await count(house, AttachmentRow) == 1


async def test_what_is_no_file_that_is_taken_is_refused_and_forgotten(
    house: House, page: Page
) -> None:
    script = b"<script>alert(1)</script>"
    begun = await page.begin("a.jpg", len(script))
    refused = await page.part(begun["upload"], 0, script, expect=422)
    assert refused["fields"][0]["pointer"] == "/file"
    await page.ask("GET", f"/uploads/{begun['upload']}", expect=404)
    assert (await count(house, AttachmentRow), await count(house, UploadPartRow)) == (0, 0)


async def test_too_much_is_refused_before_and_while_it_comes(house: House, page: Page) -> None:
    await page.begin("a.mp4", 2**40, expect=413)
    begun = await page.begin("a.jpg", 100)
    await page.part(begun["upload"], 0, b"x" * 101, expect=413)
    await page.part(begun["upload"], 0, b"x" * (PIECE + 1), expect=413)
    assert await count(house, UploadPartRow) == 0


async def test_another_citizens_upload_is_not_to_be_had(page: Page) -> None:
    await page.ask("GET", "/uploads/made-up", expect=404)
    await page.part("made-up", 0, b"x", expect=404)


async def test_an_address_may_send_so_much_an_hour(house: House) -> None:
    settings = CitizenPageSettings(work_bits=4, upload_megabytes_per_address=1)
    async with Desk(house=house, settings=settings).open() as page:
        await page.begin("a.jpg", 900 * 1024)
        await page.begin("b.jpg", 200 * 1024, expect=429)
        page.address = "192.0.2.2"
        await page.begin("b.jpg", 200 * 1024)


async def test_what_was_begun_and_left_is_forgotten_and_what_was_taken_stays(
    house: House, desk: Desk, page: Page
) -> None:
    await page.upload(picture(100, 80))
    content = picture(400, 300)
    begun = await page.begin("b.jpg", len(content))
    await page.part(begun["upload"], 0, content[:PIECE])
    house.clock.advance(25 * 3600)
    await page.part(begun["upload"], PIECE, content[PIECE : 2 * PIECE], expect=404)
    await desk.uploads.purge()
    kept = [await count(house, one) for one in (UploadRow, UploadPartRow, AttachmentRow)]
    assert kept == [0, 0, 1]
