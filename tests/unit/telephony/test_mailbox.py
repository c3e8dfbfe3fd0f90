from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from telephony.ami.link import AmiLink
from telephony.calls.rules import Direction
from telephony.mailbox import EndedCall, Mailbox
from telephony.numbers import PhoneNumber
from tests.unit.telephony.fake_pbx import FakePbx, message
from tests.unit.telephony.links import running, until

FIELDS = {
    "direction": "in",
    "caller": "13800001234",
    "called": "12345",
    "queue": "hotline",
    "offered": "1772415000",
    "queued": "1772415004",
    "answered": "1772415010",
    "ended": "1772415060",
    "agent": "1001",
    "recording": "20260302/lianxin-1.0.wav",
    "cause": "16",
}


def written(**changes: str) -> str:
    return "&".join(f"{name}={value}" for name, value in {**FIELDS, **changes}.items())


def told(call: str, **changes: str) -> bytes:
    headers = {name.capitalize(): value for name, value in {**FIELDS, **changes}.items()}
    return message(
        Event="UserEvent", UserEvent="LianxinCallEnded", Linkedid=call, Call=call, **headers
    )


class Book:
    """A taker that can be made to fail."""

    def __init__(self) -> None:
        self.taken: list[EndedCall] = []
        self.ready = True

    async def take(self, call: EndedCall) -> bool:
        if self.ready:
            self.taken.append(call)
        return self.ready


@asynccontextmanager
async def emptying(link: AmiLink, book: Book) -> AsyncIterator[None]:
    task = asyncio.create_task(Mailbox(link, book.take).run())
    try:
        async with running(link):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_was_written_while_nobody_listened_is_taken_on_connect_and_deleted(
    pbx: FakePbx, link: AmiLink
) -> None:
    pbx.astdb["lianxin/call/lianxin-1.0"] = written()
    pbx.astdb["lianxin/key/a1/solved"] = "digit=1&at=1772415000"
    book = Book()
    async with emptying(link, book):
        await until(lambda: len(pbx.astdb) == 1)
    (call,) = book.taken
    assert (call.linkedid, call.direction, call.caller) == (
        "lianxin-1.0",
        Direction.inbound,
        PhoneNumber("13800001234"),
    )
    assert call.offered_at.timestamp() == 1772415004
    assert call.answered_at is not None
    assert (call.agent, call.recording, call.hangup_cause) == (
        "1001",
        "20260302/lianxin-1.0.wav",
        16,
    )


async def test_a_call_that_ends_now_is_taken_at_once_and_deleted(
    pbx: FakePbx, link: AmiLink
) -> None:
    book = Book()
    async with emptying(link, book):
        pbx.astdb["lianxin/call/lianxin-2.0"] = written()
        pbx.say(told("lianxin-2.0"))
        await until(lambda: not pbx.astdb)
    assert [call.linkedid for call in book.taken] == ["lianxin-2.0"]


async def test_what_is_not_committed_is_not_deleted(pbx: FakePbx, link: AmiLink) -> None:
    pbx.astdb["lianxin/call/lianxin-1.0"] = written()
    book = Book()
    book.ready = False
    async with emptying(link, book):
        await until(lambda: pbx.sent("DBGetTree"))
        await link.send("Ping")
    assert pbx.astdb
    assert not pbx.sent("DBDel")


async def test_an_entry_whose_deletion_was_lost_is_taken_again_and_then_deleted(
    pbx: FakePbx, link: AmiLink
) -> None:
    pbx.astdb["lianxin/call/lianxin-1.0"] = written()
    pbx.silent.add("DBDel")
    book = Book()
    async with emptying(link, book):
        await until(lambda: pbx.sent("DBDel"))
        pbx.silent.clear()
        pbx.cut()
        await until(lambda: not pbx.astdb, 10.0)
    assert {call.linkedid for call in book.taken} == {"lianxin-1.0"}


async def test_an_entry_that_cannot_be_read_stays_and_stops_no_other(
    pbx: FakePbx, link: AmiLink
) -> None:
    pbx.astdb["lianxin/call/lianxin-1.0"] = "direction=sideways&ended=x"
    pbx.astdb["lianxin/call/lianxin-2.0"] = written()
    book = Book()
    async with emptying(link, book):
        await until(lambda: len(pbx.astdb) == 1)
    assert list(pbx.astdb) == ["lianxin/call/lianxin-1.0"]


@pytest.mark.parametrize(
    ("changes", "caller", "queue"),
    [
        (
            {"direction": "out", "caller": "12345", "called": "13900005678"},
            "139****5678",
            "hotline",
        ),
        ({"direction": "callback"}, "138****1234", "hotline"),
        ({"caller": "", "queue": "", "queued": "", "answered": ""}, "None", None),
    ],
)
async def test_the_citizen_is_who_is_not_us(
    pbx: FakePbx, link: AmiLink, changes: dict[str, str], caller: str, queue: str | None
) -> None:
    pbx.astdb["lianxin/call/lianxin-1.0"] = written(**changes)
    book = Book()
    async with emptying(link, book):
        await until(lambda: book.taken)
    assert (str(book.taken[0].caller), book.taken[0].queue) == (caller, queue)
