from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal

import pytest
import sqlalchemy.exc
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import Field, field_validator

from infra.kit.errors import Forbidden, TooMany
from infra.kit.http import (
    AUTHENTICATOR,
    ApiModel,
    Authenticated,
    Routes,
    mount,
)
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal, Role
from infra.kit.openapi import document
from infra.kit.problems import problem_middleware
from telephony.numbers import PhoneNumber

AGENT = Principal(
    user_id=1,
    number="1001",
    name="李静",
    role=Role.AGENT,
    permissions=frozenset({"thing.write"}),
)


class NewThing(ApiModel):
    title: str = Field(min_length=2, max_length=5)
    kind: Literal["a", "b"] = "a"
    phone: str | None = None

    @field_validator("phone")
    @classmethod
    def _dialable(cls, value: str | None) -> str | None:
        return None if value is None else PhoneNumber.parse(value).digits


class Thing(ApiModel):
    id: int
    title: str
    key: str | None = None


class Window(ApiModel):
    limit: int = Field(default=20, ge=1, le=100)


class CookieIsTheNumber:
    async def __call__(self, request: web.Request) -> Authenticated | None:
        if request.cookies.get("who") != "1001":
            return None
        return Authenticated(principal=AGENT, csrf_token="token")


def _routes() -> Routes:
    routes = Routes("things")

    @routes.post("/things", permission="thing.write", status=201, idempotent=True)
    async def create(body: NewThing, idempotency: IdempotencyKey | None) -> Thing:
        """Make a thing.

        It is only a test.
        """
        return Thing(id=1, title=body.title, key=idempotency.key if idempotency else None)

    @routes.get("/things/{thing_id}", permission=None)
    async def show(thing_id: int, query: Window) -> Thing:
        """Show a thing."""
        return Thing(id=thing_id, title="x" * query.limit)

    @routes.delete("/things/{thing_id}", permission="thing.delete")
    async def remove(thing_id: int) -> None:
        """Remove a thing."""

    @routes.post("/slow", permission=None)
    async def slow() -> None:
        """Refuse for a while."""
        raise TooMany(retry_after=12.2)

    @routes.post("/broken", permission=None)
    async def broken() -> None:
        """Break."""
        raise RuntimeError("13812345678 must not be seen")

    @routes.get("/no-connection", permission=None)
    async def no_connection() -> None:
        """Wait in vain for a connection to the database."""
        raise sqlalchemy.exc.TimeoutError

    @routes.get("/bad-value", permission=None)
    async def bad_value() -> None:
        """Give the database what it will never take."""
        raise sqlalchemy.exc.DataError("INSERT", None, ValueError())

    return routes


Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = CookieIsTheNumber()
    mount(app, [_routes()])
    async with TestClient(TestServer(app)) as opened:
        yield opened


def _logged_in(**extra: str) -> dict[str, str]:
    return {"Cookie": "who=1001", "X-CSRF-Token": "token", **extra}


async def test_a_good_form_is_answered_with_its_typed_view(client: Client) -> None:
    response = await client.post(
        "/things", json={"title": " 路灯 "}, headers=_logged_in(**{"Idempotency-Key": "k1"})
    )
    assert response.status == 201
    assert await response.json() == {"id": 1, "title": "路灯", "key": "k1"}


async def test_a_bad_form_gets_field_errors_in_both_languages(client: Client) -> None:
    response = await client.post(
        "/things",
        json={"title": "灯", "kind": "c", "phone": "1", "extra": 1},
        headers=_logged_in(),
    )
    body = await response.json()
    assert response.status == 422
    assert response.content_type == "application/problem+json"
    fields = {f["pointer"]: (f["message_zh"], f["message_en"]) for f in body["fields"]}
    assert fields["/title"] == ("至少需要 2 个字", "At least 2 characters")
    assert fields["/kind"][1] == "Choose one of: 'a' or 'b'"
    assert fields["/phone"][0] == "不是有效的电话号码：应为 3 至 15 位数字"
    assert fields["/extra"][1] == "There is no such field, remove it"


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b"null"])
async def test_a_body_that_is_no_form_is_refused_and_not_crashed_on(
    client: Client, raw: bytes
) -> None:
    response = await client.post("/things", data=raw, headers=_logged_in())
    assert response.status == 422


async def test_who_is_not_known_is_told_how_to_make_himself_known(client: Client) -> None:
    response = await client.post("/things", json={"title": "ab"})
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("call", "status", "slug"),
    [
        (lambda c: c.post("/things", json={"title": "ab"}), 401, "not-authenticated"),
        (
            lambda c: c.post("/things", json={"title": "ab"}, headers={"Cookie": "who=1001"}),
            403,
            "forbidden",
        ),
        (lambda c: c.delete("/things/1", headers=_logged_in()), 403, "forbidden"),
        (lambda c: c.get("/things/1?limit=1000"), 422, "invalid"),
        (lambda c: c.get("/things/abc"), 404, "not-found"),
        (lambda c: c.get("/things/9999999999999999999999"), 404, "not-found"),
        (lambda c: c.get("/things/2147483648"), 404, "not-found"),
        (lambda c: c.get("/nowhere"), 404, "not-found"),
        (lambda c: c.put("/slow"), 405, "method-not-allowed"),
        (lambda c: c.post("/slow"), 429, "too-many-requests"),
        (lambda c: c.post("/broken"), 500, "internal"),
    ],
)
async def test_what_cannot_be_done_is_answered_with_problem_details(
    client: Client,
    call: Callable[[Client], Awaitable[object]],
    status: int,
    slug: str,
) -> None:
    response = await call(client)
    body = await response.json()  # type: ignore[attr-defined]  # a client response
    assert (body["status"], body["type"]) == (status, f"urn:lianxin:problem:{slug}")
    assert body["title_zh"]
    assert body["title_en"]
    assert "13812345678" not in str(body)


async def test_a_refusal_for_a_while_says_for_how_long(client: Client) -> None:
    assert (await client.post("/slow")).headers["Retry-After"] == "13"


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_a_strange_idempotency_key_is_refused(client: Client, key: str) -> None:
    response = await client.post(
        "/things", json={"title": "ab"}, headers=_logged_in(**{"Idempotency-Key": key})
    )
    assert response.status == 422


def test_every_route_is_in_the_openapi_document() -> None:
    endpoints = mount(web.Application(), [_routes()])
    made = document(endpoints, title="t", version="1")
    assert made["openapi"] == "3.1.0"
    assert set(made["paths"]) == {e.path for e in endpoints}
    create = made["paths"]["/things"]["post"]
    assert create["summary"] == "Make a thing."
    assert create["responses"]["201"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Thing"
    }
    assert [p["name"] for p in create["parameters"]] == ["Idempotency-Key"]
    assert made["paths"]["/things/{thing_id}"]["get"]["parameters"][1]["schema"]["maximum"] == 100


def test_two_routes_with_one_address_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        mount(web.Application(), [_routes(), _routes()])


def test_a_parameter_that_comes_from_nowhere_is_refused_at_the_start() -> None:
    routes = Routes("x")

    async def handler(colour: str) -> None: ...

    with pytest.raises(TypeError, match="colour"):
        routes.get("/x")(handler)


def test_a_missing_permission_is_named() -> None:
    with pytest.raises(Forbidden, match=r"thing\.delete"):
        AGENT.require("thing.delete")
    with pytest.raises(Forbidden, match=r"thing\.delete or thing\.read"):
        AGENT.require("thing.delete", "thing.read")


def test_one_of_several_permissions_is_enough() -> None:
    AGENT.require("thing.delete", "thing.write")


async def test_only_a_database_that_may_come_back_is_a_reason_to_try_again(client: Client) -> None:
    busy = await client.get("/no-connection")
    assert (busy.status, busy.headers["Retry-After"]) == (503, "5")
    assert (await client.get("/bad-value")).status == 500
