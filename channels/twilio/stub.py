"""A stub of Twilio for demo and tests: the part of its REST API that is used here, and its signed webhooks.

It is as strict as Twilio's documents are: basic authentication, form encoding, E.164 numbers, the error codes of the
API reference. What it has taken it keeps, so that a test compares what citizens got with what our books say.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import format_datetime
from enum import StrEnum
from typing import Any

import aiohttp
from aiohttp import web

from channels.twilio.stub_webhooks import Made, StubWebhooks, sid

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_LONGEST_BODY = 1600
_FOLDER = "/2010-04-01/Accounts/{account}"


class Mood(StrEnum):
    """How the stub answers requests that make something."""

    well = "well"
    busy = "busy"
    """429 with Retry-After; nothing is made."""
    broken_before = "broken_before"
    """500; nothing was made."""
    broken_after = "broken_after"
    """500; but it was made."""
    silent = "silent"
    """It is made, and the connection is cut without an answer."""
    expired = "expired"
    """401: the token is no longer valid."""


class StubTwilio(StubWebhooks):
    """Twilio, as far as it goes.

    Attributes:
        messages: The short messages that it has taken, in order.
        calls: The calls that it has been told to make, in order.
        refused: The bodies of the requests that it refused, for tests of the wire format.
        mood: How it answers.
        number: The number that belongs to the account.
        media: The bytes behind an address of the API, by path.

    Args:
        account_sid: The only account.
        auth_token: Its token; also signs webhooks.
        number: Its number.
    """

    def __init__(
        self,
        account_sid: str = "AC" + "0" * 32,
        auth_token: str = "stub-token",  # noqa: S107  # of a stub
        number: str = "+8521234567",
    ) -> None:
        super().__init__(account_sid, auth_token, number)
        self.messages: list[Made] = []
        self.calls: list[Made] = []
        self.refused: list[dict[str, Any]] = []
        self.media: dict[str, bytes] = {}
        self.mood = Mood.well
        self.url = ""
        self.sms_url = self.voice_url = ""

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve inside the block and yield the address."""
        app = web.Application()
        folder = _FOLDER
        app.router.add_post(f"{folder}/Messages.json", self._make_message)
        app.router.add_get(f"{folder}/Messages.json", self._list_messages)
        app.router.add_post(f"{folder}/Calls.json", self._make_call)
        app.router.add_get(f"{folder}/Calls.json", self._list_calls)
        app.router.add_get(f"{folder}/IncomingPhoneNumbers.json", self._list_numbers)
        app.router.add_get(f"{folder}.json", self._account)
        app.router.add_get("/media/{name}", self._media)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        self.url = f"http://{host}:{runner.addresses[0][1]}"
        try:
            yield self.url
        finally:
            await runner.cleanup()

    async def _make_message(self, request: web.Request) -> web.Response:
        fields = await self._posted(request)
        problem = _problem_of_number(fields) or _problem_of_text(fields, self.number)
        return await self._answer(
            request, self.messages, Made(sid=sid("SM"), fields=fields), problem
        )

    async def _make_call(self, request: web.Request) -> web.Response:
        fields = await self._posted(request)
        problem = _problem_of_number(fields) or (
            ("21205", "Url parameter or Twiml is required.")
            if not (fields.get("Twiml") or fields.get("Url"))
            else None
        )
        return await self._answer(request, self.calls, Made(sid=sid("CA"), fields=fields), problem)

    async def _answer(
        self,
        request: web.Request,
        made_so_far: list[Made],
        made: Made,
        problem: tuple[str, str] | None,
    ) -> web.Response:
        if self.mood is Mood.expired or not self._is_authentic(request):
            return _error(401, 20003, "Authenticate")
        if self.mood is Mood.busy:
            return _error(429, 20429, "Too Many Requests", {"Retry-After": "1"})
        if self.mood is Mood.broken_before:
            return _error(500, 20500, "An internal server error has occurred")
        if problem is not None:
            self.refused.append(made.fields)
            return _error(400, int(problem[0]), problem[1])
        made_so_far.append(made)
        if self.mood is Mood.broken_after:
            return _error(500, 20500, "An internal server error has occurred")
        if self.mood is Mood.silent:
            assert request.transport is not None  # noqa: S101  # it is being read from
            request.transport.abort()
            await asyncio.sleep(0)
        return web.json_response(self._shown(made), status=201)

    async def _posted(self, request: web.Request) -> dict[str, str]:
        if request.content_type != "application/x-www-form-urlencoded":
            return {}
        form = await request.post()
        return {name: str(value) for name, value in form.items()}

    async def _list_messages(self, request: web.Request) -> web.Response:
        return self._list(request, "messages", self.messages)

    async def _list_calls(self, request: web.Request) -> web.Response:
        return self._list(request, "calls", self.calls)

    def _list(self, request: web.Request, name: str, made: list[Made]) -> web.Response:
        if self.mood is Mood.expired or not self._is_authentic(request):
            return _error(401, 20003, "Authenticate")
        to = request.query.get("To")
        found = [one for one in reversed(made) if to is None or one.fields["To"] == to]
        size = int(request.query.get("PageSize", "50"))
        return _page(request, name, [self._shown(one) for one in found[:size]])

    async def _list_numbers(self, request: web.Request) -> web.Response:
        if not self._is_authentic(request):
            return _error(401, 20003, "Authenticate")
        asked = request.query.get("PhoneNumber", self.number)
        ours = {
            "sid": "PN" + "0" * 32,
            "phone_number": self.number,
            "sms_url": self.sms_url,
            "voice_url": self.voice_url,
        }
        return _page(request, "incoming_phone_numbers", [ours] if asked == self.number else [])

    async def _account(self, request: web.Request) -> web.Response:
        if self.mood is Mood.expired or not self._is_authentic(request):
            return _error(401, 20003, "Authenticate")
        return web.json_response({"sid": self.account_sid, "status": "active", "type": "Full"})

    async def _media(self, request: web.Request) -> web.Response:
        if not self._is_authentic(request, whichever=True):
            return _error(401, 20003, "Authenticate")
        content = self.media.get(request.match_info["name"])
        return (
            web.Response(body=content) if content is not None else _error(404, 20404, "Not found")
        )

    def _is_authentic(self, request: web.Request, *, whichever: bool = False) -> bool:
        given = request.headers.get("Authorization", "")
        expected = aiohttp.encode_basic_auth(self.account_sid, self.auth_token)
        account = request.match_info.get("account", "")
        return given == expected and (whichever or account == self.account_sid)

    def _shown(self, made: Made) -> dict[str, Any]:
        return {
            "sid": made.sid,
            "account_sid": self.account_sid,
            "to": made.fields["To"],
            "from": made.fields.get("From"),
            "body": made.fields.get("Body"),
            "status": made.status,
            "error_code": made.error_code,
            "direction": "outbound-api",
            "num_segments": "1",
            "date_created": format_datetime(made.at),
            "date_sent": None,
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages/{made.sid}.json",
        }


def _problem_of_number(fields: Mapping[str, str]) -> tuple[str, str] | None:
    to = fields.get("To", "")
    if not to:
        return "21604", "A 'To' phone number is required."
    if not _E164.fullmatch(to):
        return "21211", f"The 'To' number {to} is not a valid phone number."
    return None


def _problem_of_text(fields: Mapping[str, str], number: str) -> tuple[str, str] | None:
    body, sender = fields.get("Body", ""), fields.get("From", "")
    if not body:
        return "21602", "Message body is required."
    if len(body) > _LONGEST_BODY:
        return "21617", "The concatenated message body exceeds the 1600 character limit."
    if not sender and not fields.get("MessagingServiceSid"):
        return "21603", "A 'From' phone number is required."
    if sender and sender != number:
        return "21606", "The 'From' phone number provided is not valid for this account."
    return None


def _page(request: web.Request, name: str, items: list[dict[str, Any]]) -> web.Response:
    page = {"page": 0, "page_size": 50, "next_page_uri": None, "uri": request.path_qs, name: items}
    return web.json_response(page)


def _error(
    status: int, code: int, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status, headers=headers)
