"""The working calendar as a file, over HTTP and from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from crm_bridge.deadlines.sheet import COLUMNS, arrangements_of
from crm_bridge.deadlines.statutory import statutory_days
from crm_bridge.sheets.reading import read
from infra.kit.identity import Role
from tests.integration.crm_bridge.deadlines.conftest import Client

ADMINISTRATOR = {"X-Role": Role.ADMINISTRATOR.value}
DOCUMENT = "国办发明电〔2026〕9号"


def file_of(year: int = 2027, *more: str) -> bytes:
    days = [f"{day.isoformat()},否,{name},{DOCUMENT}" for day, name in statutory_days(year).items()]
    return "\n".join(["date,working,name,document", *days, *more]).encode("gb18030")


async def published(client: Client, year: int) -> bool:
    async with client.get(
        "/api/v1/calendar", params={"year": str(year)}, headers=ADMINISTRATOR
    ) as response:
        return bool((await response.json())["published"])


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(client: Client) -> None:
    async with client.post(
        "/api/v1/calendar/import",
        params={"dry_run": "true"},
        data=file_of(),
        headers=ADMINISTRATOR,
    ) as response:
        told = await response.json()

    assert response.status == 200
    assert told == {
        "rows": 13,
        "added": 13,
        "changed": 0,
        "removed": 0,
        "errors": [],
        "stored": False,
    }
    assert not await published(client, 2027)


async def test_an_imported_file_is_in_force(client: Client) -> None:
    for expected in ((13, 0, 0), (0, 0, 0)):
        async with client.post(
            "/api/v1/calendar/import", data=file_of(), headers=ADMINISTRATOR
        ) as response:
            told = await response.json()
        assert (told["added"], told["changed"], told["removed"]) == expected
        assert told["stored"] is True

    assert await published(client, 2027)


async def test_a_file_with_a_wrong_row_is_refused_whole(client: Client) -> None:
    wrong = file_of(2027, f"2027-13-01,是,元旦,{DOCUMENT}", "2027-10-08,perhaps,国庆节,")

    async with client.post(
        "/api/v1/calendar/import", data=wrong, headers=ADMINISTRATOR
    ) as response:
        told = await response.json()

    assert response.status == 422
    assert [field["pointer"] for field in told["fields"]] == [
        "/rows/15/date",
        "/rows/16/document",
        "/rows/16/working",
    ]
    assert not await published(client, 2027)


@pytest.mark.parametrize("role", [Role.AGENT, Role.DISPATCHER, Role.UNIT_CLERK])
async def test_only_an_administrator_brings_a_file_in(client: Client, role: Role) -> None:
    async with client.post(
        "/api/v1/calendar/import", data=file_of(), headers={"X-Role": role.value}
    ) as response:
        assert response.status == 403


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
async def test_what_is_taken_out_can_be_brought_in_again(client: Client, kind: str) -> None:
    async with client.get(
        "/api/v1/calendar/export", params={"format": kind}, headers=ADMINISTRATOR
    ) as response:
        content = await response.read()
    found, errors = arrangements_of(read(content, COLUMNS))
    async with client.post(
        "/api/v1/calendar/import", data=content, headers=ADMINISTRATOR
    ) as response:
        told = await response.json()

    assert errors == ()
    assert [one.year for one in found] == list(range(2015, 2027))
    assert (told["added"], told["changed"], told["removed"]) == (0, 0, 0)


def test_the_command_line_knows_the_file(tmp_path: Path) -> None:
    from infra.run.sheet_commands import KINDS, import_file

    assert "calendar" in KINDS
    result = CliRunner().invoke(import_file, ["calendar", str(tmp_path / "none.csv")])
    assert result.exit_code == 2
    assert "none.csv" in result.output
