"""Typed HTTP routes: what a handler's signature says is what is read, checked, documented and answered.

    routes = Routes(tag="tickets")

    @routes.post("/api/v1/tickets", permission="ticket.write", status=201, idempotent=True)
    async def create(principal: Principal, body: NewTicket, idempotency: IdempotencyKey | None) -> TicketView:
        '''Register a ticket.'''

Parameters are recognised by name: `request`, `principal`, `body` (pydantic model of the JSON body), `query` (pydantic
model of the query string), `idempotency`, and the names in the path. The same signature makes the OpenAPI document.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, get_type_hints

import pydantic
from aiohttp import web
from sqlalchemy.exc import IntegrityError

from infra.kit.errors import FieldError, Forbidden, Invalid, NotAuthenticated, NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal, Role
from infra.kit.problems import invalid

CSRF_HEADER = "X-CSRF-Token"
IDEMPOTENCY_HEADER = "Idempotency-Key"
SESSION = "session"
"""The permission that everybody has who is logged in; a bearer key is not."""

_PATH_NAMES = re.compile(r"{(\w+)}")
_LARGEST_ID = 2**31 - 1
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_OUR_PARAMETERS = frozenset({"request", "principal", "body", "query", "idempotency"})
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Permission = str | tuple[str, ...] | None
"""What a route asks for: a permission, one of several, or (None) nothing, not even a login."""

AnyHandler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=AnyHandler)


class ApiModel(pydantic.BaseModel):
    """The base of request and response bodies: unknown fields are an error, surrounding blanks are not kept."""

    model_config = pydantic.ConfigDict(extra="forbid", str_strip_whitespace=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """A request's sender.

    Attributes:
        principal: Who it is.
        csrf_token: What an unsafe request must repeat in `X-CSRF-Token`; None for bearer keys, which a foreign page
            cannot send.
    """

    principal: Principal
    csrf_token: str | None


class Authenticator(Protocol):
    """Finds out who sent a request."""

    async def __call__(self, request: web.Request) -> Authenticated | None:
        """Return the sender, or None if the request carries no valid session or key."""
        ...


AUTHENTICATOR: web.AppKey[Authenticator] = web.AppKey("authenticator", Authenticator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route, with everything that its signature says."""

    method: str
    path: str
    handler: AnyHandler
    tag: str
    status: int
    permission: Permission
    summary: str
    description: str
    idempotent: bool
    parameters: frozenset[str]
    path_types: Mapping[str, type]
    body: type[pydantic.BaseModel] | None
    query: type[pydantic.BaseModel] | None
    returns: type | None


class Routes:
    """The endpoints of one subject.

    Args:
        tag: The heading under which they stand in the documentation.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.endpoints: list[Endpoint] = []

    def get(
        self, path: str, *, permission: Permission = SESSION, status: int = 200
    ) -> Callable[[H], H]:
        """Register a handler that reads."""
        return self._register("GET", path, permission, status, idempotent=False)

    def post(
        self,
        path: str,
        *,
        permission: Permission = SESSION,
        status: int = 200,
        idempotent: bool = False,
    ) -> Callable[[H], H]:
        """Register a handler that makes something; `idempotent` ones honour `Idempotency-Key`."""
        return self._register("POST", path, permission, status, idempotent=idempotent)

    def put(
        self, path: str, *, permission: Permission = SESSION, status: int = 200
    ) -> Callable[[H], H]:
        """Register a handler that sets something; sending it again changes nothing more."""
        return self._register("PUT", path, permission, status, idempotent=False)

    def delete(self, path: str, *, permission: Permission = SESSION) -> Callable[[H], H]:
        """Register a handler that removes something."""
        return self._register("DELETE", path, permission, 204, idempotent=False)

    def _register(
        self, method: str, path: str, permission: Permission, status: int, *, idempotent: bool
    ) -> Callable[[H], H]:
        def register(handler: H) -> H:
            endpoint = _describe(
                method, path, handler, self.tag, permission, status, idempotent=idempotent
            )
            self.endpoints.append(endpoint)
            return handler

        return register


def mount(app: web.Application, subjects: Iterable[Routes]) -> list[Endpoint]:
    """Add every endpoint to the application and return them, for the OpenAPI document.

    Raises:
        ValueError: Two endpoints have the same method and path.
    """
    endpoints = [endpoint for routes in subjects for endpoint in routes.endpoints]
    seen: set[tuple[str, str]] = set()
    for endpoint in endpoints:
        if (endpoint.method, endpoint.path) in seen:
            raise ValueError(f"{endpoint.method} {endpoint.path} is registered twice")
        seen.add((endpoint.method, endpoint.path))
        app.router.add_route(endpoint.method, endpoint.path, _adapt(endpoint))
    return endpoints


async def authenticate(request: web.Request) -> Authenticated:
    """Return the sender of a request, with the CSRF token checked on unsafe methods.

    Raises:
        NotAuthenticated: Nobody is logged in.
        Forbidden: The CSRF token is missing or wrong.
    """
    found = await request.app[AUTHENTICATOR](request)
    if found is None:
        raise NotAuthenticated
    if request.method not in _SAFE_METHODS and found.csrf_token is not None:
        sent = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(sent.encode(), found.csrf_token.encode()):
            raise Forbidden("reload the page: its CSRF token is missing or old", "请刷新页面后重试")
    return found


def _describe(
    method: str,
    path: str,
    handler: AnyHandler,
    tag: str,
    permission: Permission,
    status: int,
    *,
    idempotent: bool,
) -> Endpoint:
    hints = get_type_hints(handler)
    names = frozenset(inspect.signature(handler).parameters)
    path_names = _PATH_NAMES.findall(path)
    unknown = names - _OUR_PARAMETERS - frozenset(path_names)
    if unknown:
        raise TypeError(f"{handler.__qualname__}: parameters {sorted(unknown)} come from nowhere")
    returns = hints.get("return")
    summary, _, description = (inspect.getdoc(handler) or "").partition("\n")
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        tag=tag,
        status=204 if returns is type(None) else status,
        permission=permission,
        summary=summary,
        description=description.strip(),
        idempotent=idempotent,
        parameters=names,
        path_types={name: hints.get(name, str) for name in path_names},
        body=hints.get("body"),
        query=hints.get("query"),
        returns=None if returns is type(None) else returns,
    )


def _adapt(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        sender = None
        if endpoint.permission is not None:
            sender = (await authenticate(request)).principal
            _require(endpoint, sender)
        arguments = await _arguments(endpoint, request, sender)
        try:
            result = await endpoint.handler(**arguments)
        except IntegrityError:
            if arguments.get("idempotency") is None:
                raise
            # Its twin committed first; now the key is there to be found.
            result = await endpoint.handler(**arguments)
        return _answer(endpoint, result)

    return handle


def _require(endpoint: Endpoint, sender: Principal) -> None:
    if isinstance(endpoint.permission, tuple):
        sender.require(*endpoint.permission)
    elif endpoint.permission is None:
        return
    elif endpoint.permission != SESSION:
        sender.require(endpoint.permission)
    elif sender.role is Role.MACHINE:
        raise Forbidden("only for people who have logged in, not for keys", "仅限已登录的人员使用")


async def _arguments(
    endpoint: Endpoint, request: web.Request, sender: Principal | None
) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, kind in endpoint.path_types.items():
        if name in endpoint.parameters:
            arguments[name] = _path_value(request.match_info[name], kind)
    if "request" in endpoint.parameters:
        arguments["request"] = request
    if "principal" in endpoint.parameters:
        arguments["principal"] = sender
    raw = await request.read() if endpoint.body is not None or endpoint.idempotent else b""
    try:
        if endpoint.body is not None:
            arguments["body"] = endpoint.body.model_validate_json(raw or b"null")
        if endpoint.query is not None:
            arguments["query"] = endpoint.query.model_validate(dict(request.query))
    except pydantic.ValidationError as error:
        raise invalid(error) from None
    if "idempotency" in endpoint.parameters:
        arguments["idempotency"] = _idempotency_key(endpoint, request, sender, raw)
    return arguments


def _path_value(text: str, kind: type) -> object:
    if kind is int:
        # Ids are INTEGER columns; a larger number names nothing, and PostgreSQL would refuse to look for it.
        if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > _LARGEST_ID:
            raise NotFound
        return int(text)
    return text


def _idempotency_key(
    endpoint: Endpoint, request: web.Request, sender: Principal | None, raw: bytes
) -> IdempotencyKey | None:
    key = request.headers.get(IDEMPOTENCY_HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Invalid(
            fields=[
                FieldError(
                    pointer=f"/headers/{IDEMPOTENCY_HEADER}",
                    message_zh="应为 1 至 255 个可见 ASCII 字符",
                    message_en="Must be 1 to 255 visible ASCII characters",
                )
            ]
        )
    who = sender.number if sender is not None else request.remote or ""
    return IdempotencyKey(
        scope=f"{who} {endpoint.method} {request.path}"[:200],
        key=key,
        fingerprint=hashlib.sha256(raw).hexdigest(),
    )


def _answer(endpoint: Endpoint, result: object) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if isinstance(result, pydantic.BaseModel):
        return web.Response(
            body=result.model_dump_json().encode(),
            status=endpoint.status,
            content_type="application/json",
            charset="utf-8",
            headers={"Cache-Control": "no-store"},
        )
    return web.Response(status=204)
