"""Matters between the hotline and 110 over HTTP: for agents, and for the 110 platform itself."""

from __future__ import annotations

from typing import Annotated, Self

from aiohttp import web
from pydantic import Field, model_validator

from channels.front.api import Entrance
from channels.police_110.channel import NAME
from channels.police_110.wire import ADDRESS_LENGTH, TEXT_LENGTH, TITLE_LENGTH
from crm_bridge.forms import Id, Text, Version
from crm_bridge.police.calls import PoliceCalls, view_of
from crm_bridge.police.courier import Courier
from crm_bridge.police.hearing import ANSWERS_PATH
from crm_bridge.police.reading import WATCH, Handovers
from crm_bridge.police.rules import Direction, HandoverState
from crm_bridge.police.service import HandingOver, Words
from crm_bridge.police.views import (
    HandedOver,
    HandoverDetail,
    HandoverList,
    HandoverPage,
    ThirdView,
)
from crm_bridge.tickets.casebook import Command
from infra.kit.errors import LianxinError
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

HAND_OVER = "police.hand_over"
READ = "police.read"


class CallBody(ApiModel):
    """A call that is going on, with what was typed of it so far; without a `pbx` it is the agent's own by its id."""

    pbx: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] | None = None
    linkedid: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]
    title: Text = Field(default="", max_length=TITLE_LENGTH)
    text: Text = Field(default="", max_length=TEXT_LENGTH)
    address: Text = Field(default="", max_length=ADDRESS_LENGTH)


class TicketBody(ApiModel):
    """A ticket, as it stands on the screen."""

    id: Id
    version: Version | None = None


class HandOverBody(ApiModel):
    """A ticket or a call; `emergency` when life or property is in danger, `ring` to call 110 into the call."""

    ticket: TicketBody | None = None
    call: CallBody | None = None
    emergency: bool = True
    ring: bool = False

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.ticket is None) is (self.call is None):
            raise ValueError("give a ticket or a call; ticket 与 call 必须且只能填写一项")
        if self.ring and self.call is None:
            raise ValueError("110 is rung into a call; 只有通话中才能发起三方通话")
        return self


class HandoverQuery(ApiModel):
    """Which matters to list; `undelivered` are those of which 110 did not take a message."""

    direction: Direction | None = None
    state: HandoverState | None = None
    undelivered: bool = False
    cursor: Annotated[str | None, Field(max_length=200)] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


def routes(
    handing: HandingOver,
    handovers: Handovers,
    courier: Courier,
    calls: PoliceCalls,
    entrance: Entrance,
) -> Routes:
    """Return the endpoints of 110."""
    api = Routes(tag="police-110")
    _giving(api, handing, handovers, calls)
    _reading(api, handovers, courier)
    _calls(api, calls)

    @api.post(f"/channels/{NAME}/{ANSWERS_PATH}", permission=None)
    async def answers(request: web.Request) -> web.Response:
        """Take in an acceptance, refusal, result or supplement; signed by the 110 platform."""
        return await entrance.take(request, NAME, ANSWERS_PATH)

    return api


def _giving(api: Routes, handing: HandingOver, handovers: Handovers, calls: PoliceCalls) -> None:
    @api.post("/api/v1/police/handovers", permission=HAND_OVER, status=201, idempotent=True)
    async def hand_over(
        principal: Principal, body: HandOverBody, idempotency: IdempotencyKey | None
    ) -> HandedOver:
        """Hand a ticket or the call that I am on to 110, and ring 110 into the call."""
        if body.ticket is not None:
            command = Command(
                ticket_id=body.ticket.id, version=body.ticket.version, key=idempotency
            )
            await handing.ticket(principal, command, emergency=body.emergency)
            made = (await handovers.of_ticket(principal, body.ticket.id))[-1]
            return HandedOver(handover=made, third=None, ring_problem=None)
        assert body.call is not None  # noqa: S101  # one of the two is there
        of = body.call
        handover_id = await handing.call(
            principal,
            (of.pbx, of.linkedid),
            Words(title=of.title, text=of.text, address=of.address),
            emergency=body.emergency,
            key=idempotency,
        )
        third, problem = await _ring(calls, principal, of.linkedid) if body.ring else (None, None)
        made = await handovers.one(principal, handover_id)
        return HandedOver(handover=made, third=third, ring_problem=problem)


async def _ring(
    calls: PoliceCalls, principal: Principal, linkedid: str
) -> tuple[ThirdView | None, str | None]:
    """Ring 110; that it cannot be rung must not hide that the matter is on its way."""
    try:
        return ThirdView(**view_of(await calls.ring(principal, linkedid))), None
    except LianxinError as error:
        return None, error.slug


def _reading(api: Routes, handovers: Handovers, courier: Courier) -> None:
    @api.get("/api/v1/police/handovers", permission=WATCH)
    async def page(query: HandoverQuery) -> HandoverPage:
        """List matters that were handed over, either way, the newest first."""
        return await handovers.page(
            direction=query.direction,
            state=query.state,
            undelivered=query.undelivered,
            cursor=query.cursor,
            limit=query.limit,
        )

    @api.get("/api/v1/police/handovers/{handover_id}", permission=READ)
    async def one(principal: Principal, handover_id: int) -> HandoverDetail:
        """Show a matter: what was told, and who had it when."""
        return await handovers.one(principal, handover_id)

    @api.get("/api/v1/tickets/{ticket_id}/police", permission="ticket.read")
    async def of_ticket(principal: Principal, ticket_id: int) -> HandoverList:
        """Show what was handed over of a ticket, either way."""
        return HandoverList(items=await handovers.of_ticket(principal, ticket_id))

    @api.post("/api/v1/police/handovers/{handover_id}/resend", permission=HAND_OVER)
    async def resend(principal: Principal, handover_id: int) -> HandoverDetail:
        """Try at once what was given up; the 110 platform knows a message that it has had."""
        await handovers.one(principal, handover_id)
        await courier.again(handover_id)
        return await handovers.one(principal, handover_id)


def _calls(api: Routes, calls: PoliceCalls) -> None:
    @api.get("/api/v1/police/calls/{linkedid}", permission=HAND_OVER)
    async def show(principal: Principal, linkedid: str) -> ThirdView:
        """Show how 110's part of my call stands."""
        return ThirdView(**view_of(calls.of_call(principal, linkedid)))

    @api.delete("/api/v1/police/calls/{third_id}", permission=HAND_OVER)
    async def dismiss(principal: Principal, third_id: str) -> None:
        """Stop ringing 110, or end its part of my call."""
        await calls.dismiss(principal, third_id)
