"""What units have in hand is due as the right type and urgency demand, once those are put right."""

from __future__ import annotations

import pytest

from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.reckoner import Deadlines
from crm_bridge.deadlines.settings import DeadlineSettings
from crm_bridge.tickets.details import ExtensionAsked
from crm_bridge.tickets.dispatching import Dispatching
from crm_bridge.tickets.notes import Notes
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.unit_work import UnitWork
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import CGJ, GRGS, ZONE
from tests.integration.crm_bridge.tickets.city import CHEN, HE, City
from tests.unit.crm_bridge.deadlines.calendars import local

MONDAY, TEN_DAYS = "2026-03-02 10:00", "2026-03-16 17:30"
"""A complaint is dispatched, and when it is due."""


@pytest.fixture
async def city(database: Database, clock: ManualClock, vault: Vault) -> City:
    """The city of the tickets' tests, with the real calendar."""
    settings = DeadlineSettings()
    calendars = Calendars(database, clock, ZONE, settings.hours())
    await calendars.seed()
    city = City(database=database, clock=clock, vault=vault)
    await city.open()
    deadlines = Deadlines(database, clock, calendars, settings.policy())
    city.dispatching = Dispatching(city.casebook, deadlines, clock)
    city.work = UnitWork(city.casebook, city.attachments, deadlines)
    city.notes = Notes(city.casebook, deadlines, clock)
    return city


async def dispatched(city: City, *helpers: str, limit: str | None = None) -> int:
    city.clock.set(local(MONDAY))
    ticket = await city.left_open()
    await city.dispatching.dispatch(
        HE, await city.now(ticket), lead=CGJ, helpers=helpers, limit=limit
    )
    return ticket


async def extension_asked(city: City, ticket: int, days: int) -> None:
    await city.work.sign(CHEN, await city.now(ticket), 1)
    asked = ExtensionAsked(n=1, days=days, reason="等待配件到货")
    await city.work.ask_extension(CHEN, await city.now(ticket), asked)


async def extension_approved(city: City, ticket: int) -> None:
    await city.dispatching.decide_extension(HE, await city.now(ticket), approve=True, reason="同意")


async def amended(city: City, ticket: int, at: str, **changes: str | bool) -> None:
    city.clock.set(local(at))
    await city.notes.amend(HE, await city.now(ticket), changes, "登记有误")


async def test_a_gas_leak_that_was_registered_as_a_complaint_is_due_in_two_hours(
    city: City,
) -> None:
    ticket = await dispatched(city, GRGS)

    await amended(city, ticket, "2026-03-02 11:00", urgency="critical")

    for one in await city.assignments(ticket):
        assert (one.due_at, one.limit) == (local("2026-03-02 12:00"), "2h")
        assert one.sign_due_at <= local("2026-03-02 12:00")
    assert (await city.events(ticket)).count("rescheduled") == 2
    assert await city.is_whole()


@pytest.mark.parametrize(
    ("at", "changes", "due", "limit"),
    [
        ("2026-03-02 11:00", {"type": "inquiry"}, "2026-03-03 17:30", "1wd"),
        ("2026-03-04 11:00", {"type": "help"}, "2026-03-09 17:30", "5wd"),
        # The unit learns only now that its time is over.
        ("2026-03-04 11:00", {"type": "inquiry"}, "2026-03-05 17:30", "1wd"),
        ("2026-03-04 11:00", {"urgency": "critical"}, "2026-03-04 13:00", "2h"),
        # It never gets more time by that than it had.
        ("2026-03-16 16:30", {"urgency": "critical"}, TEN_DAYS, "2h"),
        # What has passed has passed.
        ("2026-03-16 17:31", {"urgency": "critical"}, TEN_DAYS, "10wd"),
        ("2026-03-04 11:00", {"title": "另一标题"}, TEN_DAYS, "10wd"),
        ("2026-03-04 11:00", {"type": "report"}, TEN_DAYS, "10wd"),
    ],
)
async def test_an_amended_ticket_is_due_as_if_it_had_been_given_so(
    city: City, at: str, changes: dict[str, str], due: str, limit: str
) -> None:
    ticket = await dispatched(city)

    await amended(city, ticket, at, **changes)

    (one,) = await city.assignments(ticket)
    assert (one.due_at, one.limit) == (local(due), limit)
    moved = due != TEN_DAYS or limit != "10wd"
    assert (await city.events(ticket)).count("rescheduled") == moved
    assert await city.is_whole()


async def test_what_is_amended_back_has_its_first_limit_again(city: City) -> None:
    ticket = await dispatched(city)
    await amended(city, ticket, "2026-03-02 11:00", type="inquiry")

    await amended(city, ticket, "2026-03-02 11:05", type="complaint")

    (one,) = await city.assignments(ticket)
    assert (one.due_at, one.limit) == (local(TEN_DAYS), "10wd")


async def test_a_limit_that_the_centre_has_set_stays(city: City) -> None:
    ticket = await dispatched(city, limit="15wd")

    await amended(city, ticket, "2026-03-02 11:00", urgency="critical")

    (one,) = await city.assignments(ticket)
    assert (one.due_at, one.limit) == (local("2026-03-23 17:30"), "15wd")
    # Signing is nobody's to set: what is critical is signed around the clock.
    assert one.sign_due_at == local("2026-03-02 12:00")


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"type": "help"}, "2026-03-12 17:30"),
        # No extension is longer than the limit.
        ({"type": "inquiry"}, "2026-03-04 17:30"),
        ({"urgency": "critical"}, "2026-03-02 12:00"),
    ],
)
async def test_an_extension_stays_as_far_as_the_right_limit_bears_it(
    city: City, changes: dict[str, str], due: str
) -> None:
    ticket = await dispatched(city)
    await extension_asked(city, ticket, 3)
    await extension_approved(city, ticket)

    await amended(city, ticket, "2026-03-02 11:00", **changes)

    (one,) = await city.assignments(ticket)
    assert one.due_at == local(due)
    assert await city.is_whole()


async def test_a_correction_that_changes_no_limit_leaves_the_extension_that_the_citizen_was_told(
    city: City,
) -> None:
    city.clock.set(local("2026-03-02 09:00"))
    ticket = await city.left_open()
    await amended(city, ticket, "2026-03-02 09:00", type="help")
    await city.dispatching.dispatch(HE, await city.now(ticket), lead=CGJ)
    await amended(city, ticket, "2026-03-04 09:00", urgency="urgent")
    (late,) = await city.assignments(ticket)
    assert (late.due_at, late.limit) == (local("2026-03-05 09:00"), "24h")
    await extension_asked(city, ticket, 1)
    await extension_approved(city, ticket)
    await city.notes.told(HE, await city.now(ticket), how="电话", text="延期至3月6日")

    await amended(city, ticket, "2026-03-04 15:00", type="complaint")

    (one,) = await city.assignments(ticket)
    assert (one.due_at, one.limit) == (local("2026-03-06 09:00"), "24h")
    assert await city.is_whole()


async def test_a_unit_that_learns_too_late_of_a_shorter_limit_has_its_extension_too(
    city: City,
) -> None:
    ticket = await dispatched(city)
    await extension_asked(city, ticket, 3)
    await extension_approved(city, ticket)

    await amended(city, ticket, "2026-03-05 11:00", type="inquiry")

    (one,) = await city.assignments(ticket)
    # A working day from now, and of the extension as much as a limit of one day bears.
    assert (one.due_at, one.limit) == (local("2026-03-09 17:30"), "1wd")
    assert await city.is_whole()


async def test_an_extension_that_was_asked_for_before_is_approved_as_far_as_the_limit_bears_it(
    city: City,
) -> None:
    ticket = await dispatched(city)
    await extension_asked(city, ticket, 5)
    await amended(city, ticket, "2026-03-02 11:00", urgency="urgent")

    await extension_approved(city, ticket)

    (one,) = await city.assignments(ticket)
    assert (one.due_at, one.limit) == (local("2026-03-04 10:00"), "24h")
    assert await city.is_whole()


async def test_an_extension_that_the_limit_no_longer_bears_can_only_be_refused(city: City) -> None:
    ticket = await dispatched(city)
    await extension_asked(city, ticket, 5)
    await amended(city, ticket, "2026-03-02 11:00", urgency="critical")

    with pytest.raises(TransitionRefused) as refused:
        await extension_approved(city, ticket)
    assert "驳回" in str(refused.value.detail_zh)
    assert "refuse the extension" in str(refused.value)

    await city.dispatching.decide_extension(
        HE, await city.now(ticket), approve=False, reason="特急工单不能延期"
    )
    (one,) = await city.assignments(ticket)
    assert one.due_at == local("2026-03-02 12:00")
    assert await city.is_whole()
