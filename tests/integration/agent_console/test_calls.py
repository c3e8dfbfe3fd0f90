from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from agent_console.calls import api as calls_api
from agent_console.calls.service import Calls
from agent_console.screen_pop import CallNews
from channels.contacts.service import Contacts
from crm_bridge.history.service import History
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.hints import MemoryHints
from infra.kit.http import Routes
from infra.kit.vault import Vault
from telephony.calls.rules import FINAL, Call, CallChange, CallState, ChangeKind, Direction
from telephony.calls.service import CallLog
from telephony.calls.tables import CallRow
from telephony.numbers import PhoneNumber
from tests.integration.agent_console.conftest import Browser, Console, Person, add_people

SOUND = bytes(range(256)) * 4
_LINKEDIDS = itertools.count()
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    (folder / "20260302").mkdir(parents=True)
    (folder / "20260302" / "a.wav").write_bytes(SOUND)
    (tmp_path / "secret.wav").write_bytes(b"not a recording")
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    return folder


@pytest.fixture
async def console(
    sqlite_database: Database, clock: ManualClock, vault: Vault, recordings: Path
) -> AsyncIterator[Console]:
    def extra(console: Console) -> list[Routes]:
        history = History(
            console.database,
            console.clock,
            console.vault,
            Contacts(console.database, console.vault),
            timedelta(minutes=15),
        )
        calls = Calls(console.database, console.clock, console.vault, history, recordings)
        return [calls_api.routes(calls)]

    built = Console(sqlite_database, clock, vault, MemoryHints(), extra=extra)
    await add_people(built)
    async with built.running():
        yield built


async def add_call(console: Console, agent: str | None, **facts: Any) -> int:
    over = facts.get("state", CallState.ended) in FINAL
    async with console.database.transaction() as session:
        row = CallRow(
            **{
                "pbx": "main",
                "linkedid": f"1772415000.{next(_LINKEDIDS)}",
                "direction": Direction.inbound,
                "state": CallState.ended,
                "caller_encrypted": console.vault.encrypt("13800015678"),
                "caller_digest": console.vault.digest("13800015678"),
                "queue": "hotline",
                "agent": agent,
                "offered_at": NOON,
                "answered_at": NOON + timedelta(seconds=5),
                "ended_at": NOON + timedelta(seconds=95) if over else None,
                "recording": "20260302/a.wav",
            }
            | facts
        )
        session.add(row)
        await session.flush()
        assert row.id is not None
        return row.id


async def somebody(open_browser: Browser, number: str) -> Person:
    person = await open_browser()
    assert (await person.log_in(number)).status == 200
    return person


async def audited(console: Console, action: str) -> list[tuple[str | None, str, dict[str, Any]]]:
    async with console.database.reading() as session:
        statement = select(AuditRow).where(AuditRow.action == action).order_by(col(AuditRow.id))
        return [(row.actor, row.subject, row.detail) for row in await session.exec(statement)]


async def test_an_agent_sees_his_calls_and_nobody_elses(
    console: Console, open_browser: Browser
) -> None:
    mine = [await add_call(console, "1001") for _ in range(3)]
    other = await add_call(console, "1002")
    agent = await somebody(open_browser, "1001")
    page = await (await agent.request("GET", "/api/v1/calls?limit=2")).json()
    assert [call["id"] for call in page["items"]] == [mine[2], mine[1]]
    rest = await (await agent.request("GET", f"/api/v1/calls?cursor={page['next_cursor']}")).json()
    assert ([call["id"] for call in rest["items"]], rest["next_cursor"]) == ([mine[0]], None)

    shown = await (await agent.request("GET", f"/api/v1/calls/{mine[0]}")).json()
    assert (shown["caller_masked"], shown["talk_seconds"]) == ("138****5678", 90)
    assert shown["recording_available"]
    for path in (
        f"/api/v1/calls/{other}",
        f"/api/v1/recordings/{other}",
        "/api/v1/calls?mine=false",
    ):
        assert (await agent.request("GET", path)).status == 403
    reveal = await agent.request(
        "POST", f"/api/v1/calls/{other}/reveal-number", {"purpose": "回拨"}
    )
    assert reveal.status == 403
    assert await audited(console, "phone.reveal") == []
    assert await audited(console, "recording.listen") == []


async def test_a_shift_lead_sees_and_hears_every_call(
    console: Console, open_browser: Browser
) -> None:
    calls = [await add_call(console, agent) for agent in ("1001", "1002", None)]
    lead = await somebody(open_browser, "2001")
    page = await (await lead.request("GET", "/api/v1/calls?mine=false")).json()
    assert [call["id"] for call in page["items"]] == calls[::-1]
    assert (await (await lead.request("GET", "/api/v1/calls")).json())["items"] == []
    assert (await lead.request("GET", f"/api/v1/recordings/{calls[1]}")).status == 200


@pytest.mark.parametrize("path", ["calls", "calls/current", "calls/1", "recordings/1"])
async def test_an_administrator_has_no_business_with_calls(
    path: str, console: Console, open_browser: Browser
) -> None:
    await add_call(console, "1001")
    administrator = await somebody(open_browser, "9001")
    assert (await administrator.request("GET", f"/api/v1/{path}")).status == 403


@pytest.mark.parametrize(
    ("facts", "is_current"),
    [
        ({"state": CallState.ringing}, True),
        ({"state": CallState.answered}, True),
        ({"state": CallState.held}, True),
        ({"state": CallState.offered, "direction": Direction.outbound}, True),
        ({"state": CallState.offered}, False),
        ({"state": CallState.transferred}, False),
        ({"state": CallState.ended}, False),
        ({"state": CallState.abandoned}, False),
    ],
)
async def test_the_current_call_is_the_one_at_the_agents_ear(
    facts: dict[str, Any], is_current: bool, console: Console, open_browser: Browser
) -> None:
    call = await add_call(console, "1001", **facts)
    await add_call(console, "1002", state=CallState.answered)
    agent = await somebody(open_browser, "1001")
    shown = await (await agent.request("GET", "/api/v1/calls/current")).json()
    assert (shown["call"] and shown["call"]["id"]) == (call if is_current else None)


async def test_revealing_a_number_is_written_down_with_its_purpose(
    console: Console, open_browser: Browser
) -> None:
    call = await add_call(console, "1001")
    agent = await somebody(open_browser, "1001")
    path = f"/api/v1/calls/{call}/reveal-number"
    for refused in ({}, {"purpose": "回\0拨"}):
        assert (await agent.request("POST", path, refused)).status == 422
    shown = await (await agent.request("POST", path, {"purpose": "掉线回拨"})).json()
    assert shown == {"number": "13800015678"}
    assert await audited(console, "phone.reveal") == [
        ("1001", f"call:{call}", {"purpose": "掉线回拨"})
    ]


async def test_a_withheld_number_cannot_be_revealed(
    console: Console, open_browser: Browser
) -> None:
    call = await add_call(console, "1001", caller_encrypted=None, caller_digest=None)
    agent = await somebody(open_browser, "1001")
    path = f"/api/v1/calls/{call}/reveal-number"
    assert (await agent.request("POST", path, {"purpose": "回拨"})).status == 404


@pytest.mark.parametrize(
    ("asked", "status", "sent", "content_range"),
    [
        (None, 200, SOUND, None),
        ("bytes=0-", 206, SOUND, "bytes 0-1023/1024"),
        ("bytes=10-19", 206, SOUND[10:20], "bytes 10-19/1024"),
        ("bytes=1000-5000", 206, SOUND[1000:], "bytes 1000-1023/1024"),
        ("bytes=-24", 206, SOUND[-24:], "bytes 1000-1023/1024"),
        ("bytes=1024-", 416, None, "bytes */1024"),
        ("bytes=9-3", 416, None, "bytes */1024"),
    ],
)
async def test_a_recording_is_heard_whole_or_in_part(
    asked: str | None,
    status: int,
    sent: bytes | None,
    content_range: str | None,
    console: Console,
    open_browser: Browser,
) -> None:
    call = await add_call(console, "1001")
    agent = await somebody(open_browser, "1001")
    headers = {"Range": asked} if asked else {}
    response = await agent.request("GET", f"/api/v1/recordings/{call}", **headers)
    assert response.status == status
    assert response.headers.get("Content-Range") == content_range
    if sent is not None:
        assert await response.read() == sent
        assert response.headers["Content-Type"] == "audio/wav"
        assert response.headers["Accept-Ranges"] == "bytes"
        assert "no-store" in response.headers["Cache-Control"]
    detail = {"part": asked} if asked else {}
    assert await audited(console, "recording.listen") == [("1001", f"call:{call}", detail)]


@pytest.mark.parametrize(
    "path",
    [
        "../secret.wav",
        "/etc/passwd",
        "20260302/../../secret.wav",
        "20260302/missing.wav",
        "link.wav",
        "20260302",
        "",
        None,
    ],
)
async def test_nothing_outside_the_recordings_is_ever_sent(
    path: str | None, console: Console, open_browser: Browser
) -> None:
    call = await add_call(console, "1001", recording=path)
    agent = await somebody(open_browser, "1001")
    response = await agent.request("GET", f"/api/v1/recordings/{call}")
    assert response.status == 404
    assert await audited(console, "recording.listen") == []


async def test_a_call_that_is_not_there_is_not_found(open_browser: Browser) -> None:
    agent = await somebody(open_browser, "1001")
    for path in ("calls/4711", "recordings/4711", "calls/x", f"calls/{'9' * 30}"):
        assert (await agent.request("GET", f"/api/v1/{path}")).status == 404


async def test_a_call_written_down_is_in_its_agents_feed(
    console: Console, open_browser: Browser
) -> None:
    agent = await somebody(open_browser, "1001")
    page = await agent.page(last_seq=0)
    log = CallLog(console.database, console.vault, [CallNews(console.clock, console.vault).written])
    call = Call(
        pbx="main",
        linkedid="1772415000.1",
        direction=Direction.inbound,
        state=CallState.offered,
        caller=PhoneNumber("13800015678"),
        queue="hotline",
        agent=None,
        offered_at=NOON,
    )
    for kind, agent_number in (
        (ChangeKind.offered, None),
        (ChangeKind.ringing, "1001"),
        (ChangeKind.answered, "1001"),
        (ChangeKind.ended, "1001"),
    ):
        facts = {"state": CallState(kind.value), "agent": agent_number}
        call = Call(**{name: getattr(call, name) for name in Call.__slots__} | facts)
        log.hear(CallChange(kind=kind, call=call, at=NOON, agent=agent_number))
        await log.drain()
    while await console.relay.run_once():
        pass
    entries = [await page.next("event") for _ in range(3)]
    assert [entry["type"] for entry in entries] == ["call.offered", "call.answered", "call.ended"]
    assert entries[0]["data"]["caller_masked"] == "138****5678"
    assert entries[0]["data"]["call_id"] == 1
