"""Nobody learns from a paper who the citizen is; of a hidden ticket it bears the number alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import select

from crm_bridge.sheets.writing import SheetKind
from crm_bridge.supervision.documents.fonts import Fonts
from crm_bridge.supervision.paper import Minutes
from crm_bridge.supervision.papers import Choice
from crm_bridge.supervision.reading import DocumentFormat
from crm_bridge.supervision.rules import PaperEvent, Rung
from crm_bridge.supervision.tables import PaperRow
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketState, TicketType
from infra.kit.audit import AuditRow
from infra.kit.errors import Misconfigured, NotFound
from infra.kit.outbox import OutboxRow
from tests.documents import pages_of, text_of
from tests.integration.crm_bridge.supervision.town import (
    CLERK,
    HOMELESS,
    LEADER,
    OTHER,
    SECRETS,
    SUN,
    Town,
    new_paper,
)

PERSON = ("李明", "13800015121", "402室")
TELLTALE: dict[str, Any] = {
    "grounds": "李明（电话13800015121）投诉夜间施工噪声多次，工地通宵施工",
    "demands": ("请到桂花小区5栋402室找李明核实", "整改夜间施工"),
}


@pytest.fixture
def unfonted(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """PDF documents whose strings can be read back."""
    monkeypatch.setattr("crm_bridge.supervision.documents.fonts._FOLDERS", ())
    town.reader._fonts = Fonts()


async def said(town: Town, paper_id: int) -> dict[str, str]:
    """Everything that anybody could read about a paper, by where it stands."""
    view = await town.reader.show(SUN, paper_id)
    page = await town.reader.page(SUN, Choice(), cursor=None, limit=10)
    _, docx = await town.reader.document(CLERK, paper_id, DocumentFormat.docx)
    _, pdf = await town.reader.document(CLERK, paper_id, DocumentFormat.pdf)
    csv = await town.book.export(SUN, Choice(), SheetKind.csv)
    async with town.database.reading() as session:
        outbox = (await session.exec(select(OutboxRow))).all()
        audit = (await session.exec(select(AuditRow))).all()
    return {
        "view": view.model_dump_json(),
        "page": page.model_dump_json(),
        "listed": (await town.reader.listed()).model_dump_json(),
        "docx": text_of(docx),
        "pdf": "".join(pages_of(pdf)),
        "ledger": csv.decode("utf-8-sig"),
        "outbox": json.dumps([row.body for row in outbox], ensure_ascii=False),
        "audit": json.dumps([row.detail for row in audit], ensure_ascii=False),
    }


@pytest.mark.usefixtures("unfonted")
async def test_a_paper_tells_the_matter_and_not_the_citizen(town: Town) -> None:
    ticket = await town.ticket()
    for rung in Rung:
        paper_id = await town.supervision.issue(SUN, new_paper(ticket, rung, **TELLTALE))
        found = await said(town, paper_id)
        for place, text in found.items():
            for secret in PERSON:
                assert secret not in text, place
        for place in ("view", "docx", "pdf"):
            assert "诉求人投诉夜间施工噪声" in found[place]
            assert "桂花小区5栋" in found[place]


@pytest.mark.usefixtures("unfonted")
@pytest.mark.parametrize("hidden", [{"confidential": True}, {"type": TicketType.report}])
async def test_a_hidden_ticket_leaks_nothing_anywhere(town: Town, hidden: dict[str, Any]) -> None:
    ticket = await town.ticket(**hidden)
    papers = [await town.raise_to(ticket, rung) for rung in Rung]
    papers += [
        await town.supervision.issue(SUN, new_paper(ticket, rung, **TELLTALE)) for rung in Rung
    ]
    for paper_id in papers:
        found = await said(town, paper_id)
        for place, text in found.items():
            # The listing of this test names measures against what is hidden; they go with it.
            for secret in SECRETS:
                assert secret not in text, place
        for place in ("view", "docx", "pdf", "ledger"):
            assert "保密件" in found[place]
            assert "20260302-000001" in found[place]


@pytest.mark.usefixtures("unfonted")
async def test_a_ticket_that_is_hidden_later_leaks_nothing_from_then_on(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.raise_to(ticket, Rung.order)
    async with town.database.transaction() as session:
        (await session.get_one(TicketRow, ticket)).confidential = True
    for place, text in (await said(town, paper_id)).items():
        for secret in ("夜间施工", "桂花小区"):
            assert secret not in text, place


TOLD = "李明（电话13800015121）说：工地通宵施工。\n住在桂花小区5栋402室。"
MINUTES = Minutes(attended="城管局、李明", text=TOLD, decisions=(TOLD, "请三日内停止夜间施工"))


async def concluded(town: Town, ticket: int) -> int:
    """A meeting that was minuted and closed by somebody who wrote down everything."""
    paper_id = await town.supervision.issue(SUN, new_paper(ticket, Rung.meeting))
    await town.supervision.minute(SUN, paper_id, MINUTES)
    await town.supervision.reply(CLERK, paper_id, "已停工。")
    await town.supervision.end(SUN, paper_id, PaperEvent.closed, TOLD)
    return paper_id


@pytest.mark.usefixtures("unfonted")
async def test_minutes_and_conclusions_tell_the_matter_and_not_the_citizen(town: Town) -> None:
    paper_id = await concluded(town, await town.ticket())
    found = await said(town, paper_id)
    for place, text in found.items():
        for secret in PERSON:
            assert secret not in text, place
    assert "工地通宵施工" in found["view"]
    assert "工地通宵施工" in found["ledger"]
    row = await town.paper(paper_id)
    assert row.minutes is not None
    # Lines stay lines, and what is stored says no more than what is shown.
    assert row.conclusion == row.minutes["text"]
    assert row.conclusion is not None
    assert row.conclusion.splitlines() == [
        "诉求人（电话〔号码略〕）说：工地通宵施工。",
        "住在桂花小区5栋。",
    ]


@pytest.mark.usefixtures("unfonted")
@pytest.mark.parametrize("later", [False, True])
async def test_minutes_and_conclusions_of_a_hidden_ticket_leak_nothing(
    town: Town, later: bool
) -> None:
    ticket = await town.ticket(confidential=not later)
    paper_id = await concluded(town, ticket)
    async with town.database.transaction() as session:
        (await session.get_one(TicketRow, ticket)).confidential = True
    found = await said(town, paper_id)
    for place, text in found.items():
        for secret in (*PERSON, "夜间施工", "桂花小区", "工地通宵施工"):
            assert secret not in text, place
    assert "已停工" in found["ledger"]


async def test_a_paper_of_an_archived_ticket_is_still_closed(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.supervision.issue(SUN, new_paper(ticket))
    await town.supervision.reply(CLERK, paper_id, "已停工。")
    async with town.database.transaction() as session:
        (await session.get_one(TicketRow, ticket)).state = TicketState.archived
    await town.supervision.end(SUN, paper_id, PaperEvent.closed, "经核实，" + "李明" * 498)
    conclusion = (await town.paper(paper_id)).conclusion
    assert conclusion == "经核实，" + "诉求人" * 498


async def test_another_unit_cannot_read_a_paper_or_find_it(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.supervision.issue(SUN, new_paper(ticket))
    for who in (OTHER, HOMELESS):
        for asked in (
            town.reader.show(who, paper_id),
            town.reader.document(who, paper_id, DocumentFormat.pdf),
        ):
            with pytest.raises(NotFound):
                await asked
        assert (await town.reader.page(who, Choice(), cursor=None, limit=10)).items == []
        assert (await town.reader.of_ticket(who, ticket)).items == []
        csv = await town.book.export(who, Choice(), SheetKind.csv)
        assert len(csv.decode().splitlines()) == 1
    assert [p.id for p in (await town.reader.of_ticket(CLERK, ticket)).items] == [paper_id]
    assert (await town.reader.show(LEADER, paper_id)).actions == []


async def test_units_do_not_see_what_the_others_replied(town: Town) -> None:
    ticket = await town.ticket()
    paper_id = await town.supervision.issue(SUN, new_paper(ticket, main=("CGJ", "ZJJ")))
    await town.supervision.reply(CLERK, paper_id, "城管的答复。")
    await town.supervision.reply(OTHER, paper_id, "住建的答复。")

    async def replies(who: Any) -> list[str | None]:
        return [one.reply for one in (await town.reader.show(who, paper_id)).recipients]

    assert await replies(SUN) == ["城管的答复。", "住建的答复。"]
    assert await replies(CLERK) == ["城管的答复。", None]
    ledger = (await town.book.export(OTHER, Choice(), SheetKind.csv)).decode()
    assert "住建的答复" in ledger
    assert "城管的答复" not in ledger


async def test_last_years_document_is_the_same_today(town: Town) -> None:
    paper_id = await town.raise_to(await town.ticket(), Rung.listed)
    before = [await town.reader.document(SUN, paper_id, kind) for kind in DocumentFormat]
    async with town.database.transaction() as session:
        ticket = await session.get_one(TicketRow, 1)
        ticket.title, ticket.address = "改过的标题", "改过的地址"
    town.clock.advance(400 * 86400)
    assert [await town.reader.document(SUN, paper_id, kind) for kind in DocumentFormat] == before


@pytest.mark.parametrize("part", ["body", "addressees", "dated"])
async def test_a_paper_that_was_changed_in_the_database_is_not_shown_as_issued(
    town: Town, part: str
) -> None:
    paper_id = await town.raise_to(await town.ticket(), Rung.order)
    changed: dict[str, Any] = {
        "body": ["无需办理。"],
        "addressees": ["别的局"],
        "dated": "2026-01-01",
    }
    async with town.database.transaction() as session:
        row = await session.get_one(PaperRow, paper_id)
        snapshot = json.loads(json.dumps(row.snapshot))
        snapshot["letter"][part] = changed[part]
        row.snapshot = snapshot
    with pytest.raises(Misconfigured, match="restore it from a backup") as refused:
        await town.reader.document(SUN, paper_id, DocumentFormat.pdf)
    assert "备份" in refused.value.detail_zh
    # The list still stands: one bad row must not hide the others.
    assert len((await town.reader.page(SUN, Choice(), cursor=None, limit=10)).items) == 1
