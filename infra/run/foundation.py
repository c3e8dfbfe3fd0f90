"""What every role of a process stands on, opened in order and closed in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import redis.asyncio as redis
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from sqlalchemy import make_url, text

from infra.kit.audit_chain import Chain
from infra.kit.clock import Clock, SystemClock
from infra.kit.database import Database
from infra.kit.health import Health, Report
from infra.kit.hints import Hints, MemoryHints, RedisHints
from infra.kit.installation import open_own_vault
from infra.kit.tasks import Supervisor
from infra.kit.vault import Vault
from infra.run.migrate import migrate
from infra.run.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """The open ground floor of one process."""

    settings: Settings
    clock: Clock
    zone: ZoneInfo
    vault: Vault
    database: Database
    hints: Hints
    supervisor: Supervisor
    health: Health
    registry: CollectorRegistry


@asynccontextmanager
async def foundation(settings: Settings) -> AsyncIterator[Foundation]:
    """Open database, vault, hints and supervisor; the database is brought up to date first."""
    async with AsyncExitStack() as stack:
        registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        health = Health()
        _make_folders(settings)
        database = Database(settings.database.url, pool_size=settings.database.pool_size)
        stack.push_async_callback(database.close)
        await database.open()
        await migrate(database)
        health.add("database", lambda: _check_database(database))
        vault = await open_own_vault(database, settings.security.data_key_file)
        await Chain(database, vault).begin()
        hints, supervised = await _hints(settings, health, stack)
        supervisor = await stack.enter_async_context(Supervisor(registry=registry))
        if supervised is not None:
            supervisor.spawn("hints", supervised.run)
        health.add("tasks", lambda: _check_tasks(supervisor))
        yield Foundation(
            settings=settings,
            clock=SystemClock(),
            zone=ZoneInfo(settings.city.timezone),
            vault=vault,
            database=database,
            hints=hints,
            supervisor=supervisor,
            health=health,
            registry=registry,
        )


def _make_folders(settings: Settings) -> None:
    folders = [settings.security.data_key_file.parent]
    url = make_url(settings.database.url)
    if url.get_backend_name() == "sqlite" and url.database:
        folders.append(Path(url.database).parent)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


async def _hints(
    settings: Settings, health: Health, stack: AsyncExitStack
) -> tuple[Hints, RedisHints | None]:
    if not settings.redis.url:
        return MemoryHints(), None
    client = redis.from_url(settings.redis.url, socket_connect_timeout=2, health_check_interval=15)
    stack.push_async_callback(client.aclose)
    health.add("redis", lambda: _check_redis(client))
    hints = RedisHints(client)
    return hints, hints


async def _check_database(database: Database) -> Report:
    async with database.reading() as session:
        await (await session.connection()).execute(text("SELECT 1"))
    return Report(
        ok=True, detail_en=f"{database.dialect} answers", detail_zh=f"{database.dialect} 正常"
    )


async def _check_redis(client: redis.Redis) -> Report:
    await client.ping()
    return Report(ok=True, detail_en="answers", detail_zh="正常")


async def _check_tasks(supervisor: Supervisor) -> Report:
    failing = supervisor.failing()
    if failing:
        return Report(
            ok=False,
            detail_en=f"starting again: {', '.join(failing)}",
            detail_zh=f"正在重启：{'、'.join(failing)}",
        )
    return Report(ok=True, detail_en="all running", detail_zh="全部运行中")
