"""Processes are killed with -9 while they write the audit log: the chain goes on, and what was said to be there is."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import select

from infra.kit.audit import AuditRow
from infra.kit.audit_chain import Chain
from infra.kit.database import Database
from infra.kit.vault import Vault

ROOT = Path(__file__).parents[3]


def victim(database: Database, name: str) -> subprocess.Popen[bytes]:
    url = database.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.kit.audit_victim", url, name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


@pytest.mark.parametrize("seed", range(2))
async def test_a_chain_whose_writers_are_killed_holds_and_has_every_act_that_was_said(
    database: Database, vault: Vault, seed: int
) -> None:
    chance = random.Random(seed)
    said: set[str] = set()
    for turn in range(2):
        with victim(database, f"{turn}a") as one, victim(database, f"{turn}b") as other:
            for process in (one, other):
                assert process.stdout is not None
                for _ in range(chance.randrange(1, 30)):
                    said.add(process.stdout.readline().decode().strip())
                process.kill()
                said.update(line.decode().strip() for line in process.stdout)
    assert "" not in said

    verdict = await Chain(database, vault).verify()

    assert verdict.broken is None
    async with database.reading() as session:
        subjects = (await session.exec(select(AuditRow.subject))).all()
    assert verdict.checked == len(subjects) == len(set(subjects))
    assert said <= set(subjects)
