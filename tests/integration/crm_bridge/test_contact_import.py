"""A file of letters and visits comes in through the intake, each once."""

import csv
import io
from collections.abc import Sequence
from typing import TypeVar

import pytest
from sqlmodel import select

from channels.contacts.rules import Contact, Received
from channels.contacts.tables import CitizenRow, ContactRow
from channels.protocol import Take
from crm_bridge.contact_import.transfer import ContactImport
from crm_bridge.tickets.tables import TicketRow
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database, Row
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import ZONE, House

T = TypeVar("T", bound=Row)
HEADER = ("诉求内容", "标题", "诉求类型", "联系电话", "诉求人", "来源编号", "来访时间")
LETTERS = (
    ("解放路路灯不亮。", "路灯不亮", "求助", "13800012340", "孙丽", "信2026-1", "2026-02-27 09:30"),
    ("工地夜间施工。", "夜间施工", "投诉", "13800012340", "孙丽", "信2026-2", "2026-02-28 10:00"),
    ("建议增设座椅。", "", "建议", "", "", "信2026-3", ""),
)


def file_of(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue().encode("gb18030")


@pytest.fixture
async def house(database: Database, clock: ManualClock, vault: Vault) -> House:
    return await House(database=database, clock=clock, vault=vault).open()


def importer(house: House, take: Take | None = None) -> ContactImport:
    return ContactImport(house.database, house.clock, ZONE, take or house.intake.take)


async def rows_of(house: House, table: type[T]) -> list[T]:
    async with house.database.reading() as session:
        return list((await session.exec(select(table))).all())


async def test_every_row_is_a_contact_with_its_ticket_and_its_citizen(house: House) -> None:
    outcome = await importer(house).take(None, file_of(LETTERS), dry_run=False)
    assert (outcome.rows, outcome.added, outcome.stored) == (3, 3, True)
    tickets = {row.title: row for row in await rows_of(house, TicketRow)}
    assert set(tickets) == {"路灯不亮", "夜间施工", "建议增设座椅。"}
    assert [tickets[title].type for title in ("路灯不亮", "夜间施工")] == ["help", "complaint"]
    # One telephone, one citizen, two matters.
    assert tickets["路灯不亮"].citizen_id == tickets["夜间施工"].citizen_id
    assert len(await rows_of(house, CitizenRow)) == 1


async def test_a_dry_run_says_what_would_be_new_and_writes_nothing(house: House) -> None:
    await importer(house).take(None, file_of(LETTERS[:1]), dry_run=False)
    outcome = await importer(house).take(None, file_of(LETTERS), dry_run=True)
    assert (outcome.rows, outcome.added, outcome.stored) == (3, 2, False)
    assert len(await rows_of(house, ContactRow)) == 1


async def test_the_same_file_again_opens_nothing_twice(house: House) -> None:
    for added in (3, 0):
        outcome = await importer(house).take(None, file_of(LETTERS), dry_run=False)
        assert outcome.added == added
    assert len(await rows_of(house, TicketRow)) == 3


async def test_one_wrong_row_keeps_the_whole_file_out(house: House) -> None:
    wrong = ("工地夜间施工。", "夜间施工", "抱怨", "1380001234x", "", "信2026-4", "昨天")
    outcome = await importer(house).take(None, file_of([*LETTERS, wrong]), dry_run=False)
    assert [(error.row, error.column) for error in outcome.errors] == [
        (5, "type"),
        (5, "phone"),
        (5, "received_at"),
    ]
    assert not outcome.stored
    assert await rows_of(house, ContactRow) == []


async def test_an_import_that_was_broken_off_is_finished_by_the_same_file(house: House) -> None:
    taken = 0

    async def breaks_off(contact: Contact) -> Received:
        nonlocal taken
        taken += 1
        if taken > 2:
            raise TimeoutError
        return await house.intake.take(contact)

    with pytest.raises(TimeoutError):
        await importer(house, breaks_off).take(None, file_of(LETTERS), dry_run=False)
    first = len(await rows_of(house, TicketRow))
    outcome = await importer(house).take(None, file_of(LETTERS), dry_run=False)
    assert outcome.added == 3 - first
    assert len(await rows_of(house, TicketRow)) == 3


async def test_an_import_is_in_the_audit_log_with_its_number_alone(house: House) -> None:
    await importer(house).take(None, file_of(LETTERS), dry_run=False)
    (entry,) = await rows_of(house, AuditRow)
    assert (entry.action, entry.detail) == ("contact.import", {"added": 3})
