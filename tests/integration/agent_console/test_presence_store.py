from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlmodel import col, select

from agent_console.accounts.passwords import Passwords
from agent_console.accounts.service import Accounts
from agent_console.accounts.sessions import Sessions
from agent_console.presence.calls import CallPresence
from agent_console.presence.roster import SessionRoster
from agent_console.presence.rules import NO_ANSWER, Event, PresenceState
from agent_console.presence.service import PresenceService
from agent_console.presence.tables import PresenceLogRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.hints import MemoryHints
from infra.kit.identity import Role
from infra.kit.vault import Vault
from telephony.agents.rules import Availability
from tests.integration.agent_console.conftest import CHEAP, PASSWORD, Browser


class Floor:
    """Presence on either database, with what it has told."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database = database
        self.clock = clock
        self.hints = MemoryHints()
        self.told: list[tuple[str, str]] = []
        self.changes = 0
        self.presence = self.start()
        self.hints.subscribe("agent.hint", self._listen)

    def start(self) -> PresenceService:
        return PresenceService(self.database, self.clock, self.hints, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    async def _listen(self, body: dict[str, Any]) -> None:
        self.told.append((body["agent"], body["data"]["state"]))

    async def state(self, agent: str) -> str:
        return (await self.presence.show(agent)).state.value


@pytest.fixture
def floor(database: Database, clock: ManualClock) -> Floor:
    return Floor(database, clock)


async def test_a_change_is_stored_logged_told_and_followed(floor: Floor) -> None:
    await floor.presence.apply("1001", Event.go_online)
    await floor.presence.apply("1001", Event.go_online)
    await floor.presence.apply("1001", Event.pause, "meal")
    shown = await floor.presence.show("1001")
    assert (shown.state, shown.reason) == (PresenceState.paused, "meal")
    assert floor.told == [("1001", "online"), ("1001", "paused")]
    assert floor.changes == 2
    async with floor.database.reading() as session:
        rows = (await session.exec(select(PresenceLogRow).order_by(col(PresenceLogRow.id)))).all()
    assert [(row.event, row.state, row.reason) for row in rows] == [
        (Event.go_online, PresenceState.online, None),
        (Event.pause, PresenceState.paused, "meal"),
    ]


async def test_one_who_never_came_is_offline(floor: Floor) -> None:
    assert await floor.state("1001") == "offline"


async def test_wrap_up_ends_by_itself_and_not_before(floor: Floor) -> None:
    await floor.presence.apply_all(
        [("1001", Event.go_online), ("1001", Event.answer), ("1001", Event.hang_up)]
    )
    floor.clock.advance(29)
    await floor.presence.sweep()
    assert await floor.state("1001") == "wrap_up"
    floor.clock.advance(1)
    await floor.presence.page_seen(["1001"])
    await floor.presence.sweep()
    assert await floor.state("1001") == "online"


async def test_an_agent_whose_page_is_gone_leaves(floor: Floor) -> None:
    await floor.presence.apply("1001", Event.go_online)
    await floor.presence.apply("1002", Event.go_online)
    floor.clock.advance(20)
    await floor.presence.page_seen(["1001"])
    floor.clock.advance(10)
    await floor.presence.sweep()
    assert [await floor.state("1001"), await floor.state("1002")] == ["online", "offline"]


async def test_after_our_own_pause_pages_have_the_whole_time_to_come_back(floor: Floor) -> None:
    await floor.presence.apply("1001", Event.go_online)
    floor.clock.advance(600)
    floor.presence = floor.start()
    floor.clock.advance(29)
    await floor.presence.sweep()
    assert await floor.state("1001") == "online"
    floor.clock.advance(1)
    await floor.presence.sweep()
    assert await floor.state("1001") == "offline"


async def test_two_processes_changing_one_agent_lose_nothing(floor: Floor) -> None:
    other = floor.start()
    await asyncio.gather(
        *(service.apply("1001", Event.go_online) for service in (floor.presence, other)),
        *(service.apply("1002", Event.pause, "meal") for service in (other, floor.presence)),
    )
    assert [await floor.state("1001"), await floor.state("1002")] == ["online", "paused"]
    assert sorted(floor.told) == [("1001", "online"), ("1002", "paused")]


async def test_agents_are_counted_by_state(floor: Floor) -> None:
    for agent, event in (("1", Event.go_online), ("2", Event.go_online), ("3", Event.ring)):
        await floor.presence.apply(agent, event)
    counts = await floor.presence.counts()
    assert (counts[PresenceState.online], counts[PresenceState.ringing]) == (2, 1)


async def test_a_call_that_ended_while_nobody_watched_is_hung_up(floor: Floor) -> None:
    async def busy() -> list[str]:
        return ["1002"]

    for agent in ("1001", "1002"):
        await floor.presence.apply_all([(agent, Event.go_online), (agent, Event.answer)])
    await CallPresence(floor.presence, busy).settle()
    assert [await floor.state("1001"), await floor.state("1002")] == ["wrap_up", "on_call"]


async def test_the_roster_is_who_is_logged_in_with_what_he_is_doing(
    floor: Floor, vault: Vault
) -> None:
    sessions = Sessions(floor.database, floor.clock, vault, floor.hints)
    accounts = Accounts(floor.database, floor.clock, sessions, Passwords(CHEAP))
    roster = SessionRoster(sessions, floor.presence)
    for number in ("1001", "1002", "1003"):
        await accounts.add_user(number, f"话务员{number}", Role.AGENT, PASSWORD)
    logins = [await accounts.log_in(number, PASSWORD, "") for number in ("1001", "1002")]
    await floor.presence.apply("1001", Event.ring)
    await floor.presence.apply_all([("1001", Event.go_online), ("1001", Event.miss)])
    phones = {phone.number: phone for phone in await roster.phones()}
    assert {n: (p.availability, p.reason) for n, p in phones.items()} == {
        "1001": (Availability.paused, NO_ANSWER),
        "1002": (Availability.absent, None),
    }
    assert len({phone.secret for phone in phones.values()}) == 2
    await sessions.end(logins[0].session)
    assert [phone.number for phone in await roster.phones()] == ["1002"]


@pytest.mark.parametrize("reason", [None, "no_answer", "nap"])
async def test_a_pause_needs_a_reason_from_the_list(
    reason: str | None, open_browser: Browser
) -> None:
    agent = await open_browser()
    await agent.log_in("1001")
    body = {"state": "paused", "reason": reason}
    response = await agent.request("PUT", "/api/v1/presence", body)
    assert response.status == 422
    problem = await response.json()
    assert problem["fields"][0]["pointer"] == "/reason"
    assert problem["fields"][0]["message_zh"] == "请选择小休原因"


async def test_who_has_no_telephone_has_no_presence_to_set(open_browser: Browser) -> None:
    person = await open_browser()
    await person.log_in("9001")
    assert (await person.request("PUT", "/api/v1/presence", {"state": "online"})).status == 403


async def test_logging_out_makes_absent_only_when_it_was_the_last_login(
    open_browser: Browser,
) -> None:
    first, second = await open_browser(), await open_browser()
    for browser in (first, second):
        await browser.log_in("1001")
    await first.request("PUT", "/api/v1/presence", {"state": "online"})
    await first.request("DELETE", "/api/v1/session")
    shown = await (await second.request("GET", "/api/v1/presence")).json()
    assert shown["state"] == "online"
    await second.request("DELETE", "/api/v1/session")
    await first.log_in("1001")
    shown = await (await first.request("GET", "/api/v1/presence")).json()
    assert shown["state"] == "offline"
