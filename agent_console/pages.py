"""The built pages: who may frame them, what they may load, and how long a browser keeps them."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from infra.kit.errors import NotFound

DIST = Path(__file__).parent / "web" / "dist"

_PAGES = {
    "/": "index.html",
    "/wallboard": "wallboard.html",
    "/desk": "desk.html",
    "/dispatch": "dispatch.html",
    "/supervision": "supervision.html",
    "/reports": "reports.html",
    "/channels": "channels.html",
    "/police": "police.html",
    "/devices": "devices.html",
    "/api/docs": "api-docs.html",
}

# 'self' covers the WebSockets too (CSP 3).
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' blob: mediastream:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
# Swagger writes style attributes into the schemas that it shows.
_POLICY_OF_DOCS = f"{_POLICY}; style-src-attr 'unsafe-inline'"
_EVERY_RESPONSE = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"

_NOT_BUILT = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>连心 Lianxin</title>
<body style="font: 16px/1.6 system-ui; max-width: 40em; margin: 4em auto">
<h1>页面尚未构建</h1>
<p>请在项目目录中运行 <code>make pages</code>，然后刷新。接口照常可用。</p>
<h2 lang="en">The pages are not built</h2>
<p lang="en">Run <code>make pages</code> in the project folder, then reload. The API works without them.</p>
</body></html>
"""


class ConsolePages:
    """Serves the pages that the front end's build has put into a folder.

    Args:
        dist: The folder.
    """

    def __init__(self, dist: Path = DIST) -> None:
        self._dist = dist.resolve()

    def attach(self, app: web.Application) -> None:
        """Serve the pages from an application, and put the security headers on everything that it answers."""
        for path in _PAGES:
            app.router.add_get(path, self._page)
        app.router.add_get("/assets/{name:.+}", self._asset)
        app.router.add_get(r"/{name:[\w-]+\.[\w.]+}", self._file)
        app.on_response_prepare.append(_protect)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if not (self._dist / "index.html").is_file():
            return web.Response(text=_NOT_BUILT, content_type="text/html", status=503)
        response = self._serve(_PAGES[request.path], _ASK_EACH_TIME)
        docs = request.path == "/api/docs"
        response.headers["Content-Security-Policy"] = _POLICY_OF_DOCS if docs else _POLICY
        return response

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        return self._serve(f"assets/{request.match_info['name']}", _FOR_EVER)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name.endswith(".html"):
            raise NotFound  # each page has its own address, with its own policy
        return self._serve(name, _ASK_EACH_TIME)

    def _serve(self, name: str, keep: str) -> web.FileResponse:
        try:
            file = (self._dist / name).resolve()
            found = file.is_relative_to(self._dist) and file.is_file()
        except (ValueError, OSError):  # a name that no file can have: a zero byte, or too long
            found = False
        if not found:
            raise NotFound
        return web.FileResponse(file, headers={"Cache-Control": keep})


async def _protect(_request: web.BaseRequest, response: web.StreamResponse) -> None:
    for name, value in _EVERY_RESPONSE.items():
        response.headers.setdefault(name, value)
