"""Twilio's REST API by Twilio's own library, over a transport that says what is certain and what is not.

https://www.twilio.com/docs/messaging/api/message-resource, https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import structlog
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]  # the library has no types
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]  # the library has no types
from twilio.http.response import Response  # type: ignore[import-untyped]  # the library has no types

from channels.sms.protocol import MessageRejected
from channels.twilio.settings import TwilioSettings
from infra.kit.errors import LianxinError, Misconfigured, Refused, TooMany, TryLater

if TYPE_CHECKING:
    from twilio.rest import Client  # type: ignore[import-untyped]  # the library has no types

log = structlog.get_logger()

T = TypeVar("T")

PUBLIC_API = "https://api.twilio.com"
"""Where the library believes the API to be."""

_CONNECT_SECONDS = 5.0
_TOTAL_SECONDS = 20.0
_LARGEST_MEDIA = 20 * 1024 * 1024
_ACCOUNT_RETRY_SECONDS = 60.0
_NOT_THE_MESSAGES_FAULT = frozenset(
    {20003, 20426, 21212, 21603, 21606, 21659, 21660, 21701, 21703, 30002}
)
"""Codes of an account, a sender or a service that an operator must mend: https://www.twilio.com/docs/api/errors."""


class AccountRefused(TryLater):
    """Twilio refuses the account, the key or the number that sends: an operator must mend it, then it goes on."""

    slug = "twilio-account-refused"
    title_zh = "Twilio 拒绝了账号、密钥或发送号码，请管理员检查 [twilio] 配置"
    title_en = "Twilio refuses the account, the key or the sender: look at the settings in [twilio]"


class TwilioApi:
    """One account of Twilio.

    Args:
        settings: Account and address.

    Raises:
        Misconfigured: There is no account.
    """

    def __init__(self, settings: TwilioSettings) -> None:
        if not settings.account_sid or not settings.auth_token.get_secret_value():
            raise Misconfigured(
                "twilio.account_sid and twilio.auth_token are needed: copy them from Twilio's console",
                "缺少 twilio.account_sid 或 twilio.auth_token，请从 Twilio 控制台复制",
            )
        self.settings = settings
        self._transport = _Transport(settings.api_url)
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The library's client, whose `…_async` methods are to be awaited inside `answered`."""
        if self._client is None:
            from twilio.rest import Client  # it takes a while to load

            settings = self.settings
            self._client = Client(
                settings.api_key_sid or settings.account_sid,
                settings.api_key_secret.get_secret_value()
                or settings.auth_token.get_secret_value(),
                account_sid=settings.account_sid,
                http_client=self._transport,
                environment={"TWILIO_EDGE": ""},  # nothing of it comes from our environment
            )
        return self._client

    async def answered(self, call: Awaitable[T]) -> T:
        """Return what a call of the library returns.

        Raises:
            MessageRejected: Twilio refuses it for good.
            AccountRefused: Twilio refuses us.
            TryLater: It was not done, for certain.
            TimeoutError: It may have been done.
        """
        try:
            return await call
        except TwilioException as error:
            # What Twilio says of it names the number: nothing of it goes further.
            refusal = _refusal(getattr(error, "code", None) or 0, getattr(error, "status", 0))
        raise refusal

    async def media(self, url: str) -> bytes:
        """Return the bytes of a recording or of a picture that came with a message.

        Raises:
            TryLater: Twilio does not give it now.
            Refused: It is not Twilio's, or too large.
        """
        if not url.startswith((f"{self.settings.api_url}/", f"{PUBLIC_API}/")):
            raise Refused("not an address of Twilio's API", "不是 Twilio 接口的地址")
        return await self._transport.media(url, self._key())

    async def close(self) -> None:
        """Return once no connection is open."""
        await self._transport.close()

    def _key(self) -> tuple[str, str]:
        settings = self.settings
        if settings.api_key_sid:
            return settings.api_key_sid, settings.api_key_secret.get_secret_value()
        return settings.account_sid, settings.auth_token.get_secret_value()


class _Transport(AsyncHttpClient):  # type: ignore[misc]  # the library has no types
    """Carries the library's requests.

    Its own transport writes numbers into the log, has no deadline and tells a request that never left from one that
    was not answered by nothing.
    """

    def __init__(self, api_url: str) -> None:
        super().__init__(logging.getLogger("twilio"), is_async=True)
        self._api_url = api_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's signature
        allow_redirects: bool = False,
    ) -> Response:
        """Return the answer to a request that has an effect or could have none; see `TwilioApi.answered`."""
        status, text, retry_after = await self._exchange(
            method,
            self._located(uri),
            params=_pairs(params),
            data=_pairs(data) or None,
            headers={**(headers or {}), **(_authorization(auth) if auth else {})},
        )
        if status == 429:
            raise TooMany("Twilio takes no more just now", "Twilio 限流", retry_after=retry_after)
        if status >= 500:
            raise _uncertain(method, f"Twilio answers {status}")
        return Response(status, text)

    async def media(self, url: str, key: tuple[str, str]) -> bytes:
        """Return the bytes at an address of the API, by the redirect to where they lie."""
        try:
            # The key goes to the API alone: at a redirect to another host it is left out.
            async with self._open().get(
                self._located(url), headers=_authorization(key), max_redirects=3
            ) as response:
                if response.status != 200:
                    raise TryLater(f"Twilio answers {response.status}", "Twilio 暂未提供该文件")
                content = await response.content.read(_LARGEST_MEDIA + 1)
                while len(content) <= _LARGEST_MEDIA and not response.content.at_eof():
                    content += await response.content.read(_LARGEST_MEDIA + 1 - len(content))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise TryLater("Twilio cannot be reached", "无法连接 Twilio") from error
        if len(content) > _LARGEST_MEDIA:
            raise Refused("the file is too large", "文件过大")
        return content

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(self, method: str, url: str, **request: Any) -> tuple[int, str, float]:
        try:
            async with self._open().request(
                method, url, allow_redirects=False, **request
            ) as response:
                return response.status, await response.text(), _retry_after(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TryLater("Twilio cannot be reached", "无法连接 Twilio") from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _uncertain(method, "Twilio did not answer") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=_TOTAL_SECONDS, sock_connect=_CONNECT_SECONDS),
            )
        return self._session

    def _located(self, url: str) -> str:
        return (
            f"{self._api_url}{url.removeprefix(PUBLIC_API)}" if url.startswith(PUBLIC_API) else url
        )


def _refusal(code: int, status: int) -> LianxinError:
    if status not in (401, 403) and code not in _NOT_THE_MESSAGES_FAULT:
        return MessageRejected(str(code))
    log.error("twilio_account_refused", code=code, status=status)
    return AccountRefused(
        f"Twilio's code {code}", f"Twilio 错误码 {code}", retry_after=_ACCOUNT_RETRY_SECONDS
    )


def _uncertain(method: str, detail: str) -> Exception:
    """Return the error for a request of which it is not known whether it was done; reading has no effect."""
    return TryLater(detail, "Twilio 暂时没有响应") if method == "GET" else TimeoutError(detail)


def _authorization(key: tuple[str, str]) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(*key)}


def _pairs(values: dict[str, object] | None) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in (values or {}).items():
        pairs += [(name, str(one)) for one in (value if isinstance(value, list) else [value])]
    return pairs


def _retry_after(response: aiohttp.ClientResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 5.0
