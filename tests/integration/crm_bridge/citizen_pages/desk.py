"""The citizen pages' API over a real database, behind real HTTP, with a page that does its work."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from channels.sms.codes import WrongCode
from crm_bridge.callbacks.written import WrittenRatings
from crm_bridge.citizen_pages import api
from crm_bridge.citizen_pages.gate import Gate
from crm_bridge.citizen_pages.matters import Matters
from crm_bridge.citizen_pages.passes import Passes
from crm_bridge.citizen_pages.reports import Reports
from crm_bridge.citizen_pages.rules import solves
from crm_bridge.citizen_pages.service import CitizenPages
from crm_bridge.citizen_pages.settings import CitizenPageSettings
from crm_bridge.citizen_pages.uploads import Uploads
from crm_bridge.citizen_pages.views import PageView
from crm_bridge.tickets.vocabulary import TicketType
from infra.kit.errors import TooMany
from infra.kit.http import mount
from infra.kit.problems import problem_middleware
from telephony.numbers import PhoneNumber
from tests.integration.crm_bridge.house import ZONE, House

EASY = CitizenPageSettings(work_bits=4, part_kilobytes=16)
PHONE = "13800015121"
CODE = "246810"
LAMP = {"type": "complaint", "text": "滨江路 18 号门前路灯三天不亮。", "address": "滨江路 18 号"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """When a code expires."""

    expires_at: Any
    again_at: Any


@dataclass(kw_only=True)
class KnownCode:
    """Sends the same code to everybody."""

    house: House
    sent: list[str] = field(default_factory=list)
    tired: bool = False

    async def request(self, phone: PhoneNumber) -> Sent:
        if self.tired:
            raise TooMany("later", "稍后再试", retry_after=60)
        self.sent.append(phone.digits)
        now = self.house.clock.now()
        return Sent(expires_at=now + timedelta(minutes=5), again_at=now + timedelta(minutes=1))

    async def check(self, phone: PhoneNumber, code: str) -> None:
        if code != CODE or phone.digits not in self.sent:
            raise WrongCode("wrong", "验证码错误")


@dataclass(kw_only=True)
class Page:
    """A page of a citizen, who sits at an address."""

    client: TestClient[web.Request, web.Application]
    address: str = "192.0.2.1"

    async def ask(
        self, method: str, path: str, body: object = None, *, expect: int | None = 200, **more: Any
    ) -> Any:
        """Return the JSON of the answer."""
        headers = {"X-From": self.address, **more.pop("headers", {})}
        async with self.client.request(
            method, f"/api/v1/citizen{path}", json=body, headers=headers, **more
        ) as response:
            answer = await response.json()
            assert expect is None or response.status == expect, answer
            return answer | {"status": response.status}

    async def prove(self, purpose: str) -> dict[str, str]:
        """Do the work."""
        made = await self.ask("POST", "/challenges", {"purpose": purpose})
        text, bits = made["challenge"], made["bits"]
        nonce = next(str(n) for n in range(10**7) if solves(text, str(n), bits))
        return {"challenge": text, "nonce": nonce}

    async def report(
        self, *, key: str | None = None, expect: int | None = 201, **changes: Any
    ) -> Any:
        """Report a lamp."""
        proof = changes.pop("proof", None) or await self.prove("report")
        return await self.ask(
            "POST",
            "/reports",
            {**LAMP, **changes, "proof": proof},
            expect=expect,
            headers={"Idempotency-Key": key or uuid4().hex},
        )

    async def show_phone(self, phone: str = PHONE) -> str:
        """Return a pass for a number."""
        await self.ask("POST", "/codes", {"phone": phone, "proof": await self.prove("code")})
        shown = await self.ask("POST", "/phone-passes", {"phone": phone, "code": CODE})
        return str(shown["phone_pass"])

    async def find(self, number: str, *, expect: int | None = 200, **by: str) -> Any:
        """Look a matter up."""
        body = {"number": number, **by, "proof": await self.prove("progress")}
        return await self.ask("POST", "/progress", body, expect=expect)

    async def begin(self, name: str, size: int, *, expect: int | None = 201) -> Any:
        """Begin a file."""
        body = {"name": name, "size": size, "proof": await self.prove("upload")}
        return await self.ask("POST", "/uploads", body, expect=expect)

    async def part(
        self, upload: str, start: int, content: bytes, *, expect: int | None = 200
    ) -> Any:
        """Send a piece of a file."""
        path = f"/uploads/{upload}/parts?start={start}"
        return await self.ask("POST", path, data=content, expect=expect)

    async def upload(self, content: bytes, name: str = "a.jpg", *, size: int = 16 * 1024) -> str:
        """Send a whole file in pieces."""
        begun = await self.begin(name, len(content))
        for start in range(0, len(content), size):
            await self.part(begun["upload"], start, content[start : start + size])
        return str(begun["upload"])


@dataclass(kw_only=True)
class Desk:
    """A house whose citizens have pages."""

    house: House
    settings: CitizenPageSettings = EASY

    def __post_init__(self) -> None:
        house, settings = self.house, self.settings
        self.codes = KnownCode(house=house)
        self.passes = Passes(
            house.clock, house.vault, timedelta(days=settings.link_days), "https://12345.example/"
        )
        self.gate = Gate(house.database, house.clock, house.vault, settings)
        self.uploads = Uploads(
            house.database, house.clock, house.vault, house.attachments, settings
        )
        ratings = WrittenRatings(
            house.database, house.clock, house.ledger, house.settings.plan(ZONE), house.poke
        )
        self.pages = CitizenPages(
            settings,
            self._page,
            self.gate,
            self.codes,
            self.passes,
            self.uploads,
            Reports(
                house.database,
                house.clock,
                self.gate,
                self.uploads,
                self.passes,
                house.intake.take,
                settings,
            ),
            Matters(house.database, house.vault, self.gate, self.passes, ratings, settings),
            lambda request: request.headers.get("X-From", "192.0.2.1"),
        )

    def _page(self) -> PageView:
        return PageView(
            city_zh="临江市",
            city_en="Linjiang",
            hotline="12345",
            limits=dict.fromkeys(TicketType, "5wd"),
            files=self.settings.files,
            file_bytes=self.uploads.limit,
            part_bytes=self.uploads.part_bytes,
            letters=self.settings.letters,
            one_touch=False,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Page]:
        """Yield a page that talks to the API."""
        app = web.Application(middlewares=[problem_middleware], client_max_size=1024 * 1024)
        mount(app, [api.routes(self.pages)])
        async with TestClient(TestServer(app)) as client:
            yield Page(client=client)


def picture(width: int = 200, height: int = 150) -> bytes:
    """Return a picture as a telephone sends it; no two sizes are alike in their bytes."""
    content = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(content, "JPEG", quality=90)
    return content.getvalue()
