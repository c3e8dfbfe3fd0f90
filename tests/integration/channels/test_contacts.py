import asyncio
from datetime import datetime

import pytest

from channels.contacts.rules import Contact, Message
from channels.contacts.service import Contacts
from channels.voice import VoiceChannel, contact_of
from channels.voice_log import calls_without_contact
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from telephony.calls.rules import Call, CallChange, CallState, ChangeKind, Direction
from telephony.calls.service import CallLog
from telephony.numbers import PhoneNumber

NOW = datetime.fromisoformat("2026-03-02T09:30:00+08:00")
LETTER = Contact(
    channel="letters",
    external_id="7",
    received_at=NOW,
    phone=PhoneNumber("13800015121"),
    message=Message(title="路灯", text="路灯不亮", address="滨江路"),
)


@pytest.fixture
def contacts(database: Database, vault: Vault) -> Contacts:
    return Contacts(database, vault)


async def test_second_delivery_is_the_first_contact(contacts: Contacts) -> None:
    first = await contacts.receive(LETTER)
    second = await contacts.receive(LETTER)
    assert (first.first, second.first) == (True, False)
    assert first.contact_id == second.contact_id


async def test_ten_deliveries_at_once_are_one_contact(contacts: Contacts) -> None:
    received = await asyncio.gather(*(contacts.receive(LETTER) for _ in range(10)))
    assert len({one.contact_id for one in received}) == 1
    assert sum(one.first for one in received) == 1
    assert await contacts.waiting() == [received[0].contact_id]


async def test_follow_up_is_claimed_once_and_finds_the_contact_as_it_came(
    database: Database, contacts: Contacts
) -> None:
    contact_id = (await contacts.receive(LETTER)).contact_id
    async with database.transaction() as session:
        assert await contacts.claim_follow_up(session, contact_id, NOW) == LETTER
    async with database.transaction() as session:
        assert await contacts.claim_follow_up(session, contact_id, NOW) is None
    assert await contacts.waiting() == []


async def test_follow_up_that_fails_waits_again(database: Database, contacts: Contacts) -> None:
    contact_id = (await contacts.receive(LETTER)).contact_id

    async def follow_up_and_fail() -> None:
        async with database.transaction() as session:
            await contacts.claim_follow_up(session, contact_id, NOW)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power"):
        await follow_up_and_fail()
    assert await contacts.waiting() == [contact_id]


async def test_citizen_is_known_again_by_the_number(database: Database, contacts: Contacts) -> None:
    number = PhoneNumber("13800015121")
    async with database.transaction() as session:
        first = await contacts.citizen_of(session, number, NOW)
        await contacts.name(session, first, "李明")
    async with database.transaction() as session:
        again = await contacts.citizen_of(session, number, NOW)
        other = await contacts.citizen_of(session, PhoneNumber("13800029999"), NOW)
        citizen = await contacts.citizen(session, again)
    assert first == again != other
    assert (citizen.name, citizen.phone, citizen.first_seen_at) == ("李明", number, NOW)


async def test_ten_calls_from_a_new_number_at_once_are_one_citizen(
    database: Database, contacts: Contacts
) -> None:
    async def meet() -> int:
        async with database.transaction() as session:
            return await contacts.citizen_of(session, PhoneNumber("13800015121"), NOW)

    assert len(set(await asyncio.gather(*(meet() for _ in range(10))))) == 1


async def test_number_and_name_are_not_readable_on_disk(
    database: Database, contacts: Contacts
) -> None:
    contact_id = (await contacts.receive(LETTER)).contact_id
    async with database.transaction() as session:
        await contacts.identify(session, contact_id, LETTER)
    async with database.reading() as session:
        connection = await session.connection()
        dump = ""
        for table in ("contacts", "citizens"):
            rows = await connection.exec_driver_sql(f"SELECT * FROM {table}")
            dump += "".join(
                str(bytes(v) if isinstance(v, memoryview) else v) for r in rows for v in r
            )
    assert "letters" in dump
    assert "13800015121" not in dump


async def test_call_that_the_voice_channel_missed_is_found_in_the_call_log(
    database: Database, contacts: Contacts, clock: ManualClock, vault: Vault
) -> None:
    log = CallLog(database, vault)
    call = Call(
        pbx="pbx-1",
        linkedid="1740879000.7",
        direction=Direction.inbound,
        state=CallState.offered,
        caller=PhoneNumber("13800015121"),
        queue="hotline",
        agent=None,
        offered_at=NOW,
    )
    log.hear(CallChange(kind=ChangeKind.offered, call=call, at=NOW))
    await log.drain()
    (missed,) = await calls_without_contact(database, clock, vault)
    assert missed == contact_of(call)
    assert missed.channel == VoiceChannel.name
    await contacts.receive(missed)
    assert list(await calls_without_contact(database, clock, vault)) == []
