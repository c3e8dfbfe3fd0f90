"""The built citizen pages under /citizen/: what they may load and ask the browser for, and how long it keeps them."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

import channels
from infra.kit.errors import NotFound

DIST = Path(channels.__file__).parent / "citizen_web" / "dist"
PAGE = "/citizen/"

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # What the citizen has chosen is shown before it is sent.
        "img-src 'self' data: blob:",
        "media-src 'self' blob: mediastream:",
        # 'self' covers the telephone's WebSocket too (CSP 3).
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_PERMISSIONS = "camera=(self), geolocation=(self), microphone=(self)"
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"
_NOT_BUILT = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>12345</title>
<h1>页面尚未构建，请拨打 12345</h1>
<p>管理员：请在项目目录中运行 <code>make run</code>。</p>
<p lang="en">The pages are not built; please call 12345.</p>
</html>
"""


class CitizenSite:
    """Serves the pages that the build has put into a folder, compressed where the build has done so.

    Args:
        dist: The folder.
    """

    def __init__(self, dist: Path = DIST) -> None:
        self._dist = dist.resolve()

    def attach(self, app: web.Application) -> None:
        """Serve the pages from an application."""
        app.router.add_get(PAGE.rstrip("/"), self._go_in)
        app.router.add_get(PAGE, self._page)
        app.router.add_get(f"{PAGE}assets/{{name:.+}}", self._asset)
        app.router.add_get(f"{PAGE}{{name:[\\w-]+\\.[\\w.]+}}", self._file)

    async def _go_in(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(PAGE)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if not (self._dist / "index.html").is_file():
            return web.Response(text=_NOT_BUILT, content_type="text/html", status=503)
        response = self._serve("index.html", _ASK_EACH_TIME)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Permissions-Policy"] = _PERMISSIONS
        return response

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        return self._serve(f"assets/{request.match_info['name']}", _FOR_EVER)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name.endswith(".html"):
            raise NotFound  # the page has its own address, with its own policy
        response = self._serve(name, _ASK_EACH_TIME)
        if name == "sw.js":
            # A worker goes by the policy that it comes with, not by its page's.
            response.headers["Content-Security-Policy"] = _POLICY
        return response

    def _serve(self, name: str, keep: str) -> web.FileResponse:
        try:
            file = (self._dist / name).resolve()
            found = file.is_relative_to(self._dist) and file.is_file()
        except (ValueError, OSError):  # a name that no file can have: a zero byte, or too long
            found = False
        if not found:
            raise NotFound
        return web.FileResponse(file, headers={"Cache-Control": keep})
