"""The citizen pages over HTTP."""

from __future__ import annotations

from aiohttp import web

from crm_bridge.citizen_pages import views
from crm_bridge.citizen_pages.service import CitizenPages
from infra.kit.http import Routes
from infra.kit.idempotency import IdempotencyKey


def routes(pages: CitizenPages) -> Routes:
    """Return the endpoints of the citizen pages."""
    api = Routes(tag="citizen")

    @api.get("/api/v1/citizen/page", permission=None)
    async def page(request: web.Request) -> views.PageView:
        """Show what the pages need to know before anything is asked."""
        pages.knock(request)
        return pages.page()

    @api.post("/api/v1/citizen/challenges", permission=None)
    async def challenge(request: web.Request, body: views.NewChallenge) -> views.ChallengeView:
        """Get a proof of work to make; each is good for one request of its purpose."""
        return await pages.challenge(body.purpose, pages.knock(request))

    @api.post("/api/v1/citizen/codes", permission=None)
    async def send_code(request: web.Request, body: views.NewCode) -> views.CodeView:
        """Send a code by short message."""
        return await pages.send_code(body, pages.knock(request))

    @api.post("/api/v1/citizen/phone-passes", permission=None)
    async def check_code(request: web.Request, body: views.EnteredCode) -> views.PhonePassView:
        """Show by the code that a number is mine; the pass holds for a day."""
        pages.knock(request)
        return await pages.check_code(body)

    @api.post("/api/v1/citizen/uploads", permission=None, status=201)
    async def begin_upload(request: web.Request, body: views.NewUpload) -> views.UploadView:
        """Begin a file."""
        return await pages.begin_upload(body, pages.knock(request))

    @api.get("/api/v1/citizen/uploads/{upload}", permission=None)
    async def upload_state(request: web.Request, upload: str) -> views.UploadView:
        """Show how far a file has come."""
        pages.knock(request)
        return await pages.upload(upload)

    @api.post("/api/v1/citizen/uploads/{upload}/parts", permission=None)
    async def take_part(
        request: web.Request, upload: str, query: views.PartStart
    ) -> views.UploadView:
        """Send the next piece of a file, as the whole body; sent again it changes nothing."""
        pages.knock(request)
        return await pages.take_part(upload, query.start, await request.read())

    @api.post("/api/v1/citizen/reports", permission=None, status=201, idempotent=True)
    async def report(
        request: web.Request, body: views.NewReport, idempotency: IdempotencyKey | None
    ) -> views.FiledView:
        """Send a matter or a letter; `Idempotency-Key` is required, and the same key is the same matter."""
        return await pages.report(body, idempotency, pages.knock(request))

    @api.post("/api/v1/citizen/progress", permission=None)
    async def find(request: web.Request, body: views.FindMatter) -> views.MatterView:
        """Look a matter up by its number and the telephone number, or by its number and the query code."""
        return await pages.find(body, pages.knock(request))

    @api.post("/api/v1/citizen/matter", permission=None)
    async def open_matter(request: web.Request, body: views.OpenMatter) -> views.MatterView:
        """Open a matter by its pass, which a link brought or this telephone keeps."""
        pages.knock(request)
        return await pages.open(body.ticket_pass)

    @api.post("/api/v1/citizen/ratings", permission=None, status=201, idempotent=True)
    async def rate(
        request: web.Request, body: views.NewRating, idempotency: IdempotencyKey | None
    ) -> views.RatingView:
        """Rate a finished matter; a rating is never edited."""
        pages.knock(request)
        return await pages.rate(body, idempotency)

    return api
