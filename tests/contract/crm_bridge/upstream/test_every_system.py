"""What every adapter of another work-order system promises. A kind that settings know and that is not here fails."""

from __future__ import annotations

import typing
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from crm_bridge.upstream.protocol import UpstreamSettings
from crm_bridge.upstream.registry import UpstreamRegistry
from crm_bridge.upstream.rules import Addition, Changes, Exchange, Outcome, Side
from crm_bridge.upstream.settings import UpstreamSection
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Misconfigured, NotFound, Refused, TryLater
from infra.kit.vault import Vault
from tests.contract.crm_bridge.upstream.others import OTHERS, Other, Room, given


@pytest.fixture(params=list(OTHERS))
async def other(
    request: pytest.FixtureRequest, sqlite_database: Database, clock: ManualClock, vault: Vault
) -> AsyncIterator[Other]:
    async with OTHERS[request.param](Room(sqlite_database, clock, vault)) as made:
        yield made


async def news(other: Other, cursor: str = "") -> Changes:
    """All that is new, page by page."""
    found: list[Exchange] = []
    while True:
        page = await other.adapter.pull(cursor, 2)
        if not page.exchanges:
            return Changes(exchanges=found, cursor=page.cursor)
        found += page.exchanges
        cursor = page.cursor


def test_every_kind_that_settings_know_is_held_to_the_contract() -> None:
    (systems,) = (UpstreamSection.model_fields["systems"].annotation,)
    kinds = {
        kind.model_fields["kind"].default
        for kind in typing.get_args(systems)
        if isinstance(kind, type) and issubclass(kind, UpstreamSettings)
    }
    assert kinds
    assert kinds <= set(OTHERS)


async def test_registry_takes_it(other: Other) -> None:
    registry = UpstreamRegistry([other.adapter])
    assert registry[other.adapter.name] is other.adapter
    with pytest.raises(Misconfigured):
        UpstreamRegistry([other.adapter, other.adapter])
    with pytest.raises(NotFound):
        registry["nobody"]


async def test_ticket_that_is_passed_on_twice_has_one_twin(
    other: Other, clock: ManualClock
) -> None:
    first = await other.adapter.push_ticket(given(clock))
    second = await other.adapter.push_ticket(given(clock))
    assert first == second
    assert (first.key, first.version) == ("key-of-ours-1", 1)
    assert first.number
    assert await other.twins() == 1


async def test_two_tickets_have_two_twins(other: Other, clock: ManualClock) -> None:
    one = await other.adapter.push_ticket(given(clock, "key-of-ours-1"))
    two = await other.adapter.push_ticket(given(clock, "key-of-ours-2"))
    assert one.number != two.number
    assert await other.twins() == 2


async def test_older_version_never_undoes_a_newer_one(other: Other, clock: ManualClock) -> None:
    await other.adapter.push_ticket(given(clock, version=1))
    newer = await other.adapter.push_ticket(given(clock, version=5))
    older = await other.adapter.push_ticket(given(clock, version=3))
    assert newer == older
    assert older.version == 5


async def test_first_pull_of_a_quiet_system_finds_nothing(other: Other) -> None:
    assert (await news(other)).exchanges == []


async def test_what_is_handed_down_is_found_once_behind_each_cursor(other: Other) -> None:
    before = await news(other)
    for _ in range(3):
        await other.hand_down()
    found = await news(other, before.cursor)
    assert len({exchange.key for exchange in found.exchanges}) == 3
    for exchange in found.exchanges:
        assert exchange.side is Side.giver
        assert exchange.matter is not None
        assert exchange.matter.text
        assert exchange.version >= 1
    again = await news(other, before.cursor)
    assert {exchange.key for exchange in again.exchanges} == {e.key for e in found.exchanges}
    assert (await news(other, found.cursor)).exchanges == []


async def test_answer_comes_with_a_higher_version(other: Other, clock: ManualClock) -> None:
    await other.adapter.push_ticket(given(clock))
    before = await news(other)
    await other.answer("key-of-ours-1", "已责令整改。")
    after = await news(other, before.cursor)
    (told,) = [one for one in after.exchanges if one.outcome is Outcome.answered]
    assert (told.key, told.side, told.answer) == ("key-of-ours-1", Side.taker, "已责令整改。")
    assert told.version > max(one.version for one in before.exchanges)
    assert told.matter is None


async def test_refusal_comes_with_its_reason(other: Other, clock: ManualClock) -> None:
    await other.adapter.push_ticket(given(clock))
    await other.refuse("key-of-ours-1")
    told = (await news(other)).exchanges[-1]
    assert told.outcome is Outcome.refused
    assert "职责" in told.answer


async def test_our_answer_reaches_it_once_however_often_it_is_told(other: Other) -> None:
    await other.hand_down()
    (handed,) = (await news(other)).exchanges
    ours = Exchange(
        key=handed.key,
        side=Side.taker,
        number="20260302-000009",
        version=4,
        state="closed",
        outcome=Outcome.answered,
        answer="已办结。",
    )
    first = await other.adapter.push_state(ours)
    second = await other.adapter.push_state(ours)
    late = await other.adapter.push_state(
        replace(ours, version=2, state="in_hand", outcome=Outcome.open, answer="")
    )
    assert first == second == late
    assert first.version == 4
    assert await other.heard(handed.key) == ("closed", "已办结。")


async def test_state_of_a_ticket_that_was_never_shared_is_refused(other: Other) -> None:
    unknown = Exchange(key="key-of-nobody", side=Side.taker, number="1", version=1, state="in_hand")
    with pytest.raises(Refused):
        await other.adapter.push_state(unknown)


async def test_notes_are_taken_with_the_ticket(other: Other, clock: ManualClock) -> None:
    note = Addition(id="1", text="昨晚又施工了", at=clock.now())
    told = replace(given(clock), notes=[note])
    receipt = await other.adapter.push_ticket(told)
    assert receipt.version == 1


async def test_what_cannot_be_reached_may_be_tried_later(other: Other, clock: ManualClock) -> None:
    async with other.unreachable():
        with pytest.raises(TryLater):
            await other.adapter.push_ticket(given(clock))
        with pytest.raises(TryLater):
            await other.adapter.pull("", 10)
    await other.adapter.push_ticket(given(clock))
    assert await other.twins() == 1


def test_exchange_shows_nothing_of_the_matter(clock: ManualClock) -> None:
    told = replace(
        given(clock), answer="秘密", notes=[Addition(id="1", text="秘密", at=clock.now())]
    )
    for secret in ("夜间施工", "滨江路", "秘密"):
        assert secret not in repr(told)
