from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from channels.attachments.service import Attachments
from channels.contacts.rules import Address, AddressKind
from crm_bridge.callbacks.written import WrittenRatings
from crm_bridge.citizen_pages.gate import Gate
from crm_bridge.citizen_pages.settings import CitizenPageSettings
from crm_bridge.mini_program.matters import Matters
from crm_bridge.mini_program.people import People, Person
from crm_bridge.mini_program.reports import Limits, Reports
from crm_bridge.mini_program.rules import Report
from infra.kit.errors import Invalid
from telephony.numbers import PhoneNumber
from tests.integration.crm_bridge.house import ZONE, House, MemoryStore

LIFE = timedelta(days=30)


class ScriptedLogin:
    """WeChat, which knows everybody by the code itself: `name` or `name+unionid`, and numbers by themselves."""

    async def identify(self, code: str) -> tuple[Address, Address | None]:
        name, _, union = code.partition("+")
        openid = Address(kind=AddressKind.openid, value=f"o-{name}", scope="wx1")
        return openid, Address(kind=AddressKind.unionid, value=union) if union else None

    async def phone(self, code: str) -> PhoneNumber:
        if not code.isdigit():
            raise Invalid
        return PhoneNumber(code)


@dataclass
class MiniHouse:
    """The mini program's parts over the hotline's books."""

    house: House
    people: People
    reports: Reports
    matters: Matters

    async def person(self, code: str) -> Person:
        return await self.people.who((await self.people.log_in(code)).token)

    async def file(self, person: Person, text: str, key: str, *files: int) -> str:
        report = Report(key=key, type="help", text=text, attachments=files)
        return await self.reports.file(person, report)

    async def numbers(self, person: Person) -> Sequence[str]:
        page = await self.matters.listed(person, None, 50)
        return [one.number for one in page.items]


@pytest.fixture
def mini(house: House) -> MiniHouse:
    database, clock, vault = house.database, house.clock, house.vault
    gate = Gate(database, clock, vault, CitizenPageSettings())
    attachments = Attachments(database, clock, MemoryStore(), 1024 * 1024)
    plan = house.settings.plan(ZONE)
    ratings = WrittenRatings(database, clock, house.ledger, plan, house.poke)
    limits = Limits(reports=5, files=5)
    return MiniHouse(
        house,
        People(database, clock, vault, ScriptedLogin(), LIFE),
        Reports(database, clock, gate, attachments, house.intake.take, limits),
        Matters(database, vault, ratings),
    )
