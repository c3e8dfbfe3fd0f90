"""Files that providers still have: fetched at once, again after every fault, and given up when they are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.fetching import Fetcher
from channels.attachments.incoming import Incoming
from channels.attachments.keeping import Keeper
from channels.attachments.store import FolderStore
from channels.attachments.tables import AttachmentRow, MediaRow
from channels.contacts.rules import Contact, Enclosure, Message
from channels.contacts.service import Contacts
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import NotFound, TryLater
from infra.kit.vault import Vault
from tests.pictures import png

AMR = b"#!AMR\n" + b"\x3c" * 50
Answer = bytes | Exception | Callable[[], Awaitable[bytes]]


class ScriptedMedia:
    """Gives files, or does what the test says."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[str] = []

    async def fetch(self, enclosure: Enclosure) -> bytes:
        self.asked.append(enclosure.media_id)
        answer = self.answers.pop(0) if self.answers else png()
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else await answer()


@dataclass
class Chat:
    """A channel's contacts, their files, and what fetches them."""

    database: Database
    clock: ManualClock
    vault: Vault
    folder: Path

    def __post_init__(self) -> None:
        self.media = ScriptedMedia()
        self.store = FolderStore(self.folder)
        self.incoming = Incoming(self.clock, self.vault, self.store, 1024 * 1024)
        self.contacts = Contacts(self.database, self.vault)
        self.arrived: list[int] = []
        self.fetcher = self.new_fetcher()

    def new_fetcher(self) -> Fetcher:
        return Fetcher(
            self.database,
            self.clock,
            self.vault,
            Keeper(self.store, 1024 * 1024),
            {"chat": self.media},
            arrived=self._arrived,
            registry=CollectorRegistry(),
        )

    async def _arrived(self, _session: AsyncSession, contact_id: int) -> None:
        self.arrived.append(contact_id)

    async def say(self, *media: str, channel: str = "chat") -> int:
        """A message with files comes in. Returns its contact."""
        contact = Contact(
            channel=channel,
            external_id="-".join(media),
            received_at=self.clock.now(),
            message=Message(text="看照片"),
            enclosures=tuple(Enclosure(media_id=one) for one in media),
        )
        contact, kept = await self.incoming.keep(contact)

        def tie(writing, contact_id):  # type: ignore[no-untyped-def]  # as the intake does
            self.incoming.tie(writing, contact_id, kept=kept, channel=channel)

        return (await self.contacts.receive(contact, tie)).contact_id

    async def files(self) -> Sequence[AttachmentRow]:
        async with self.database.reading() as session:
            return (await session.exec(select(AttachmentRow))).all()

    async def wanted(self) -> Sequence[MediaRow]:
        async with self.database.reading() as session:
            return (await session.exec(select(MediaRow))).all()


@pytest.fixture
def chat(database: Database, clock: ManualClock, vault: Vault, tmp_path: Path) -> Chat:
    return Chat(database, clock, vault, tmp_path / "files")


async def test_file_is_fetched_once_and_belongs_to_its_contact(chat: Chat) -> None:
    contact_id = await chat.say("MEDIA-7")
    chat.media.answers = [AMR]
    assert await chat.fetcher.run_once() == 1
    assert await chat.fetcher.run_once() == 0
    (file,) = await chat.files()
    assert (file.name, file.type, file.subject) == (
        "audio.amr",
        "audio/amr",
        f"contact:{contact_id}",
    )
    assert await chat.store.get(file.sha256) == AMR
    assert chat.media.asked == ["MEDIA-7"]
    assert chat.arrived == [contact_id]


async def test_what_it_is_fetched_by_lies_sealed(chat: Chat) -> None:
    await chat.say("MEDIA-7")
    (row,) = await chat.wanted()
    assert b"MEDIA-7" not in row.media_encrypted


async def test_provider_that_is_away_is_asked_again_and_again(chat: Chat) -> None:
    await chat.say("MEDIA-7")
    chat.media.answers = [TryLater("away"), TimeoutError(), ConnectionResetError(), png()]
    for tried in range(1, 5):
        assert await chat.fetcher.run_once() == 1
        assert await chat.fetcher.run_once() == 0  # not at once
        chat.clock.advance(900)
        assert len(chat.media.asked) == tried
    assert len(await chat.files()) == 1


async def test_file_that_is_gone_is_given_up_with_its_reason(chat: Chat) -> None:
    await chat.say("MEDIA-7")
    chat.media.answers = [NotFound("media expired", "素材已过期")]
    await chat.fetcher.run_once()
    chat.clock.advance(3600)
    assert await chat.fetcher.run_once() == 0
    (row,) = await chat.wanted()
    assert (row.error, row.gone_at is not None) == ("not-found", True)


@pytest.mark.parametrize(
    "content",
    [b"", b"MZ\x90\0", b"\x89PNG\r\n\x1a\n" + b"\0" * 20, b"x" * (1024 * 1024 + 1)],
    ids=["empty", "a program", "a broken picture", "too large"],
)
async def test_file_that_is_not_taken_is_given_up(chat: Chat, content: bytes) -> None:
    await chat.say("MEDIA-7")
    chat.media.answers = [content]
    await chat.fetcher.run_once()
    (row,) = await chat.wanted()
    assert row.gone_at is not None
    assert await chat.files() == []


async def test_one_that_hangs_holds_up_no_other(chat: Chat) -> None:
    release = asyncio.Event()

    async def hangs() -> bytes:
        await release.wait()
        return png()

    await chat.say("SLOW")
    chat.media.answers = [hangs]
    slow = asyncio.create_task(chat.fetcher.run_once())
    async with asyncio.timeout(10):
        while not chat.media.asked:  # noqa: ASYNC110  # it is asked by another task
            await asyncio.sleep(0.01)
        await chat.say("QUICK")
        await chat.new_fetcher().run_once()
        assert len(await chat.files()) == 1
        release.set()
        await slow
    assert len(await chat.files()) == 2


async def test_who_slept_over_it_keeps_no_second_file(chat: Chat) -> None:
    release = asyncio.Event()

    async def slowly() -> bytes:
        await release.wait()
        return png()

    await chat.say("MEDIA-7")
    chat.media.answers = [slowly]
    sleeper = asyncio.create_task(chat.fetcher.run_once())
    async with asyncio.timeout(10):
        while not chat.media.asked:  # noqa: ASYNC110  # it is asked by another task
            await asyncio.sleep(0.01)
        chat.clock.advance(120)  # its lease is over
        assert await chat.new_fetcher().run_once() == 1
        release.set()
        await sleeper
    assert len(await chat.files()) == 1
    assert len(chat.media.asked) == 2


async def test_four_fetchers_at_once_fetch_each_file_once(chat: Chat) -> None:
    for n in range(12):
        await chat.say(f"MEDIA-{n}")

    async def all_of(fetcher: Fetcher) -> None:
        while await fetcher.run_once():
            pass

    await asyncio.gather(*(all_of(chat.new_fetcher()) for _ in range(4)))
    assert sorted(chat.media.asked) == sorted(f"MEDIA-{n}" for n in range(12))
    assert len(await chat.files()) == 12


async def test_file_of_a_channel_that_is_switched_off_is_kept_waiting(chat: Chat) -> None:
    await chat.say("MEDIA-7", channel="gone")
    await chat.fetcher.run_once()
    (row,) = await chat.wanted()
    assert (row.gone_at, row.error) == (None, "try-later")


async def test_what_was_tried_for_days_is_given_up(chat: Chat) -> None:
    await chat.say("MEDIA-7")
    chat.clock.advance(5 * 24 * 3600)
    chat.media.answers = [TryLater("away")]
    await chat.fetcher.run_once()
    (row,) = await chat.wanted()
    assert row.gone_at is not None
