"""Fixtures for every test: a clock that stands still, a vault, and both databases."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import hypothesis
import psycopg
import pytest
import structlog
from sqlalchemy import create_engine

from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.logging import places
from infra.kit.vault import Vault
from infra.run.tables import whole_metadata
from tests.parts import PostgresServer, RedisServer, start_postgres, start_redis

# A test says what is right, not how fast this machine is just now.
hypothesis.settings.register_profile("lianxin", deadline=None)
hypothesis.settings.load_profile("lianxin")

# Some machines' shells ask for no bytecode: every process that a test starts would then compile all of us again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

CHINA = timezone(timedelta(hours=8))
_TEMPLATE = "lianxin_template"
_SERVER_FOLDER = pytest.StashKey[Path]()


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Left alone, structlog draws every traceback with its variables, which stops the loop for a second each time."""
    structlog.configure(processors=[places, structlog.processors.KeyValueRenderer()])
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, 9, 30, tzinfo=CHINA).astimezone(UTC))


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    # Not below pytest's own folder: whenever another pytest starts it closes that folder to all but its owner, and the
    # server runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="lianxin-postgres-"))
    request.session.stash[_SERVER_FOLDER] = folder
    with start_postgres(folder) as server:
        yield server


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove what the tests' databases were made of: half a million files, more than any test has time for."""
    folder = session.stash.get(_SERVER_FOLDER, None)
    if folder is not None:
        subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with start_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied: faster than making them for every test."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    _make_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """The name of a PostgreSQL database with all tables, to be copied."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_TEMPLATE}".encode())
    _make_tables(postgres.url(_TEMPLATE).replace("postgresql:", "postgresql+psycopg:"))
    return _TEMPLATE


def _make_tables(url: str) -> None:
    engine = create_engine(url)
    whole_metadata().create_all(engine)
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest, database_kind: str, tmp_path: Path
) -> Iterator[str]:
    """The address of an empty database of either kind."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path}/test.db"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        yield postgres_database(server, "template1")


@pytest.fixture
async def database(
    request: pytest.FixtureRequest, database_kind: str, tmp_path: Path
) -> AsyncIterator[Database]:
    """An open database of either kind with all tables."""
    if database_kind == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "test.db")
        url = f"sqlite:///{tmp_path}/test.db"
    else:
        template: str = request.getfixturevalue("postgres_template")
        url = postgres_database(request.getfixturevalue("postgres"), template)
    opened = Database(url)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """An open SQLite database with all tables, where the kind of database is not what is tested."""
    shutil.copy(sqlite_template, tmp_path / "test.db")
    opened = Database(f"sqlite:///{tmp_path}/test.db")
    yield opened
    await opened.close()


def postgres_database(server: PostgresServer, template: str) -> str:
    """Return the address of a new database, made from a template."""
    # It is not dropped after the test: the whole server goes with the session, and dropping makes a checkpoint.
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return server.url(name)
