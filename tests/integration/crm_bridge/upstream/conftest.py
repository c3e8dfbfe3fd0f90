import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from crm_bridge.upstream.lianxin import Lianxin, LianxinSettings
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.upstream.platform import TOKEN, Platform


@dataclass
class Joined:
    """A city and its province; only the city opens connections."""

    province: Platform
    city: Platform
    wire: Lianxin
    url: str

    async def turn(self) -> None:
        """Everything that has happened anywhere reaches the other side."""
        for _ in range(4):
            await self.city.settle()
            await self.province.settle()
            await self.city.exchanger.round(self.city.registry["province"])


@pytest.fixture
async def joined(
    sqlite_database: Database,
    sqlite_template: Path,
    tmp_path: Path,
    clock: ManualClock,
    vault: Vault,
) -> AsyncIterator[Joined]:
    """Both over SQLite."""
    async with join(sqlite_database, sqlite_template, tmp_path, clock, vault) as both:
        yield both


@pytest.fixture
async def joined_on_each(
    database: Database, sqlite_template: Path, tmp_path: Path, clock: ManualClock, vault: Vault
) -> AsyncIterator[Joined]:
    """The province over the kind of database that is tested, the city over SQLite."""
    async with join(database, sqlite_template, tmp_path, clock, vault) as both:
        yield both


@asynccontextmanager
async def join(
    database: Database, sqlite_template: Path, tmp_path: Path, clock: ManualClock, vault: Vault
) -> AsyncIterator[Joined]:
    shutil.copy(sqlite_template, tmp_path / "city.db")
    own = Database(f"sqlite:///{tmp_path}/city.db")
    province = Platform(
        database=database, clock=clock, vault=vault, name="province", other="linjiang"
    )
    city = Platform(database=own, clock=clock, vault=vault, name="linjiang", other="province")
    await province.open()
    await city.open()
    async with province.serving() as url:
        wire = Lianxin(LianxinSettings(name="province", url=url, key=SecretStr(TOKEN)))
        city.join(wire)
        # The province knows the city once it has asked.
        await city.exchanger.round(wire)
        yield Joined(province, city, wire, url)
        await wire.close()
    await own.close()
