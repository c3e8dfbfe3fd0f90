"""Callbacks over HTTP: the ones that wait for a person's decision."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from crm_bridge.callbacks.rules import CallbackState
from crm_bridge.callbacks.service import Callbacks
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal


class CallbackToReview(ApiModel):
    """A callback of which nobody can tell whether the telephone rang."""

    id: int
    ticket_id: int
    state: CallbackState
    since: datetime


class CallbacksToReview(ApiModel):
    """All of them, oldest first; at most 100."""

    items: list[CallbackToReview]


class ReviewBody(ApiModel):
    """What a person has decided: ring the citizen again, or let the ticket stay unrated."""

    decision: Literal["call_again", "close"]


def routes(callbacks: Callbacks) -> Routes:
    """Return the endpoints of callbacks."""
    api = Routes(tag="callbacks")

    @api.get("/api/v1/callbacks/review", permission="callback.review")
    async def waiting() -> CallbacksToReview:
        """List the callbacks that wait for a person's decision."""
        return CallbacksToReview(
            items=[
                CallbackToReview(
                    id=waiting.callback_id,
                    ticket_id=waiting.ticket_id,
                    state=CallbackState.needs_review,
                    since=waiting.since,
                )
                for waiting in await callbacks.to_review()
            ]
        )

    @api.post("/api/v1/callbacks/{callback_id}/review", permission="callback.review")
    async def review(principal: Principal, callback_id: int, body: ReviewBody) -> None:
        """Decide whether the citizen is rung again."""
        await callbacks.review(principal, callback_id, call_again=body.decision == "call_again")

    return api
