"""The one door for webhooks: what it bears, what it keeps, and what it answers when the house is on fire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry
from sqlmodel import select

from channels.contacts.rules import Contact, Received
from channels.contacts.service import Contacts
from channels.contacts.tables import ContactRow
from channels.front import api
from channels.front.refusals import Refusals
from channels.front.service import Door, Front
from channels.front.settings import FrontSettings
from channels.front.tables import RefusedDeliveryRow
from channels.protocol import Acknowledgement, Delivery, DeliveryNews, Take
from channels.registry import Registry
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Invalid, LianxinError, NotAuthenticated, NotFound, TooMany, TryLater
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.identity import Principal, Role
from infra.kit.problems import problem_middleware
from infra.kit.vault import Vault
from tests.contract.channels.pigeon import MATTER, PigeonChannel, delivery

SECRET = "市民的原话"
ADMINISTRATOR = Principal(
    user_id=9,
    number="9001",
    name="何宁",
    role=Role.ADMINISTRATOR,
    permissions=frozenset({"queue.watch", "channel.manage"}),
)


@dataclass
class Gate:
    """The door, with the house behind it."""

    database: Database
    clock: ManualClock
    vault: Vault
    settings: FrontSettings = field(default_factory=FrontSettings)

    def __post_init__(self) -> None:
        self.channel = PigeonChannel()
        self.contacts = Contacts(self.database, self.vault)
        self.told: list[tuple[str, str]] = []
        self.open(self.contacts.receive)

    def open(self, take: Take) -> None:
        self.metrics = CollectorRegistry()
        self.refusals = Refusals(self.database, self.clock, self.vault, self.settings)
        self.front = Front(
            Registry([self.channel]),
            take,
            self._tell,
            self.refusals,
            self.clock,
            self.settings,
            registry=self.metrics,
        )

    async def _tell(self, channel: str, news: Sequence[DeliveryNews]) -> None:
        self.told += [(channel, one.provider_id) for one in news]

    def counted(self, outcome: str) -> float:
        labels = {"channel": "pigeon", "outcome": outcome}
        return self.metrics.get_sample_value("lianxin_channel_deliveries_total", labels) or 0.0

    def not_kept(self) -> float:
        name = "lianxin_channel_refused_not_kept_total"
        return self.metrics.get_sample_value(name, {"channel": "pigeon"}) or 0.0

    async def contacts_kept(self) -> int:
        async with self.database.reading() as session:
            return len((await session.exec(select(ContactRow))).all())

    async def refused(self) -> Sequence[RefusedDeliveryRow]:
        async with self.database.reading() as session:
            return (await session.exec(select(RefusedDeliveryRow))).all()


@pytest.fixture
def gate(database: Database, clock: ManualClock, vault: Vault) -> Gate:
    return Gate(database, clock, vault)


async def refusal(gate: Gate, raw: Delivery) -> LianxinError:
    with pytest.raises(LianxinError) as caught:
        await gate.front.receive("pigeon", raw)
    return caught.value


async def test_contact_is_acknowledged_as_its_channel_says(gate: Gate) -> None:
    assert (await gate.front.receive("pigeon", delivery(MATTER))).body == b"ok"
    assert (await gate.contacts_kept(), gate.counted("taken")) == (1, 1.0)


async def test_news_of_replies_is_told_and_is_no_contact(gate: Gate) -> None:
    await gate.front.receive("pigeon", delivery({"came": "pigeon-7"}))
    assert gate.told == [("pigeon", "pigeon-7")]
    assert (await gate.contacts_kept(), gate.counted("told")) == (0, 1.0)


async def test_check_of_the_address_is_answered_and_stores_nothing(gate: Gate) -> None:
    check = Delivery(
        method="GET", headers=delivery(b"").headers, received_at=gate.clock.now(), body=b""
    )
    assert (await gate.front.receive("pigeon", check)).body == b"coo"
    assert gate.counted("greeted") == 1.0


async def test_same_garbage_is_kept_once_and_counted(gate: Gate) -> None:
    for _ in range(3):
        assert isinstance(await refusal(gate, delivery([1])), Invalid)
        gate.clock.advance(60)
    (row,) = await gate.refused()
    assert (row.times, row.last_at - row.first_at) == (3, timedelta(minutes=2))
    assert (row.reason, row.reason_zh, row.reason_en) == ("invalid", "不是对象", "no object")


async def test_same_garbage_ten_times_at_once_is_kept_once(gate: Gate) -> None:
    await asyncio.gather(*(refusal(gate, delivery([1])) for _ in range(10)))
    (row,) = await gate.refused()
    assert row.times == 10


async def test_what_is_kept_lies_sealed_and_is_shown_to_nobody(gate: Gate) -> None:
    await refusal(gate, delivery([SECRET]))
    (row,) = await gate.refused()
    assert SECRET.encode() not in row.request_sealed
    (listed,) = await gate.refusals.listed()
    assert SECRET not in repr(listed)
    _, raw = await gate.refusals.delivery(listed.id)
    assert SECRET in json.loads(raw.body)[0]
    assert SECRET not in repr(raw)


async def test_of_a_large_delivery_the_beginning_is_kept(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    gate = Gate(database, clock, vault, FrontSettings(kept_bytes=10))
    await refusal(gate, delivery(["x" * 1000]))
    (row,) = await gate.refused()
    assert (row.whole, row.size) == (False, 1004)
    assert len(row.request_sealed) < 1000
    with pytest.raises(Invalid):  # half a delivery is never taken for a whole one
        await gate.front.again(row.id or 0)


async def test_flood_of_garbage_does_not_fill_the_disk(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    gate = Gate(database, clock, vault, FrontSettings(kept_most=3))
    for n in range(10):
        await refusal(gate, delivery([n]))
    await refusal(gate, delivery([0]))  # one that is kept comes again
    assert len(await gate.refused()) == 3
    assert (gate.counted("invalid"), gate.not_kept()) == (11.0, 7.0)


async def test_large_garbage_does_not_fill_the_disk(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    gate = Gate(database, clock, vault, FrontSettings(kept_bytes=10, kept_bytes_together=25))
    for n in range(5):
        await refusal(gate, delivery([n, "x" * 1000]))
    assert (len(await gate.refused()), gate.not_kept()) == (2, 3.0)


async def test_what_is_kept_for_too_long_is_forgotten(gate: Gate) -> None:
    await refusal(gate, delivery([1]))
    gate.clock.advance(31 * 24 * 3600)
    await refusal(gate, delivery([2]))
    await gate.refusals.purge()
    assert len(await gate.refused()) == 1


async def test_parser_that_breaks_refuses_and_keeps(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_raw: Delivery) -> Sequence[Contact]:
        raise RecursionError(SECRET)

    monkeypatch.setattr(gate.channel, "parse", breaks)
    error = await refusal(gate, delivery(MATTER))
    assert (error.slug, SECRET in str(error)) == ("not-understood", False)
    (row,) = await gate.refused()
    assert row.reason == "not-understood"


async def test_signature_that_cannot_be_checked_is_none(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_raw: Delivery) -> None:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr(gate.channel, "verify", breaks)
    assert isinstance(await refusal(gate, delivery([1])), NotAuthenticated)
    assert await gate.refused() == []


async def test_refused_delivery_is_taken_in_once_its_channel_understands_it(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = gate.channel.parse

    def new_version(raw: Delivery) -> Sequence[Contact]:
        return parse(replace(raw, body=b'{"id": "7", "text": "a"}'))

    await refusal(gate, delivery([1]))
    (row,) = await gate.refused()
    with pytest.raises(Invalid):
        await gate.front.again(row.id or 0)
    assert len(await gate.refused()) == 1
    monkeypatch.setattr(gate.channel, "parse", new_version)
    monkeypatch.setattr(gate.channel, "news", lambda raw: ())
    assert len(await gate.front.again(row.id or 0)) == 1
    assert (await gate.refused(), await gate.contacts_kept()) == ([], 1)
    with pytest.raises(NotFound):
        await gate.front.again(row.id or 0)


async def test_door_of_its_own_takes_in_what_is_verified_and_its_garbage_is_kept(
    gate: Gate,
) -> None:
    taken: list[bytes] = []

    async def take(raw: Delivery) -> Acknowledgement:
        if raw.body == b"[1]":
            raise Invalid("no nest", "没有巢")
        taken.append(raw.body)
        return Acknowledgement(body=b"landed")

    async def again(raw: Delivery) -> Sequence[Received]:
        taken.append(raw.body)
        return ()

    gate.front.open("pigeon/nest", Door(take=take, again=again))
    nest = replace(delivery(MATTER), path="nest")
    assert (await gate.front.receive("pigeon", nest)).body == b"landed"
    assert (await gate.front.receive("pigeon", delivery(MATTER))).body == b"ok"
    assert isinstance(await refusal(gate, replace(nest, headers={})), NotAuthenticated)
    assert taken == [nest.body]
    assert isinstance(await refusal(gate, replace(delivery([1]), path="nest")), Invalid)
    (row,) = await gate.refused()
    assert (row.reason_zh, gate.counted("taken"), gate.counted("invalid")) == ("没有巢", 2.0, 1.0)
    await gate.front.again(row.id or 0)
    assert (taken[1:], await gate.refused()) == ([b"[1]"], [])


async def test_door_of_a_channel_takes_in_what_is_posted_below_it_too(gate: Gate) -> None:
    async def take(raw: Delivery) -> Acknowledgement:
        raise Invalid

    async def again(raw: Delivery) -> Sequence[Received]:
        raise Invalid

    gate.front.open("pigeon", Door(take=take, again=again))
    for path in ("", "nest"):
        assert isinstance(await refusal(gate, replace(delivery(MATTER), path=path)), Invalid)
    assert await gate.contacts_kept() == 0


async def test_what_the_house_finds_wrong_in_a_contact_is_kept_too(gate: Gate) -> None:
    async def refuses(_contact: Contact) -> Received:
        raise Invalid("no such street", "没有这条街")

    gate.open(refuses)
    assert isinstance(await refusal(gate, delivery(MATTER)), Invalid)
    assert [row.reason_zh for row in await gate.refused()] == ["没有这条街"]


async def test_house_that_is_too_slow_has_the_provider_come_again(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    gate = Gate(database, clock, vault, FrontSettings(answer_seconds=0.05))

    async def hangs(_contact: Contact) -> Received:
        await asyncio.Event().wait()
        raise AssertionError

    gate.open(hangs)
    assert isinstance(await refusal(gate, delivery(MATTER)), TryLater)
    assert await gate.refused() == []
    again = Gate(database, clock, vault)
    await again.front.receive("pigeon", delivery(MATTER))
    assert await again.contacts_kept() == 1


async def test_sender_who_sends_too_much_waits_and_others_do_not(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    gate = Gate(database, clock, vault, FrontSettings(per_minute=3))
    for _ in range(3):
        await gate.front.receive("pigeon", delivery(MATTER, remote="192.0.2.7"))
    error = await refusal(gate, delivery(MATTER, remote="192.0.2.7"))
    assert isinstance(error, TooMany)
    assert error.retry_after > 0
    await gate.front.receive("pigeon", delivery(MATTER, remote="192.0.2.8"))
    clock.advance(60)
    await gate.front.receive("pigeon", delivery(MATTER, remote="192.0.2.7"))


async def test_channel_that_is_not_there_is_not_found(gate: Gate) -> None:
    with pytest.raises(NotFound):
        await gate.front.receive("parrot", delivery(MATTER))


class WhoEver:
    async def __call__(self, request: web.Request) -> Authenticated | None:
        return Authenticated(principal=ADMINISTRATOR, csrf_token=None)


Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client(gate: Gate) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = WhoEver()
    entrance = api.Entrance(
        front=gate.front,
        clock=gate.clock,
        address_of=lambda request: "192.0.2.7",
        public_url="https://12345.example.gov.cn",
    )
    mount(app, [api.routes(entrance, gate.refusals)])
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_channel_gets_the_delivery_as_the_provider_sent_it(
    gate: Gate, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Delivery] = []
    monkeypatch.setattr(gate.channel, "verify", seen.append)
    raw = delivery(MATTER)
    await client.post(
        "/channels/pigeon/status?a=1&b=%E6%B0%91&a=2", data=raw.body, headers={"X-Nest": "7"}
    )
    (found,) = seen
    assert (found.method, found.path, found.body) == ("POST", "status", raw.body)
    assert found.url == "https://12345.example.gov.cn/channels/pigeon/status?a=1&b=%E6%B0%91&a=2"
    assert {name: list(values) for name, values in found.query.items()} == {
        "a": ["1", "2"],
        "b": ["民"],
    }
    assert found.headers["x-nest"] == "7"
    assert (found.remote, found.received_at) == ("192.0.2.7", gate.clock.now())


async def test_body_without_an_end_is_cut_off_at_the_limit(gate: Gate, client: Client) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 * 1024 * 1024:
            sent += 65_536
            yield b"x" * 65_536

    try:
        status = (await client.post("/channels/pigeon", data=endless())).status
    except OSError:  # the server may close before all is sent
        status = 413
    assert status == 413
    assert sent < 64 * 1024 * 1024
    assert gate.counted("too_large") == 1.0


async def test_administrator_lists_what_was_refused_page_by_page_and_has_it_tried_again(
    gate: Gate, client: Client
) -> None:
    for n in range(3):
        await refusal(gate, delivery([n]))
    first = await (await client.get("/api/v1/channels/refused?limit=2")).json()
    assert [one["reason_zh"] for one in first["items"]] == ["不是对象", "不是对象"]
    cursor = first["next_cursor"]
    rest = await (await client.get(f"/api/v1/channels/refused?limit=2&cursor={cursor}")).json()
    assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
    assert len({one["id"] for one in first["items"] + rest["items"]}) == 3
    refused_id = rest["items"][0]["id"]
    again = await client.post(f"/api/v1/channels/refused/{refused_id}/retry")
    assert again.status == 422
    nothing = await (await client.get("/api/v1/channels/refused?channel=parrot")).json()
    assert nothing["items"] == []
