from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from agent_console.feed.service import Feed
from infra.kit import outbox
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.group_commit import Writing
from infra.kit.hints import MemoryHints
from infra.kit.outbox import OutboxEntry, OutboxRow
from infra.kit.relay import Relay


class Post:
    """Feeds on either database, with the outbox before them."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database = database
        self.clock = clock
        self.hints = MemoryHints()
        self.feed = Feed(database, clock, self.hints)
        self.relay = Relay(database, clock, {"feed": self.feed})

    async def put(self, number: int, *agents: str, key: str = "t") -> None:
        async with self.database.transaction() as session:
            await outbox.put(
                session,
                self.clock,
                destination="feed",
                kind="ticket.changed",
                key=key,
                body={"agents": list(agents), "data": {"n": number}},
            )

    async def carry(self) -> None:
        while await self.relay.run_once():
            pass

    async def read(self, agent: str, after: int = 0) -> list[tuple[int, int]]:
        entries = (await self.feed.after({agent: after}, 1000)).get(agent, ())
        return [(entry.seq, entry.data["n"]) for entry in entries]


@pytest.fixture
def post(database: Database, clock: ManualClock) -> Post:
    return Post(database, clock)


async def test_each_agent_gets_his_own_numbers_without_a_gap(post: Post) -> None:
    await post.put(1, "1001")
    await post.put(2, "1002", "1001")
    await post.put(3)
    await post.put(4, "1001")
    await post.carry()
    assert await post.read("1001") == [(1, 1), (2, 2), (3, 4)]
    assert await post.read("1002") == [(1, 2)]
    assert await post.read("1001", after=2) == [(3, 4)]


async def test_an_entry_that_is_delivered_again_is_there_once(post: Post) -> None:
    await post.put(1, "1001")
    await post.carry()
    # The outbox row is claimed a second time, as by a worker that was paused and wakes up late.
    async with post.database.transaction() as session:
        await session.exec(
            update(OutboxRow).where(col(OutboxRow.id) == 1).values(leased_until=None)
        )
    await post.carry()
    assert await post.read("1001") == [(1, 1)]


async def test_a_delivery_that_fails_leaves_no_number_behind(post: Post) -> None:
    class Broken(Feed):
        def deliver(self, writing: Writing, entries: Sequence[OutboxEntry]) -> None:
            super().deliver(writing, entries)
            raise ConnectionError

    feed = Broken(post.database, post.clock, post.hints)
    await post.put(1, "1001")
    await Relay(post.database, post.clock, {"feed": feed}).run_once()
    assert await post.feed.heads(["1001"]) == {}
    post.clock.advance(60)
    await post.carry()
    assert await post.read("1001") == [(1, 1)]


async def test_one_that_cannot_be_delivered_holds_up_no_other(post: Post) -> None:
    class Poisoned(Feed):
        def deliver(self, writing: Writing, entries: Sequence[OutboxEntry]) -> None:
            super().deliver(writing, entries)
            if any(entry.body["data"]["n"] == 2 for entry in entries):
                raise LookupError

    for number in (1, 2, 3):
        await post.put(number, "1001", key=f"t{number}")
    feed = Poisoned(post.database, post.clock, post.hints)
    await Relay(post.database, post.clock, {"feed": feed}).run_once()
    assert await post.read("1001") == [(1, 1), (2, 3)]


async def test_many_relays_at_once_leave_no_gap_and_no_double(post: Post) -> None:
    for number in range(60):
        await post.put(number, "1001", "1002", key=f"t{number}")
    relays = [Relay(post.database, post.clock, {"feed": post.feed}) for _ in range(4)]

    async def work(relay: Relay) -> None:
        while await relay.run_once():
            pass

    async with asyncio.timeout(30):
        await asyncio.gather(*(work(relay) for relay in relays))
    for agent in ("1001", "1002"):
        entries = await post.read(agent)
        assert [seq for seq, _ in entries] == list(range(1, 61))
        assert sorted(number for _, number in entries) == list(range(60))


async def test_what_was_committed_is_hinted_at(post: Post) -> None:
    heard: list[list[str]] = []
    all_heard = asyncio.Event()

    async def listen(body: dict[str, Any]) -> None:
        heard.append(body["agents"])
        all_heard.set()

    post.hints.subscribe("feed.written", listen)
    running = asyncio.create_task(post.feed.run())
    await post.put(1, "1002", "1001")
    await post.carry()
    async with asyncio.timeout(5):
        await all_heard.wait()
    running.cancel()
    assert heard == [["1001", "1002"]]


@pytest.mark.parametrize(
    ("last_seq", "start"), [(None, 3), (3, 3), (2, 2), (0, 0), (4, 3), (10**9, 3)]
)
async def test_a_page_goes_on_where_it_was_or_begins_anew(
    last_seq: int | None, start: int, post: Post
) -> None:
    for number in range(3):
        await post.put(number, "1001")
    await post.carry()
    assert await post.feed.start("1001", last_seq) == start


async def test_old_entries_go_and_a_page_that_missed_them_begins_anew(post: Post) -> None:
    await post.put(1, "1001")
    await post.put(2, "1001")
    await post.carry()
    post.clock.advance(3600)
    await post.put(3, "1001")
    await post.carry()
    await post.feed.purge(timedelta(minutes=30))
    assert await post.read("1001") == [(3, 3)]
    assert await post.feed.start("1001", 2) == 2
    assert await post.feed.start("1001", 1) == 3
    post.clock.advance(3600)
    await post.feed.purge(timedelta(minutes=30))
    assert await post.feed.start("1001", 3) == 3
    assert await post.feed.start("1001", 2) == 3
    await post.put(4, "1001")
    await post.carry()
    assert await post.read("1001", after=3) == [(4, 4)]


async def test_an_agent_who_was_never_told_anything_begins_at_nothing(post: Post) -> None:
    assert await post.feed.start("1001", None) == 0
    assert await post.feed.start("1001", 0) == 0
