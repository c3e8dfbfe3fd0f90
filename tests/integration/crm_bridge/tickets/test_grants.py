"""To whom a hidden citizen can be shown by special grant."""

from collections.abc import Sequence

import pytest
from sqlmodel import select

from agent_console.accounts.staff import AccountStaff
from agent_console.accounts.tables import UserRow
from crm_bridge.tickets.confidences import Confidences
from crm_bridge.tickets.tables import TicketGrantRow
from infra.kit.errors import Invalid
from infra.kit.identity import Role
from tests.integration.crm_bridge.house import CGJ
from tests.integration.crm_bridge.tickets.city import QIN, City


async def granted(city: City) -> Sequence[str]:
    async with city.database.reading() as session:
        return (await session.exec(select(TicketGrantRow.person))).all()


@pytest.mark.parametrize(
    ("person", "told"), [("4040", "停用"), ("3009", "停用"), ("5001", "承办单位")]
)
async def test_grant_to_nobody_to_a_disabled_person_or_to_one_of_a_unit_is_refused(
    city: City, person: str, told: str
) -> None:
    ticket_id = await city.dispatched(confidential=True)
    async with city.database.transaction() as session:
        for number, role, unit in (
            ("3001", Role.DISPATCHER, None),
            ("3009", Role.DISPATCHER, None),
            ("5001", Role.UNIT_CLERK, CGJ),
        ):
            account = UserRow(
                number=number,
                name="甲",
                role=role,
                unit=unit,
                password_hash="-",
                disabled=number == "3009",
                created_at=city.clock.now(),
            )
            session.add(account)
    confidences = Confidences(
        city.database, city.clock, city.ledger, city.contacts, city.vault, AccountStaff()
    )
    with pytest.raises(Invalid) as refused:
        await confidences.grant(QIN, ticket_id, person=person, hours=2, reason="核实线索")
    (field,) = refused.value.fields
    assert (field.pointer, told in field.message_zh) == ("/user_number", True)
    assert await granted(city) == []
    await confidences.grant(QIN, ticket_id, person="3001", hours=2, reason="核实线索")
    assert await granted(city) == ["3001"]
