import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from infra.run.cli import cli
from infra.run.migrate import migrate
from tests.integration.crm_bridge.tickets.city import City


@pytest.fixture
async def file(tmp_path: Path, clock: ManualClock, vault: Vault) -> Path:
    """A database as an installation has it, with a ticket that its lead has in hand."""
    path = tmp_path / "lianxin.db"
    database = Database(f"sqlite:///{path}")
    await migrate(database)
    city = City(database=database, clock=clock, vault=vault)
    await city.open()
    await city.in_hand()
    await database.close()
    return path


def check(path: Path) -> tuple[int, str]:
    environment = {"LIANXIN_DATABASE__URL": f"sqlite:///{path}"}
    result = CliRunner(env=environment).invoke(cli, ["check", "tickets"])
    return result.exit_code, result.output


def change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_tickets_that_are_what_their_logs_say_are_in_order(file: Path) -> None:
    code, output = check(file)
    assert (code, "1 tickets are what their logs say" in output) == (0, True)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE tickets SET state = 'archived'", "tickets.state"),
        ("UPDATE tickets SET version = 9", "tickets.version"),
        ("UPDATE assignments SET due_at = '2027-01-01 00:00:00.000000'", "assignments[1].due_at"),
        ("UPDATE assignments SET unit = 'GRGS'", "assignments[1].unit"),
        ("DELETE FROM assignments", "assignments.n"),
        (
            "INSERT INTO ticket_waits VALUES (1, 'audit', 0, '2026-01-01 00:00:00.000000')",
            "ticket_waits",
        ),
        ("UPDATE ticket_events SET event = 'accepted' WHERE seq = 4", "ticket_events"),
        ("UPDATE ticket_events SET detail = '{}' WHERE seq = 3", "ticket_events"),
        ("DELETE FROM ticket_events WHERE seq = 4", "tickets.state, tickets.version"),
    ],
)
def test_row_that_somebody_changed_is_named_with_its_ticket(
    file: Path, statement: str, named: str
) -> None:
    change(file, statement)
    code, output = check(file)
    assert code == 1
    assert f"20260302-000001: {named}" in output
    assert "1 of 1 tickets" in output
