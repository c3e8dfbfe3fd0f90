"""What every webhook promises to providers and against strangers, over real HTTP and a real database."""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from io import BytesIO
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry
from sqlmodel import select
from yarl import URL

from channels.contacts.service import Contacts
from channels.contacts.tables import ContactRow
from channels.front import api
from channels.front.refusals import Refusals
from channels.front.service import LARGEST_BODY, Front
from channels.front.settings import FrontSettings
from channels.front.tables import RefusedDeliveryRow
from channels.protocol import Delivery
from channels.registry import Registry
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Invalid, NotAuthenticated
from infra.kit.http import mount
from infra.kit.problems import problem_middleware
from infra.kit.vault import Vault
from tests.contract.channels.every import POSTED
from tests.contract.channels.samples import PostedSample

MEGABYTE = 1024 * 1024
Client = TestClient[web.Request, web.Application]


@pytest.fixture(params=POSTED, ids=lambda sample: sample.channel.name)
def sample(request: pytest.FixtureRequest) -> PostedSample:
    found: PostedSample = request.param
    return found


async def nobody_listens(_channel: str, _news: object) -> None:
    return


@pytest.fixture
async def client(
    sample: PostedSample, sqlite_database: Database, clock: ManualClock, vault: Vault
) -> AsyncIterator[Client]:
    settings = FrontSettings()
    refusals = Refusals(sqlite_database, clock, vault, settings)
    front = Front(
        Registry([sample.channel]),
        Contacts(sqlite_database, vault).receive,
        nobody_listens,
        refusals,
        clock,
        settings,
        registry=CollectorRegistry(),
    )
    app = web.Application(middlewares=[problem_middleware], client_max_size=MEGABYTE)
    known_as = urlsplit(sample.contact.url)
    public_url = f"{known_as.scheme}://{known_as.netloc}" if sample.contact.url else ""
    entrance = api.Entrance(
        front=front,
        clock=clock,
        address_of=lambda request: "192.0.2.7",
        public_url=public_url,
    )
    mount(app, [api.routes(entrance, refusals)])
    async with TestClient(TestServer(app)) as client:
        yield client


async def deliver(client: Client, sample: PostedSample, raw: Delivery) -> ClientResponse:
    address = f"/channels/{sample.channel.name}" + (f"/{raw.path}" if raw.path else "")
    if raw.url:
        parts = urlsplit(raw.url)
        url = URL(f"{parts.path}?{parts.query}", encoded=True)
    else:
        url = URL(address).with_query([(n, one) for n, each in raw.query.items() for one in each])
    return await client.request(raw.method, url, data=BytesIO(raw.body), headers=dict(raw.headers))


async def contacts(database: Database) -> Sequence[ContactRow]:
    async with database.reading() as session:
        return (await session.exec(select(ContactRow))).all()


async def refused(database: Database) -> Sequence[RefusedDeliveryRow]:
    async with database.reading() as session:
        return (await session.exec(select(RefusedDeliveryRow))).all()


async def test_genuine_delivery_is_on_disk_when_it_is_acknowledged(
    client: Client, sample: PostedSample, sqlite_database: Database
) -> None:
    answer = await deliver(client, sample, sample.contact)
    assert 200 <= answer.status < 300
    kept = await contacts(sqlite_database)
    assert len(kept) == len(sample.channel.parse(sample.contact))
    assert {row.channel for row in kept} == {sample.channel.name}


async def test_forged_deliveries_are_turned_away_and_nothing_is_stored(
    client: Client, sample: PostedSample, sqlite_database: Database
) -> None:
    assert sample.forged
    for forged in sample.forged:
        answer = await deliver(client, sample, forged)
        assert answer.status in (401, 403)
    assert await contacts(sqlite_database) == []
    assert await refused(sqlite_database) == []


async def test_same_delivery_ten_times_at_once_is_one_contact_and_all_are_answered_alike(
    client: Client, sample: PostedSample, sqlite_database: Database
) -> None:
    answers = await asyncio.gather(*(deliver(client, sample, sample.contact) for _ in range(10)))
    told = {(answer.status, await answer.read()) for answer in answers}
    assert len(told) == 1
    assert len(await contacts(sqlite_database)) == len(sample.channel.parse(sample.contact))


async def test_garbage_is_refused_and_kept_with_its_reason(
    client: Client, sample: PostedSample, sqlite_database: Database
) -> None:
    for garbage in sample.garbage:
        answer = await deliver(client, sample, garbage)
        assert answer.status in (400, 422)
    kept = await refused(sqlite_database)
    assert len(kept) == len(sample.garbage)
    assert all(row.reason_zh and row.reason_en and row.whole for row in kept)
    assert await contacts(sqlite_database) == []


def test_all_of_what_is_refused_can_be_kept(sample: PostedSample) -> None:
    assert getattr(sample.channel, "largest_body", LARGEST_BODY) <= FrontSettings().kept_bytes


async def test_what_nobody_knows_is_kept_with_the_contact(
    client: Client, sample: PostedSample, sqlite_database: Database, vault: Vault
) -> None:
    answer = await deliver(client, sample, sample.unknown)
    assert 200 <= answer.status < 300
    (row, *_) = await contacts(sqlite_database)
    async with sqlite_database.reading() as session:
        kept = await Contacts(sqlite_database, vault).contact(session, row.id or 0)
    assert sample.unknown_value in json.dumps(kept.extra, ensure_ascii=False)
    assert sample.unknown_value not in (row.extra or "")


async def test_ten_megabytes_are_turned_away_unread(
    client: Client, sample: PostedSample, sqlite_database: Database
) -> None:
    answer = await deliver(client, sample, sample.nested(10 * MEGABYTE))
    assert answer.status == 413
    assert await contacts(sqlite_database) == []


async def test_depth_costs_bounded_time_and_memory(client: Client, sample: PostedSample) -> None:
    size = getattr(sample.channel, "largest_body", MEGABYTE) - 4096
    deep = sample.nested(size)
    tracemalloc.start()
    try:
        async with asyncio.timeout(20):
            answer = await deliver(client, sample, deep)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status < 500
    assert peak < 64 * MEGABYTE


def test_ten_megabytes_given_to_the_parser_itself_are_bounded(sample: PostedSample) -> None:
    """Whoever puts the limit up must not be open to a bomb: the parser itself bears it."""
    deep = sample.nested(10 * MEGABYTE)
    tracemalloc.start()
    before = time.process_time()
    try:
        # One that is encrypted is opened to be verified, and refused there already.
        with suppress(Invalid, NotAuthenticated):
            sample.channel.verify(deep)
        with suppress(Invalid):
            sample.channel.parse(deep)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Bounds, not a race: what is quadratic in ten million signs takes hours.
    assert time.process_time() - before < 60
    assert peak < 512 * MEGABYTE
