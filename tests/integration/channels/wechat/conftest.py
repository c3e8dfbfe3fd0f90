from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from channels.marks.memory import MemoryMarks
from channels.marks.service import StoredMarks
from channels.wechat.stub.server import StubWeChat
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.channels.wechat.account import ACCOUNT, MINI, Ours


@pytest.fixture
async def ours(clock: ManualClock) -> AsyncIterator[Ours]:
    made = Ours(clock, MemoryMarks(clock))
    yield made
    await made.close()


@pytest.fixture
async def shared(database: Database, vault: Vault, clock: ManualClock) -> AsyncIterator[Ours]:
    made = Ours(clock, StoredMarks(database, clock, vault))
    yield made
    await made.close()


@pytest.fixture
async def stub(clock: ManualClock) -> AsyncIterator[StubWeChat]:
    async with StubWeChat((ACCOUNT, MINI), clock) as running:
        yield running
