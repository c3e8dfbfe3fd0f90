"""The base of the comparison: aiohttp and SQLAlchemy's async session as their manuals show, a transaction a request.

    python -m tests.bench.plain_intake orm|bare|shared|echo SQLITE-FILE

It prints the port on which it takes `POST /contacts`. `orm` writes contact, ticket, event and outbox row through the
ORM; `bare` writes the same four rows with the driver alone, in one thread, a commit each; `shared` commits once for all
that have come meanwhile, the limit of this database; `echo` writes nothing, the limit of the web server.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from sqlalchemy import ForeignKey, String, event
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The tables of this program."""


class Contact(Base):
    """What came in."""

    __tablename__ = "contacts"
    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(40))
    external_id: Mapped[str] = mapped_column(String(200), unique=True)
    message: Mapped[str]
    received_at: Mapped[datetime]


class Ticket(Base):
    """What it became."""

    __tablename__ = "tickets"
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    title: Mapped[str]
    text: Mapped[str]
    state: Mapped[str] = mapped_column(String(40), index=True)
    created_at: Mapped[datetime]


class Event(Base):
    """What happened to it."""

    __tablename__ = "ticket_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    event: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]


class Outbox(Base):
    """What must be told."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(60))
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)


def _durable(connection: Any, _record: object = None) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=60000"):
        connection.execute(f"PRAGMA {pragma}")


async def orm(path: str) -> web.Application:
    """Return the application that writes through the ORM."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    event.listen(engine.sync_engine, "connect", _durable)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)

    async def take(request: web.Request) -> web.Response:
        body = await request.json()
        now = datetime.now(UTC)
        async with sessions() as session, session.begin():
            contact = Contact(
                channel=body["channel"],
                external_id=body["external_id"],
                message=body["text"],
                received_at=now,
            )
            session.add(contact)
            await session.flush()
            ticket = Ticket(
                contact_id=contact.id,
                title=body["text"][:60],
                text=body["text"],
                state="registered",
                created_at=now,
            )
            session.add(ticket)
            await session.flush()
            session.add(Event(ticket_id=ticket.id, event="registered", at=now))
            told = json.dumps({"ticket_id": ticket.id})
            session.add(Outbox(kind="ticket.created", body=told, created_at=now))
        return web.json_response({"ticket": ticket.id}, status=201)

    return _application(take)


async def bare(path: str, most: int = 1) -> web.Application:
    """Return the application that writes with the driver alone, at most so many requests a commit."""
    await orm(path)  # the same tables
    thread = ThreadPoolExecutor(max_workers=1)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    _durable(connection)
    waiting: deque[tuple[dict[str, Any], asyncio.Future[int]]] = deque()

    def write(bodies: list[dict[str, Any]]) -> list[int]:
        cursor = connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        tickets = [_write(cursor, body) for body in bodies]
        cursor.execute("COMMIT")
        return tickets

    async def drain() -> None:
        loop = asyncio.get_running_loop()
        while waiting:
            batch = [waiting.popleft() for _ in range(min(most, len(waiting)))]
            made = await loop.run_in_executor(thread, write, [body for body, _ in batch])
            for (_, future), ticket in zip(batch, made, strict=True):
                future.set_result(ticket)

    draining: list[asyncio.Task[None]] = []

    async def take(request: web.Request) -> web.Response:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting.append((await request.json(), future))
        if not draining or draining[0].done():
            draining[:] = [asyncio.create_task(drain())]
        return web.json_response({"ticket": await future}, status=201)

    return _application(take)


def _write(cursor: sqlite3.Cursor, body: dict[str, Any]) -> int:
    now = datetime.now(UTC).isoformat()
    cursor.execute(
        "INSERT INTO contacts (channel, external_id, message, received_at) VALUES (?, ?, ?, ?)",
        (body["channel"], body["external_id"], body["text"], now),
    )
    cursor.execute(
        "INSERT INTO tickets (contact_id, title, text, state, created_at) VALUES (?, ?, ?, ?, ?)",
        (cursor.lastrowid, body["text"][:60], body["text"], "registered", now),
    )
    ticket = cursor.lastrowid or 0
    cursor.execute(
        "INSERT INTO ticket_events (ticket_id, event, at) VALUES (?, ?, ?)",
        (ticket, "registered", now),
    )
    cursor.execute(
        "INSERT INTO outbox (kind, body, created_at) VALUES (?, ?, ?)",
        ("ticket.created", json.dumps({"ticket_id": ticket}), now),
    )
    return ticket


async def shared(path: str) -> web.Application:
    """Return the application that writes with the driver alone, a commit for all that wait."""
    return await bare(path, 256)


async def echo(_path: str) -> web.Application:
    """Return the application that writes nothing: the limit of the web server."""

    async def take(request: web.Request) -> web.Response:
        return web.json_response({"ticket": (await request.json())["external_id"]}, status=201)

    return _application(take)


def _application(take: Any) -> web.Application:
    app = web.Application()
    app.router.add_post("/contacts", take)
    return app


async def run(kind: str, path: str) -> None:
    """Serve until killed."""
    runner = web.AppRunner(
        await {"orm": orm, "bare": bare, "shared": shared, "echo": echo}[kind](path),
        access_log=None,
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2]))
