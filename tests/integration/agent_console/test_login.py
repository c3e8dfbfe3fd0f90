from __future__ import annotations

import asyncio
from datetime import timedelta
from ipaddress import ip_network

import pytest
from aiohttp import web
from sqlmodel import col, select

from agent_console.accounts.passwords import Passwords
from agent_console.accounts.rules import Patience
from agent_console.accounts.service import Accounts, WrongLogin
from agent_console.accounts.sessions import NoPhone, Sessions
from agent_console.accounts.tables import SessionRow, UserRow
from agent_console.origin import FRONT, Front
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Conflict, Invalid, NotFound, TooMany
from infra.kit.hints import MemoryHints
from infra.kit.identity import Role
from infra.kit.vault import Vault
from tests.integration.agent_console.conftest import (
    CHEAP,
    PASSWORD,
    Browser,
    Console,
    add_people,
    browser,
)

HOUR = 3600.0


class House:
    """Accounts and logins on either database."""

    def __init__(self, database: Database, clock: ManualClock, vault: Vault) -> None:
        self.database = database
        self.clock = clock
        self.hints = MemoryHints()
        self.sessions = Sessions(database, clock, vault, self.hints)
        self.accounts = Accounts(
            database,
            clock,
            self.sessions,
            Passwords(CHEAP),
            patience=Patience(per_number=3, per_address=5, window=timedelta(minutes=15)),
        )

    async def audited(self) -> list[str]:
        async with self.database.reading() as session:
            return list(await session.exec(select(AuditRow.action).order_by(col(AuditRow.id))))


@pytest.fixture
async def house(database: Database, clock: ManualClock, vault: Vault) -> House:
    built = House(database, clock, vault)
    await built.accounts.add_user("1001", "李静", Role.AGENT, PASSWORD)
    await built.accounts.add_user("9001", "管理员", Role.ADMINISTRATOR, PASSWORD)
    return built


async def test_a_login_is_found_by_its_token_and_by_nothing_stored(house: House) -> None:
    login = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    found = await house.sessions.find(login.token)
    assert found == login.session
    async with house.database.reading() as session:
        row = (await session.exec(select(SessionRow))).one()
    assert login.token not in str(row.model_dump())
    assert await house.sessions.find(row.token_digest) is None


async def test_logins_are_audited(house: House) -> None:
    with pytest.raises(WrongLogin):
        await house.accounts.log_in("1001", "wrong", "10.0.0.1")
    login = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    await house.sessions.end(login.session)
    audited = await house.audited()
    assert audited[2:] == ["session.refuse", "session.start", "session.end"]


async def test_a_login_that_ended_is_not_found(house: House) -> None:
    login = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    await house.sessions.end(login.session)
    assert await house.sessions.find(login.token) is None
    assert await house.sessions.phones() == ()


async def test_an_idle_login_ends(house: House) -> None:
    login = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    house.clock.advance(31 * 60)
    await house.sessions.end_expired()
    assert await house.sessions.find(login.token) is None


async def test_a_login_in_use_ends_after_its_longest_time(house: House) -> None:
    login = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    for _ in range(47):
        house.clock.advance(HOUR / 4)
        assert await house.sessions.find(login.token) is not None
    house.clock.advance(HOUR / 4)
    assert await house.sessions.find(login.token) is None


async def test_expired_logins_are_ended_once_and_their_end_is_told(house: House) -> None:
    told: list[int] = []

    async def listen(body: dict[str, int]) -> None:
        told.append(body["session_id"])

    house.hints.subscribe("session.ended", listen)
    login = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    assert await house.sessions.end_expired() == 0
    house.clock.advance(HOUR)
    assert [await house.sessions.end_expired(), await house.sessions.end_expired()] == [1, 0]
    assert told == [login.session.id]


async def test_a_disabled_person_is_out_at_once_and_cannot_come_back(house: House) -> None:
    login = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    async with house.database.transaction() as session:
        user = (await session.exec(select(UserRow).where(UserRow.number == "1001"))).one()
        user.disabled = True
        session.add(user)
    assert await house.sessions.find(login.token) is None
    with pytest.raises(WrongLogin):
        await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")


async def test_disabling_a_person_ends_his_logins_and_lets_him_in_no_more(house: House) -> None:
    login = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    await house.accounts.disable("1001")
    assert await house.sessions.find(login.token) is None
    assert await house.sessions.phones() == ()
    assert await house.sessions.end_expired() == 1  # which tells everybody
    with pytest.raises(WrongLogin):
        await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    assert "user.disable" in await house.audited()


async def test_a_new_password_ends_the_logins_made_with_the_old_one(house: House) -> None:
    for _ in range(2):
        with pytest.raises(WrongLogin):
            await house.accounts.log_in("1001", "forgotten", "10.0.0.1")
    login = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    other = await house.accounts.log_in("9001", PASSWORD, "10.0.0.1")
    await house.accounts.set_password("1001", "another-long-password")
    assert await house.sessions.find(login.token) is None
    assert await house.sessions.phones() == ()
    assert await house.sessions.find(other.token) is not None
    with pytest.raises(WrongLogin):
        await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    await house.accounts.log_in("1001", "another-long-password", "10.0.0.1")
    assert "user.password" in await house.audited()


async def test_of_a_person_who_is_not_there_or_a_short_password_nothing_is_changed(
    house: House,
) -> None:
    with pytest.raises(NotFound):
        await house.accounts.disable("7777")
    with pytest.raises(NotFound):
        await house.accounts.set_password("7777", "another-long-password")
    with pytest.raises(Invalid):
        await house.accounts.set_password("1001", "short")
    await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")


async def test_after_too_many_wrong_passwords_even_the_right_one_waits(house: House) -> None:
    for _ in range(3):
        with pytest.raises(WrongLogin):
            await house.accounts.log_in("1001", "wrong", "10.0.0.1")
        house.clock.advance(60)
    with pytest.raises(TooMany) as refused:
        await house.accounts.log_in("1001", PASSWORD, "10.0.0.9")
    assert refused.value.retry_after == 12 * 60
    house.clock.advance(12 * 60)
    await house.accounts.log_in("1001", PASSWORD, "10.0.0.9")


async def test_one_address_trying_many_numbers_is_stopped(house: House) -> None:
    for number in range(5):
        with pytest.raises(WrongLogin):
            await house.accounts.log_in(f"77{number}", "wrong", "10.0.0.1")
    with pytest.raises(TooMany):
        await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    await house.accounts.log_in("1001", PASSWORD, "10.0.0.2")


async def test_a_right_password_forgives_the_wrong_ones_before(house: House) -> None:
    for _ in range(4):
        with pytest.raises(WrongLogin):
            await house.accounts.log_in("1001", "wrong", "10.0.0.1")
        await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")


async def test_many_wrong_passwords_at_once_are_counted_one_by_one(house: House) -> None:
    attempts = (house.accounts.log_in("1001", "wrong", "10.0.0.1") for _ in range(12))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert (
        sorted(type(result).__name__ for result in results) == ["TooMany"] * 9 + ["WrongLogin"] * 3
    )


async def test_limits_outlive_a_restart(house: House, vault: Vault) -> None:
    for _ in range(3):
        with pytest.raises(WrongLogin):
            await house.accounts.log_in("1001", "wrong", "10.0.0.1")
    restarted = House(house.database, house.clock, vault)
    with pytest.raises(TooMany):
        await restarted.accounts.log_in("1001", PASSWORD, "10.0.0.1")


async def test_all_logins_of_a_person_share_one_telephone_until_the_last_ends(house: House) -> None:
    first = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    second = await house.accounts.log_in("1001", PASSWORD, "10.0.0.2")
    secret = (await house.sessions.phone(first.session)).secret
    assert (await house.sessions.phone(second.session)).secret == secret
    await house.sessions.end(first.session)
    assert [phone.secret for phone in await house.sessions.phones()] == [secret]
    await house.sessions.end(second.session)
    third = await house.accounts.log_in("1001", PASSWORD, "10.0.0.1")
    assert (await house.sessions.phone(third.session)).secret != secret


async def test_a_role_without_telephone_gets_none(house: House) -> None:
    login = await house.accounts.log_in("9001", PASSWORD, "10.0.0.1")
    with pytest.raises(NoPhone):
        await house.sessions.phone(login.session)


async def test_a_number_is_given_once(house: House) -> None:
    with pytest.raises(Conflict):
        await house.accounts.add_user("1001", "王磊", Role.AGENT, PASSWORD)


async def test_an_impossible_person_is_refused_field_by_field(house: House) -> None:
    with pytest.raises(Invalid) as refused:
        await house.accounts.add_user("A1", " ", Role.AGENT, "short")
    assert [field.pointer for field in refused.value.fields] == ["/number", "/name", "/password"]


async def test_unknown_number_and_wrong_password_get_the_same_answer_for_the_same_work(
    console: Console, open_browser: Browser
) -> None:
    stranger = await open_browser()
    answers, work = [], []
    for number in ("1001", "4711"):
        before = console.passwords.checks
        response = await stranger.log_in(number, "wrong-password")
        answers.append((response.status, await response.read()))
        work.append(console.passwords.checks - before)
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    assert work == [1, 1]


async def test_blanks_are_part_of_a_password(open_browser: Browser) -> None:
    stranger = await open_browser()
    assert (await stranger.log_in("1001", PASSWORD + " ")).status == 401


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(open_browser: Browser) -> None:
    agent = await open_browser()
    cookie = (await agent.log_in("1001")).headers["Set-Cookie"]
    assert cookie.startswith("lianxin_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie


async def test_the_session_says_what_the_page_needs(open_browser: Browser) -> None:
    agent = await open_browser()
    await agent.log_in("1001")
    session = await (await agent.request("GET", "/api/v1/session")).json()
    assert session["user"]["name"] == "李静"
    assert "phone.use" in session["user"]["permissions"]
    assert session["csrf_token"] == agent.csrf
    assert session["pause_reasons"][0] == {"code": "break", "zh": "小休", "en": "Break"}
    assert session["features"] == {"voice": False, "police": False, "one_touch": False}


async def test_a_login_from_another_sites_page_is_refused(
    console: Console, open_browser: Browser
) -> None:
    agent = await open_browser()
    response = await agent.http.post(
        f"{console.base}/api/v1/session",
        json={"number": "1001", "password": PASSWORD},
        headers={"Origin": "https://evil.example"},
    )
    assert response.status == 403


@pytest.mark.parametrize("token", ["", "0" * 64])
async def test_without_the_csrf_token_nothing_is_changed(token: str, open_browser: Browser) -> None:
    agent = await open_browser()
    await agent.log_in("1001")
    agent.csrf = token
    assert (await agent.request("PUT", "/api/v1/presence", {"state": "online"})).status == 403
    assert (await agent.request("DELETE", "/api/v1/session")).status == 403
    assert (await agent.request("GET", "/api/v1/session")).status == 200


async def test_an_expired_session_is_not_let_in(console: Console, open_browser: Browser) -> None:
    agent = await open_browser()
    await agent.log_in("1001")
    console.clock.advance(HOUR)
    await console.sessions.end_expired()
    assert (await agent.request("GET", "/api/v1/session")).status == 401
    assert (await agent.request("GET", "/api/v1/session/phone")).status == 401


async def test_too_many_wrong_logins_say_when_to_come_back(
    console: Console, open_browser: Browser
) -> None:
    stranger = await open_browser()
    statuses = [(await stranger.log_in("1001", "wrong")).status for _ in range(9)]
    assert statuses == [401] * 8 + [429]
    assert (await stranger.log_in("1001")).headers["Retry-After"] == "900"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"number": "1001"}, "/password"),
        ({"number": "1001'--", "password": "x"}, "/number"),
        ({"number": "1001", "password": "x" * 201}, "/password"),
        ({"number": "1001", "password": "x", "role": "administrator"}, "/role"),
    ],
)
async def test_a_malformed_login_names_the_field(
    console: Console, open_browser: Browser, body: dict[str, str], pointer: str
) -> None:
    stranger = await open_browser()
    response = await stranger.http.post(f"{console.base}/api/v1/session", json=body)
    assert response.status == 422
    assert [field["pointer"] for field in (await response.json())["fields"]] == [pointer]


async def test_behind_a_proxy_wrong_logins_are_counted_by_who_asks(
    sqlite_database: Database, clock: ManualClock, vault: Vault
) -> None:
    def attach(_console: Console, app: web.Application) -> None:
        app[FRONT] = Front(trusted_proxies=(ip_network("127.0.0.1"),))

    patience = Patience(per_address=3)
    console = Console(
        sqlite_database, clock, vault, MemoryHints(), patience=patience, attach=attach
    )
    await add_people(console)
    async with console.running(), browser(console) as person:

        async def log_in(number: str, password: str, address: str) -> int:
            response = await person.http.post(
                f"{console.base}/api/v1/session",
                json={"number": number, "password": password},
                headers={"X-Forwarded-For": address},
            )
            return response.status

        wrong = [await log_in(f"77{n}", "wrong", "203.0.113.7") for n in range(4)]
        assert wrong == [401, 401, 401, 429]
        assert await log_in("1001", PASSWORD, "203.0.113.8") == 200
