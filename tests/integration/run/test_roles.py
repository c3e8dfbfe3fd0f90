"""Who may call which route: the whole table, written down, and really asked over HTTP.

A route that is not in the table fails the test, and so does an entry without a route: whoever adds a route decides
here, beside all the others, who may call it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import MappingProxyType

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agent_console.accounts.rules import PERMISSIONS, UNIT_ROLES
from agent_console.accounts.service import Accounts
from agent_console.accounts.sessions import Sessions
from agent_console.keys.rules import SCOPES, UNIT_SCOPES
from agent_console.keys.service import Keys, NewKey
from infra.kit.identity import Role
from infra.run.floors import running_desk
from infra.run.foundation import Foundation, foundation
from infra.run.settings import Settings
from tests.integration.agent_console.conftest import PASSWORD, CountingPasswords

pytestmark = pytest.mark.timeout(180)
in_one_loop = pytest.mark.asyncio(loop_scope="module")

PEOPLE: Mapping[str, Role] = MappingProxyType(
    {
        "A": Role.AGENT,
        "L": Role.LEAD,
        "D": Role.DISPATCHER,
        "N": Role.ANALYST,
        "C": Role.UNIT_CLERK,
        "H": Role.UNIT_HEAD,
        "S": Role.LEADER,
        "M": Role.ADMINISTRATOR,
        "U": Role.AUDITOR,
    }
)
"""The letters of the table; beside them K is a key with every scope, k a unit's key with every scope of a unit's."""

EVERYBODY = "*"  # strangers too
LOGGED_IN = "ALDNCHSMU"
FIGURES = "ALDNCHSMUK"
RATES = "LDNCHSUKk"
READERS = "ALDNCHSMUKk"

MAY_CALL = {
    "POST /api/v1/session": EVERYBODY,
    "GET /api/v1/session": LOGGED_IN,
    "DELETE /api/v1/session": LOGGED_IN,
    "GET /api/v1/session/phone": LOGGED_IN,
    "GET /api/v1/users": "M",
    "POST /api/v1/users": "M",
    "POST /api/v1/users/{number}/disable": "M",
    "POST /api/v1/users/{number}/enable": "M",
    "PUT /api/v1/users/{number}/password": "M",
    "GET /api/v1/presence": LOGGED_IN,
    "PUT /api/v1/presence": "AL",
    "GET /api/v1/calls/current": "ALDU",
    "GET /api/v1/calls": "ALDU",
    "GET /api/v1/calls/{call_id}": "ALDU",
    "POST /api/v1/calls/{call_id}/reveal-number": "ALD",
    "GET /api/v1/recordings/{call_id}": "ALDU",
    "GET /api/v1/conversations": "ALDU",
    "GET /api/v1/conversations/{conversation_id}": "ALDU",
    "GET /api/v1/conversations/{conversation_id}/messages": "ALDU",
    "POST /api/v1/conversations/{conversation_id}/messages": "AL",
    "PUT /api/v1/conversations/{conversation_id}/read": "AL",
    "PUT /api/v1/conversations/{conversation_id}/look": "ALDU",
    "DELETE /api/v1/conversations/{conversation_id}/look": "ALDU",
    "POST /api/v1/conversations/{conversation_id}/accept": "AL",
    "POST /api/v1/conversations/{conversation_id}/decline": "AL",
    "POST /api/v1/conversations/{conversation_id}/take": "AL",
    "POST /api/v1/conversations/{conversation_id}/pass-on": "AL",
    "POST /api/v1/conversations/{conversation_id}/close": "AL",
    "POST /api/v1/conversations/{conversation_id}/assign": "LD",
    "GET /api/v1/agent-skills": "LD",
    "PUT /api/v1/agent-skills/{number}": "LD",
    "GET /api/v1/keys": "M",
    "POST /api/v1/keys": "M",
    "DELETE /api/v1/keys/{key_id}": "M",
    "GET /api/v1/audit": "U",
    "GET /api/v1/audit/head": "U",
    "POST /api/v1/tickets": "ALDK",
    "GET /api/v1/tickets": "ALDCHSUKk",
    "GET /api/v1/tickets/{ticket_id}": "ALDCHSUKk",
    "POST /api/v1/tickets/{ticket_id}/answer": "ALDK",
    "POST /api/v1/tickets/{ticket_id}/assignments/{n}/sign": "CHk",
    "POST /api/v1/tickets/{ticket_id}/assignments/{n}/reply": "CHk",
    "POST /api/v1/tickets/{ticket_id}/assignments/{n}/lane": "CHk",
    "POST /api/v1/tickets/{ticket_id}/assignments/{n}/talk": "CHk",
    "POST /api/v1/tickets/{ticket_id}/assignments/{n}/return": "CHk",
    "POST /api/v1/tickets/{ticket_id}/assignments/{n}/extension": "CHk",
    "POST /api/v1/tickets/{ticket_id}/assignments/{n}/help": "CHk",
    "POST /api/v1/tickets/{ticket_id}/dispatch": "ALD",
    "POST /api/v1/tickets/{ticket_id}/helpers": "D",
    "POST /api/v1/tickets/{ticket_id}/assignments/{n}/return/decision": "D",
    "POST /api/v1/tickets/{ticket_id}/extension/decision": "D",
    "POST /api/v1/tickets/{ticket_id}/help/decision": "D",
    "POST /api/v1/tickets/{ticket_id}/lane/decision": "D",
    "POST /api/v1/tickets/{ticket_id}/audit": "D",
    "POST /api/v1/tickets/{ticket_id}/redo": "D",
    "POST /api/v1/tickets/{ticket_id}/explain": "D",
    "POST /api/v1/tickets/{ticket_id}/not-accepted": "ALD",
    "POST /api/v1/tickets/{ticket_id}/pass-on": "ALD",
    "POST /api/v1/tickets/{ticket_id}/passing": "D",
    "POST /api/v1/tickets/{ticket_id}/join": "ALD",
    "POST /api/v1/tickets/{ticket_id}/separate": "D",
    "POST /api/v1/tickets/{ticket_id}/stop": "DCH",
    "POST /api/v1/tickets/{ticket_id}/stop/decision": "DS",
    "POST /api/v1/tickets/{ticket_id}/instructions": "S",
    "POST /api/v1/tickets/{ticket_id}/amend": "D",
    "POST /api/v1/tickets/{ticket_id}/told": "D",
    "POST /api/v1/tickets/{ticket_id}/grants": "D",
    "POST /api/v1/tickets/{ticket_id}/reveal-number": "DCH",
    "GET /api/v1/desk/summary": "CHk",
    "GET /api/v1/desk/assignments": "CHk",
    "GET /api/v1/dispatch/summary": "DS",
    "GET /api/v1/dispatch/tickets": "DS",
    "POST /api/v1/attachments": "ALDCHKk",
    "GET /api/v1/attachments/{attachment_id}": "ALDCHSUKk",
    "GET /api/v1/attachments/{attachment_id}/poster": "ALDCHSUKk",
    "GET /api/v1/tickets/{ticket_id}/suggestions": "ALDK",
    "GET /api/v1/tickets/{ticket_id}/similar": "ALDK",
    "GET /api/v1/similar": "D",
    "POST /api/v1/suggestions": "ALDK",
    "GET /api/v1/suggestions/accuracy": "LDNSUK",
    "POST /api/v1/categories/import": "DM",
    "GET /api/v1/categories/export": READERS,
    "GET /api/v1/categories": READERS,
    "GET /api/v1/units": READERS,
    "POST /api/v1/units": "M",
    "POST /api/v1/units/import": "M",
    "GET /api/v1/units/export": READERS,
    "GET /api/v1/units/{code}": READERS,
    "PUT /api/v1/units/{code}": "M",
    "GET /api/v1/catalogue": READERS,
    "GET /api/v1/catalogue/versions": READERS,
    "GET /api/v1/catalogue/differences": READERS,
    "PUT /api/v1/catalogue/matters/{code}": "DM",
    "DELETE /api/v1/catalogue/matters/{code}": "DM",
    "POST /api/v1/catalogue/import": "DM",
    "GET /api/v1/catalogue/export": READERS,
    "POST /api/v1/boards/{board}/import": "LD",
    "GET /api/v1/boards/{board}/answers": "LD",
    "GET /api/v1/boards/{board}/answers/export": "LD",
    "POST /api/v1/boards/{board}/answers/published": "LD",
    "POST /api/v1/contacts": "K",
    "GET /api/v1/drafts/{call_id}": "ALDK",
    "PUT /api/v1/drafts/{call_id}": "ALDK",
    "GET /api/v1/calls/{call_id}/context": "ALDU",
    "GET /api/v1/callbacks/review": "LD",
    "POST /api/v1/callbacks/{callback_id}/review": "LD",
    "GET /api/v1/citizens/{citizen_id}": "ALDU",
    "GET /api/v1/citizens/{citizen_id}/history": "ALDU",
    "POST /api/v1/citizens/merges/{merge_id}/decision": "ALD",
    "GET /api/v1/short-messages/review": "LD",
    "POST /api/v1/short-messages/{message_id}/review": "LD",
    "GET /api/v1/calendar": READERS,
    "PUT /api/v1/calendar/{year}": "M",
    "POST /api/v1/calendar/import": "M",
    "GET /api/v1/calendar/export": READERS,
    "GET /api/v1/deadlines/preview": "ALD",
    "GET /api/v1/supervision/papers": "DNCHSUK",
    "POST /api/v1/supervision/papers": "D",
    "GET /api/v1/supervision/papers/{paper_id}": "DNCHSUK",
    "GET /api/v1/supervision/papers/{paper_id}/document": "DNCHSUK",
    "GET /api/v1/tickets/{ticket_id}/papers": "DNCHSUK",
    "GET /api/v1/supervision/listed": "DNCHSUK",
    "GET /api/v1/supervision/ledger": "DNCHSUK",
    "GET /api/v1/supervision/counts": "DNCHSUK",
    "GET /api/v1/supervision/summary": "DNCHSUK",
    "POST /api/v1/supervision/papers/preview": "D",
    "POST /api/v1/supervision/papers/{paper_id}/read": "CH",
    "POST /api/v1/supervision/papers/{paper_id}/reply": "CH",
    "POST /api/v1/supervision/papers/{paper_id}/minutes": "D",
    "POST /api/v1/supervision/papers/{paper_id}/close": "D",
    "POST /api/v1/supervision/papers/{paper_id}/withdraw": "D",
    "POST /api/v1/supervision/papers/{paper_id}/delist": "D",
    "GET /api/v1/rates": RATES,
    "GET /api/v1/rates/export": RATES,
    "GET /api/v1/rates/definitions": FIGURES,
    "GET /api/v1/rates/tickets": RATES,
    "GET /api/v1/rates/topic": "LDNSUK",
    "POST /api/v1/rates/exclusions": "DH",
    "GET /api/v1/rates/exclusions": FIGURES,
    "POST /api/v1/rates/exclusions/{exclusion_id}/decision": "D",
    "GET /api/v1/figures/today": FIGURES,
    "GET /api/v1/tickets/{ticket_id}/notes": "ALDCHSUKk",
    "GET /api/v1/webhooks": "M",
    "POST /api/v1/webhooks": "M",
    "GET /api/v1/webhooks/{webhook_id}": "M",
    "PUT /api/v1/webhooks/{webhook_id}": "M",
    "DELETE /api/v1/webhooks/{webhook_id}": "M",
    "POST /api/v1/webhooks/{webhook_id}/secret": "M",
    "POST /api/v1/webhooks/{webhook_id}/ping": "M",
    "POST /api/v1/webhooks/{webhook_id}/resend": "M",
    "GET /api/v1/webhooks/deliveries": "M",
    "GET /api/v1/webhooks/deliveries/{delivery_id}": "M",
    "POST /api/v1/webhooks/deliveries/{delivery_id}/resend": "M",
    "PUT /api/v1/upstream/tickets/{key}": "K",
    "GET /api/v1/upstream/changes": "K",
    "GET /api/v1/upstream/systems": "M",
    "GET /api/v1/upstream/links": "M",
    "POST /api/v1/upstream/links/{link_id}/retry": "M",
    "POST /api/v1/police/handovers": "ALD",
    "GET /api/v1/police/handovers": "LDU",
    "GET /api/v1/police/handovers/{handover_id}": "ALDU",
    "POST /api/v1/police/handovers/{handover_id}/resend": "ALD",
    "GET /api/v1/tickets/{ticket_id}/police": "ALDCHSUKk",
    "GET /api/v1/police/calls/{linkedid}": "ALD",
    "DELETE /api/v1/police/calls/{third_id}": "ALD",
    "POST /channels/police-110/answers": EVERYBODY,
    "POST /api/v1/citizen/calls": EVERYBODY,
    "POST /channels/one-touch": EVERYBODY,
    "GET /api/v1/calls/{call_id}/one-touch": "ALDU",
    "POST /api/v1/one-touch/devices": "LD",
    "GET /api/v1/one-touch/devices": "LD",
    "POST /api/v1/one-touch/devices/{device_id}/key": "LD",
    "DELETE /api/v1/one-touch/devices/{device_id}": "LD",
    "GET /channels/{name}": EVERYBODY,
    "POST /channels/{name}": EVERYBODY,
    "GET /channels/{name}/{path}": EVERYBODY,
    "POST /channels/{name}/{path}": EVERYBODY,
    "GET /api/v1/channels": "LDNSM",
    "GET /api/v1/channels/refused": "LDNSM",
    "POST /api/v1/channels/refused/{refused_id}/retry": "M",
    "GET /api/v1/replies": "LD",
    "POST /api/v1/replies/{reply_id}/decision": "LD",
    "GET /api/v1/tickets/{ticket_id}/replies": "ALDCHSUKk",
    "GET /open311/discovery.{format}": EVERYBODY,
    "GET /open311/v2/services.{format}": EVERYBODY,
    "GET /open311/v2/services/{code}.{format}": EVERYBODY,
    "GET /open311/v2/requests.{format}": EVERYBODY,
    "POST /open311/v2/requests.{format}": EVERYBODY,
    "GET /open311/v2/requests/{number}.{format}": EVERYBODY,
    "GET /open311/v2/tokens/{token}.{format}": EVERYBODY,
    "GET /open311/v2/servicerequestupdates.{format}": EVERYBODY,
    "POST /open311/v2/servicerequestupdates.{format}": EVERYBODY,
    "GET /api/v1/citizen/page": EVERYBODY,
    "POST /api/v1/citizen/challenges": EVERYBODY,
    "POST /api/v1/citizen/codes": EVERYBODY,
    "POST /api/v1/citizen/phone-passes": EVERYBODY,
    "POST /api/v1/citizen/uploads": EVERYBODY,
    "GET /api/v1/citizen/uploads/{upload}": EVERYBODY,
    "POST /api/v1/citizen/uploads/{upload}/parts": EVERYBODY,
    "POST /api/v1/citizen/reports": EVERYBODY,
    "POST /api/v1/citizen/progress": EVERYBODY,
    "POST /api/v1/citizen/matter": EVERYBODY,
    "POST /api/v1/citizen/ratings": EVERYBODY,
    "GET /api/v1/citizen/files/{file_pass}": EVERYBODY,
    "GET /api/v1/open311/services": "DM",
    "PUT /api/v1/open311/services/{code}": "DM",
    "GET /livez": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": EVERYBODY,
    "GET /api/v1/openapi.json": EVERYBODY,
}

PAGES = {
    ("GET", "/"),
    ("GET", "/wallboard"),
    ("GET", "/desk"),
    ("GET", "/dispatch"),
    ("GET", "/supervision"),
    ("GET", "/reports"),
    ("GET", "/channels"),
    ("GET", "/police"),
    ("GET", "/devices"),
    ("GET", "/citizen"),
    ("GET", "/citizen/"),
    ("GET", "/citizen/assets/{name}"),
    ("GET", "/citizen/{name}"),
    ("GET", "/api/docs"),
    ("GET", "/assets/{name}"),
    ("GET", "/{name}"),
}
"""What a browser loads before anybody has logged in; no data is in it."""

SOCKETS = {("GET", "/socket.io/"), ("GET", "/sip")}
GUESTS = {("GET", "/sip/guest")}
"""For who holds the pass of one call; tried by itself."""
"""Only for who has logged in; with a key as little as without anything."""

DAYS = {"from": "2026-03-01", "to": "2026-03-31"}
QUERIES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "GET /api/v1/calendar": {"year": "2026"},
        "GET /api/v1/catalogue/differences": {"before": "0", "after": "0"},
        "GET /api/v1/deadlines/preview": {"type": "complaint", "urgency": "normal"},
        "GET /api/v1/rates": DAYS,
        "GET /api/v1/rates/export": DAYS,
        "GET /api/v1/rates/tickets": DAYS | {"figure": "response", "part": "numerator"},
        "GET /api/v1/rates/topic": {"category": "1", "month": "2026-03"},
        "GET /api/v1/suggestions/accuracy": {
            "since": "2026-03-01T00:00:00Z",
            "until": "2026-04-01T00:00:00Z",
        },
        "GET /api/v1/supervision/counts": {"since": "2026-03-01", "until": "2026-03-31"},
    }
)
"""What a route that reads must be asked with, so that its use case is reached and may refuse as well."""

# Logging out ends the caller's login: it is asked last.
LAST = "DELETE /api/v1/session"
BROKEN = b"{"


@dataclass
class Caller:
    """One who asks.

    Attributes:
        letter: In the table; empty for a stranger.
        headers: With which he is known.
    """

    letter: str
    headers: dict[str, str] = field(repr=False)


@dataclass
class Installation:
    base: Foundation
    app: web.Application
    client: TestClient[web.Request, web.Application]
    routes: list[str]

    async def status(self, caller: Caller, route: str, **headers: str) -> int:
        method, path = route.split(" ")
        response = await self.client.request(
            method,
            re.sub(r"{\w+}", "999999", path),
            params=QUERIES.get(route),
            data=None if method == "GET" else BROKEN,
            headers={**caller.headers, **headers},
            allow_redirects=False,
        )
        await response.read()
        return response.status


SIGNED = frozenset({"POST /channels/police-110/answers", "POST /channels/one-touch"})
"""Open to everybody, and answered to nobody who has not signed."""
WITH_A_PASS = {"GET /api/v1/citizen/files/{file_pass}"}
"""Open to everybody, and answered to nobody whose pass is none of ours."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """A whole installation without a PBX, with one person of each kind; started once, as that takes a while."""
    folder = tmp_path_factory.mktemp("roles")
    settings = Settings(
        database={"url": f"sqlite:///{folder}/lianxin.db"},
        security={"data_key_file": folder / "data.key"},
        telephony={"enabled": False},
        police_110={"enabled": True, "secret": "a-secret-of-both-sides"},
    )
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(foundation(settings))
        app = await stack.enter_async_context(running_desk(base))
        client = await stack.enter_async_context(TestClient(TestServer(app)))
        document = await (await client.get("/api/v1/openapi.json")).json()
        routes = [
            f"{method.upper()} {path}"
            for path, operations in document["paths"].items()
            for method in operations
        ]
        accounts = _accounts(base)
        for letter, role in PEOPLE.items():
            unit = "CGJ" if role in UNIT_ROLES else None
            await accounts.add_user(_number(letter), "甲", role, PASSWORD, unit=unit)
        yield Installation(base, app, client, routes)


@pytest_asyncio.fixture(loop_scope="module")
async def callers(installation: Installation) -> list[Caller]:
    """A stranger, everybody newly logged in, and two keys."""
    base, accounts = installation.base, _accounts(installation.base)
    found = [Caller("", {})]
    for letter in PEOPLE:
        login = await accounts.log_in(_number(letter), PASSWORD, "127.0.0.1")
        headers = {
            "Cookie": f"lianxin_session={login.token}",
            "X-CSRF-Token": login.session.csrf_token,
        }
        found.append(Caller(letter, headers))
    keys = Keys(base.database, base.clock, base.hints)
    for letter, scopes, unit in (("K", SCOPES, None), ("k", UNIT_SCOPES, "CGJ")):
        new = NewKey(name=letter, scopes=scopes, unit=unit, per_minute=60_000)
        minted = await keys.add(None, new)
        found.append(Caller(letter, {"Authorization": f"Bearer {minted.token}"}))
    return found


def _accounts(base: Foundation) -> Accounts:
    sessions = Sessions(base.database, base.clock, base.vault, base.hints)
    return Accounts(base.database, base.clock, sessions, CountingPasswords())


def _number(letter: str) -> str:
    return f"{4000 + ord(letter)}"


def _expected(caller: Caller, route: str) -> set[int] | None:
    """What is answered to a caller who may not; None to one who may."""
    if route in SIGNED:
        return {401}
    if route in WITH_A_PASS:
        return {403}
    may = MAY_CALL[route]
    if may == EVERYBODY or (caller.letter and caller.letter in may):
        return None
    return {403} if caller.letter else {401}


@in_one_loop
async def test_every_route_is_open_to_whom_the_table_names_and_to_nobody_else(
    installation: Installation, callers: list[Caller]
) -> None:
    """Who may not is told so before his request is looked at: the body that is sent is no JSON."""
    wrong = []
    for route in sorted(MAY_CALL, key=lambda route: route == LAST):
        for caller in callers:
            status = await installation.status(caller, route)
            refused = _expected(caller, route)
            # A reader that looks no further than its query has not said whether it may be called.
            unasked = {400, 422} if route.startswith("GET ") else set()
            not_so = {401, 403} | unasked
            right = status in refused if refused else status not in not_so and status < 500
            if not right:
                wrong.append(f"{caller.letter or 'a stranger'}: {route} answers {status}")
    assert not wrong, "\n".join(wrong)


@in_one_loop
async def test_every_route_is_in_the_table_and_the_table_names_no_other(
    installation: Installation,
) -> None:
    assert set(installation.routes) - set(MAY_CALL) == set(), "decide who may call these"
    assert set(MAY_CALL) - set(installation.routes) == set(), "these are gone"


@in_one_loop
async def test_what_is_served_beside_the_api_is_pages_and_sockets(
    installation: Installation,
) -> None:
    served = {
        (route.method, route.resource.canonical if route.resource else "")
        for route in installation.app.router.routes()
        if route.method != "HEAD"
    }
    described = {tuple(route.split(" ")) for route in installation.routes}
    assert served - described == PAGES | SOCKETS | GUESTS


@in_one_loop
async def test_a_socket_is_opened_by_a_login_and_by_no_key(
    installation: Installation, callers: list[Caller]
) -> None:
    for _, path in SOCKETS:
        for caller in callers:
            status = await installation.status(caller, f"GET {path}")
            denied = {"": {401}, "K": {403}, "k": {403}}.get(caller.letter)
            assert denied is None or status in denied, (caller, path, status)


@in_one_loop
async def test_without_its_csrf_token_a_login_changes_nothing(
    installation: Installation, callers: list[Caller]
) -> None:
    unsafe = [
        route for route in MAY_CALL if not route.startswith("GET ") and MAY_CALL[route] != EVERYBODY
    ]
    people = [caller for caller in callers if caller.letter in PEOPLE]
    for route in unsafe:
        for caller in people:
            status = await installation.status(caller, route, **{"X-CSRF-Token": "wrong"})
            assert status == 403, (caller, route)


def test_every_role_of_a_person_has_a_letter() -> None:
    assert set(PEOPLE.values()) == set(PERMISSIONS) - {Role.MACHINE}
