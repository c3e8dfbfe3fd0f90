"""Webhooks over HTTP: every channel's, at one address each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from pydantic import Field

from channels.front.refusals import Refusals
from channels.front.service import Front
from channels.protocol import Acknowledgement, Delivery
from infra.kit.clock import Clock
from infra.kit.http import ApiModel, Routes

WATCH = "queue.watch"
MANAGE = "channel.manage"
_CHUNK = 65_536


class RefusedDeliveryView(ApiModel):
    """A delivery that was genuine and could not be understood; never what was in it."""

    id: int
    channel: str
    reason: str
    reason_zh: str
    reason_en: str
    size: int
    whole: bool
    first_at: datetime
    last_at: datetime
    times: int


class RefusedDeliveryPage(ApiModel):
    """A part of the refused deliveries, the youngest first."""

    items: list[RefusedDeliveryView]
    next_cursor: str | None


class RefusedQuery(ApiModel):
    """Which refused deliveries to list."""

    channel: str | None = Field(default=None, max_length=40)
    cursor: str | None = Field(default=None, pattern=r"^[0-9]{1,10}$")
    limit: int = Field(default=50, ge=1, le=100)


class TakenView(ApiModel):
    """The contacts that came of a delivery that was tried again."""

    contact_ids: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Reads deliveries off requests, and hands them to the front.

    Attributes:
        front: Takes deliveries in.
        clock: Gives the time at which a delivery came.
        address_of: Says from whose machine a request comes.
        public_url: Under which address providers reach us; empty: the request's own.
    """

    front: Front
    clock: Clock
    address_of: Callable[[web.Request], str]
    public_url: str = ""

    async def take(self, request: web.Request, name: str, path: str = "") -> web.Response:
        """Take in what was sent to `/channels/{name}/{path}`; it is on disk when this returns.

        Raises:
            LianxinError: As `Front.receive`.
        """
        body = await _body(request, self.front, name)
        origin = self.public_url.rstrip("/") or f"{request.scheme}://{request.host}"
        query = request.query
        raw = Delivery(
            method=request.method,
            path=path,
            # As it was asked, not as it was decoded: signatures cover every sign of it.
            url=f"{origin}{request.raw_path}",
            query={key: query.getall(key) for key in query},
            headers={key.lower(): text for key, text in request.headers.items()},
            body=body,
            received_at=self.clock.now(),
            remote=self.address_of(request),
        )
        return _response(await self.front.receive(name, raw))


def routes(entrance: Entrance, refusals: Refusals) -> Routes:
    """Return the endpoints of webhooks.

    Args:
        entrance: Takes in what is sent to them.
        refusals: Shows what could not be understood.
    """
    api = Routes(tag="channels")

    async def take(request: web.Request) -> web.Response:
        address = request.match_info
        return await entrance.take(request, address["name"], address.get("path", ""))

    @api.get("/channels/{name}", permission=None)
    async def check(request: web.Request) -> web.Response:
        """Answer a provider that checks the address."""
        return await take(request)

    @api.post("/channels/{name}", permission=None)
    async def deliver(request: web.Request) -> web.Response:
        """Take in what a provider posts; the channel says how it is signed."""
        return await take(request)

    @api.get("/channels/{name}/{path}", permission=None)
    async def check_below(request: web.Request) -> web.Response:
        """Answer a provider that checks an address below its channel's."""
        return await take(request)

    @api.post("/channels/{name}/{path}", permission=None)
    async def deliver_below(request: web.Request) -> web.Response:
        """Take in what a provider posts to an address below its channel's."""
        return await take(request)

    _refused(api, entrance.front, refusals)
    return api


def _refused(api: Routes, front: Front, refusals: Refusals) -> None:
    @api.get("/api/v1/channels/refused", permission=WATCH)
    async def refused(query: RefusedQuery) -> RefusedDeliveryPage:
        """List deliveries that were genuine and could not be understood."""
        found = await refusals.listed(
            channel=query.channel,
            below=int(query.cursor) if query.cursor else None,
            limit=query.limit + 1,
        )
        items = [
            RefusedDeliveryView.model_validate(one, from_attributes=True)
            for one in found[: query.limit]
        ]
        more = len(found) > query.limit
        return RefusedDeliveryPage(items=items, next_cursor=str(items[-1].id) if more else None)

    @api.post("/api/v1/channels/refused/{refused_id}/retry", permission=MANAGE)
    async def retry(refused_id: int) -> TakenView:
        """Take a refused delivery in after all, now that its channel understands it."""
        received = await front.again(refused_id)
        return TakenView(contact_ids=[one.contact_id for one in received])


async def _body(request: web.Request, front: Front, name: str) -> bytes:
    limit = front.limit(name)
    if (request.content_length or 0) > limit:
        raise front.too_large(name)
    body = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise front.too_large(name)
    return bytes(body)


def _response(answer: Acknowledgement) -> web.Response:
    return web.Response(
        status=answer.status,
        body=answer.body,
        content_type=answer.content_type,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
