"""The mini program's server side over HTTP."""

from __future__ import annotations

from aiohttp import web

from channels.attachments.api import received_file
from crm_bridge.mini_program import views
from crm_bridge.mini_program.service import MiniProgram
from infra.kit.http import Routes
from infra.kit.idempotency import IdempotencyKey


def routes(mini: MiniProgram) -> Routes:
    """Return the endpoints of the mini program; its logins are no sessions of ours, so each asks for its own."""
    api = Routes(tag="mini program")

    @api.get("/api/v1/mini/form", permission=None)
    async def form(request: web.Request) -> views.FormView:
        """Show what the form needs to know."""
        return await mini.form(request)

    @api.post("/api/v1/mini/sessions", permission=None, status=201)
    async def log_in(request: web.Request, body: views.Login) -> views.SessionView:
        """Log in with the code of `wx.login` (code2Session)."""
        return await mini.log_in(request, body)

    @api.delete("/api/v1/mini/sessions/current", permission=None)
    async def log_out(request: web.Request) -> None:
        """Log out."""
        await mini.log_out(request)

    @api.put("/api/v1/mini/phone", permission=None)
    async def show_phone(request: web.Request, body: views.PhoneCode) -> views.PhoneView:
        """Let WeChat vouch for my number."""
        return await mini.show_phone(await mini.who(request), body)

    @api.post("/api/v1/mini/attachments", permission=None, status=201)
    async def take_file(request: web.Request) -> views.FileView:
        """Send a file by `wx.uploadFile`: the field `file` of a form."""
        person = await mini.who(request)
        name, content = await received_file(request, mini.file_bytes)
        taken = await mini.take_file(person, name, content)
        return views.FileView(id=taken.id, name=taken.name, size=taken.size, type=taken.type)

    @api.post("/api/v1/mini/reports", permission=None, status=201, idempotent=True)
    async def report(
        request: web.Request, body: views.NewReport, idempotency: IdempotencyKey | None
    ) -> views.FiledView:
        """Send a matter; `Idempotency-Key` is required, and the same key is the same matter."""
        return await mini.report(await mini.who(request), body, idempotency)

    _matters(api, mini)
    return api


def _matters(api: Routes, mini: MiniProgram) -> None:
    @api.get("/api/v1/mini/tickets", permission=None)
    async def listed(request: web.Request, query: views.MatterList) -> views.MatterPageView:
        """List my tickets, the youngest first."""
        return await mini.listed(await mini.who(request), query)

    @api.get("/api/v1/mini/tickets/{number}", permission=None)
    async def find(request: web.Request, number: str) -> views.MatterView:
        """Show one of my tickets with its steps and its answer."""
        return await mini.find(await mini.who(request), number)

    @api.post("/api/v1/mini/tickets/{number}/rating", permission=None, status=201, idempotent=True)
    async def rate(
        request: web.Request,
        number: str,
        body: views.NewRating,
        idempotency: IdempotencyKey | None,
    ) -> views.RatingView:
        """Rate one of my finished tickets; a rating is never edited."""
        return await mini.rate(await mini.who(request), number, body, idempotency)
