from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from agent_console.calls.service import Calls
from crm_bridge.history.service import History
from crm_bridge.tickets.vocabulary import TicketType
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Forbidden
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.calls.tables import CallRow
from tests.integration.crm_bridge.house import FORM, LI, MOBILE, SUN, ZHOU, House

_HEARS_ANY = {"call.read_any", "recording.listen_any", "number.reveal"}
LEAD = replace(ZHOU, permissions=ZHOU.permissions | _HEARS_ANY)
GRANTED = replace(SUN, permissions=SUN.permissions | _HEARS_ANY)


@pytest.fixture
async def house(database: Database, clock: ManualClock, vault: Vault) -> House:
    return await House(database=database, clock=clock, vault=vault).open()


@pytest.fixture
def calls(house: House, tmp_path: Path) -> Calls:
    (tmp_path / "a.wav").write_bytes(b"voice")
    history = History(
        house.database, house.clock, house.vault, house.contacts, timedelta(minutes=15)
    )
    return Calls(house.database, house.clock, house.vault, history, tmp_path)


async def recorded_call(house: House) -> int:
    call_id = await house.ring()
    async with house.database.transaction() as session:
        (await session.get_one(CallRow, call_id)).recording = "a.wav"
    return call_id


@pytest.mark.parametrize(
    "form", [replace(FORM, confidential=True), replace(FORM, type=TicketType.report)]
)
async def test_a_confidential_ticket_hides_its_call_from_all_but_its_agent_and_the_granted(
    house: House, calls: Calls, form: object
) -> None:
    assert isinstance(form, type(FORM))
    call_id = await recorded_call(house)
    ticket_id = await house.tickets.register(LI, form, call_id=call_id)

    seen = await calls.one(LEAD, call_id)
    assert (seen.contact_id, seen.ticket_id) == (None, None)
    with pytest.raises(Forbidden):
        await calls.reveal_number(LEAD, call_id, "回拨")
    with pytest.raises(Forbidden):
        await calls.recording(LEAD, call_id, None)
    async with house.database.reading() as session:
        assert (await session.exec(select(AuditRow))).all() == []

    for who in (LI, GRANTED):
        assert (await calls.one(who, call_id)).ticket_id == ticket_id
        assert await calls.reveal_number(who, call_id, "回拨") == MOBILE.digits
        assert (await calls.recording(who, call_id, None)).name == "a.wav"


@pytest.mark.parametrize("who", [LI, LEAD])
async def test_a_call_of_an_open_ticket_stays_known(
    house: House, calls: Calls, who: Principal
) -> None:
    call_id = await recorded_call(house)
    ticket_id = await house.tickets.register(LI, FORM, call_id=call_id)
    seen = await calls.one(who, call_id)
    assert (seen.contact_id, seen.ticket_id) == (1, ticket_id)
    assert await calls.reveal_number(who, call_id, "回拨") == MOBILE.digits
    assert (await calls.recording(who, call_id, None)).name == "a.wav"


async def test_a_call_about_a_confidential_matter_and_another_is_hidden_with_the_first(
    house: House, calls: Calls
) -> None:
    call_id = await recorded_call(house)
    await house.tickets.register(LI, replace(FORM, confidential=True), call_id=call_id)
    other = await house.tickets.register(LI, FORM, call_id=call_id)
    seen = await calls.one(LEAD, call_id)
    assert (seen.contact_id, seen.ticket_id) == (None, other)
    with pytest.raises(Forbidden):
        await calls.reveal_number(LEAD, call_id, "回拨")
