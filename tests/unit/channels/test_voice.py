import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import OperationalError

from channels.contacts.rules import Contact
from channels.protocol import CannotReply, Reply, ReplyKind
from channels.voice import VoiceChannel, VoiceListener, VoiceSettings, contact_of
from infra.kit.errors import Misconfigured, NotFound, TryLater
from telephony.calls.rules import Call, CallChange, CallState, ChangeKind, Direction
from telephony.numbers import PhoneNumber

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
CALL = Call(
    pbx="pbx-1",
    linkedid="1740879000.7",
    direction=Direction.inbound,
    state=CallState.offered,
    caller=PhoneNumber("13800015121"),
    queue="hotline",
    agent=None,
    offered_at=NOW,
)
OFFERED = CallChange(kind=ChangeKind.offered, call=CALL, at=NOW)


def offered(n: int) -> CallChange:
    return replace(OFFERED, call=replace(CALL, linkedid=f"1740879000.{n}"))


class Books:
    """Writes contacts down, or fails as it is told to."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.failures: list[Exception] = []
        self.log: list[Contact] = []
        self.changed = asyncio.Event()

    async def take(self, contact: Contact) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if contact.external_id not in self.taken:
            self.taken.append(contact.external_id)
        self.changed.set()

    async def missed(self) -> Sequence[Contact]:
        return [contact for contact in self.log if contact.external_id not in self.taken]

    async def wait_for(self, count: int) -> list[str]:
        async with asyncio.timeout(5):
            while len(self.taken) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.taken


def listener(books: Books, settings: VoiceSettings | None = None) -> VoiceListener:
    return VoiceListener(
        VoiceChannel(),
        books.take,
        books.missed,
        settings or VoiceSettings(),
        registry=CollectorRegistry(),
    )


@asynccontextmanager
async def running(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_offered_call_is_a_contact_known_by_pbx_and_linkedid() -> None:
    (contact,) = VoiceChannel().parse(OFFERED)
    assert contact == Contact(
        channel="voice",
        external_id="pbx-1/1740879000.7",
        received_at=NOW,
        phone=PhoneNumber("13800015121"),
    )
    assert str(contact) == "voice:pbx-1/1740879000.7"


@pytest.mark.parametrize("kind", [kind for kind in ChangeKind if kind is not ChangeKind.offered])
def test_other_changes_are_no_contact(kind: ChangeKind) -> None:
    assert VoiceChannel().parse(replace(OFFERED, kind=kind)) == ()


@pytest.mark.parametrize("direction", [Direction.outbound, Direction.callback])
def test_call_that_we_made_is_no_contact(direction: Direction) -> None:
    assert VoiceChannel().parse(replace(OFFERED, call=replace(CALL, direction=direction))) == ()


def test_withheld_number_is_an_anonymous_contact() -> None:
    assert contact_of(replace(CALL, caller=None)).phone is None


async def test_reply_in_writing_is_refused() -> None:
    with pytest.raises(CannotReply):
        await VoiceChannel().reply(
            contact_of(CALL), Reply(key="reply-1", kind=ReplyKind.message, text="您好")
        )


async def test_calls_are_written_down_in_the_order_in_which_they_came() -> None:
    books = Books()
    ear = listener(books)
    async with running(ear.run):
        for n in range(50):
            ear.hear(offered(n))
        assert await books.wait_for(50) == [f"pbx-1/1740879000.{n}" for n in range(50)]


async def test_hearing_does_not_wait_for_the_database() -> None:
    books = Books()
    ear = listener(books)
    ear.hear(OFFERED)
    assert books.taken == []


async def test_contact_that_failed_is_found_again_in_the_call_log() -> None:
    books = Books()
    books.failures = [ValueError("not now")]
    books.log = [contact_of(CALL)]
    ear = VoiceListener(
        VoiceChannel(),
        books.take,
        books.missed,
        VoiceSettings(look_again_seconds=0.01),
        registry=CollectorRegistry(),
    )
    async with running(ear.run):
        assert await books.wait_for(1) == ["pbx-1/1740879000.7"]


@pytest.mark.parametrize("fault", [TryLater(), OperationalError("", None, Exception())])
async def test_contact_that_could_not_be_written_is_first_in_the_next_run(fault: Exception) -> None:
    books = Books()
    books.failures = [fault]
    ear = listener(books)
    ear.hear(offered(1))
    ear.hear(offered(2))
    with pytest.raises(type(fault)):
        await ear.run()
    async with running(ear.run):
        assert await books.wait_for(2) == ["pbx-1/1740879000.1", "pbx-1/1740879000.2"]


@pytest.mark.parametrize("fault", [NotFound(), ValueError("nobody can read it"), Misconfigured()])
async def test_contact_that_fails_for_ever_does_not_hold_up_the_others(fault: Exception) -> None:
    books = Books()
    books.failures = [fault]
    ear = listener(books)
    ear.hear(offered(1))
    ear.hear(offered(2))
    async with running(ear.run):
        assert await books.wait_for(1) == ["pbx-1/1740879000.2"]


async def test_writing_that_hangs_is_given_up_and_tried_again() -> None:
    books = Books()

    async def hang(contact: Contact) -> None:
        await asyncio.Event().wait()

    ear = VoiceListener(
        VoiceChannel(),
        hang,
        books.missed,
        VoiceSettings(deadline_seconds=0.01),
        registry=CollectorRegistry(),
    )
    ear.hear(OFFERED)
    with pytest.raises(TimeoutError):
        await ear.run()


async def test_calls_that_came_while_nobody_ran_are_read_from_the_call_log() -> None:
    books = Books()
    books.log = [contact_of(offered(n).call) for n in (1, 2)]
    async with running(listener(books).run):
        assert await books.wait_for(2) == ["pbx-1/1740879000.1", "pbx-1/1740879000.2"]


async def test_list_that_overflows_is_counted_and_made_good_from_the_call_log() -> None:
    books = Books()
    registry = CollectorRegistry()
    ear = VoiceListener(
        VoiceChannel(),
        books.take,
        books.missed,
        VoiceSettings(waiting=3, look_again_seconds=0.01),
        registry=registry,
    )
    for n in range(10):
        ear.hear(offered(n))
    assert registry.get_sample_value("lianxin_voice_contacts_overflowed_total") == 7
    books.log = [contact_of(offered(n).call) for n in range(10)]
    async with running(ear.run):
        assert len(await books.wait_for(10)) == 10
