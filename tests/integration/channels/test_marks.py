"""What channels remember and do alone: the same promises in memory and in both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlmodel import select

from channels.marks.alone import alone
from channels.marks.memory import MemoryMarks
from channels.marks.service import Lease, LeaseLost, MarkMoved, Marks, StoredMarks
from channels.marks.tables import MarkRow
from infra.kit.clock import ManualClock, SystemClock
from infra.kit.database import Database
from infra.kit.vault import Vault

KINDS = ["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def marks(
    request: pytest.FixtureRequest, database_kind: str, clock: ManualClock, vault: Vault
) -> Iterator[Marks]:
    if database_kind == "memory":
        yield MemoryMarks(clock)
    else:
        yield StoredMarks(request.getfixturevalue("database"), clock, vault)


async def test_what_was_never_put_is_not_there(marks: Marks) -> None:
    assert await marks.get("mailbox/mayor") is None


async def test_what_was_put_is_there_and_counts_its_versions(marks: Marks) -> None:
    assert await marks.put("mailbox/mayor", {"uid": 7, "名": "市长信箱"}) == 1
    assert await marks.put("mailbox/mayor", {"uid": 8}) == 2
    mark = await marks.get("mailbox/mayor")
    assert mark is not None
    assert (dict(mark.value), mark.version) == ({"uid": 8}, 2)


async def test_mark_that_has_moved_is_not_written_over(marks: Marks) -> None:
    await marks.put("token", {"token": "a"}, expect=0)
    await marks.put("token", {"token": "b"}, expect=1)
    for stale in (0, 1, 3):
        with pytest.raises(MarkMoved):
            await marks.put("token", {"token": "c"}, expect=stale)
    mark = await marks.get("token")
    assert mark is not None
    assert mark.value["token"] == "b"


async def test_of_ten_who_expect_nothing_one_writes(marks: Marks) -> None:
    found = await asyncio.gather(
        *(marks.put("token", {"n": n}, expect=0) for n in range(10)), return_exceptions=True
    )
    assert found.count(1) == 1
    assert sum(isinstance(one, MarkMoved) for one in found) == 9


async def test_ten_who_write_at_once_all_write(marks: Marks) -> None:
    versions = await asyncio.gather(*(marks.put("token", {"n": n}) for n in range(10)))
    assert sorted(versions) == list(range(1, 11))


async def test_lease_is_one_holders_until_it_ends(marks: Marks, clock: ManualClock) -> None:
    first = await marks.lease("poll", 30)
    assert first is not None
    assert await marks.lease("poll", 30) is None
    clock.advance(30)
    second = await marks.lease("poll", 30)
    assert second is not None
    assert second.token > first.token


async def test_lease_that_is_renewed_goes_on(marks: Marks, clock: ManualClock) -> None:
    lease = await marks.lease("poll", 30)
    assert lease is not None
    clock.advance(20)
    renewed = await marks.renew(lease, 30)
    assert renewed.token == lease.token
    clock.advance(20)
    assert await marks.lease("poll", 30) is None


async def test_lease_that_is_released_is_free_at_once(marks: Marks) -> None:
    lease = await marks.lease("poll", 30)
    assert lease is not None
    await marks.release(lease)
    assert await marks.lease("poll", 30) is not None


async def test_who_slept_through_his_lease_changes_nothing(
    marks: Marks, clock: ManualClock
) -> None:
    sleeper = await marks.lease("poll", 30)
    assert sleeper is not None
    clock.advance(31)
    other = await marks.lease("poll", 30)
    assert other is not None
    await marks.put("cursor", {"at": 9}, lease=other)
    with pytest.raises(LeaseLost):
        await marks.put("cursor", {"at": 3}, lease=sleeper)
    with pytest.raises(LeaseLost):
        await marks.renew(sleeper, 30)
    await marks.release(sleeper)  # gives up nothing of the other's
    assert await marks.lease("poll", 30) is None
    mark = await marks.get("cursor")
    assert mark is not None
    assert mark.value == {"at": 9}


async def test_of_ten_who_want_a_lease_one_gets_it(marks: Marks) -> None:
    found = await asyncio.gather(*(marks.lease("poll", 30) for _ in range(10)))
    assert sum(lease is not None for lease in found) == 1


async def test_what_is_remembered_is_sealed(
    sqlite_database: Database, clock: ManualClock, vault: Vault
) -> None:
    await StoredMarks(sqlite_database, clock, vault).put("token", {"token": "ACCESS-TOKEN"})
    async with sqlite_database.reading() as session:
        row = (await session.exec(select(MarkRow))).one()
    assert b"ACCESS-TOKEN" not in row.sealed
    assert "ACCESS-TOKEN" not in repr(row.sealed)


async def test_one_works_while_the_other_waits_and_goes_on_when_it_is_gone() -> None:
    marks = MemoryMarks(SystemClock())
    working: list[str] = []
    began = asyncio.Event()

    def named(name: str) -> asyncio.Task[None]:
        async def work(_lease: Lease) -> None:
            working.append(name)
            began.set()
            await asyncio.Event().wait()

        return asyncio.create_task(alone(marks, "poll", work, seconds=0.9))

    async with asyncio.timeout(15):
        first = named("first")
        await began.wait()
        second = named("second")
        # The lease is renewed again and again: whoever asks for longer than one holds does not get it.
        asked_until = SystemClock().monotonic() + 2.0
        while SystemClock().monotonic() < asked_until:
            assert await marks.lease("poll", 60) is None
            await asyncio.sleep(0.01)
        assert working == ["first"]
        began.clear()
        first.cancel()
        await began.wait()
        assert working == ["first", "second"]
        second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)


async def test_work_ends_when_its_lease_is_lost() -> None:
    marks = MemoryMarks(SystemClock())
    cancelled = asyncio.Event()

    async def work(lease: Lease) -> None:
        await marks.release(lease)
        assert await marks.lease("poll", 60) is not None  # another takes it
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with asyncio.timeout(5):
        with pytest.raises(LeaseLost):
            await alone(marks, "poll", work, seconds=0.06)
    assert cancelled.is_set()


async def test_error_of_the_work_is_passed_on_and_the_lease_is_free() -> None:
    marks = MemoryMarks(SystemClock())

    async def work(_lease: Lease) -> None:
        raise OSError("the mail server has gone")

    with pytest.raises(OSError, match="the mail server has gone"):
        await alone(marks, "poll", work, seconds=30)
    assert await marks.lease("poll", 30) is not None
