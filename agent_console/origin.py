"""Where a request comes from: from our own page or another site's, and from whose machine.

Browsers name the page's origin on every WebSocket and every unsafe request. Proxies name the machine for which they
ask; anybody can, so only those are believed that the settings trust.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from aiohttp import web

from infra.kit.errors import Forbidden

Network = IPv4Network | IPv6Network


class ForeignOrigin(Forbidden):
    """The request comes from a page of another site."""

    slug = "foreign-origin"
    title_zh = "请求来自其他网站的页面，已拒绝"
    title_en = "The request comes from a page of another site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What stands between browsers and this process.

    Attributes:
        public_url: Address under which browsers reach the pages; empty: the request's own host.
        trusted_proxies: Whose `X-Forwarded-For` is believed.
    """

    public_url: str = ""
    trusted_proxies: Sequence[Network] = ()


FRONT: web.AppKey[Front] = web.AppKey("front", Front)
"""Put into the application by whoever builds it; without it there is no proxy."""


def require_own_origin(request: web.Request) -> None:
    """Return if the request comes from our own page, or from no page at all.

    Only host and port are compared: behind a proxy that ends TLS the page is https and the request is not.

    Raises:
        ForeignOrigin: It comes from another site's page.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return
    own = {request.host.lower(), urlsplit(_front(request).public_url).netloc.lower()} - {""}
    if urlsplit(origin).netloc.lower() not in own:
        raise ForeignOrigin


def sender(request: web.Request) -> str:
    """Return the address of the machine that asks, behind trusted proxies too; empty if there is none."""
    trusted = _front(request).trusted_proxies
    address = _address(request.remote or "")
    if address is None:
        return request.remote or ""
    hops = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    # Each proxy appends for whom it asks: read from our end, as far as those who say it are trusted.
    for hop in reversed(hops):
        further = _address(hop.strip())
        if further is None or not any(address in network for network in trusted):
            break
        address = further
    return str(address)


def _front(request: web.Request) -> Front:
    return request.app.get(FRONT, Front())


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
