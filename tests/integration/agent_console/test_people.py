from __future__ import annotations

import pytest
from sqlmodel import col, select

from agent_console.accounts.people import People
from agent_console.accounts.service import Accounts
from agent_console.accounts.sessions import Sessions
from agent_console.accounts.staff import AccountStaff
from agent_console.accounts.tables import UserRow
from crm_bridge.units.rules import UnitKind
from crm_bridge.units.tables import UnitRow
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Invalid
from infra.kit.hints import MemoryHints
from infra.kit.identity import Role
from infra.kit.vault import Vault
from tests.integration.agent_console.conftest import (
    PASSWORD,
    Browser,
    Console,
    CountingPasswords,
    Person,
)


@pytest.fixture
async def accounts(database: Database, clock: ManualClock, vault: Vault) -> Accounts:
    """The accounts of a city with an open unit and a closed one."""
    await add_units(database)
    sessions = Sessions(database, clock, vault, MemoryHints())
    return Accounts(database, clock, sessions, CountingPasswords())


async def add_units(database: Database) -> None:
    async with database.transaction() as session:
        for code, name, active in (("CGJ", "城管执法局", True), ("SHUT", "旧局", False)):
            session.add(
                UnitRow(code=code, name_zh=name, name_en=code, kind=UnitKind.bureau, active=active)
            )


@pytest.mark.parametrize(
    ("role", "unit", "pointer"),
    [
        (Role.UNIT_CLERK, None, "/unit"),
        (Role.UNIT_HEAD, "NONE", "/unit"),
        (Role.UNIT_CLERK, "SHUT", "/unit"),
        (Role.AGENT, "CGJ", "/unit"),
        (Role.MACHINE, None, "/role"),
    ],
)
async def test_a_person_without_the_right_unit_is_refused_and_not_added(
    accounts: Accounts, database: Database, role: Role, unit: str | None, pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await accounts.add_user("5001", "赵", role, PASSWORD, unit=unit)
    assert [field.pointer for field in refused.value.fields] == [pointer]
    async with database.reading() as session:
        assert (await session.exec(select(UserRow))).all() == []


async def test_the_people_of_a_unit_and_of_a_role_are_found(
    accounts: Accounts, database: Database
) -> None:
    for number, role, unit in (
        ("5002", Role.UNIT_HEAD, "CGJ"),
        ("5001", Role.UNIT_CLERK, "CGJ"),
        ("5003", Role.UNIT_CLERK, "CGJ"),
        ("3001", Role.DISPATCHER, None),
    ):
        await accounts.add_user(number, "甲", role, PASSWORD, unit=unit)
    await accounts.disable("5003")
    staff = AccountStaff()
    async with database.reading() as session:
        assert await staff.of_units(session, {"CGJ", "SHUT"}) == ["5001", "5002"]
        assert await staff.of_units(session, set()) == []
        assert await staff.with_roles(session, {Role.DISPATCHER}) == ["3001"]


async def test_people_are_listed_by_unit_and_by_role(
    accounts: Accounts, database: Database
) -> None:
    await accounts.add_user("5001", "甲", Role.UNIT_CLERK, PASSWORD, unit="CGJ")
    await accounts.add_user("3001", "乙", Role.DISPATCHER, PASSWORD)
    people = People(database)
    (clerk,) = await people.list(unit="CGJ")
    assert (clerk.number, clerk.unit_name) == ("5001", "城管执法局")
    assert [person.number for person in await people.list(role=Role.DISPATCHER)] == ["3001"]
    assert [person.number for person in await people.list(after=clerk.id)] == ["3001"]
    assert "甲" not in repr(clerk)


@pytest.fixture
async def administrator(console: Console, open_browser: Browser) -> Person:
    await add_units(console.database)
    person = await open_browser()
    await person.log_in("9001")
    return person


NEW = {
    "number": "5001",
    "name": "赵敏",
    "role": "unit_clerk",
    "unit": "CGJ",
    "password": " first password ",
}


async def test_an_administrator_adds_a_clerk_who_sees_his_unit_at_login(
    administrator: Person, open_browser: Browser
) -> None:
    response = await administrator.request("POST", "/api/v1/users", json=NEW)
    assert response.status == 201
    added = await response.json()
    assert (added["unit"], added["unit_name"], added["disabled"]) == ("CGJ", "城管执法局", False)
    assert "password" not in added
    clerk = await open_browser()
    login = await clerk.log_in("5001", " first password ")
    user = (await login.json())["user"]
    assert (user["unit"], user["unit_name"], user["unit_name_en"]) == ("CGJ", "城管执法局", "CGJ")
    again = await (await clerk.request("GET", "/api/v1/session")).json()
    assert again["user"] == user


async def test_who_has_no_unit_is_shown_none(administrator: Person) -> None:
    user = (await (await administrator.request("GET", "/api/v1/session")).json())["user"]
    assert (user["unit"], user["unit_name"]) == (None, None)


async def test_the_same_request_twice_adds_one_person(administrator: Person) -> None:
    key = {"Idempotency-Key": "a-key"}
    first = await administrator.request("POST", "/api/v1/users", NEW, **key)
    again = await administrator.request("POST", "/api/v1/users", NEW, **key)
    assert (first.status, again.status) == (201, 201)
    assert await first.json() == await again.json()
    assert (await administrator.request("POST", "/api/v1/users", NEW)).status == 409


async def test_a_wrong_form_is_told_by_its_fields(administrator: Person) -> None:
    response = await administrator.request(
        "POST", "/api/v1/users", {**NEW, "unit": None, "password": "short"}
    )
    assert response.status == 422
    fields = (await response.json())["fields"]
    assert {field["pointer"] for field in fields} == {"/unit", "/password"}


async def test_a_disabled_person_is_not_let_in_and_nobody_disables_himself(
    administrator: Person, open_browser: Browser
) -> None:
    response = await administrator.request("POST", "/api/v1/users/1001/disable")
    assert (await response.json())["disabled"] is True
    agent = await open_browser()
    assert (await agent.log_in("1001")).status == 401
    assert (await administrator.request("POST", "/api/v1/users/9001/disable")).status == 409
    assert (await administrator.request("POST", "/api/v1/users/7777/disable")).status == 404


async def test_who_is_let_in_again_logs_in_anew(
    administrator: Person, open_browser: Browser
) -> None:
    agent = await open_browser()
    await agent.log_in("1001")
    await administrator.request("POST", "/api/v1/users/1001/disable")
    response = await administrator.request("POST", "/api/v1/users/1001/enable")
    assert (await response.json())["disabled"] is False
    assert (await agent.request("GET", "/api/v1/session")).status == 401
    assert (await agent.log_in("1001")).status == 200


async def test_another_password_ends_the_logins_made_with_the_old_one(
    administrator: Person, open_browser: Browser
) -> None:
    agent = await open_browser()
    await agent.log_in("1001")
    body = {"password": "second-long-password"}
    assert (await administrator.request("PUT", "/api/v1/users/1001/password", body)).status == 204
    assert (await agent.request("GET", "/api/v1/session")).status == 401
    assert (await agent.log_in("1001", "second-long-password")).status == 200


async def test_the_administrator_s_acts_carry_his_number(
    administrator: Person, console: Console
) -> None:
    await administrator.request("POST", "/api/v1/users", NEW)
    await administrator.request("POST", "/api/v1/users/5001/disable")
    async with console.database.reading() as session:
        statement = (
            select(AuditRow.action)
            .where(AuditRow.actor == "9001", col(AuditRow.action).startswith("user."))
            .order_by(col(AuditRow.id))
        )
        assert (await session.exec(statement)).all() == ["user.add", "user.disable"]
