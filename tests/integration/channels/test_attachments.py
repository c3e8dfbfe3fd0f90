import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from channels.attachments.service import Attachments
from channels.attachments.store import FolderStore
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, Invalid, NotFound, TryLater
from infra.kit.identity import Principal, Role

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
CHEN = Principal(
    user_id=1, number="5001", name="陈立", role=Role.UNIT_CLERK, permissions=frozenset()
)
FENG = Principal(
    user_id=2, number="5003", name="冯涛", role=Role.UNIT_CLERK, permissions=frozenset()
)


class Everybody:
    async def may_see(self, principal: Principal, subject: str) -> bool:
        return subject == "ticket:7"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "files")


@pytest.fixture
def attachments(database: Database, clock: ManualClock, store: FolderStore) -> Attachments:
    return Attachments(database, clock, store, limit=10_000)


async def test_bytes_are_kept_once_under_their_digest(store: FolderStore, tmp_path: Path) -> None:
    digest = await store.put(PNG)
    assert digest == hashlib.sha256(PNG).hexdigest() == await store.put(PNG)
    assert await store.get(digest) == PNG
    kept = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert [path.name for path in kept] == [digest]
    assert kept[0].stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc/passwd", "", "F" * 64])
async def test_what_is_not_kept_is_not_found(store: FolderStore, digest: str) -> None:
    with pytest.raises(NotFound):
        await store.get(digest)


async def test_damaged_file_is_not_given_out(store: FolderStore, tmp_path: Path) -> None:
    digest = await store.put(PNG)
    (tmp_path / "files" / digest[:2] / digest).write_bytes(PNG[:-1])
    with pytest.raises(NotFound, match="damaged"):
        await store.get(digest)


async def test_store_without_room_says_to_try_later_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("not a folder")
    with pytest.raises(TryLater):
        await FolderStore(tmp_path / "files").put(PNG)


async def test_file_belongs_to_nobody_else_until_it_is_attached(
    database: Database, attachments: Attachments
) -> None:
    taken = await attachments.take(CHEN, "现场.png", PNG)
    sights = {"ticket": Everybody()}
    assert (await attachments.open(CHEN, taken.id, sights))[1] == PNG
    with pytest.raises(Forbidden):
        await attachments.open(FENG, taken.id, sights)
    async with database.transaction() as session:
        await attachments.attach(session, CHEN, [taken.id], "ticket:7")
    assert (await attachments.open(FENG, taken.id, sights))[0] == taken
    with pytest.raises(Forbidden):
        await attachments.open(CHEN, taken.id, {})
    with pytest.raises(NotFound):
        await attachments.open(CHEN, 99, sights)


async def test_another_s_file_or_one_in_use_is_not_attached(
    database: Database, attachments: Attachments
) -> None:
    mine, used = [(await attachments.take(CHEN, "现场.png", PNG)).id for _ in range(2)]
    theirs = (await attachments.take(FENG, "现场.png", PNG)).id
    async with database.transaction() as session:
        await attachments.attach(session, CHEN, [used], "ticket:7")
    with pytest.raises(Invalid) as caught:
        async with database.transaction() as session:
            await attachments.attach(session, CHEN, [mine, theirs, used, 99], "ticket:8")
    assert [field.pointer for field in caught.value.fields] == [
        "/attachments/1",
        "/attachments/2",
        "/attachments/3",
    ]
    async with database.reading() as session:
        assert await attachments.of_subject(session, "ticket:8") == []


async def test_file_that_was_left_is_forgotten_after_a_while_and_an_attached_one_is_not(
    database: Database, attachments: Attachments, clock: ManualClock
) -> None:
    left, kept = [(await attachments.take(CHEN, "现场.png", PNG)).id for _ in range(2)]
    async with database.transaction() as session:
        await attachments.attach(session, CHEN, [kept], "ticket:7")
    clock.advance(timedelta(days=2).total_seconds())
    await attachments.purge(timedelta(days=1))
    with pytest.raises(NotFound):
        await attachments.open(CHEN, left, {})
    assert (await attachments.open(CHEN, kept, {"ticket": Everybody()}))[1] == PNG
