"""Tickets that may be about one matter, over HTTP. Joining them is a person's act and another endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from crm_bridge.similar.pending import PendingGroups
from crm_bridge.similar.reading import SimilarReader
from crm_bridge.similar.rules import Likeness, ReasonKind
from crm_bridge.tickets.reading import cursor_at
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import STATE_WORDS, TicketState
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal


class ReasonView(ApiModel):
    """What makes two tickets alike."""

    kind: ReasonKind
    text_zh: str
    text_en: str


class TicketOfMatter(ApiModel):
    """A ticket; `version` is what joining it needs."""

    ticket_id: int
    number: str
    title: str
    address: str
    category: str
    state: TicketState
    state_zh: str
    state_en: str
    created_at: datetime
    version: int


class SimilarView(TicketOfMatter):
    """A ticket that may be about the same matter; `score` is between 0 and 1."""

    same_caller: bool
    score: float
    reasons: list[ReasonView]


class SimilarList(ApiModel):
    """Open tickets that may be about the same matter, the most alike first."""

    items: list[SimilarView]


class GroupView(ApiModel):
    """Tickets that look like one matter: the proposed main one, and those that could be joined to it.

    `size` counts all of them, the main one too.
    """

    main: TicketOfMatter
    others: list[SimilarView]
    size: int


class GroupList(ApiModel):
    """A part of the groups, the newest first."""

    items: list[GroupView]
    next_cursor: str | None


class GroupQuery(ApiModel):
    """Which part of the groups."""

    cursor: str | None = Field(default=None, max_length=40)
    limit: int = Field(default=20, ge=1, le=100)


def routes(reader: SimilarReader, pending: PendingGroups) -> Routes:
    """Return the endpoints of similar tickets."""
    api = Routes(tag="similar")

    @api.get("/api/v1/tickets/{ticket_id}/similar", permission="ticket.write")
    async def of_ticket(principal: Principal, ticket_id: int) -> SimilarList:
        """Suggest open tickets to which this one could be joined; a person decides."""
        found = await reader.of_ticket(principal, ticket_id)
        return SimilarList(items=[_similar(one.row, one.likeness) for one in found])

    @api.get("/api/v1/similar", permission="ticket.dispatch")
    async def groups(query: GroupQuery) -> GroupList:
        """List groups of open tickets that look like one matter."""
        page = await pending.page(query.cursor, query.limit)
        return GroupList(
            items=[
                GroupView(
                    main=_ticket(page.rows[group.main.ticket_id]),
                    others=[
                        _similar(page.rows[member.ticket_id], alike)
                        for member, alike in group.others
                    ],
                    size=len(group.others) + 1,
                )
                for group in page.groups
            ],
            next_cursor=cursor_at(page.last) if page.last is not None else None,
        )

    return api


def _ticket(row: TicketRow) -> TicketOfMatter:
    return TicketOfMatter(
        ticket_id=row.id or 0,
        number=row.number,
        title=row.title,
        address=row.address,
        category=row.category,
        state=row.state,
        state_zh=STATE_WORDS[row.state].zh,
        state_en=STATE_WORDS[row.state].en,
        created_at=row.created_at,
        version=row.version,
    )


def _similar(row: TicketRow, alike: Likeness) -> SimilarView:
    return SimilarView(
        **_ticket(row).model_dump(),
        same_caller=alike.same_caller,
        score=round(alike.score, 4),
        reasons=list(_reasons(alike)),
    )


def _reasons(alike: Likeness) -> Iterable[ReasonView]:
    for reason in alike.reasons():
        yield ReasonView(kind=reason.kind, text_zh=reason.text_zh, text_en=reason.text_en)
