"""Shared tickets over HTTP: what another system tells and asks us, and what administrators look at."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from crm_bridge.forms import Id
from crm_bridge.upstream.reading import SharedTickets
from crm_bridge.upstream.rules import SCOPE
from crm_bridge.upstream.service import Exchanges
from crm_bridge.upstream.tables import NAME_LENGTH
from crm_bridge.upstream.wire import ChangesView, ExchangeBody, LinkPage, PeerList, ReceiptView
from infra.kit.errors import FieldError, Invalid
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal

MANAGE = "webhook.manage"


class ChangesQuery(ApiModel):
    """From where on, and how many."""

    cursor: str = Field(default="", max_length=20)
    limit: int = Field(default=50, ge=1, le=200)


class LinkQuery(ApiModel):
    """Which shared tickets to list; `failing` ones could not be told when last tried."""

    failing: bool = False
    ticket_id: Id | None = None
    cursor: str | None = Field(default=None, max_length=40)
    limit: int = Field(default=50, ge=1, le=100)


def routes(exchanges: Exchanges, shared: SharedTickets, poke: Callable[[], None]) -> Routes:
    """Return the endpoints of shared tickets.

    Args:
        exchanges: Does what another system says.
        shared: Reads links for administrators.
        poke: Wakes whoever tells.
    """
    api = Routes(tag="upstream")

    @api.put("/api/v1/upstream/tickets/{key}", permission=SCOPE)
    async def tell(principal: Principal, key: str, body: ExchangeBody) -> ReceiptView:
        """Pass a ticket on to us, or tell what is new of a shared one; sent again it changes nothing more."""
        if body.key != key:
            raise Invalid(
                fields=[
                    FieldError(
                        pointer="/key",
                        message_zh="应与地址中的标识一致",
                        message_en="Must be the key of the address",
                    )
                ]
            )
        return ReceiptView.of(await exchanges.take(_system(principal), body.exchange()))

    @api.get("/api/v1/upstream/changes", permission=SCOPE)
    async def changes(principal: Principal, query: ChangesQuery) -> ChangesView:
        """Show what is new for the asking system since a cursor: tickets passed on to it, states, answers."""
        found = await exchanges.changes(_system(principal), query.cursor, query.limit)
        return ChangesView.of(found)

    @api.get("/api/v1/upstream/systems", permission=MANAGE)
    async def systems() -> PeerList:
        """List the systems that tickets are shared with."""
        return await shared.peers()

    @api.get("/api/v1/upstream/links", permission=MANAGE)
    async def links(query: LinkQuery) -> LinkPage:
        """List shared tickets, the youngest first."""
        return await shared.page(
            failing=query.failing,
            ticket_id=query.ticket_id,
            cursor=query.cursor,
            limit=query.limit,
        )

    @api.post("/api/v1/upstream/links/{link_id}/retry", permission=MANAGE)
    async def retry(link_id: int) -> None:
        """Tell a shared ticket again at once."""
        await shared.retry(link_id)
        poke()

    return api


def _system(principal: Principal) -> str:
    # The name of the key says which system it is: a new key under the same name is the same system.
    return principal.name[:NAME_LENGTH]
