from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from agent_console.audit import api as audit_api
from agent_console.audit.reading import AuditReader, Wanted
from infra.kit import audit
from infra.kit.audit_chain import Chain
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.hints import MemoryHints
from infra.kit.identity import Principal, Role
from infra.kit.vault import Vault
from tests.integration.agent_console.conftest import PASSWORD, Console, Person, add_people, browser

ACTS = [
    ("1001", "phone.reveal", "citizen:7"),
    ("1002", "phone.reveal", "citizen:8"),
    ("1001", "ticket.grant", "ticket:7"),
    (None, "user.add", "user:1"),
    (None, "user_x.add", "user:1"),
]


async def write(database: Database, clock: ManualClock) -> None:
    for number, action, subject in ACTS:
        clock.advance(60)
        actor = number and Principal(
            user_id=1, number=number, name="李", role=Role.AGENT, permissions=frozenset()
        )
        async with database.transaction() as session:
            await audit.write(session, clock, actor=actor or None, action=action, subject=subject)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), [4, 3, 2, 1, 0]),
        (Wanted(actor="1001"), [2, 0]),
        (Wanted(action="phone.reveal"), [1, 0]),
        (Wanted(action="phone."), [1, 0]),
        (Wanted(action="user."), [3]),
        (Wanted(action="user"), []),
        (Wanted(action="%."), []),
        (Wanted(subject="citizen:7"), [0]),
        (Wanted(actor="1001", subject="ticket:7"), [2]),
    ],
)
async def test_acts_are_found_by_who_what_and_to_whom_the_newest_first(
    database: Database, clock: ManualClock, wanted: Wanted, found: list[int]
) -> None:
    await write(database, clock)
    acts = await AuditReader(database).acts(wanted)
    assert [(act.actor, act.action, act.subject) for act in acts] == [ACTS[n] for n in found]


async def test_acts_are_found_by_their_time_and_page_by_page(
    database: Database, clock: ManualClock
) -> None:
    await write(database, clock)
    reader = AuditReader(database)
    every = await reader.acts(Wanted())
    part = await reader.acts(Wanted(since=every[3].at, until=every[1].at))
    assert [act.id for act in part] == [every[2].id, every[3].id]
    first = await reader.acts(Wanted(), limit=2)
    rest = await reader.acts(Wanted(), below=first[-1].id)
    assert [act.id for act in (*first, *rest)] == [act.id for act in every]


@pytest.fixture
async def auditor(
    sqlite_database: Database, clock: ManualClock, vault: Vault
) -> AsyncIterator[Person]:
    """An auditor at a browser, in an installation whose audit log is a chain."""
    await Chain(sqlite_database, vault).begin()
    console = Console(sqlite_database, clock, vault, MemoryHints())
    console.extra = lambda _console: [audit_api.routes(AuditReader(sqlite_database))]
    await add_people(console)
    await console.accounts.add_user("8001", "审", Role.AUDITOR, PASSWORD)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(console.running())
        person = await stack.enter_async_context(browser(console))
        await person.log_in("8001")
        yield person


async def test_an_auditor_reads_the_log_and_its_head(auditor: Person) -> None:
    listed = await (await auditor.request("GET", "/api/v1/audit?action=user.&limit=2")).json()
    assert [act["action"] for act in listed["items"]] == ["user.add", "user.add"]
    assert [act["seq"] for act in listed["items"]] == [6, 5]
    assert listed["next_cursor"] is not None
    head = await (await auditor.request("GET", "/api/v1/audit/head")).json()
    assert head["count"] == 7  # six people, one login
    assert head["expect"] == f"7:{head['hash']}"


async def test_nobody_else_reads_the_log(auditor: Person) -> None:
    async with browser(auditor.console) as agent:
        await agent.log_in("1001")
        assert (await agent.request("GET", "/api/v1/audit")).status == 403
        assert (await agent.request("GET", "/api/v1/audit/head")).status == 403


async def test_nobody_changes_the_log_over_http(auditor: Person) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert (await auditor.request(method, "/api/v1/audit")).status == 405
