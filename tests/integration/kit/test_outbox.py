from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit import outbox
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.outbox import OutboxEntry
from infra.kit.relay import Relay


async def _put(database: Database, clock: ManualClock, *keys: str) -> None:
    async with database.transaction() as session:
        for number, key in enumerate(keys):
            await outbox.put(session, clock, destination="d", kind="k", key=key, body={"n": number})
            await session.flush()


async def test_entries_arrive_once_and_in_order(database: Database, clock: ManualClock) -> None:
    seen: list[int] = []

    async def deliver(_session: AsyncSession, entry: OutboxEntry) -> None:
        seen.append(entry.body["n"])

    await _put(database, clock, "a", "a", "a")
    relay = Relay(database, clock, {"d": deliver})
    assert await relay.run_once() == 3
    assert await relay.run_once() == 0
    assert seen == [0, 1, 2]


async def test_a_failing_entry_holds_back_its_key_and_no_other(
    database: Database, clock: ManualClock
) -> None:
    seen: list[str] = []
    broken = True

    async def deliver(_session: AsyncSession, entry: OutboxEntry) -> None:
        if broken and entry.key == "a":
            raise ConnectionError
        seen.append(f"{entry.key}{entry.body['n']}")

    await _put(database, clock, "a", "a", "b")
    relay = Relay(database, clock, {"d": deliver})
    await relay.run_once()
    assert await relay.run_once() == 0
    assert seen == ["b2"]
    broken = False
    clock.advance(2)
    await relay.run_once()
    assert seen == ["b2", "a0", "a1"]


async def test_work_of_a_delivery_that_failed_is_rolled_back(
    database: Database, clock: ManualClock
) -> None:
    attempts = 0

    async def deliver(session: AsyncSession, entry: OutboxEntry) -> None:
        nonlocal attempts
        attempts += 1
        if entry.destination == "d":
            await outbox.put(session, clock, destination="e", kind="k", key="e", body={})
            await session.flush()
            if attempts == 1:
                raise ConnectionError

    await _put(database, clock, "a")
    relay = Relay(database, clock, {"d": deliver, "e": deliver})
    await relay.run_once()
    clock.advance(2)
    while await relay.run_once():
        pass
    assert attempts == 3


async def test_two_relays_never_deliver_one_entry_twice(
    database: Database, clock: ManualClock
) -> None:
    seen: list[int] = []

    async def deliver(_session: AsyncSession, entry: OutboxEntry) -> None:
        seen.append(entry.body["n"])

    await _put(database, clock, *(f"key{n % 7}" for n in range(40)))
    relays = [Relay(database, clock, {"d": deliver}) for _ in range(3)]

    async def drain(relay: Relay) -> None:
        while await relay.run_once():
            pass

    await asyncio.gather(*(drain(relay) for relay in relays))
    assert sorted(seen) == list(range(40))
    for key in range(7):
        of_key = [n for n in seen if n % 7 == key]
        assert of_key == sorted(of_key)


async def test_an_entry_whose_worker_died_is_delivered_by_the_next(
    database: Database, clock: ManualClock
) -> None:
    async def die(_session: AsyncSession, _entry: OutboxEntry) -> None:
        raise asyncio.CancelledError

    seen: list[int] = []

    async def deliver(_session: AsyncSession, entry: OutboxEntry) -> None:
        seen.append(entry.body["n"])

    await _put(database, clock, "a")
    dead = asyncio.create_task(Relay(database, clock, {"d": die}).run_once())
    await asyncio.wait([dead])
    alive = Relay(database, clock, {"d": deliver})
    assert await alive.run_once() == 0
    clock.advance(31)
    await alive.run_once()
    assert seen == [0]


async def test_delivered_entries_are_purged_by_age(database: Database, clock: ManualClock) -> None:
    async def deliver(_session: AsyncSession, _entry: OutboxEntry) -> None: ...

    await _put(database, clock, "a", "b")
    relay = Relay(database, clock, {"d": deliver})
    await relay.run_once()
    clock.advance(3600)
    assert await relay.purge(timedelta(hours=2)) == 0
    assert await relay.purge(timedelta(minutes=30)) == 2
