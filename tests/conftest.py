"""Fixtures for every test: a clock that stands still, a vault, and both databases."""

from __future__ import annotations

import importlib
import pkgutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from infra.kit.clock import ManualClock
from infra.kit.database import Database, metadata
from infra.kit.vault import Vault
from tests.parts import PostgresServer, RedisServer, start_postgres, start_redis

CHINA = timezone(timedelta(hours=8))


def _load_tables() -> None:
    """Import every `tables` module and the kit's tables, so that the metadata is whole."""
    for package in ("infra.kit", "telephony", "channels", "crm_bridge", "agent_console"):
        root = importlib.import_module(package)
        for found in pkgutil.walk_packages(root.__path__, f"{package}."):
            if package == "infra.kit" or found.name.endswith(".tables"):
                importlib.import_module(found.name)


_load_tables()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, 9, 30, tzinfo=CHINA).astimezone(UTC))


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not below pytest's own folder: whenever another pytest starts it closes that folder to all but its owner, and the
    # server runs as another user.
    with (
        tempfile.TemporaryDirectory(prefix="lianxin-postgres-") as folder,
        start_postgres(Path(folder)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with start_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of either kind, gone after the test."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/test.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield server.url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database of either kind with all tables."""
    opened = Database(database_url)
    async with opened.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> AsyncIterator[Database]:
    """An open SQLite database with all tables, where the kind of database is not what is tested."""
    opened = Database(f"sqlite:///{tmp_path}/test.db")
    async with opened.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield opened
    await opened.close()
