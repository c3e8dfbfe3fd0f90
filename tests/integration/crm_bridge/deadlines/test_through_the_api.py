"""Deadlines as those meet them who dispatch, extend and sign over HTTP: the domain's known answers, end to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.reckoner import Deadlines
from crm_bridge.deadlines.settings import DeadlineSettings
from crm_bridge.tickets import api, centre_api, unit_api
from crm_bridge.tickets.dispatching import Dispatching
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.http import AUTHENTICATOR, mount
from infra.kit.problems import problem_middleware
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import CGJ, ZONE
from tests.integration.crm_bridge.tickets.city import CHEN, HE, City
from tests.integration.crm_bridge.tickets.conftest import HeaderSaysWho
from tests.integration.crm_bridge.tickets.desk import Desk
from tests.unit.crm_bridge.deadlines.calendars import local

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def city(sqlite_database: Database, clock: ManualClock, vault: Vault) -> City:
    """The city of the tickets' tests, with the real calendar."""
    settings = DeadlineSettings()
    calendars = Calendars(sqlite_database, clock, ZONE, settings.hours())
    await calendars.seed()
    city = City(database=sqlite_database, clock=clock, vault=vault)
    await city.open()
    deadlines = Deadlines(sqlite_database, clock, calendars, settings.policy())
    city.dispatching = Dispatching(city.casebook, deadlines, clock)
    return city


@pytest.fixture
async def client(city: City) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = HeaderSaysWho()
    mount(
        app,
        [
            api.routes(city.tickets, city.reader),
            unit_api.routes(city.work, city.reader),
            centre_api.routes(city.dispatching, city.closing, city.reader),
        ],
    )
    async with TestClient(TestServer(app)) as client:
        yield client


async def dispatched(city: City, client: Client, at: str, **said: Any) -> Desk:
    city.clock.set(local(at))
    desk = Desk(client, await city.left_open())
    await desk.act(HE.number, "dispatch", lead=CGJ, helpers=[], designated=False, **said)
    return desk


def due(desk: Desk) -> tuple[str, bool]:
    [assignment] = desk.seen["assignments"]
    return assignment["due_at"], assignment["due_provisional"]


def utc(text: str) -> str:
    return local(text).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("at", "limit", "end", "provisional"),
    [
        ("2026-02-12 10:00", "5wd", "2026-02-26 17:30", False),
        ("2026-09-29 10:00", "5wd", "2026-10-12 17:30", False),
        ("2026-10-03 23:00", "24h", "2026-10-04 23:00", False),
        ("2026-12-28 10:00", "5wd", "2027-01-05 17:30", True),
        # A complaint without a word from the centre has ten working days.
        ("2026-03-02 10:00", None, "2026-03-16 17:30", False),
        ("2026-03-02 10:00", "hard", "2026-03-23 17:30", False),
    ],
)
async def test_a_dispatched_ticket_is_due_when_the_calendar_says(
    city: City, client: Client, at: str, limit: str | None, end: str, *, provisional: bool
) -> None:
    desk = await dispatched(city, client, at, **({"limit": limit} if limit else {}))

    assert due(desk) == (utc(end), provisional)


async def test_a_limit_that_nobody_can_read_is_a_field_error_and_nothing_is_dispatched(
    city: City, client: Client
) -> None:
    city.clock.set(local("2026-03-02 10:00"))
    desk = Desk(client, await city.left_open())
    await desk.look(HE.number)

    status, told = await desk.try_to(HE.number, "dispatch", lead=CGJ, helpers=[], limit="0wd")

    assert status == 422
    assert [field["pointer"] for field in told["fields"]] == ["/limit"]
    assert (await desk.look(HE.number))["assignments"] == []


async def test_an_approved_extension_is_reckoned_in_working_days(
    city: City, client: Client
) -> None:
    desk = await dispatched(city, client, "2026-02-05 10:00", limit="5wd")
    await desk.act(CHEN.number, "assignments/1/sign")
    await desk.act(CHEN.number, "assignments/1/extension", days=2, reason="等待配件到货")

    await desk.act(HE.number, "extension/decision", approve=True, reason="同意")

    # Until 12 February; then 13 February and, made up for the festival, Saturday the 14th.
    assert due(desk) == (utc("2026-02-14 17:30"), False)


async def test_an_extension_longer_than_the_limit_is_refused(city: City, client: Client) -> None:
    desk = await dispatched(city, client, "2026-02-05 10:00", limit="5wd")
    await desk.act(CHEN.number, "assignments/1/sign")

    status, told = await desk.try_to(
        CHEN.number, "assignments/1/extension", days=6, reason="等待配件到货"
    )

    assert status == 422
    assert [field["pointer"] for field in told["fields"]] == ["/days"]
