from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry
from sqlmodel import SQLModel, select

from agent_console.presence.rules import Event
from agent_console.presence.tables import PresenceLogRow
from crm_bridge.drafts.tables import DraftRow
from infra.kit import audit
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.health import Health
from infra.kit.hints import MemoryHints
from infra.kit.idempotency import IdempotencyKey, IdempotencyRow, keep
from infra.kit.tasks import Supervisor
from infra.kit.vault import Vault
from infra.run.desk import Desk
from infra.run.foundation import Foundation
from infra.run.settings import load
from telephony.calls.rules import CallState, Direction
from telephony.calls.tables import CallRow


@pytest.fixture
def desk(
    database: Database,
    clock: ManualClock,
    vault: Vault,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    monkeypatch.chdir(tmp_path)
    settings = load()
    return Desk(
        Foundation(
            settings=settings,
            clock=clock,
            zone=ZoneInfo(settings.city.timezone),
            vault=vault,
            database=database,
            hints=MemoryHints(),
            supervisor=Supervisor(registry=CollectorRegistry()),
            health=Health(),
            registry=CollectorRegistry(),
        )
    )


async def test_what_nobody_needs_any_more_is_deleted_and_the_rest_stays(
    desk: Desk, database: Database, clock: ManualClock, vault: Vault
) -> None:
    async def write(name: str) -> None:
        async with database.transaction() as session:
            call = CallRow(
                pbx="pbx-1",
                linkedid=name,
                direction=Direction.inbound,
                state=CallState.ended,
                offered_at=clock.now(),
            )
            session.add(call)
            await session.flush()
            assert call.id is not None
            session.add(
                DraftRow(
                    call_id=call.id,
                    agent="1001",
                    body_encrypted=vault.encrypt("{}"),
                    saved_at=clock.now(),
                )
            )
            key = IdempotencyKey(scope="1001", key=name, fingerprint="0" * 64)
            await keep(session, key, name, clock.now())
            await audit.write(session, clock, actor=None, action="x", subject="x")
        await desk.presence.apply(name, Event.go_online)

    async def left(kind: type[SQLModel]) -> int:
        async with database.reading() as session:
            rows: Sequence[SQLModel] = (await session.exec(select(kind))).all()
            return len(rows)

    kinds = (DraftRow, IdempotencyRow, PresenceLogRow, AuditRow, CallRow)
    await write("old")
    clock.advance(timedelta(days=5).total_seconds())
    await write("new")
    await desk.tidy_once()
    assert [await left(kind) for kind in kinds] == [1, 1, 2, 2, 2]
    clock.advance(timedelta(days=397).total_seconds())
    await desk.tidy_once()
    assert [await left(kind) for kind in kinds] == [0, 0, 1, 2, 2]
