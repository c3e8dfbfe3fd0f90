"""Sends messages to the 110 platform; each answer is a receipt or says what is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pydantic

from channels.police_110.settings import Police110Settings
from channels.police_110.signing import seal, signer_of
from channels.police_110.wire import Message, Receipt
from infra.kit.clock import Clock
from infra.kit.errors import Misconfigured, Refused, TryLater

_LARGEST_ANSWER = 64 * 1024


class Police110Client:
    """Speaks to the 110 platform.

    A message that is sent again has the same `message_id`, and the platform knows it: so whatever happens on the way,
    sending again is harmless.

    Args:
        settings: Where it is, and how we sign.
        clock: Gives the time of the signatures.

    Raises:
        Misconfigured: The keys are no keys.
    """

    def __init__(self, settings: Police110Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._signer = signer_of(settings)

    async def send(self, message: Message) -> Receipt:
        """Send a message and return the platform's receipt: it is on disk there.

        Raises:
            TryLater: The platform cannot be reached, has no time, or nobody can tell.
            Refused: It does not take this one.
            Misconfigured: It does not know our signature, or we do not know its address.
        """
        if not self._settings.url:
            raise Misconfigured("set police_110.url", "请填写 police_110.url")
        try:
            async with self._session() as session:
                return await self._post(session, message)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError with it
            raise TryLater(
                f"the 110 platform cannot be reached: {type(error).__name__}",
                "无法连接 110 平台，将自动重试",
            ) from None

    async def _post(self, session: aiohttp.ClientSession, message: Message) -> Receipt:
        body = message.encoded()
        headers = seal(self._signer, self._settings.own_id, body, self._clock.now()).headers()
        async with session.post(
            self._settings.url,
            data=body,
            headers={**headers, "Content-Type": "application/json"},
            allow_redirects=False,
        ) as response:
            answer = await response.content.read(_LARGEST_ANSWER)
            _check(response)
        try:
            receipt = Receipt.model_validate_json(answer)
        except pydantic.ValidationError:
            raise TryLater(
                "the 110 platform answers what is no receipt", "110 平台的回执无法识别"
            ) from None
        if receipt.code != "ok":
            raise Refused("the 110 platform did not take the message", "110 平台未接收该报文")
        return receipt

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        # One connection a message: they are few, and a line that died meanwhile is not found out by a citizen's matter.
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_seconds)
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout
        ) as session:
            yield session


def _check(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status in (401, 403):
        raise Misconfigured(
            "the 110 platform does not take our signature: compare keys, own_id and clocks",
            "110 平台拒绝了我方签名，请核对密钥、own_id 和系统时间",
        )
    if status in (408, 425, 429) or status >= 500:
        raise TryLater(
            f"the 110 platform has no time now (HTTP {status})",
            f"110 平台暂时无法处理（HTTP {status}）",
            retry_after=_seconds(response.headers.get("Retry-After", "")),
        )
    if not 200 <= status < 300:
        raise Refused(
            f"the 110 platform refused the message (HTTP {status})",
            f"110 平台未接收该报文（HTTP {status}）",
        )


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 5.0
