"""Logins, reports and one's own tickets of the mini program, over both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import func, select

from crm_bridge.mini_program.tables import MiniFileRow, MiniPersonRow, MiniSessionRow
from crm_bridge.tickets.tables import TicketRow
from infra.kit.errors import Invalid, LianxinError, NotAuthenticated, NotFound, TooMany
from telephony.numbers import PhoneNumber
from tests.integration.crm_bridge.mini_program.conftest import LIFE, MiniHouse
from tests.pictures import png


async def count(mini: MiniHouse, table: type) -> int:
    async with mini.house.database.reading() as session:
        return (await session.exec(select(func.count()).select_from(table))).one()


async def test_login_lasts_its_time(mini: MiniHouse) -> None:
    login = await mini.people.log_in("li+u-li")
    assert (await mini.people.who(login.token)).openid.value == "o-li"
    mini.house.clock.advance(LIFE.total_seconds())
    with pytest.raises(NotAuthenticated):
        await mini.people.who(login.token)
    await mini.people.purge()
    assert await count(mini, MiniSessionRow) == 0
    assert await count(mini, MiniPersonRow) == 1


async def test_first_logins_at_once_are_one_person(mini: MiniHouse) -> None:
    logins = await asyncio.gather(*(mini.people.log_in("li") for _ in range(5)))
    people = [await mini.people.who(login.token) for login in logins]
    assert len({person.digest for person in people}) == 1
    assert await count(mini, MiniPersonRow) == 1


async def test_number_is_kept_with_the_person_and_a_new_unionid_too(mini: MiniHouse) -> None:
    await mini.people.show_phone(await mini.person("li"), "13800015121")
    person = await mini.person("li+u-li")
    assert person.phone == PhoneNumber("13800015121")
    assert person.unionid is not None
    assert "13800015121" not in repr(person)
    assert "o-li" not in repr(person)


async def test_number_that_wechat_does_not_know_leaves_the_old_one(mini: MiniHouse) -> None:
    person = await mini.person("li")
    await mini.people.show_phone(person, "13800015121")
    with pytest.raises(Invalid):
        await mini.people.show_phone(person, "nonsense")
    assert (await mini.person("li")).phone == PhoneNumber("13800015121")


async def test_same_report_at_once_is_one_ticket(mini: MiniHouse) -> None:
    person = await mini.person("li")
    filed = await asyncio.gather(
        *(mini.file(person, "路灯不亮", "k" * 20) for _ in range(5)), return_exceptions=True
    )
    numbers = {one for one in filed if isinstance(one, str)}
    assert len(numbers) == 1
    assert all(isinstance(one, (str, LianxinError)) for one in filed)
    assert await count(mini, TicketRow) == 1
    assert await mini.file(person, "路灯不亮", "k" * 20) in numbers


async def test_everybody_sees_his_own_youngest_first(mini: MiniHouse) -> None:
    li, wang = await mini.person("li"), await mini.person("wang")
    mine = [await mini.file(li, f"第{n}件", f"key-of-li-{n:010}") for n in range(3)]
    his = await mini.file(wang, "别人的", "key-of-wang-0000000")
    assert await mini.numbers(li) == mine[::-1]
    assert await mini.numbers(wang) == [his]
    with pytest.raises(NotFound):
        await mini.matters.find(li, his)


async def test_list_goes_on_behind_its_cursor_even_among_tickets_of_one_moment(
    mini: MiniHouse,
) -> None:
    person = await mini.person("li")
    mine = [await mini.file(person, f"第{n}件", f"key-of-li-{n:010}") for n in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await mini.matters.listed(person, cursor, 2)
        seen += [one.number for one in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == mine[::-1]


async def test_limit_of_an_hour_is_everybodys_own_and_ends_with_it(mini: MiniHouse) -> None:
    li, wang = await mini.person("li"), await mini.person("wang")
    for n in range(5):
        await mini.file(li, "路灯不亮", f"key-of-li-{n:010}")
    with pytest.raises(TooMany):
        await mini.file(li, "路灯不亮", "key-of-li-too-many")
    assert await mini.file(li, "路灯不亮", f"key-of-li-{0:010}")
    await mini.file(wang, "路灯不亮", "key-of-wang-0000000")
    mini.house.clock.advance(3600)
    await mini.file(li, "路灯不亮", "key-of-li-too-many")


async def test_file_is_used_once_its_owner_names_it(mini: MiniHouse) -> None:
    li, wang = await mini.person("li"), await mini.person("wang")
    file = await mini.reports.take_file(li, "路灯.png", png())
    with pytest.raises(Invalid):
        await mini.file(wang, "路灯不亮", "key-of-wang-0000000", file.id)
    await mini.file(li, "路灯不亮", "key-of-li-000000000", file.id)


async def test_whose_files_were_is_forgotten_after_a_while(mini: MiniHouse) -> None:
    li = await mini.person("li")
    file = await mini.reports.take_file(li, "路灯.png", png())
    mini.house.clock.advance(timedelta(days=2, seconds=1).total_seconds())
    await mini.people.purge()
    assert await count(mini, MiniFileRow) == 0
    with pytest.raises(Invalid):
        await mini.file(li, "路灯不亮", "key-of-li-000000000", file.id)


async def test_who_never_reported_anything_is_forgotten_at_last(mini: MiniHouse) -> None:
    li = await mini.person("li")
    await mini.person("wang")
    number = await mini.file(li, "路灯不亮", "key-of-li-000000000")
    mini.house.clock.advance(timedelta(days=91).total_seconds())
    zhao = await mini.person("zhao")
    await mini.people.purge()
    assert await count(mini, MiniPersonRow) == 2
    assert await mini.numbers(await mini.person("li")) == [number]
    assert await mini.numbers(zhao) == []
