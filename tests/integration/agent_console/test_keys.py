from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from agent_console.accounts.api import CookieAuthenticator
from agent_console.keys import api as keys_api
from agent_console.keys.bearer import BearerOrCookie
from agent_console.keys.rules import SCOPES
from agent_console.keys.service import Keys, NewKey
from agent_console.keys.tables import KeyRow
from crm_bridge.units.rules import UnitKind
from crm_bridge.units.tables import UnitRow
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Conflict, Invalid, NotFound, TooMany
from infra.kit.hints import MemoryHints
from infra.kit.http import AUTHENTICATOR, ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal, Role
from infra.kit.vault import Vault
from tests.integration.agent_console.conftest import Console, Person, add_people, browser

NEW = NewKey(name="省平台", scopes=frozenset({"upstream.exchange", "ticket.read"}))
ADMINISTRATOR = Principal(
    user_id=1, number="9001", name="管理员", role=Role.ADMINISTRATOR, permissions=frozenset()
)


@pytest.fixture
def keys(database: Database, clock: ManualClock) -> Keys:
    return Keys(database, clock, MemoryHints())


async def rows(database: Database) -> list[KeyRow]:
    async with database.reading() as session:
        return list((await session.exec(select(KeyRow).order_by(col(KeyRow.id)))).all())


async def test_a_key_opens_what_it_names_and_its_secret_is_not_stored(
    keys: Keys, database: Database
) -> None:
    minted = await keys.add(ADMINISTRATOR, NEW)
    principal = await keys.find(minted.token)
    assert principal is not None
    assert (principal.number, principal.role) == (f"key:{minted.key.id}", Role.MACHINE)
    assert principal.permissions == {"upstream.exchange", "ticket.read"}
    (row,) = await rows(database)
    assert minted.token.rsplit("_", 1)[1] not in row.model_dump_json()
    assert minted.token not in repr(minted)


async def test_a_wrong_secret_or_another_key_s_opens_nothing(keys: Keys) -> None:
    first, second = await keys.add(None, NEW), await keys.add(None, NEW)
    assert await keys.find(first.token) is not None
    crossed = first.token[: first.token.index("_", 3)] + second.token[second.token.index("_", 3) :]
    assert await keys.find(crossed) is None
    assert await keys.find(first.token[:-1] + ("A" if first.token[-1] != "A" else "B")) is None
    assert await keys.find(first.token.replace(f"lx_{first.key.id}_", "lx_99_")) is None


async def test_a_key_that_was_taken_back_opens_nothing_in_any_process(
    keys: Keys, database: Database, clock: ManualClock
) -> None:
    minted = await keys.add(None, NEW)
    other_program = Keys(database, clock, MemoryHints())
    assert await other_program.find(minted.token) is not None
    assert await keys.find(minted.token) is not None
    await keys.revoke(ADMINISTRATOR, minted.key.id)
    assert await keys.find(minted.token) is None
    clock.advance(10)  # no hint reaches another program
    assert await other_program.find(minted.token) is None
    await keys.revoke(ADMINISTRATOR, minted.key.id)
    assert [row.revoked_at is not None for row in await rows(database)] == [True]


async def test_a_revocation_reaches_the_processes_that_hear_hints_at_once(
    database: Database, clock: ManualClock
) -> None:
    hints = MemoryHints()
    one, other = Keys(database, clock, hints), Keys(database, clock, hints)
    minted = await one.add(None, NEW)
    assert await other.find(minted.token) is not None
    await one.revoke(None, minted.key.id)
    assert await other.find(minted.token) is None


async def test_a_key_ends_at_its_end_though_it_is_remembered(
    keys: Keys, clock: ManualClock
) -> None:
    new = replace(NEW, expires_at=clock.now() + timedelta(seconds=2))
    minted = await keys.add(None, new)
    assert await keys.find(minted.token) is not None
    clock.advance(2)
    assert await keys.find(minted.token) is None


async def test_a_remembered_key_is_found_without_asking_the_database(
    keys: Keys, database: Database
) -> None:
    minted = await keys.add(None, NEW)
    await keys.find(minted.token)
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    for _ in range(100):
        assert await keys.find(minted.token) is not None
    assert statements == []


async def test_the_last_use_is_written_at_most_once_a_minute(
    keys: Keys, database: Database, clock: ManualClock
) -> None:
    minted = await keys.add(None, NEW)
    began = clock.now()
    for _ in range(3):
        await keys.find(minted.token)
        clock.advance(25)
    assert [row.last_used_at for row in await rows(database)] == [began]
    await keys.find(minted.token)
    assert [row.last_used_at for row in await rows(database)] == [clock.now()]


async def test_a_key_that_asks_too_often_is_told_when_to_ask_again(
    keys: Keys, clock: ManualClock
) -> None:
    minted = await keys.add(None, replace(NEW, per_minute=3))
    for _ in range(3):
        await keys.find(minted.token)
    with pytest.raises(TooMany) as refused:
        await keys.find(minted.token)
    assert refused.value.retry_after == pytest.approx(20)
    clock.advance(20)
    assert await keys.find(minted.token) is not None


async def test_the_allowance_is_not_renewed_when_the_key_is_read_again(
    keys: Keys, clock: ManualClock
) -> None:
    minted = await keys.add(None, replace(NEW, per_minute=1))
    await keys.find(minted.token)
    clock.advance(11)
    with pytest.raises(TooMany):
        await keys.find(minted.token)


@pytest.mark.parametrize(
    ("new", "pointer"),
    [
        (replace(NEW, name=""), "/name"),
        (replace(NEW, scopes=frozenset()), "/scopes"),
        (replace(NEW, scopes=frozenset({"user.manage"})), "/scopes"),
        (replace(NEW, unit="NONE", scopes=frozenset({"unit.work"})), "/unit"),
        (replace(NEW, unit="SHUT", scopes=frozenset({"unit.work"})), "/unit"),
        (replace(NEW, unit="SHUT"), "/scopes"),
        (replace(NEW, per_minute=0), "/per_minute"),
    ],
)
async def test_a_key_that_cannot_be_is_refused_and_not_made(
    keys: Keys, database: Database, new: NewKey, pointer: str
) -> None:
    async with database.transaction() as session:
        session.add(
            UnitRow(code="SHUT", name_zh="旧局", name_en="Old", kind=UnitKind.bureau, active=False)
        )
    with pytest.raises(Invalid) as refused:
        await keys.add(None, new)
    assert [field.pointer for field in refused.value.fields] == [pointer]
    assert await rows(database) == []


async def test_a_key_that_would_have_ended_already_is_refused(
    keys: Keys, clock: ManualClock
) -> None:
    with pytest.raises(Invalid):
        await keys.add(None, replace(NEW, expires_at=clock.now()))


async def test_the_same_request_twice_makes_one_key_and_does_not_show_it_again(
    keys: Keys, database: Database
) -> None:
    again = IdempotencyKey(scope="9001 POST", key="k", fingerprint="f")
    await keys.add(ADMINISTRATOR, NEW, again)
    with pytest.raises(Conflict, match="key:1"):
        await keys.add(ADMINISTRATOR, NEW, again)
    assert len(await rows(database)) == 1


async def test_a_key_that_is_not_there_cannot_be_taken_back(keys: Keys) -> None:
    with pytest.raises(NotFound):
        await keys.revoke(None, 7)


async def test_making_and_taking_back_are_in_the_audit_log(keys: Keys, database: Database) -> None:
    minted = await keys.add(ADMINISTRATOR, NEW)
    await keys.revoke(ADMINISTRATOR, minted.key.id)
    async with database.reading() as session:
        found = (await session.exec(select(AuditRow).order_by(col(AuditRow.id)))).all()
    assert [(row.action, row.actor, row.subject) for row in found] == [
        ("key.add", "9001", "key:1"),
        ("key.revoke", "9001", "key:1"),
    ]
    assert minted.token not in str([row.detail for row in found])


class Sender(ApiModel):
    number: str
    unit: str | None


def _probe() -> Routes:
    api = Routes(tag="probe")

    @api.post("/api/v1/probe", permission="ticket.write")
    async def probe(principal: Principal) -> Sender:
        return Sender(number=principal.number, unit=principal.unit)

    @api.get("/api/v1/for-people")
    async def for_people(principal: Principal) -> Sender:
        return Sender(number=principal.number, unit=principal.unit)

    return api


@pytest.fixture
async def person(
    sqlite_database: Database, clock: ManualClock, vault: Vault
) -> AsyncIterator[Person]:
    """The administrator at a browser, of a console that also takes keys."""
    console = Console(sqlite_database, clock, vault, MemoryHints())
    keys = Keys(sqlite_database, clock, console.hints)
    console.extra = lambda _console: [keys_api.routes(keys), _probe()]

    def take_keys(_console: Console, app: Any) -> None:
        app[AUTHENTICATOR] = BearerOrCookie(keys, CookieAuthenticator(console.sessions))

    console.attach = take_keys
    await add_people(console)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(console.running())
        opened = await stack.enter_async_context(browser(console))
        await opened.log_in("9001")
        yield opened


async def _minted(person: Person, *scopes: str) -> tuple[int, str]:
    body = {"name": "省平台", "scopes": list(scopes)}
    response = await person.request("POST", "/api/v1/keys", json=body)
    assert response.status == 201
    answer = await response.json()
    return answer["key"]["id"], f"Bearer {answer['token']}"


async def test_a_machine_asks_with_its_key_alone(person: Person) -> None:
    key_id, bearer = await _minted(person, "ticket.write")
    async with browser(person.console) as machine:
        response = await machine.request("POST", "/api/v1/probe", Authorization=bearer)
        assert response.status == 200
        assert await response.json() == {"number": f"key:{key_id}", "unit": None}


async def test_a_key_does_not_do_what_it_does_not_name(person: Person) -> None:
    _, bearer = await _minted(person, "ticket.read")
    async with browser(person.console) as machine:
        for method, path in (
            ("POST", "/api/v1/probe"),
            ("GET", "/api/v1/keys"),
            ("GET", "/api/v1/for-people"),
            ("GET", "/api/v1/session"),
            ("DELETE", "/api/v1/session"),
            ("GET", "/api/v1/session/phone"),
            ("GET", "/socket.io/?EIO=4&transport=websocket"),
        ):
            response = await machine.request(method, path, Authorization=bearer)
            assert (path, response.status) == (path, 403)


async def test_a_wrong_key_beside_a_good_cookie_is_refused(person: Person) -> None:
    response = await person.request("GET", "/api/v1/keys", Authorization="Bearer lx_1_wrong")
    assert response.status == 401


async def test_a_good_key_beside_a_cookie_is_the_key(person: Person) -> None:
    key_id, bearer = await _minted(person, "ticket.write")
    response = await person.request("POST", "/api/v1/probe", Authorization=bearer)
    assert (await response.json())["number"] == f"key:{key_id}"


async def test_another_scheme_leaves_the_cookie_in_force(person: Person) -> None:
    response = await person.request("GET", "/api/v1/keys", Authorization="Basic YTpi")
    assert response.status == 200


async def test_a_key_taken_back_over_http_opens_nothing_at_once(person: Person) -> None:
    key_id, bearer = await _minted(person, "ticket.write")
    async with browser(person.console) as machine:
        assert (await machine.request("POST", "/api/v1/probe", Authorization=bearer)).status == 200
        assert (await person.request("DELETE", f"/api/v1/keys/{key_id}")).status == 204
        assert (await machine.request("POST", "/api/v1/probe", Authorization=bearer)).status == 401
    listed = await (await person.request("GET", "/api/v1/keys")).json()
    assert listed["items"][0]["revoked_at"] is not None


async def test_keys_are_listed_by_page_without_their_secrets(person: Person) -> None:
    tokens = [(await _minted(person, "ticket.write"))[1] for _ in range(3)]
    first = await (await person.request("GET", "/api/v1/keys?limit=2")).json()
    rest = await (await person.request("GET", f"/api/v1/keys?cursor={first['next_cursor']}")).json()
    assert [len(first["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]
    assert not any(token.rsplit("_", 1)[1] in str((first, rest)) for token in tokens)


async def test_every_scope_that_is_offered_can_be_given(keys: Keys) -> None:
    for scope in SCOPES:
        minted = await keys.add(None, replace(NEW, scopes=frozenset({scope})))
        assert minted.key.scopes == {scope}
