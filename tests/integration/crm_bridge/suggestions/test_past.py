from datetime import timedelta
from typing import Any

import pytest

from crm_bridge.suggestions import past as past_module
from crm_bridge.suggestions.past import confirmed
from crm_bridge.tickets.vocabulary import AssignmentRole, AssignmentState, TicketType
from tests.integration.crm_bridge.books import Books


async def past(books: Books, most: int = 100) -> list[tuple[str, str]]:
    since = books.clock.now() - timedelta(days=30)
    return [
        (question.title, unit) async for question, unit in confirmed(books.database, since, most)
    ]


async def test_only_dispatches_that_stood_teach(books: Books) -> None:
    for state in AssignmentState:
        ticket_id = await books.write(state.value, "…")
        await books.give(ticket_id, "GRGS", state=state)
    assert await past(books) == [("finished", "GRGS"), ("replied", "GRGS"), ("in_hand", "GRGS")]


async def test_ticket_teaches_once_what_its_last_lead_was(books: Books) -> None:
    ticket_id = await books.write("两轮", "…")
    await books.give(ticket_id, "GRGS", state=AssignmentState.finished)
    await books.give(ticket_id, "ZJJ", n=2)
    await books.give(ticket_id, "CGJ", n=3, role=AssignmentRole.helper)
    assert await past(books) == [("两轮", "ZJJ")]


@pytest.mark.parametrize("change", [{"confidential": True}, {"type": TicketType.report}])
async def test_ticket_that_hides_its_citizen_teaches_nothing(
    books: Books, change: dict[str, Any]
) -> None:
    await books.give(await books.write("举报", "…", **change), "GRGS")
    assert await past(books) == []


async def test_old_dispatches_and_more_than_wanted_are_left_out(books: Books) -> None:
    old = books.clock.now() - timedelta(days=31)
    await books.give(await books.write("旧", "…"), "GRGS", dispatched_at=old)
    for number in range(3):
        await books.give(await books.write(f"新{number}", "…"), "GRGS")
    assert await past(books, 2) == [("新2", "GRGS"), ("新1", "GRGS")]


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 6, 7])
async def test_long_past_is_read_in_parts_without_gap_or_repeat(
    books: Books, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(past_module, "_AT_ONCE", at_once)
    for number in range(6):
        await books.give(await books.write(f"{number}", "…"), "GRGS")
    assert [title for title, _ in await past(books)] == ["5", "4", "3", "2", "1", "0"]
