"""Matters between the hotline and 110 over HTTP: for agents, and for the 110 platform itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Protocol, Self

from aiohttp import web
from pydantic import Field, model_validator

from channels.front.refusals import Refusals
from channels.police_110.channel import NAME, receipt
from channels.police_110.wire import (
    ADDRESS_LENGTH,
    ANSWERS,
    LARGEST_BODY,
    TEXT_LENGTH,
    TITLE_LENGTH,
    Kind,
    Message,
    read,
)
from channels.protocol import Delivery
from crm_bridge.forms import Id, Text, Version
from crm_bridge.police.calls import PoliceCalls, view_of
from crm_bridge.police.courier import Courier
from crm_bridge.police.hearing import Hearing
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
from infra.kit.clock import Clock
from infra.kit.errors import Invalid, LianxinError, TooLarge, TooMany
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal
from infra.kit.rate import Rate

HAND_OVER = "police.hand_over"
READ = "police.read"
_PER_MINUTE = 600


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


class Verifier(Protocol):
    """Knows whether a delivery comes from the 110 platform."""

    def verify(self, raw: Delivery) -> None:
        """Return if it does."""
        ...


class AnswerDoor:
    """Takes in what 110 says of matters that both know: `POST /channels/police-110/answers`.

    Args:
        verifier: Checks signatures.
        hearing: Does what is said.
        refusals: Keeps what could not be understood.
        clock: Gives the time.
        remote_of: Returns the sender's address, behind trusted proxies.
    """

    def __init__(
        self,
        verifier: Verifier,
        hearing: Hearing,
        refusals: Refusals,
        clock: Clock,
        remote_of: Callable[[web.Request], str],
    ) -> None:
        self._verifier = verifier
        self._hearing = hearing
        self._refusals = refusals
        self._clock = clock
        self._remote_of = remote_of
        self._rate = Rate(_PER_MINUTE)

    async def take(self, request: web.Request) -> web.Response:
        """Return a receipt once it is on disk.

        Raises:
            TooMany: The sender sends too much.
            NotAuthenticated: 110 has not signed it.
            Invalid: It is no answer; it is kept with the reason.
            NotFound: Nobody knows the matter.
        """
        remote = self._remote_of(request)
        wait = self._rate.wait(remote, self._clock.monotonic())
        if wait > 0:
            raise TooMany("too many messages", "报文过于频繁", retry_after=wait)
        raw = Delivery(
            method="POST",
            path="answers",
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await _body(request),
            received_at=self._clock.now(),
            remote=remote,
        )
        self._verifier.verify(raw)
        message = read(raw.body)
        number = ""
        if message.kind in ANSWERS:
            number = await self._hearing.hear(message)
        elif message.kind is not Kind.ping:
            raise Invalid(
                f"post transfers to /channels/{NAME}", f"移交报文请发送到 /channels/{NAME}"
            )
        answer = receipt(number)
        return web.Response(body=answer.body, content_type=answer.content_type)


def _answer_in(raw: Delivery) -> Message:
    message = read(raw.body)
    if message.kind is Kind.transfer:
        raise Invalid(f"post transfers to /channels/{NAME}", f"移交报文请发送到 /channels/{NAME}")
    return message


async def _body(request: web.Request) -> bytes:
    body = await request.content.read(LARGEST_BODY + 1)
    while len(body) <= LARGEST_BODY and not request.content.at_eof():
        body += await request.content.read(LARGEST_BODY + 1 - len(body))
    if len(body) > LARGEST_BODY:
        raise TooLarge(f"a message has {LARGEST_BODY} bytes at most", "报文过大")
    return body


def routes(
    handing: HandingOver,
    handovers: Handovers,
    courier: Courier,
    calls: PoliceCalls,
    door: AnswerDoor,
) -> Routes:
    """Return the endpoints of 110."""
    api = Routes(tag="police-110")
    _giving(api, handing, handovers, calls)
    _reading(api, handovers, courier)
    _calls(api, calls)

    @api.post(f"/channels/{NAME}/answers", permission=None)
    async def answers(request: web.Request) -> web.Response:
        """Take in an acceptance, refusal, result or supplement; signed by the 110 platform."""
        return await door.take(request)

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
