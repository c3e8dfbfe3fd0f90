import hashlib
import io
import sys
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from PIL import Image

from channels.attachments import posters
from channels.attachments.keeping import Keeper
from channels.attachments.service import Attachments
from channels.attachments.store import FolderStore
from channels.attachments.tables import AttachmentRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, Invalid, NotFound, TryLater
from infra.kit.identity import Principal, Role
from tests.pictures import png

PNG = png()
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


async def test_photograph_is_kept_without_where_and_by_what_it_was_taken(
    sqlite_database: Database, clock: ManualClock, store: FolderStore
) -> None:
    attachments = Attachments(sqlite_database, clock, store, 1024 * 1024)
    told = Image.Exif()
    told[0x0110] = "Telephone 12"
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "JPEG", exif=told)
    taken = await attachments.take(CHEN, "现场.jpg", out.getvalue())
    _, content = await attachments.open(CHEN, taken.id, {})
    assert b"Telephone 12" in out.getvalue()
    assert b"Telephone 12" not in content
    assert taken.size == len(content)


async def test_picture_that_is_none_is_refused(
    sqlite_database: Database, clock: ManualClock, store: FolderStore
) -> None:
    attachments = Attachments(sqlite_database, clock, store, 1024 * 1024)
    with pytest.raises(Invalid):
        await attachments.take(CHEN, "现场.png", b"\x89PNG\r\n\x1a\n<script>alert(1)</script>")


MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0" + b"\0" * 100


def program(tmp_path: Path, does: str) -> str:
    """A program that stands for ffmpeg: takes its arguments, and does what the test says."""
    path = tmp_path / "ffmpeg"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{does}\n")
    path.chmod(0o755)
    return str(path)


DRAWS = (
    "assert sys.argv[sys.argv.index('-protocol_whitelist') + 1] == 'file'\n"
    "assert open(sys.argv[sys.argv.index('-i') + 1], 'rb').read()[4:8] == b'ftyp'\n"
    "sys.stdout.buffer.write(bytes.fromhex('{}'))"
)


async def test_video_gets_a_poster_where_ffmpeg_is(store: FolderStore, tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (1280, 720), "teal").save(out, "JPEG")
    ffmpeg = program(tmp_path, DRAWS.format(out.getvalue().hex()))
    kept = await Keeper(store, 1024 * 1024, ffmpeg=ffmpeg).keep("", MP4, any_name=True)
    assert (kept["name"], kept["type"]) == ("video.mp4", "video/mp4")
    poster = Image.open(io.BytesIO(await store.get(kept["poster"])))
    assert (poster.format, poster.size) == ("JPEG", (640, 360))
    assert await store.get(kept["sha256"]) == MP4  # the video itself stays as it came


@pytest.mark.parametrize(
    "does",
    ["sys.exit(1)", "sys.stdout.write('no picture')", ""],
    ids=["it fails", "it draws no picture", "it draws nothing"],
)
async def test_video_of_which_nothing_can_be_drawn_is_kept_without_a_poster(
    store: FolderStore, tmp_path: Path, does: str
) -> None:
    keeper = Keeper(store, 1024 * 1024, ffmpeg=program(tmp_path, does))
    assert (await keeper.keep("a.mp4", MP4))["poster"] is None


async def test_program_that_hangs_is_ended(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posters, "_SECONDS", 10.0)  # it must have begun by then
    pid = tmp_path / "pid"
    hangs = f"import os; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    keeper = Keeper(store, 1024 * 1024, ffmpeg=program(tmp_path, hangs))
    assert (await keeper.keep("a.mp4", MP4))["poster"] is None
    assert not psutil.pid_exists(int(pid.read_text()))


async def test_poster_is_given_to_who_may_see_the_video(
    sqlite_database: Database, clock: ManualClock, store: FolderStore
) -> None:
    attachments = Attachments(sqlite_database, clock, store, 1024 * 1024)
    taken = await attachments.take(CHEN, "现场.mp4", MP4)
    poster = await store.put(PNG)
    async with sqlite_database.transaction() as session:
        (await session.get_one(AttachmentRow, taken.id)).poster = poster
    assert await attachments.poster(CHEN, taken.id, {}) == PNG
    with pytest.raises(Forbidden):
        await attachments.poster(FENG, taken.id, {})
    without = await attachments.take(CHEN, "现场.png", PNG)
    with pytest.raises(NotFound):
        await attachments.poster(CHEN, without.id, {})
