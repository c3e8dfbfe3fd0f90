"""Drafts over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from crm_bridge.drafts.service import Drafts
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal


class DraftAnswer(ApiModel):
    """An answer as far as it was typed."""

    text: str = Field(default="", max_length=8000)


class DraftBody(ApiModel):
    """Any part of a form, valid or not; only sizes are limited."""

    call_id: int | None = None
    contact_id: int | None = None
    channel: str | None = Field(default=None, max_length=40)
    type: str | None = Field(default=None, max_length=40)
    category: str | None = Field(default=None, max_length=40)
    title: str | None = Field(default=None, max_length=1000)
    text: str | None = Field(default=None, max_length=8000)
    address: str | None = Field(default=None, max_length=1000)
    urgency: str | None = Field(default=None, max_length=40)
    confidential: bool | None = None
    call_me_not: bool | None = None
    citizen_name: str | None = Field(default=None, max_length=200)
    callback_phone: str | None = Field(default=None, max_length=100)
    answer: DraftAnswer | None = None


class DraftView(ApiModel):
    """What was typed last; both null when nothing was."""

    body: dict[str, Any] | None
    saved_at: datetime | None


def routes(drafts: Drafts) -> Routes:
    """Return the endpoints of drafts."""
    api = Routes(tag="tickets")

    @api.get("/api/v1/drafts/{call_id}", permission="ticket.write")
    async def show(principal: Principal, call_id: int) -> DraftView:
        """Show what I have typed during a call."""
        draft = await drafts.load(principal, call_id)
        if draft is None:
            return DraftView(body=None, saved_at=None)
        return DraftView(body=draft.body, saved_at=draft.saved_at)

    @api.put("/api/v1/drafts/{call_id}", permission="ticket.write")
    async def save(principal: Principal, call_id: int, body: DraftBody) -> None:
        """Keep what I have typed during a call; it is forgotten when the ticket is made."""
        await drafts.save(principal, call_id, body.model_dump(exclude_unset=True))

    return api
