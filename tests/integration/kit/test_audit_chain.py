from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit import audit
from infra.kit.audit import AuditHeadRow, AuditRow
from infra.kit.audit_chain import Chain, _content, read_head
from infra.kit.audit_guards import guard
from infra.kit.audit_verdict import Head
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Misconfigured
from infra.kit.identity import Principal, Role
from infra.kit.installation import InstallationRow
from infra.kit.vault import Vault

AGENT = Principal(user_id=1, number="1001", name="李", role=Role.AGENT, permissions=frozenset())


@pytest.fixture
async def chain(database: Database, vault: Vault) -> Chain:
    begun = Chain(database, vault)
    await begun.begin()
    return begun


async def write(database: Database, clock: ManualClock, *subjects: str) -> None:
    for subject in subjects:
        clock.advance(1)
        async with database.transaction() as session:
            detail = {"理由": [1, None, 0.1], "b": {"2": True}, "a": subject}
            await audit.write(
                session, clock, actor=AGENT, action="phone.reveal", subject=subject, detail=detail
            )


async def tamper(database: Database, *statements: str) -> None:
    """Do what somebody does who may alter tables: the triggers go first."""
    async with database.engine.begin() as connection:
        if database.dialect == "sqlite":
            lying = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for name in (await connection.execute(text(lying))).scalars().all():
                await connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            await connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
            await connection.execute(text("ALTER TABLE audit_head DISABLE TRIGGER USER"))
        for statement in statements:
            await connection.execute(text(statement))


async def test_acts_are_linked_without_a_gap_and_hold(
    chain: Chain, database: Database, clock: ManualClock
) -> None:
    await write(database, clock, "citizen:1", "citizen:2")
    async with database.transaction() as session:
        for number in (3, 4):
            await audit.write(session, clock, actor=None, action="x", subject=f"citizen:{number}")
    async with database.reading() as session:
        rows = (await session.exec(select(AuditRow).order_by(col(AuditRow.seq)))).all()
    assert [(row.seq, row.subject) for row in rows] == [(n, f"citizen:{n}") for n in (1, 2, 3, 4)]
    assert len({row.hash for row in rows}) == 4
    verdict = await chain.verify()
    assert (verdict.checked, verdict.broken) == (4, None)
    assert verdict.head == Head(count=4, hash=rows[-1].hash or "") == await read_head(database)


async def test_an_act_that_was_rolled_back_leaves_no_gap(
    chain: Chain, database: Database, clock: ManualClock
) -> None:
    await write(database, clock, "citizen:1")
    with suppress(ZeroDivisionError):
        async with database.transaction() as session:
            await audit.write(session, clock, actor=None, action="x", subject="citizen:2")
            _ = 1 / 0
    await write(database, clock, "citizen:3")
    verdict = await chain.verify()
    assert (verdict.checked, verdict.broken) == (2, None)


async def test_an_act_goes_with_the_savepoint_in_which_it_was_written(
    chain: Chain, database: Database, clock: ManualClock
) -> None:
    async def act(session: AsyncSession, subject: str) -> None:
        await audit.write(session, clock, actor=None, action="x", subject=subject)

    async with database.transaction() as session:
        await act(session, "kept:1")
        with suppress(ZeroDivisionError):
            async with session.begin_nested():
                await act(session, "gone:1")
                async with session.begin_nested():
                    await act(session, "gone:2")
                _ = 1 / 0
        async with session.begin_nested():
            await act(session, "kept:2")
            with suppress(ZeroDivisionError):
                async with session.begin_nested():
                    await act(session, "gone:3")
                    _ = 1 / 0
        await act(session, "kept:3")
    async with database.reading() as session:
        subjects = select(AuditRow.subject).order_by(col(AuditRow.seq))
        assert (await session.exec(subjects)).all() == ["kept:1", "kept:2", "kept:3"]
    assert (await chain.verify()).broken is None


async def test_many_at_once_make_one_chain(
    chain: Chain, database: Database, clock: ManualClock, vault: Vault
) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    await Chain(other, vault).begin()
    await asyncio.gather(
        *(
            write(one, clock, *(f"citizen:{writer}-{n}" for n in range(5)))
            for writer, one in enumerate([database, other] * 4)
        )
    )
    await other.close()
    verdict = await chain.verify()
    assert (verdict.checked, verdict.broken) == (40, None)


async def crossing(
    database: Database, clock: ManualClock, act: Callable[[AsyncSession], Awaitable[None]]
) -> None:
    """Some write the log first and a common row then, others the other way round.

    Args:
        database: Where they write.
        clock: Gives the time.
        act: What is done right after a row of the log was written.
    """
    async with database.transaction() as session:
        session.add(InstallationRow(key="common", value=""))

    async def write_log(session: AsyncSession, number: int) -> None:
        await audit.write(session, clock, actor=None, action="x", subject=f"citizen:{number}")
        await act(session)

    async def write_row(session: AsyncSession, number: int) -> None:
        row = await session.get_one(InstallationRow, "common", with_for_update=True)
        row.value = f"{number}"
        await session.flush()

    async def one(number: int, *acts: Callable[[AsyncSession, int], Awaitable[None]]) -> None:
        async with database.transaction() as session:
            for first_or_second in acts:
                await first_or_second(session, number)

    orders = ((write_log, write_row), (write_row, write_log))
    async with asyncio.timeout(30):
        await asyncio.gather(*(one(number, *acts) for number in range(12) for acts in orders))


async def test_who_waits_for_a_row_does_not_hold_the_end_of_the_chain(
    chain: Chain, database: Database, clock: ManualClock
) -> None:
    async def nothing(_session: AsyncSession) -> None:
        return

    await crossing(database, clock, nothing)
    verdict = await chain.verify()
    assert (verdict.checked, verdict.broken) == (24, None)


@pytest.mark.postgresql
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_rows_that_were_linked_at_once_would_make_transactions_wait_for_each_other(
    chain: Chain, database: Database, clock: ManualClock
) -> None:
    with pytest.raises(OperationalError, match="deadlock"):
        await crossing(database, clock, chain._link)


CRIMES = {
    "an edited subject": (["UPDATE audit_log SET subject = 'citizen:9' WHERE seq = 2"], 2),
    "another actor": (["UPDATE audit_log SET actor = '1002' WHERE seq = 2"], 2),
    "no actor": (["UPDATE audit_log SET actor = NULL WHERE seq = 2"], 2),
    "another time": (["UPDATE audit_log SET at = '2020-01-01 00:00:00' WHERE seq = 2"], 2),
    "another detail": (["""UPDATE audit_log SET detail = '{"a": "x"}' WHERE seq = 2"""], 2),
    "another code": ([f"UPDATE audit_log SET hash = '{'0' * 64}' WHERE seq = 2"], 2),
    "a row taken out": (["DELETE FROM audit_log WHERE seq = 2"], 2),
    "a row taken out and the rest moved up": (
        [
            "DELETE FROM audit_log WHERE seq = 2",
            "UPDATE audit_log SET seq = 2 WHERE seq = 3",
            "UPDATE audit_log SET seq = 3 WHERE seq = 4",
        ],
        2,
    ),
    "rows that changed places": (
        [
            "UPDATE audit_log SET seq = 9 WHERE seq = 2",
            "UPDATE audit_log SET seq = 2 WHERE seq = 3",
            "UPDATE audit_log SET seq = 3 WHERE seq = 9",
        ],
        2,
    ),
    "the last row cut off": (["DELETE FROM audit_log WHERE seq = 4"], 4),
    "the last row cut off and the head set back": (
        [
            "DELETE FROM audit_log WHERE seq = 4",
            "UPDATE audit_head SET count = 3, hash = (SELECT hash FROM audit_log WHERE seq = 3)",
        ],
        0,
    ),
    "every row cut off": (["DELETE FROM audit_log"], 0),
    "a row put in at the end": (
        [
            "INSERT INTO audit_log (id, seq, at, actor, action, subject, detail, hash) "
            "SELECT 99, 5, at, actor, action, subject, detail, hash FROM audit_log WHERE seq = 4"
        ],
        5,
    ),
    "a row put in without a place": (
        [
            "INSERT INTO audit_log (id, at, actor, action, subject, detail) "
            "SELECT 99, at, actor, action, subject, detail FROM audit_log WHERE seq = 4"
        ],
        0,
    ),
    "a row made loose": (["UPDATE audit_log SET seq = NULL, hash = NULL WHERE seq = 4"], 0),
    "the head taken away": (["DELETE FROM audit_head"], 0),
    "an edited row from before the chain": (
        ["UPDATE audit_log SET subject = 'citizen:9' WHERE subject = 'old:1'"],
        0,
    ),
    "a row from before the chain taken out": (
        ["DELETE FROM audit_log WHERE subject = 'old:2'"],
        0,
    ),
    "the place before which there was no chain moved": (
        ["UPDATE audit_head SET before_id = 0, count = count + 0"],
        0,
    ),
}


@pytest.fixture
async def four_rows(database: Database, vault: Vault, clock: ManualClock) -> Chain:
    """Two rows from before the chain, and four in it."""
    await write(database, clock, "old:1", "old:2")
    begun = Chain(database, vault)
    await begun.begin()
    await write(database, clock, *(f"citizen:{n}" for n in (1, 2, 3, 4)))
    return begun


@pytest.mark.parametrize("crime", list(CRIMES))
async def test_whatever_is_done_to_a_row_is_found_and_the_first_is_named(
    four_rows: Chain, database: Database, crime: str
) -> None:
    assert (await four_rows.verify()).broken is None
    statements, named = CRIMES[crime]
    await tamper(database, *statements)
    verdict = await four_rows.verify()
    assert verdict.broken is not None
    assert verdict.broken.row == named
    assert verdict.broken.reason_zh
    assert str(named) in verdict.broken.reason_en or named == 0


async def test_without_the_data_key_the_chain_cannot_be_made_anew(
    chain: Chain, database: Database, clock: ManualClock
) -> None:
    """Somebody knows this program but not the key: he changes a row and links all of them again with his own."""
    await write(database, clock, "citizen:1", "citizen:2", "citizen:3")
    thief = Chain(database, Vault(bytes(32)))
    await tamper(database, "UPDATE audit_log SET subject = 'citizen:9' WHERE seq = 2")
    async with database.transaction() as session:
        head = await session.get_one(AuditHeadRow, 1)
        head.hash = head.genesis = (await thief._fold(session, 0))[0]
        for row in (await session.exec(select(AuditRow).order_by(col(AuditRow.seq)))).all():
            row.hash = head.hash = thief._linked(head.hash, _content(row))
            session.add(row)
        head.seal = thief._seal(head)
        session.add(head)
    assert (await thief.verify()).broken is None
    verdict = await chain.verify()
    assert verdict.broken is not None


async def test_a_head_written_down_outside_finds_a_database_that_was_put_back(
    chain: Chain, database: Database, clock: ManualClock
) -> None:
    await write(database, clock, "citizen:1", "citizen:2")
    async with database.reading() as session:
        early = await session.get_one(AuditHeadRow, 1)
    await write(database, clock, "citizen:3")
    written_down = await read_head(database)
    assert (await chain.verify(written_down)).broken is None
    await tamper(
        database,
        "DELETE FROM audit_log WHERE seq = 3",
        f"UPDATE audit_head SET count = 2, hash = '{early.hash}', seal = '{early.seal}'",
    )
    assert (await chain.verify()).broken is None  # nothing inside can know
    verdict = await chain.verify(written_down)
    assert verdict.broken is not None
    assert verdict.broken.row == 3
    await write(database, clock, "citizen:4")
    verdict = await chain.verify(written_down)
    assert verdict.broken is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET subject = 'citizen:9' WHERE seq = 2",
        "DELETE FROM audit_log WHERE seq = 4",
        "DELETE FROM audit_log WHERE seq IS NULL",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET count = 3",
        "INSERT INTO audit_log (id, at, action, subject, detail) "
        "VALUES (99, '2026-01-01 00:00:00', 'x', 'y', '{}')",
    ],
)
async def test_the_database_itself_refuses_what_only_who_may_alter_tables_can_do(
    four_rows: Chain, database: Database, statement: str
) -> None:
    with pytest.raises(DBAPIError, match="audit"):
        async with database.engine.begin() as connection:
            await connection.execute(text(statement))
    assert (await four_rows.verify()).broken is None


@pytest.mark.postgresql
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", ["audit_log", "audit_head"])
async def test_postgresql_refuses_to_empty_the_tables(
    four_rows: Chain, database: Database, table: str
) -> None:
    with pytest.raises(DBAPIError, match="audit"):
        async with database.engine.begin() as connection:
            await connection.execute(text(f"TRUNCATE {table}"))


async def test_triggers_that_were_taken_away_are_laid_again(
    four_rows: Chain, database: Database
) -> None:
    async with database.engine.begin() as connection:
        if database.dialect == "sqlite":
            await connection.execute(text("DROP TRIGGER audit_log_delete"))
        else:
            await connection.execute(text("DROP TRIGGER audit_log_change ON audit_log"))
    async with database.engine.begin() as connection:
        await connection.run_sync(guard)
        await connection.run_sync(guard)
    with pytest.raises(DBAPIError, match="audit"):
        async with database.engine.begin() as connection:
            await connection.execute(text("DELETE FROM audit_log WHERE seq = 1"))


async def test_a_row_that_goes_round_the_chain_is_refused(
    chain: Chain, database: Database, clock: ManualClock
) -> None:
    with pytest.raises(DBAPIError, match="linked"):
        async with database.transaction() as session:
            session.add(AuditRow(at=clock.now(), actor=None, action="x", subject="y", detail={}))
    assert (await chain.verify()).broken is None


async def test_a_chain_is_begun_once_and_goes_on_after_a_restart(
    chain: Chain, database: Database, clock: ManualClock, vault: Vault
) -> None:
    await write(database, clock, "citizen:1")
    again = Chain(database, vault)
    await again.begin()
    await write(database, clock, "citizen:2")
    verdict = await again.verify()
    assert (verdict.checked, verdict.broken) == (2, None)


async def test_a_chain_whose_head_is_gone_is_not_begun_anew(
    four_rows: Chain, database: Database, vault: Vault
) -> None:
    await tamper(database, "DELETE FROM audit_head")
    with pytest.raises(Misconfigured, match="restore the backup"):
        await Chain(database, vault).begin()


async def test_a_database_without_a_chain_says_so(database: Database, vault: Vault) -> None:
    verdict = await Chain(database, vault).verify()
    assert (verdict.head, verdict.broken) == (None, None)


async def test_moments_and_details_are_read_as_they_were_written(
    chain: Chain, database: Database
) -> None:
    clock = ManualClock(datetime(2026, 3, 2, 1, 30, 0, 123456, tzinfo=UTC))
    detail: dict[Any, Any] = {7: "seven", "深": {"x": [1.5, 10**15, "é\u2028", True, None]}}
    async with database.transaction() as session:
        await audit.write(session, clock, actor=None, action="x", subject="y", detail=detail)
    assert (await chain.verify()).broken is None


async def test_rows_that_are_written_while_the_log_is_looked_at_break_nothing(
    chain: Chain, database: Database, clock: ManualClock
) -> None:
    await write(database, clock, *(f"citizen:{n}" for n in range(30)))
    verdicts, _ = await asyncio.gather(
        chain.verify(), write(database, clock, *(f"citizen:{n}" for n in range(30, 60)))
    )
    assert verdicts.broken is None
    assert (await chain.verify()).checked == 60
