"""A stub of Alibaba Cloud's short messages for demo and tests: its signed requests, its codes, its records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
from aiohttp import web

from channels.aliyun_sms.rules import VERSION, signature


class StubAliyun:
    """The service, as far as it goes.

    Attributes:
        sent: The messages that it has taken, as they were posted, with the `BizId` that each got.
        code: What it answers instead of `OK` to whoever sends; empty: it takes everything that is right.
        takes_anyway: Whether it has taken a message that it answers with `code`.

    Args:
        access_key_id: The only account.
        secret: Its secret.
        signs: The approved signatures.
        templates: The approved templates.
    """

    def __init__(
        self,
        access_key_id: str = "LTAI-stub",
        secret: str = "stub-secret",  # noqa: S107  # of a stub
        signs: tuple[str, ...] = ("12345热线",),
        templates: tuple[str, ...] = ("SMS_1", "SMS_2"),
    ) -> None:
        self.access_key_id = access_key_id
        self.secret = secret
        self.signs = signs
        self.templates = templates
        self.sent: list[dict[str, str]] = []
        self.code = ""
        self.takes_anyway = False
        self.url = ""

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve inside the block and yield the address."""
        app = web.Application()
        app.router.add_post("/", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        self.url = f"http://{host}:{runner.addresses[0][1]}/"
        try:
            yield self.url
        finally:
            await runner.cleanup()

    async def push(self, url: str, items: list[dict[str, Any]]) -> aiohttp.ClientResponse:
        """Push reports or answers to an address and return how that was answered, read."""
        async with aiohttp.ClientSession() as session, session.post(url, json=items) as response:
            await response.read()
            return response

    async def _answer(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        given = form.pop("Signature", "")
        if form.get("AccessKeyId") != self.access_key_id:
            return _said("InvalidAccessKeyId.NotFound", 404)
        if given != signature("POST", form, self.secret) or form.get("Version") != VERSION:
            return _said("SignatureDoesNotMatch", 400)
        match form.get("Action"):
            case "SendSms":
                return self._send(form)
            case "QuerySendDetails":
                return self._details(form)
            case "QuerySmsSign":
                known = form.get("SignName") in self.signs
                return _said("OK" if known else "isv.SMS_SIGNATURE_ILLEGAL", 200)
            case _:
                return _said("InvalidAction.NotFound", 404)

    def _send(self, form: dict[str, str]) -> web.Response:
        problem = self._problem(form)
        if problem:
            return _said(problem, 200)
        biz_id = uuid4().hex[:20]
        if not self.code or self.takes_anyway:
            self.sent.append({**form, "BizId": biz_id})
        return _said(self.code or "OK", 200, BizId=biz_id)

    def _problem(self, form: dict[str, str]) -> str:
        if form.get("SignName") not in self.signs:
            return "isv.SMS_SIGNATURE_ILLEGAL"
        if form.get("TemplateCode") not in self.templates:
            return "isv.SMS_TEMPLATE_ILLEGAL"
        number = form.get("PhoneNumbers", "")
        if not (number.isdigit() and 8 <= len(number) <= 15):
            return "isv.MOBILE_NUMBER_ILLEGAL"
        return ""

    def _details(self, form: dict[str, str]) -> web.Response:
        found = [
            {"PhoneNum": one["PhoneNumbers"], "OutId": one["OutId"], "SendStatus": 1}
            for one in self.sent
            if one["PhoneNumbers"] == form.get("PhoneNumber")
        ]
        details = {"SmsSendDetailDTO": found}
        return _said("OK", 200, TotalCount=str(len(found)), SmsSendDetailDTOs=details)


def _said(code: str, status: int, **more: Any) -> web.Response:
    body = {"RequestId": uuid4().hex, "Code": code, "Message": code, **more}
    return web.json_response(body, status=status)
