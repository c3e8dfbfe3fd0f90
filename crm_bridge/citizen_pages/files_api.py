"""Files that citizens are given, over HTTP: whoever holds a file's pass downloads it, without logging in."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from channels.attachments.api import download
from channels.attachments.service import Attachments
from crm_bridge.citizen_pages.passes import FILES, Passes
from infra.kit.errors import NotFound
from infra.kit.http import Routes


def routes(
    attachments: Attachments, passes: Passes, knock: Callable[[web.Request], object]
) -> Routes:
    """Return the endpoint; `knock` raises `TooMany` when an address asks too often."""
    api = Routes(tag="citizen")

    @api.get(f"{FILES}{{file_pass}}", permission=None)
    async def give(request: web.Request, file_pass: str) -> web.Response:
        """Download a file that the hotline has sent me."""
        knock(request)
        attachment_id = passes.file(file_pass)
        found = await attachments.of_ids([attachment_id])
        if not found:
            raise NotFound
        content, _ = await attachments.content(attachment_id)
        return download(found[0], content)

    return api
