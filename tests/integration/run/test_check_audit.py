from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.kit import audit
from infra.kit.audit_chain import Chain
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from infra.run.cli import cli
from infra.run.migrate import _config, migrate


def lianxin(folder: Path, *arguments: str) -> Result:
    """What the command says and how it ends; runs in a loop of its own."""
    return CliRunner().invoke(cli, ["--config", str(folder / "lianxin.toml"), *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation whose log has three acts."""
    (tmp_path / "lianxin.toml").write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/lianxin.db"\n'
        f'[security]\ndata_key_file = "{tmp_path}/data.key"\n'
    )
    lianxin(tmp_path, "migrate")
    for number in ("1001", "1002", "1003"):
        added = lianxin(tmp_path, "user", "add", number, "李静", "--password", "a-long-password")
        assert added.exit_code == 0, added.output
    return tmp_path


def tamper(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / "lianxin.db") as connection:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def head_of(said: str) -> str:
    return said.split()[-1]


def test_a_log_that_nobody_changed_holds_and_its_head_is_printed(folder: Path) -> None:
    result = lianxin(folder, "check", "audit")
    assert result.exit_code == 0, result.output
    assert "3 rows, unchanged" in result.output
    head = head_of(result.output)
    assert head.startswith("3:")
    lianxin(folder, "user", "disable", "1003")
    assert lianxin(folder, "check", "audit", "--expect", head).exit_code == 0


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE audit_log SET subject = 'user:9' WHERE seq = 2", "row 2"),
        ("DELETE FROM audit_log WHERE seq = 2", "row 2 is missing"),
        ("DELETE FROM audit_log WHERE seq = 3", "row 3 is missing"),
        ("DELETE FROM audit_head", "the head is missing"),
    ],
)
def test_a_log_that_somebody_changed_fails_and_the_row_is_named(
    folder: Path, statement: str, named: str
) -> None:
    tamper(folder, statement)
    result = lianxin(folder, "check", "audit")
    assert result.exit_code == 1
    assert named in result.output
    assert "记录" in result.output


def test_a_database_put_back_to_an_earlier_state_is_found_by_the_head(folder: Path) -> None:
    early = (folder / "lianxin.db").read_bytes()
    lianxin(folder, "user", "disable", "1003")
    head = head_of(lianxin(folder, "check", "audit").output)
    for leftover in folder.glob("lianxin.db-*"):
        leftover.unlink()
    (folder / "lianxin.db").write_bytes(early)
    assert lianxin(folder, "check", "audit").exit_code == 0
    assert lianxin(folder, "check", "audit", "--expect", head).exit_code == 1


def test_a_head_that_is_none_is_used_wrongly(folder: Path) -> None:
    assert lianxin(folder, "check", "audit", "--expect", "3:abc").exit_code == 2


def test_looking_writes_nothing(folder: Path) -> None:
    first = lianxin(folder, "check", "audit").output
    assert lianxin(folder, "check", "audit").output == first


def test_without_a_further_word_the_installation_is_looked_at_as_before(folder: Path) -> None:
    result = lianxin(folder, "check")
    assert "database" in result.output
    assert "audit" not in result.output


async def test_a_log_from_before_the_chain_is_sealed_as_it_is(
    database_url: str, vault: Vault, clock: ManualClock
) -> None:
    database = Database(database_url)
    async with database.engine.connect() as connection:
        await connection.run_sync(lambda found: command.upgrade(_config(found), "0001"))
        for number in (1, 2, 3):
            await connection.execute(
                text(
                    "INSERT INTO audit_log (at, action, subject, detail) "
                    f"VALUES ('2026-01-0{number} 00:00:00', 'x', 'user:{number}', '{{}}')"
                )
            )
        await connection.commit()
    await migrate(database)
    chain = Chain(database, vault)
    await chain.begin()
    async with database.transaction() as session:
        await audit.write(session, clock, actor=None, action="x", subject="user:4")
    verdict = await chain.verify()
    assert (verdict.checked, verdict.broken) == (4, None)
    with pytest.raises(DBAPIError, match="audit"):
        async with database.engine.begin() as connection:
            await connection.execute(text("UPDATE audit_log SET subject = 'x' WHERE id = 2"))
    await database.close()
