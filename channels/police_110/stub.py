"""A 110 platform for demo and tests: speaks the protocol over HTTP, both ways, and remembers what it was told.

By telephone it is the number 110 of the simulated network (`telephony/phone_network`), so that a call of three and the
data that go with it meet on the same other side. It decides by itself, as a duty officer would: see `Officer`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from secrets import token_hex

import structlog
from aiohttp import web

from channels.police_110.client import Police110Client
from channels.police_110.settings import Police110Settings
from channels.police_110.signing import Seal, require_genuine, signer_of
from channels.police_110.wire import (
    LARGEST_BODY,
    Kind,
    MatterBody,
    Message,
    Receipt,
    read,
)
from infra.kit.clock import Clock
from infra.kit.errors import LianxinError

log = structlog.get_logger()


class Fault(StrEnum):
    """How the platform misbehaves."""

    none = "none"
    busy = "busy"
    """Answers 503."""
    refusing = "refusing"
    """Does not take our signature any more: 401."""
    answer_lost = "answer_lost"
    """Takes the message, and cuts the connection instead of answering."""
    slow = "slow"
    """Takes longer than anybody waits."""


Officer = Callable[[Message], Sequence[Message]]
"""What the duty officer answers to a transfer: messages that are sent a moment later, in order."""


@dataclass(slots=True)
class Stub110:
    """A running platform.

    Attributes:
        settings: The platform's own: `own_id` 110, `platform_id` 12345, `url` the hotline's address.
        clock: Gives the time.
        officer: Decides about transfers; without one nobody decides.
        port: Where it listens.
        fault: How it misbehaves.
        taken: Every message that it has taken, once each, in order.
        requests: How many requests came, also those that it did not take.
    """

    settings: Police110Settings
    clock: Clock
    officer: Officer | None = None
    port: int = 0
    fault: Fault = Fault.none
    taken: list[Message] = field(default_factory=list)
    requests: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where messages are posted to it."""
        return f"http://127.0.0.1:{self.port}/messages"

    def of(self, transfer_id: str) -> list[Message]:
        """Return what it was told of one matter, in order."""
        return [message for message in self.taken if message.transfer_id == transfer_id]

    async def hand_over(self, matter: MatterBody, transfer_id: str = "") -> Receipt:
        """Hand a matter over to the hotline and return its receipt.

        Raises:
            LianxinError: The hotline did not take it.
        """
        return await self.say(
            Message(
                message_id=f"jj-{token_hex(8)}",
                kind=Kind.transfer,
                transfer_id=transfer_id or f"JJ{token_hex(6)}",
                sent_at=self.clock.now(),
                matter=matter,
            )
        )

    async def say(self, message: Message) -> Receipt:
        """Send a message to the hotline: transfers to one address, answers to the other.

        Raises:
            LianxinError: The hotline did not take it.
        """
        own = self.settings
        url = own.url if message.kind in (Kind.transfer, Kind.ping) else f"{own.url}/answers"
        settings = own.model_copy(update={"url": url})
        return await Police110Client(settings, self.clock).send(message)

    def answer(self, kind: Kind, to: Message, **said: str) -> Message:
        """Return an answer to a matter."""
        return Message(
            message_id=f"jj-{token_hex(8)}",
            kind=kind,
            transfer_id=to.transfer_id,
            sent_at=self.clock.now(),
            number=f"J{to.transfer_id[-8:]}",
            **said,
        )

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Take a message of the hotline's."""
        self.requests += 1
        body = await request.content.read(LARGEST_BODY)
        if self.fault is Fault.busy:
            return web.Response(status=503, headers={"Retry-After": "1"})
        headers = {name.lower(): value for name, value in request.headers.items()}
        own = self.settings
        try:
            require_genuine(
                signer_of(own),
                own.platform_id,
                Seal.of(headers),
                body,
                self.clock.now(),
                own.window_seconds,
            )
            message = read(body)
        except LianxinError as error:
            return web.json_response({"code": error.slug}, status=error.status)
        if self.fault is Fault.refusing:
            return web.json_response({"code": "not-authenticated"}, status=401)
        if self.fault is Fault.slow:
            await _until_gone(request)
        self._take(message)
        if self.fault is Fault.answer_lost and request.transport is not None:
            request.transport.abort()
        return web.json_response({"code": "ok", "number": f"J{message.transfer_id[-8:]}"})

    def _take(self, message: Message) -> None:
        if any(known.message_id == message.message_id for known in self.taken):
            return
        if message.kind is not Kind.ping:
            self.taken.append(message)
        if message.kind is Kind.transfer and self.officer is not None:
            task = asyncio.create_task(self._decide(self.officer(message)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _decide(self, answers: Sequence[Message]) -> None:
        for answer in answers:
            try:
                await self.say(answer)
            except LianxinError as error:
                log.warning("stub_110_not_heard", kind=answer.kind, slug=error.slug)

    async def quiet(self) -> None:
        """Return when the officer has said all that he had to say."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Stop what the officer is still saying."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _until_gone(request: web.Request) -> None:
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110  # no event tells
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    settings: Police110Settings, clock: Clock, *, port: int = 0
) -> AsyncIterator[Stub110]:
    """Run a platform inside the block, on a free port of the loopback unless one is given."""
    stub = Stub110(settings=settings, clock=clock)
    app = web.Application()
    app.router.add_post("/messages", stub.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        stub.port = runner.addresses[0][1]
        yield stub
    finally:
        await stub.close()
        await runner.cleanup()
