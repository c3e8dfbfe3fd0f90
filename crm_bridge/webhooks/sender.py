"""Sends one signed request to a receiver that somebody outside has named, and lets it do no harm.

No redirect is followed, nothing of the answer is read but its head, and with private addresses forbidden the very
address that was looked at is the one that is connected to: between look and connection no name is resolved again.
"""

from __future__ import annotations

import socket
import ssl
from importlib.metadata import version
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from crm_bridge.webhooks.rules import (
    SIGNATURE_HEADER,
    Failure,
    Outcome,
    is_private_literal,
    is_public,
)
from crm_bridge.webhooks.settings import WebhookSettings
from infra.kit.clock import Clock


class PrivateAddress(OSError):
    """The name leads into our own network."""


class PublicResolver(AbstractResolver):
    """Resolves names, and knows only their public addresses.

    Args:
        inner: Resolves.
    """

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the public addresses of a name.

        Raises:
            PrivateAddress: One of them is not public; a name that is half ours is not trusted at all.
            OSError: The name is unknown.
        """
        found = await self._inner.resolve(host, port, family)
        if not all(is_public(address["host"]) for address in found):
            raise PrivateAddress
        return found

    async def close(self) -> None:
        """Close what resolves."""
        await self._inner.close()


class Sender:
    """Sends requests to receivers, inside an `async with` block.

    Args:
        clock: Measures how long a receiver takes.
        settings: What is allowed, and how long it may take.
        resolver: Resolves names; without it the machine's own resolver.
    """

    def __init__(
        self, clock: Clock, settings: WebhookSettings, resolver: AbstractResolver | None = None
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = self._resolver or ThreadedResolver()
        if not self._settings.allow_private:
            resolver = PublicResolver(resolver)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=resolver, use_dns_cache=False, force_close=True, limit=0
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_seconds),
            headers={"User-Agent": f"Lianxin/{version('lianxin')}"},
            skip_auto_headers=("Accept-Encoding",),
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, url: str, body: bytes, signature: str) -> Outcome:
        """Post the body and return what came of it; raises nothing that a receiver could cause."""
        started = self._clock.monotonic()
        status, failure, retry_after = await self._post(url, body, signature)
        return Outcome(
            status=status,
            failure=failure,
            retry_after=retry_after,
            milliseconds=round((self._clock.monotonic() - started) * 1000),
        )

    async def _post(
        self, url: str, body: bytes, signature: str
    ) -> tuple[int | None, Failure | None, float | None]:
        assert self._session is not None  # noqa: S101  # it is used inside the block
        # An address in figures is never resolved, so the resolver cannot look at it.
        if not self._settings.allow_private and is_private_literal(urlsplit(url).hostname or ""):
            return None, Failure.private_address, None
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature}
        try:
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status, _failure_of(response.status), _retry_after(response)
        except TimeoutError:
            return None, Failure.timeout, None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return None, _class_of(error), None


def _failure_of(status: int) -> Failure | None:
    if 200 <= status < 300:
        return None
    return Failure.redirect if 300 <= status < 400 else Failure.status


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


def _class_of(error: BaseException) -> Failure:
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, PrivateAddress):
            return Failure.private_address
        chain = getattr(chain, "os_error", None) or chain.__cause__
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return Failure.tls
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Failure.unknown_host
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.ClientPayloadError, ValueError)):
        return Failure.protocol
    return Failure.refused
