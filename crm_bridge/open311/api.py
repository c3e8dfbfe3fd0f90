"""Open311 GeoReport v2 over HTTP, with service discovery and FixMyStreet's service request updates.

Errors have the specification's own form: 403 for a missing or wrong key, 404 for what does not exist, 400 for what is
asked wrongly; beyond it 429 and 503 when the same request may succeed later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from channels.open311.channel import Open311Settings
from channels.open311.rules import Form
from crm_bridge.open311.documents import Format, Value, write
from crm_bridge.open311.publication import Publication
from crm_bridge.open311.reports import Reports
from crm_bridge.open311.rules import search_of, span_of
from crm_bridge.open311.services import Services
from infra.kit.clock import Clock
from infra.kit.errors import (
    Forbidden,
    Invalid,
    LianxinError,
    NotAuthenticated,
    NotFound,
    TooLarge,
    TooMany,
    TryLater,
)
from infra.kit.http import IDEMPOTENCY_HEADER, Routes
from infra.kit.rate import Rate

log = structlog.get_logger()

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
_MOST_FIELDS = 200
_LONGEST_QUERY = 16_000
_DATABASE_AWAY = (OperationalError, InterfaceError, InternalError, NoConnectionFree)


class Open311:
    """Answers Open311 clients.

    Args:
        settings: What the city says about itself.
        clock: Gives the time.
        services: What can be reported.
        publication: What everybody may read.
        reports: Takes in what is posted.
        address_of: Says from whose machine a request comes.
        public_url: Under which address clients reach us; empty: the request's own.
    """

    def __init__(
        self,
        settings: Open311Settings,
        clock: Clock,
        services: Services,
        publication: Publication,
        reports: Reports,
        address_of: Callable[[web.Request], str],
        public_url: str,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._services = services
        self._publication = publication
        self._reports = reports
        self._address_of = address_of
        self._public_url = public_url
        self._rate = Rate(settings.per_minute)

    async def discovery(self, request: web.Request) -> Value:
        """Return where the endpoint is and what it speaks."""
        origin = self._public_url.rstrip("/") or f"{request.scheme}://{request.host}"
        changed = (await self._services.changed_at()).isoformat(timespec="seconds")
        return {
            "changeset": changed,
            "contact": self._settings.contact,
            "key_service": self._settings.key_service,
            "endpoints": [
                {
                    "specification": SPECIFICATION,
                    "url": f"{origin}/open311/v2",
                    "changeset": changed,
                    "type": "production",
                    "formats": [form.content_type for form in Format],
                }
            ],
        }

    async def services(self, request: web.Request) -> Value:
        """Return the public services."""
        self._check_jurisdiction(request.query)
        return [service.listed() for service in (await self._services.public()).values()]

    async def definition(self, request: web.Request) -> Value:
        """Return what a service asks for."""
        self._check_jurisdiction(request.query)
        return (await self._services.one(request.match_info["code"])).definition()

    async def requests(self, request: web.Request) -> Value:
        """Return the requests that are searched for."""
        self._check_jurisdiction(request.query)
        return await self._publication.requests(search_of(request.query, self._clock.now()))

    async def request(self, request: web.Request) -> Value:
        """Return one request."""
        self._check_jurisdiction(request.query)
        return await self._publication.request(request.match_info["number"])

    async def token(self, request: web.Request) -> Value:
        """Return the request that a token stands for; without a number as long as it has none."""
        self._check_jurisdiction(request.query)
        token = request.match_info["token"]
        number = await self._publication.number_of(token)
        return [{"service_request_id": number, "token": token}]

    async def updates(self, request: web.Request) -> Value:
        """Return what happened to requests."""
        self._check_jurisdiction(request.query)
        start, end = span_of(request.query, self._clock.now())
        numbers = request.query.get("service_request_id", "")
        wanted = [number.strip() for number in numbers.split(",") if number.strip()]
        return await self._publication.updates(start, end, wanted)

    async def report(self, request: web.Request) -> Value:
        """Take in a report."""
        form = await _form(request)
        self._check_jurisdiction({name: values[0] for name, values in form.items()})
        return await self._reports.report(form, _token(request, form), _key(request))

    async def note(self, request: web.Request) -> Value:
        """Take in a note on a request."""
        form = await _form(request)
        self._check_jurisdiction({name: values[0] for name, values in form.items()})
        return await self._reports.note(form, _token(request, form), _key(request))

    async def answer(
        self, request: web.Request, root: str, work: Callable[[web.Request], Awaitable[Value]]
    ) -> web.Response:
        """Return the document that `work` makes, or the error that it raises, in the format of the address."""
        form = Format.xml
        try:
            form = Format.of(request.match_info["format"])
            wait = self._rate.wait(self._address_of(request), self._clock.monotonic())
            if wait > 0:
                raise TooMany("too many requests, wait a moment", "请求过于频繁", retry_after=wait)
            if len(request.query_string) > _LONGEST_QUERY:
                raise Invalid("the query is too long", "查询过长")
            return _response(200, root, await work(request), form)
        except _DATABASE_AWAY as error:
            log.warning("database_unavailable", error=type(error).__name__)
            return _refusal(TryLater("the database does not answer", "数据库暂时没有响应"), form)
        except LianxinError as error:
            return _refusal(error, form)

    def _check_jurisdiction(self, query: Mapping[str, str]) -> None:
        own, sent = self._settings.jurisdiction_id, query.get("jurisdiction_id", "").strip()
        if own and sent and sent != own:
            raise NotFound("jurisdiction_id was not found", "没有这个 jurisdiction_id")


def routes(open311: Open311) -> Routes:
    """Return the endpoints of Open311."""
    api = Routes(tag="open311")

    @api.get("/open311/discovery.{format}", permission=None)
    async def discovery(request: web.Request) -> web.Response:
        """Say where the endpoint is and which formats it speaks."""
        return await open311.answer(request, "discovery", open311.discovery)

    @api.get("/open311/v2/services.{format}", permission=None)
    async def services(request: web.Request) -> web.Response:
        """List what can be reported."""
        return await open311.answer(request, "services", open311.services)

    @api.get("/open311/v2/services/{code}.{format}", permission=None)
    async def definition(request: web.Request) -> web.Response:
        """Show what a service asks for."""
        return await open311.answer(request, "service_definition", open311.definition)

    @api.get("/open311/v2/requests.{format}", permission=None)
    async def requests(request: web.Request) -> web.Response:
        """List requests that everybody may see."""
        return await open311.answer(request, "service_requests", open311.requests)

    @api.post("/open311/v2/requests.{format}", permission=None)
    async def report(request: web.Request) -> web.Response:
        """Report something; a form with `api_key`, the key of a system that may report."""
        return await open311.answer(request, "service_requests", open311.report)

    @api.get("/open311/v2/requests/{number}.{format}", permission=None)
    async def show(request: web.Request) -> web.Response:
        """Show a request."""
        return await open311.answer(request, "service_requests", open311.request)

    @api.get("/open311/v2/tokens/{token}.{format}", permission=None)
    async def token(request: web.Request) -> web.Response:
        """Show which request a token stands for."""
        return await open311.answer(request, "service_requests", open311.token)

    @api.get("/open311/v2/servicerequestupdates.{format}", permission=None)
    async def updates(request: web.Request) -> web.Response:
        """List what happened to requests (FixMyStreet's extension)."""
        return await open311.answer(request, "service_request_updates", open311.updates)

    @api.post("/open311/v2/servicerequestupdates.{format}", permission=None)
    async def note(request: web.Request) -> web.Response:
        """Put a note to a request (FixMyStreet's extension)."""
        return await open311.answer(request, "service_request_updates", open311.note)

    return api


async def _form(request: web.Request) -> Form:
    if request.content_type != "application/x-www-form-urlencoded":
        raise Invalid(
            "send Content-Type: application/x-www-form-urlencoded; charset=utf-8",
            "请以 application/x-www-form-urlencoded; charset=utf-8 提交",
        )
    try:
        raw = await request.read()
        pairs = parse_qsl(
            raw.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge from None
    except ValueError:
        raise Invalid(
            "the form is not UTF-8, or has too many fields", "表单不是 UTF-8 编码或字段过多"
        ) from None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def _token(request: web.Request, form: Form) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return next(iter(form.get("api_key", ())), "").strip()


def _key(request: web.Request) -> str:
    return request.headers.get(IDEMPOTENCY_HEADER, "")[:255]


def _response(status: int, root: str, value: Value, form: Format) -> web.Response:
    return web.Response(
        body=write(root, value, form),
        status=status,
        content_type=form.content_type,
        charset="utf-8",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _refusal(error: LianxinError, form: Format) -> web.Response:
    status = _status_of(error)
    problems: list[Value] = [
        {
            "code": status,
            "description": f"{field.pointer.removeprefix('/')}: {field.message_en} / {field.message_zh}",
        }
        for field in error.fields
    ] or [
        {
            "code": status,
            "description": f"{error.detail_en or error.title_en} / {error.detail_zh or error.title_zh}",
        }
    ]
    response = _response(status, "errors", problems, form)
    if isinstance(error, TryLater):
        response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return response


def _status_of(error: LianxinError) -> int:
    if isinstance(error, (NotAuthenticated, Forbidden)):
        return 403
    if isinstance(error, (NotFound, TryLater, TooLarge)):
        return error.status
    return 400 if error.status < 500 else error.status
