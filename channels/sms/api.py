"""Short messages over HTTP: the ones that wait for a person's decision."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Literal

from channels.sms.rules import MessageKind
from channels.sms.service import Messenger
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal

_MOST = 100

DecidedElsewhere = Callable[[Sequence[str]], Awaitable[Collection[str]]]
"""Returns which of these keys belong to something that a person decides about where it is listed."""


class MessageToReview(ApiModel):
    """A message of which nobody can tell whether it was sent; `key` says what it was for."""

    id: int
    key: str
    kind: MessageKind
    phone_masked: str
    created_at: datetime
    since: datetime


class MessagesToReview(ApiModel):
    """All of them, oldest first; at most 100."""

    items: list[MessageToReview]


class MessageDecision(ApiModel):
    """What a person has decided: send it again, perhaps a second time, or let it be."""

    decision: Literal["send_again", "give_up"]


def routes(messenger: Messenger, elsewhere: DecidedElsewhere) -> Routes:
    """Return the endpoints of short messages; what is decided `elsewhere` is not listed here too."""
    api = Routes(tag="short messages")

    @api.get("/api/v1/short-messages/review", permission="callback.review")
    async def waiting() -> MessagesToReview:
        """List the short messages of which nobody can tell whether they were sent, but for those that carry a reply."""
        found = await messenger.unknown()
        others = await elsewhere([one.message.key for one in found])
        mine = [one for one in found if one.message.key not in others]
        return MessagesToReview(
            items=[
                MessageToReview(
                    id=one.id,
                    key=one.message.key,
                    kind=one.message.kind,
                    phone_masked=one.message.phone.masked,
                    created_at=one.created_at,
                    since=one.since,
                )
                for one in mine[:_MOST]
            ]
        )

    @api.post("/api/v1/short-messages/{message_id}/review", permission="callback.review")
    async def review(principal: Principal, message_id: int, body: MessageDecision) -> None:
        """Decide whether a short message is sent again."""
        await messenger.decide(principal, message_id, again=body.decision == "send_again")

    return api
