"""Group commit: small writes of many requests share one transaction, and so one flush to disk.

A commit costs a flush, whatever is in it; a request that waits for its own flush leaves the disk idle while it talks to
its client. Here a piece of work is a plain function; while a batch is being flushed the next one gathers, and everybody
is answered after the commit that holds his work. Of a piece that fails nothing stays, and the others are done again
without it. Nothing is answered that is not on disk.

The statements are compiled once by SQLAlchemy and handed to the driver as they are: the session of the ORM, not the
database, is what costs most of a small write.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, closing
from datetime import timedelta
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Dialect, Engine, insert
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.backoff import Backoff
from infra.kit.errors import TryLater

T = TypeVar("T")

_LARGEST_BATCH = 64
_LONGEST_QUEUE = 20_000
_TRIES = 5
"""How often a batch is begun again because another process held, in another order, what it needed."""
_GIVING_WAY = Backoff(first=timedelta(milliseconds=100), longest=timedelta(seconds=2))
_CIRCLES = frozenset({"40P01", "40001"})
"""PostgreSQL: two waited for each other, or nothing can be put in an order; who had to give way tries again."""


class Prepared:
    """A statement that is compiled once for each kind of database.

    Args:
        statement: A Core statement; `insert()` takes the columns from `columns`, others their bind parameters.
        columns: For an `insert()` without values: the columns that it is given.
    """

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def on(self, dialect: Dialect) -> _Compiled:
        """Return the statement as this kind of database takes it."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = _Compiled(
                self._statement, self._columns, dialect
            )
        return found


class _Compiled:
    """A statement's text, and how each of its values is made what the driver takes."""

    def __init__(
        self, statement: Executable, columns: Sequence[str] | None, dialect: Dialect
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)  # type: ignore[attr-defined]  # every statement has it
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  # it is no DDL
        self.sql = str(compiled)
        self._by_position = compiled.positiontup is not None
        processors = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect)
            for name, bind in compiled.binds.items()
        }
        self._plan = [(name, processors[name]) for name in compiled.positiontup or compiled.binds]
        # What the statement itself holds, e.g. a constant or a LIMIT, stands beside what the caller gives.
        self._fixed = {
            name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required
        }

    def parameters(self, values: dict[str, Any]) -> Any:
        """Return the values as the driver takes them: in order or by name."""
        if self._fixed:
            values = self._fixed | values
        taken = [
            values[name] if process is None else process(values[name])
            for name, process in self._plan
        ]
        if self._by_position:
            return taken
        return {name: value for (name, _), value in zip(self._plan, taken, strict=True)}


class Writing:
    """What a piece of work writes with, inside the transaction of its batch."""

    def __init__(self, cursor: DBAPICursor, dialect: Dialect) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._driver = dialect.loaded_dbapi

    def row(self, statement: Prepared, **values: Any) -> tuple[Any, ...] | None:
        """Return the first row that a statement gives back, as the driver has it, or None."""
        self._execute(statement, values)
        row: tuple[Any, ...] | None = self._cursor.fetchone()
        return row

    def add(self, kind: type[SQLModel], values: dict[str, Any]) -> int:
        """Insert a row of a table and return the id that the database has given it; 0 where there is none to give.

        The row is told by its values and not by an instance, which costs more to make than to insert.
        """
        statement, gives_id = _insertion(kind, *values)
        self._execute(statement, values)
        return int(next(iter(self._cursor.fetchall()))[0]) if gives_id else 0

    def run(self, statement: Prepared, **values: Any) -> int:
        """Execute a statement and return how many rows it touched."""
        self._execute(statement, values)
        return self._cursor.rowcount

    def control(self, command: str) -> None:
        """Begin or end what is being written; for the group itself, not for its pieces."""
        self._cursor.execute(command)

    def _execute(self, statement: Prepared, values: dict[str, Any]) -> None:
        compiled = statement.on(self._dialect)
        parameters = compiled.parameters(values)
        try:
            self._cursor.execute(compiled.sql, parameters)
        except self._driver.Error as error:
            # The same errors as from a session; what was to be written stays out of their text.
            raise DBAPIError.instance(
                compiled.sql, None, error, self._driver.Error, hide_parameters=True
            ) from error


@cache
def _insertion(kind: type[SQLModel], *columns: str) -> tuple[Prepared, bool]:
    """Return how a row with these columns is inserted, and whether the database gives it its id then."""
    statement = insert(kind)
    if "id" not in kind.model_fields or "id" in columns:
        return Prepared(statement, columns), False
    return Prepared(statement.returning(getattr(kind, "id")), columns), True  # noqa: B009  # not every table has one


Piece = Callable[[Writing], T]
"""A piece of work: short, waiting for nothing but the database, and done again if another of its batch fails."""


async def in_session(session: AsyncSession, piece: Piece[T]) -> T:
    """Run a piece of work in the transaction of a session, among other things, and return what it returns.

    Raises:
        Exception: What the piece raised; what it wrote is undone with the transaction, or with its savepoint.
    """

    def work(plain: Session) -> T:
        plain.flush()
        connection = plain.connection()
        with closing(connection.connection.cursor()) as cursor:
            return piece(Writing(cursor, connection.dialect))

    return await session.run_sync(work)


class _Waiting(Generic[T]):
    def __init__(self, piece: Piece[T], future: asyncio.Future[T]) -> None:
        self.piece = piece
        self.future = future
        self.result: T | None = None
        self.error: Exception | None = None

    def run(self, writing: Writing) -> bool:
        """Do the work and return whether it may stay."""
        self.result = self.error = None
        try:
            self.result = self.piece(writing)
        except Exception as error:  # it belongs to the one who waits for this piece, to nobody else
            self.error = error
            return False
        return True

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # without an error it is there


class GroupCommit:
    """The one writer that many requests share.

    Args:
        engine: Gives the writing thread its connection.
        turn: Entered before a batch begins: where only one may write, that one.
    """

    def __init__(
        self, engine: Engine, turn: Callable[[], AbstractAsyncContextManager[None]]
    ) -> None:
        self._engine = engine
        self._turn = turn
        self._waiting: deque[_Waiting[Any]] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="group-commit")
        self._connection: PoolProxiedConnection | None = None
        self._begin_command = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "BEGIN"

    async def write(self, piece: Piece[T]) -> T:
        """Run a piece of work; when this returns, it is on disk.

        Raises:
            TryLater: Too many wait already, it is closed, or the database does not take the batch: nothing of it is on
                disk, or, if the connection broke in the very commit, nobody can know (send again under the same key).
            Exception: What the piece itself raised; nothing of it is on disk.
        """
        if self._closed:
            raise TryLater("the database is being closed", "数据库正在关闭")
        if len(self._waiting) >= _LONGEST_QUEUE:
            raise TryLater("too many are writing to the database", "数据库写入繁忙")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(piece, future))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        return await future

    async def close(self) -> None:
        """Return when what waits is written and the connection is closed."""
        # Who comes now would open the connection again, and nobody would close it.
        self._closed = True
        if self._draining is not None:
            await asyncio.wait([self._draining])
        await asyncio.get_running_loop().run_in_executor(self._thread, self._hang_up)
        self._thread.shutdown()
        self._engine.dispose()

    async def _drain(self) -> None:
        while self._waiting:
            batch: list[_Waiting[Any]] = []
            try:
                async with self._turn():
                    await self._write(batch)
            except (
                Exception
            ) as error:  # a broken batch must neither kill the writer nor leave anybody waiting
                await self._in_thread(lambda: self._hang_up(broken=True))
                batch = batch or self._next_batch()
                for waiting in batch:
                    waiting.error = _of_batch(error)
            for waiting in batch:
                waiting.settle()

    async def _write(self, batch: list[_Waiting[Any]]) -> None:
        writing = await self._in_thread(self._begin)
        # Taken when the turn has come: whoever asked meanwhile is in it.
        batch += self._next_batch()
        if self._engine.dialect.name == "sqlite":
            # A statement that finds its pages in memory takes microseconds. On a thread of its own each would give up
            # the interpreter and wait to get it back from a busy event loop, for far longer than it runs.
            self._run(batch, writing)
        else:
            await self._in_thread(lambda: self._run(batch, writing))
        await self._in_thread(lambda: writing.control("COMMIT"))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _next_batch(self) -> list[_Waiting[Any]]:
        count = min(len(self._waiting), _LARGEST_BATCH)
        taken = [self._waiting.popleft() for _ in range(count)]
        # Whoever has gone away meanwhile gets nothing written in his name.
        return [waiting for waiting in taken if not waiting.future.cancelled()]

    def _begin(self) -> Writing:
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        writing = Writing(self._connection.cursor(), self._engine.dialect)
        writing.control(self._begin_command)
        return writing

    def _run(self, batch: Sequence[_Waiting[Any]], writing: Writing) -> None:
        """Do the pieces of a batch; the outcome of each stands in it."""
        # A savepoint has every page that is touched behind it copied first, and on PostgreSQL costs two more answers.
        # Hardly a piece ever fails: only when one has, all are done again, each behind a savepoint of its own.
        for failed in range(1, _TRIES + 1):
            if all(waiting.run(writing) and self._holds() for waiting in batch):
                return
            writing.control("ROLLBACK")
            circle = any(_met_another(waiting.error) for waiting in batch)
            if circle:
                # Who waited for us goes first: begun again at once, we would only hold up each other anew.
                time.sleep(_GIVING_WAY.after(failed).total_seconds())
            writing.control(self._begin_command)
            if not circle:
                break
        for waiting in batch:
            writing.control("SAVEPOINT piece")
            if not waiting.run(writing):
                writing.control("ROLLBACK TO SAVEPOINT piece")
            writing.control("RELEASE SAVEPOINT piece")

    def _holds(self) -> bool:
        """Return whether the transaction still stands: SQLite itself ends one when its disk is full."""
        driver = self._connection.driver_connection if self._connection else None
        return getattr(driver, "in_transaction", True)

    def _hang_up(self, *, broken: bool = False) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if broken:
            connection.invalidate()
        else:
            connection.close()


def _met_another(error: Exception | None) -> bool:
    """Return whether a piece failed only because another process was in its way just then."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _CIRCLES


def _of_batch(error: Exception) -> TryLater:
    later = TryLater("the database does not take what is written", "数据库暂时无法写入")
    later.__cause__ = error
    return later
