"""One ticket on somebody's screen: every act carries the version that was shown last."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from tests.integration.crm_bridge.test_api import ask

Client = TestClient[web.Request, web.Application]


class Desk:
    """Acts on one ticket with the version that was shown last."""

    def __init__(self, client: Client, ticket_id: int) -> None:
        self.client = client
        self.path = f"/tickets/{ticket_id}"
        self.seen: dict[str, Any] = {}

    async def look(self, who: str) -> dict[str, Any]:
        status, self.seen = await ask(self.client, "GET", self.path, who=who)
        assert status == 200, self.seen
        return self.seen

    async def act(self, who: str, what: str, **said: Any) -> dict[str, Any]:
        await self.look(who)
        status, self.seen = await self.try_to(who, what, **said)
        assert status == 200, self.seen
        return self.seen

    async def try_to(
        self, who: str, what: str, *, key: str | None = None, **said: Any
    ) -> tuple[int, dict[str, Any]]:
        body = {"version": self.seen.get("version", 1)} | said
        return await ask(self.client, "POST", f"{self.path}/{what}", body, who=who, key=key)
