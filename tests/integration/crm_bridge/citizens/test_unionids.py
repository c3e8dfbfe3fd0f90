"""People who use the official account and the mini program, over both databases: one name at WeChat, one suggestion."""

from collections.abc import Sequence

import pytest
from sqlmodel import select

from channels.contacts.rules import Address, AddressKind
from channels.contacts.tables import CitizenAddressRow
from channels.marks.memory import MemoryMarks
from crm_bridge.citizens.belongings import Belongings
from crm_bridge.citizens.rules import Ground
from crm_bridge.citizens.service import Merges
from crm_bridge.citizens.unionids import UnionIds
from infra.kit.errors import TryLater
from tests.integration.crm_bridge.citizens.test_merging import suggestions, write
from tests.integration.crm_bridge.house import House

OFFICIAL, MINI = "wx-official", "wx-mini"


class WeChat:
    """Knows some by their unionid, and is away when it is told to be."""

    def __init__(self) -> None:
        self.unionids: dict[str, str] = {}
        self.asked: list[str] = []
        self.away = False

    async def ask(self, openid: str) -> str:
        if self.away:
            raise TryLater
        self.asked.append(openid)
        return self.unionids.get(openid, "")


@pytest.fixture
def wechat() -> WeChat:
    return WeChat()


@pytest.fixture
def unionids(house: House, wechat: WeChat) -> UnionIds:
    merges = Merges(house.database, house.clock, Belongings(house.contacts, house.vault))
    marks = MemoryMarks(house.clock)
    return UnionIds(house.database, house.clock, house.vault, marks, merges, wechat.ask, OFFICIAL)


def openid(value: str, scope: str = OFFICIAL) -> Address:
    return Address(kind=AddressKind.openid, value=value, scope=scope)


async def known_by_unionid(house: House) -> Sequence[int]:
    statement = select(CitizenAddressRow.citizen_id).where(
        CitizenAddressRow.kind == AddressKind.unionid
    )
    async with house.database.reading() as session:
        return (await session.exec(statement)).all()


async def test_follower_is_known_by_the_unionid_too_and_asked_for_once(
    house: House, unionids: UnionIds, wechat: WeChat
) -> None:
    wechat.unionids["o-li"] = "u-li"
    li = await write(house, openid("o-li"))
    await write(house, openid("m-wang", MINI))
    house.clock.advance(301)
    for _ in range(3):
        assert not await unionids.look_once()
    assert await known_by_unionid(house) == [li]
    assert wechat.asked == ["o-li"]


async def test_one_who_is_known_by_it_already_is_suggested_to_be_the_same(
    house: House, unionids: UnionIds, wechat: WeChat
) -> None:
    first = await write(house, Address(kind=AddressKind.unionid, value="u-li"))
    wechat.unionids["o-li"] = "u-li"
    second = await write(house, openid("o-li"))
    house.clock.advance(301)
    await unionids.look_once()
    (found,) = await suggestions(house)
    assert (found.one_id, found.other_id, found.ground) == (first, second, Ground.unionid)
    assert await known_by_unionid(house) == [first]


async def test_who_has_just_come_is_asked_for_a_little_later(
    house: House, unionids: UnionIds, wechat: WeChat
) -> None:
    await write(house, openid("o-li"))
    await unionids.look_once()
    assert wechat.asked == []
    house.clock.advance(301)
    await unionids.look_once()
    assert wechat.asked == ["o-li"]


async def test_nobody_is_passed_over_while_wechat_is_away(
    house: House, unionids: UnionIds, wechat: WeChat
) -> None:
    for n in range(3):
        await write(house, openid(f"o-{n}"), n=n)
    house.clock.advance(301)
    wechat.away = True
    with pytest.raises(TryLater):
        await unionids.look_once()
    wechat.away = False
    await unionids.look_once()
    assert sorted(wechat.asked) == ["o-0", "o-1", "o-2"]


async def test_many_of_one_moment_are_all_asked_for_once(
    house: House, unionids: UnionIds, wechat: WeChat
) -> None:
    for n in range(53):
        await write(house, openid(f"o-{n}"), n=n)
    house.clock.advance(301)
    assert await unionids.look_once()
    assert not await unionids.look_once()
    assert len(wechat.asked) == len(set(wechat.asked)) == 53
