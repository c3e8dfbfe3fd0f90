"""Tickets of people who stand at the counter: the quickest way to have somebody rung back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.browser.waiting import eventually
from tests.installation import Person

_FINISHED = {"rated", "unrated", "not_called"}


async def closed_ticket(person: Person, number: str) -> int:
    """Answer somebody at the counter on the spot; the system rings him back by itself."""
    ticket = await person.call(
        "POST",
        "/tickets",
        {
            "type": "inquiry",
            "category": "3001",
            "title": "咨询停水时间",
            "text": "望江路小区今天几点恢复供水？",
            "callback_phone": number,
            "answer": {"text": "已告知：下午四点恢复。"},
        },
        expect=201,
        headers={"Idempotency-Key": uuid4().hex},
    )
    assert ticket["closed_at"] is not None
    return int(ticket["id"])


async def rung_back(person: Person, ticket_id: int) -> dict[str, Any]:
    """Return the ticket when its callback is over."""
    ticket: dict[str, Any] = await eventually(
        lambda: person.call("GET", f"/tickets/{ticket_id}", expect=200),
        lambda seen: seen["callbacks"][0]["state"] in _FINISHED,
        "the end of the callback",
        seconds=100,
    )
    return ticket
