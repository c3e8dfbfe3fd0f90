"""The audit log over HTTP, for auditors: read, never written."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from agent_console.audit.reading import AuditReader, Wanted
from crm_bridge.forms import LARGEST_ID, Moment
from infra.kit.audit import AuditRow
from infra.kit.http import ApiModel, Routes

_PERMISSION = "audit.read"


class AuditQuery(ApiModel):
    """Which acts; `action` with a dot at the end takes everything below it, e.g. `user.`."""

    actor: Annotated[str | None, Field(max_length=40)] = None
    action: Annotated[str | None, Field(max_length=60)] = None
    subject: Annotated[str | None, Field(max_length=100)] = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: Annotated[int | None, Field(ge=0, le=LARGEST_ID)] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ActView(ApiModel):
    """One act; `seq` is its number in the chain, `actor` null the system itself."""

    seq: int | None
    at: datetime
    actor: str | None
    action: str
    subject: str
    detail: dict[str, Any]


class ActList(ApiModel):
    """Acts, the newest first."""

    items: list[ActView]
    next_cursor: int | None


class HeadView(ApiModel):
    """Where the chain ends: to be written down outside, for `lianxin check audit --expect`."""

    count: int
    hash: str
    expect: str


def routes(reader: AuditReader) -> Routes:
    """Return the endpoints of the audit log."""
    api = Routes(tag="audit")

    @api.get("/api/v1/audit", permission=_PERMISSION)
    async def acts(query: AuditQuery) -> ActList:
        """List who did what to whose record."""
        wanted = Wanted(
            actor=query.actor,
            action=query.action,
            subject=query.subject,
            since=query.since,
            until=query.until,
        )
        found = await reader.acts(wanted, query.cursor, query.limit + 1)
        page = found[: query.limit]
        return ActList(
            items=[_view(row) for row in page],
            next_cursor=page[-1].id if len(found) > len(page) else None,
        )

    @api.get("/api/v1/audit/head", permission=_PERMISSION)
    async def head() -> HeadView:
        """Show where the chain ends."""
        found = await reader.head()
        if found is None:
            return HeadView(count=0, hash="", expect="")
        return HeadView(count=found.count, hash=found.hash, expect=str(found))

    return api


def _view(row: AuditRow) -> ActView:
    return ActView(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        detail=row.detail,
    )
