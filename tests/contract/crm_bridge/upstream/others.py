"""The other side of each adapter, as a contract test needs it: what it has heard, and what it is made to say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from crm_bridge.tickets.vocabulary import TicketType, Urgency
from crm_bridge.upstream.lianxin import Lianxin, LianxinSettings
from crm_bridge.upstream.memory import MemoryUpstream
from crm_bridge.upstream.protocol import Upstream
from crm_bridge.upstream.rules import Exchange, Matter, Outcome, Side
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.upstream.platform import TOKEN, Platform


@dataclass(frozen=True)
class Room:
    """What a real system is built in."""

    database: Database
    clock: ManualClock
    vault: Vault


class Other(Protocol):
    """A system with its adapter. A new adapter brings one of these, and is held to every promise."""

    @property
    def adapter(self) -> Upstream:
        """Ours, joined to it."""
        ...

    async def twins(self) -> int:
        """How many tickets it has taken from us."""
        ...

    async def heard(self, key: str) -> tuple[str, str]:
        """The state and the answer that it has heard of a ticket it handed down."""
        ...

    async def hand_down(self) -> None:
        """It passes a ticket on to us."""
        ...

    async def answer(self, key: str, text: str) -> None:
        """It answers a ticket that we passed on."""
        ...

    async def refuse(self, key: str) -> None:
        """It does not take a ticket that we passed on."""
        ...

    def unreachable(self) -> AbstractAsyncContextManager[None]:
        """It cannot be reached inside the block."""
        ...


class InMemory:
    """The system that ships for demonstrations."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.system = MemoryUpstream()
        self.handed = 0

    @property
    def adapter(self) -> Upstream:
        return self.system

    async def twins(self) -> int:
        return self.system.opened

    async def heard(self, key: str) -> tuple[str, str]:
        return self.system.heard[key].state, self.system.heard[key].answer

    async def hand_down(self) -> None:
        self.handed += 1
        self.system.hand_down(f"handed-{self.handed}", matter(self.clock))

    async def answer(self, key: str, text: str) -> None:
        self.system.finish(key, Outcome.answered, text)

    async def refuse(self, key: str) -> None:
        self.system.finish(key, Outcome.refused, "不属职责")

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        self.system.reachable = False
        yield
        self.system.reachable = True


class AnotherLianxin:
    """A whole installation behind real HTTP."""

    def __init__(self, platform: Platform, adapter: Lianxin) -> None:
        self.platform = platform
        self.wire = adapter

    @property
    def adapter(self) -> Upstream:
        return self.wire

    async def twins(self) -> int:
        return len([link for link in await self.platform.links() if link.side is Side.taker])

    async def heard(self, key: str) -> tuple[str, str]:
        (link,) = [link for link in await self.platform.links() if link.key == key]
        remarks = await self.platform.remarks_of(link.ticket_id)
        return link.remote_state, remarks[-1].partition("：")[2] if remarks else ""

    async def hand_down(self) -> None:
        await self.wire.pull("", 1)
        await self.platform.pass_on(await self.platform.left_open(), "linjiang")

    async def answer(self, key: str, text: str) -> None:
        (link,) = [link for link in await self.platform.links() if link.key == key]
        await self.platform.answer_through_a_unit(link.ticket_id, text)

    async def refuse(self, key: str) -> None:
        (link,) = [link for link in await self.platform.links() if link.key == key]
        await self.platform.refuse(link.ticket_id)

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        settings = self.wire._settings
        nowhere = settings.model_copy(update={"url": "http://127.0.0.1:1"})
        self.wire._settings = nowhere
        yield
        self.wire._settings = settings


@asynccontextmanager
async def in_memory(room: Room) -> AsyncIterator[Other]:
    yield InMemory(room.clock)


@asynccontextmanager
async def another_lianxin(room: Room) -> AsyncIterator[Other]:
    platform = Platform(
        database=room.database,
        clock=room.clock,
        vault=room.vault,
        name="province",
        other="linjiang",
    )
    await platform.open()
    async with platform.serving() as url:
        adapter = Lianxin(LianxinSettings(name="province", url=url, key=SecretStr(TOKEN)))
        yield AnotherLianxin(platform, adapter)
        await adapter.close()


OTHERS = {MemoryUpstream.kind: in_memory, Lianxin.kind: another_lianxin}
"""The other side of every kind of system that settings know, and of the one in memory."""


def matter(clock: ManualClock) -> Matter:
    """A matter that anybody could take."""
    return Matter(
        type=TicketType.complaint,
        category="2005",
        title="夜间施工噪声",
        text="小区旁工地夜间施工。",
        address="滨江路 18 号",
        urgency=Urgency.normal,
        confidential=False,
        created_at=clock.now(),
    )


def given(clock: ManualClock, key: str = "key-of-ours-1", version: int = 1) -> Exchange:
    """A ticket that we pass on."""
    return Exchange(
        key=key,
        side=Side.giver,
        number="20260302-000001",
        version=version,
        state="passed_on",
        matter=matter(clock),
    )
