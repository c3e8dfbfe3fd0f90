"""Another installation of Lianxin, over its REST API: a city joined to its province, or the other way round.

Only this side opens connections, so it may stand behind a firewall; the other side knows it by a bearer key with the
scope `upstream.exchange`, whose name is what it calls us.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import quote

import aiohttp
import pydantic

from crm_bridge.upstream.protocol import UpstreamSettings
from crm_bridge.upstream.rules import Changes, Exchange, Receipt
from crm_bridge.upstream.wire import ChangesView, ExchangeBody, ReceiptView
from infra.kit.errors import Misconfigured, Refused, TryLater

Body = TypeVar("Body", bound=pydantic.BaseModel)

_LARGEST_ANSWER = 16 * 1024 * 1024


class LianxinSettings(UpstreamSettings):
    """How another installation of Lianxin is reached."""

    kind: Literal["lianxin"] = pydantic.Field(default="lianxin", description="Kind of system.")
    url: str = pydantic.Field(
        pattern=r"^https?://[^\s/]+$",
        description="Address of the other installation, e.g. https://12345.example.gov.cn.",
    )
    key: pydantic.SecretStr = pydantic.Field(
        description="Bearer key that the other installation has given us, with the scope upstream.exchange."
    )
    timeout_seconds: float = pydantic.Field(
        default=15.0,
        gt=0,
        le=120,
        description="How long the other installation may take to answer.",
    )


class Lianxin:
    """Speaks to another installation of Lianxin.

    Args:
        settings: Where it is, and our key.
    """

    kind: ClassVar[str] = "lianxin"

    def __init__(self, settings: LianxinSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._open: aiohttp.ClientSession | None = None

    async def push_ticket(self, exchange: Exchange) -> Receipt:
        """Pass a ticket on, or tell what is new of one that was."""
        return await self._put(exchange)

    async def push_state(self, exchange: Exchange) -> Receipt:
        """Tell of a ticket that was passed on to us."""
        return await self._put(exchange)

    async def pull(self, cursor: str, limit: int) -> Changes:
        """Return what is new over there since a cursor."""
        answer = await self._ask(
            "GET", "/api/v1/upstream/changes", params={"cursor": cursor, "limit": str(limit)}
        )
        return self._parsed(ChangesView, answer).changes()

    async def close(self) -> None:
        """Let go of connections."""
        if self._open is not None:
            await self._open.close()
            self._open = None

    async def _put(self, exchange: Exchange) -> Receipt:
        body = ExchangeBody.of(exchange).model_dump_json(exclude_none=True).encode()
        path = f"/api/v1/upstream/tickets/{quote(exchange.key, safe='')}"
        return self._parsed(ReceiptView, await self._ask("PUT", path, data=body)).receipt()

    async def _ask(self, method: str, path: str, **more: Any) -> bytes:
        try:
            async with self._session().request(
                method, self._settings.url + path, allow_redirects=False, **more
            ) as response:
                body = await response.content.read(_LARGEST_ANSWER)
                complete = response.content.at_eof()
                self._check(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError with it
            raise TryLater(
                f"upstream system {self.name} cannot be reached: {type(error).__name__}",
                f"无法连接上级系统 {self.name}",
            ) from None
        if not complete:
            raise TryLater(f"upstream system {self.name} answers too much", "上级系统的应答过大")
        return body

    def _check(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        if status in (401, 403):
            raise Misconfigured(
                f"upstream system {self.name} does not take our key: renew upstream.systems.key",
                f"上级系统 {self.name} 不接受我们的密钥，请更新 upstream.systems.key",
            )
        if status == 429 or status >= 500:
            raise TryLater(
                f"upstream system {self.name} has no time now (HTTP {status})",
                f"上级系统 {self.name} 繁忙（HTTP {status}）",
                retry_after=_seconds(response.headers.get("Retry-After", "")),
            )
        if not 200 <= status < 300:
            raise Refused(
                f"upstream system {self.name} refused (HTTP {status})",
                f"上级系统 {self.name} 未受理（HTTP {status}）",
            )

    def _parsed(self, kind: type[Body], answer: bytes) -> Body:
        try:
            return kind.model_validate_json(answer)
        except pydantic.ValidationError:
            raise TryLater(
                f"upstream system {self.name} answers what we do not understand",
                f"上级系统 {self.name} 的应答无法识别",
            ) from None

    def _session(self) -> aiohttp.ClientSession:
        if self._open is None:
            self._open = aiohttp.ClientSession(
                headers={
                    "Authorization": f"Bearer {self._settings.key.get_secret_value()}",
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                },
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_seconds),
            )
        return self._open


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 5.0
