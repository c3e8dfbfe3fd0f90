"""One connection to Asterisk's manager interface: panoramisk's protocol with its weak places mended.

What comes in is framed on bytes, skipped by name when nobody wants it, parsed once and handed on as a
typed event; nothing that a peer sends, and nothing that a receiver does, raises out of `data_received`.
What goes out passes one gate. Nothing is ever sent twice: when the connection ends, every action that
waits for an answer fails, and the state is read anew on the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from panoramisk.ami_protocol import AMIProtocol

from telephony.ami.actions import Fields, Request, Response, encode
from telephony.ami.errors import AnswerLost, LinkDown, ListIncomplete
from telephony.ami.events import PARSERS, Event
from telephony.ami.framing import BANNER, Framer, Headers, TooLong, parse_headers
from telephony.ami.tally import Tally

log = structlog.get_logger()


class Protocol(AMIProtocol):  # type: ignore[misc]  # panoramisk ships no types
    """One connection.

    Args:
        receive: Takes each typed event, at once and in order; must only store it.
        tally: Counters to add to.

    Attributes:
        lost: Done when the connection has ended.
    """

    def __init__(self, receive: Callable[[Event], None], tally: Tally) -> None:
        self._receive = receive
        self._tally = tally
        self._framer = Framer()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, data: Fields, as_list: bool | None = None) -> Request:
        """Write an action, unless it is not connected, and remember that an answer is due.

        Raises:
            AmiInjection: The action cannot be sent as it is; nothing was.
            LinkDown: The connection has ended.
        """
        request = data if isinstance(data, Request) else Request(str(data["Action"]), data)
        if request.name.lower() == "originate":
            # Without it Asterisk blocks this session, events and all, until somebody answers.
            request["Async"] = "true"
        wire = encode(request.name, request)
        if self.closed:
            raise LinkDown("the link to Asterisk is down", "电话系统连接已断开，正在重连")
        self.responses[request.id] = request
        self.transport.write(wire)
        return request

    def forget(self, request: Request) -> None:
        """Stop waiting for an answer."""
        self.responses.pop(request.id, None)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the wire."""
        try:
            messages = self._framer.feed(data)
        except TooLong:
            log.warning("ami.not_ami")
            self.abort()
            return
        for message in messages:
            try:
                self._take(message)
            except (KeyError, ValueError) as error:
                self._tally.malformed += 1
                log.warning("ami.malformed", error=type(error).__name__)

    def _take(self, message: bytes) -> None:
        if message.startswith(b"Event: "):
            parse = PARSERS.get(message[7 : message.find(b"\r\n")])
            answers = self.responses and b"\r\nActionID: " in message
            if parse is None and not answers:
                self._tally.skipped += 1
                return
            if answers:
                self._take_item(parse_headers(message))
            event = parse(message) if parse is not None else None
            if event is not None:
                self._tally.events += 1
                self._receive(event)
            return
        if message.startswith(b"\r\n"):  # an end of line too many, as Asterisk sometimes sends
            self._take(message.lstrip())
            return
        if message.startswith(BANNER):
            message = message.partition(b"\r\n")[2]
        headers = parse_headers(message)
        if "Response" not in headers:
            raise ValueError("neither an event nor a response")
        self._take_response(headers)

    def _take_response(self, headers: Headers) -> None:
        request = self.responses.get(headers.get("ActionID"))
        if request is None:
            self._tally.orphans += 1
            log.info("ami.orphan", response=headers["Response"])
            return
        if headers["Response"] == "Success" and headers.get("EventList", "").lower() == "start":
            request.first, request.collected = headers, []
            return
        self._resolve(request, headers)

    def _take_item(self, headers: Headers) -> None:
        request = self.responses.get(headers["ActionID"])
        if request is None or request.collected is None:
            return
        if headers.get("EventList", "").lower() != "complete":
            request.collected.append(headers)
        elif int(headers["ListItems"]) == len(request.collected):
            self._resolve(request, request.first)
        else:
            self.forget(request)
            if not request.answer.done():
                request.answer.set_exception(
                    ListIncomplete(
                        f"{request.name}: {len(request.collected)} items of {headers['ListItems']}"
                    )
                )

    def _resolve(self, request: Request, headers: Headers) -> None:
        self.forget(request)
        if not request.answer.done():
            request.answer.set_result(
                Response(
                    success=headers["Response"] != "Error",
                    message=headers.get("Message", ""),
                    headers=headers,
                    items=request.collected or (),
                )
            )

    def pause(self) -> None:
        """Stop reading: the receiver is full. Asterisk will cut the link if that lasts."""
        if not self.closed:
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if not self.closed:
            self.transport.resume_reading()

    def abort(self) -> None:
        """End the connection at once, without waiting for a peer that may never read again."""
        if not self.closed:
            self.transport.abort()
            self.close()

    def close(self) -> None:
        """End the connection and fail every action that waits."""
        waiting = list(self.responses.values())
        self.responses.clear()
        for request in waiting:
            if not request.answer.done():
                request.answer.set_exception(
                    AnswerLost(f"the link to Asterisk was lost during {request.name}")
                )
                # Whoever sent it may be gone; that is no news to the event loop's error handler.
                request.answer.exception()
        super().close()
        if not self.lost.done():
            self.lost.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Learn from the event loop that the connection has ended."""
        self.close()
