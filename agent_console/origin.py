"""Is it our own page that asks? Browsers name the page's origin on every WebSocket and every unsafe request."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from infra.kit.errors import Forbidden


class ForeignOrigin(Forbidden):
    """The request comes from a page of another site."""

    slug = "foreign-origin"
    title_zh = "请求来自其他网站的页面，已拒绝"
    title_en = "The request comes from a page of another site"


def require_own_origin(request: web.Request) -> None:
    """Return if the request comes from our own page, or from no page at all.

    Only host and port are compared: behind a proxy that ends TLS the page is https and the request is not.

    Raises:
        ForeignOrigin: It comes from another site's page.
    """
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise ForeignOrigin
