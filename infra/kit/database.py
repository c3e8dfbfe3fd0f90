"""The database: one way to open it, one way to write, on SQLite and on PostgreSQL alike.

What a transaction has committed is on disk: SQLite runs in WAL with `synchronous=FULL`, PostgreSQL with its default
`synchronous_commit=on`. A transaction that is left by an exception is rolled back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import JSON, DateTime, Dialect, Index, MetaData, String, create_engine, event, text
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, Pool, QueuePool
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.errors import TryLater
from infra.kit.group_commit import GroupCommit, Piece

_WRITER_CACHE_KIB = 65_536
BUSY_TIMEOUT_MS = 5_000
_TURN_SECONDS = 10.0
_LAST_SECONDS = 5.0

# A server that vanishes without a word, as in a fail-over, would otherwise hold every connection for many minutes.
_NOTICE_A_SILENT_SERVER = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Row(SQLModel):
    """The base of every table, with names for all constraints so that migrations can find them again."""

    metadata = metadata


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment. SQLite forgets the offset even with `timezone=True`; this puts UTC back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC for storing.

        Raises:
            ValueError: The moment is naive: nobody can know which one is meant.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value if value.tzinfo is UTC else value.astimezone(UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Return what makes a moment a stored one; for SQLite the text that SQLAlchemy writes, sooner."""
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)

        def process(value: datetime | None) -> str | None:
            utc = self.process_bind_param(value, dialect)
            return None if utc is None else utc.replace(tzinfo=None).isoformat(" ", "microseconds")

        return process

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment, aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class StrEnumType(TypeDecorator[E]):
    """Stores the value of a `StrEnum` (not its member name, which SQLAlchemy would), read back as the member."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[E], length: int = 40) -> None:
        super().__init__(length)
        self.kind = kind
        self.length = length

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        """Return the stored text, refusing a value that the enumeration does not know."""
        if type(value) is self.kind:
            return value.value
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        """Return the member."""
        return None if value is None else self.kind(value)


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Return an index over the rows that a condition holds for; the others cost nothing when they are written.

    Args:
        name: Of the index.
        columns: Of the table, in order.
        where: The condition, in words that both kinds of database know.
    """
    condition = text(where)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


JsonType = JSON(none_as_null=True)
"""A JSON column that both databases read and write."""


class Database:
    """An open database.

    Args:
        url: `sqlite:///path/to/file.db` or `postgresql://user@host/name`; the drivers (aiosqlite, psycopg) are ours
            to choose and are put in.
        pool_size: Connections kept, for PostgreSQL.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        parsed = make_url(url)
        self.dialect = parsed.get_backend_name()
        if self.dialect == "sqlite":
            self.url = parsed.set(drivername="sqlite+aiosqlite")
            options: dict[str, Any] = {}
        else:
            self.url = parsed.set(drivername="postgresql+psycopg")
            options = {
                "pool_size": pool_size,
                "max_overflow": pool_size,
                "pool_pre_ping": True,
                "connect_args": _NOTICE_A_SILENT_SERVER,
            }
        self.engine: AsyncEngine = create_async_engine(self.url, **options)
        if self.dialect == "sqlite":
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
            event.listen(self.engine.sync_engine, "invalidate", _give_up_lock)
        # SQLite knows one writer at a time; waiting for it in the file is polling, and the last to come may starve.
        self._turn = asyncio.Lock() if self.dialect == "sqlite" else None
        self._writing = self.engine.execution_options(lianxin_write=True)
        self._group: GroupCommit | None = None
        self._closed = False
        event.listen(self.engine.sync_engine, "do_connect", self._before_connecting)
        self.session_info: dict[str, Any] = {}
        self._last_acts: list[Callable[[AsyncSession], Awaitable[None]]] = []

    def finally_in_transaction(self, act: Callable[[AsyncSession], Awaitable[None]]) -> None:
        """Run `act` at the end of every transaction that was not left by an exception, just before its commit."""
        self._last_acts.append(act)

    async def open(self) -> None:
        """Return once a connection has answered.

        Raises:
            TryLater: The database cannot be reached.
        """
        try:
            async with self.engine.connect() as connection:
                await connection.exec_driver_sql("SELECT 1")
        except OperationalError as error:
            raise TryLater(
                f"the database at {self.url.host or self.url.database} does not answer",
                "数据库没有响应，请检查 database.url 以及数据库服务是否运行",
            ) from error

    async def close(self) -> None:
        """Return once every connection is closed; whoever comes after that is refused."""
        if self._group is not None:
            await self._group.close()
            self._group = None
        self._closed = True
        # A session that was cancelled while it ended gives its connection back a little later, from a task of its own;
        # what comes back to a pool that is gone is never closed.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                while _given_out(self.engine.pool):  # noqa: ASYNC110  # the pool tells nobody
                    await asyncio.sleep(0.01)
        await self.engine.dispose()

    def _before_connecting(self, *_of_connection: object) -> None:
        self._refuse_late()
        # aiosqlite leaves a thread behind when it cannot open the file, which is in the way once the loop is closed.
        if self.dialect == "sqlite" and self.url.database:
            folder = Path(self.url.database).absolute().parent
            if not os.access(folder, os.W_OK | os.X_OK):
                raise TryLater(
                    f"{folder} does not exist, or we may not write there: mend that, or database.url",
                    f"{folder} 不存在或没有写权限，请先创建目录、修正权限，或检查 database.url",
                )

    def _refuse_late(self) -> None:
        if self._closed:
            raise TryLater("the database is closed", "数据库已关闭")

    async def write(self, piece: Piece[T]) -> T:
        """Run a short piece of work that shares its commit with others; when this returns, it is on disk.

        For the few paths on which many write at once; everything else reads better in `transaction()`.

        Raises:
            TryLater: The database does not take it, is closed, or too many wait.
            Exception: What the piece itself raised; nothing of it is on disk.
        """
        self._refuse_late()
        if self._group is None:
            self._group = GroupCommit(self._writing_engine(), self._my_turn)
        return await self._group.write(piece)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Yield a session whose work is committed at the end, or rolled back if an exception leaves the block.

        Never inside another one: it would wait for itself.

        Raises:
            TryLater: On SQLite, the writers before this one take too long.
        """
        async with (
            self._my_turn(),
            AsyncSession(
                self._writing, expire_on_commit=False, info=dict(self.session_info)
            ) as session,
            session.begin(),
        ):
            yield session
            for act in self._last_acts:
                await act(session)

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        if self._turn is None:
            yield
            return
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise TryLater("too many are writing to the database", "数据库写入繁忙") from None
        try:
            yield
        finally:
            self._turn.release()

    def _writing_engine(self) -> Engine:
        # One connection, on the one thread that writes; it says itself where its transactions begin and end.
        if self.dialect == "sqlite":
            engine = create_engine(
                self.url.set(drivername="sqlite+pysqlite"),
                poolclass=NullPool,
                connect_args={"check_same_thread": False},
            )
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "connect", _prepare_writer)
        else:
            arguments = {**_NOTICE_A_SILENT_SERVER, "autocommit": True}
            engine = create_engine(self.url, poolclass=NullPool, connect_args=arguments)
        return engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Yield a session for reading; nothing done in it is kept."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session


def _given_out(pool: Pool) -> int:
    return pool.checkedout() if isinstance(pool, QueuePool) else 0


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # The driver's own implicit BEGIN is switched off; `_begin_sqlite` says which kind of transaction starts.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.close()


def _prepare_writer(connection: DBAPIConnection, _record: object) -> None:
    # What it writes to, many indexes at once, stays in memory; so do the copies that triggers are undone by.
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA cache_size=-{_WRITER_CACHE_KIB}")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A writer takes the write lock at once: upgrading a read transaction in the middle would fail at random.
    write = connection.get_execution_options().get("lianxin_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _give_up_lock(connection: DBAPIConnection, _record: object, _error: object) -> None:
    # A statement that is cancelled leaves its cursor open, and SQLite keeps a connection that is closed over an open
    # cursor, with its transaction and the write lock, until Python happens to collect the cursor.
    connection.rollback()
