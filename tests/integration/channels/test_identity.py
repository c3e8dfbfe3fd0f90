from dataclasses import replace
from datetime import datetime

import pytest
from sqlmodel import select

from channels.contacts.rules import Address, AddressKind, Contact, Message, Purpose
from channels.contacts.service import Contacts
from channels.contacts.tables import CitizenAddressRow, CitizenRow, ContactRow
from infra.kit.database import Database
from infra.kit.group_commit import Writing
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

NOW = datetime.fromisoformat("2026-03-02T09:30:00+08:00")
OPENID = Address(kind=AddressKind.openid, value="oLin-1", scope="wx12345")
UNIONID = Address(kind=AddressKind.unionid, value="uLin")
PHONE = PhoneNumber("13800015121")
OTHER_PHONE = PhoneNumber("13800015122")
CHAT = Contact(
    channel="wechat",
    external_id="1",
    received_at=NOW,
    purpose=Purpose.talk,
    message=Message(text="路灯不亮", type="complaint", latitude=30.1, longitude=120.2),
    sender=OPENID,
    name="林女士",
    thread="oLin-1",
    extra={"Emotion": "calm"},
)


@pytest.fixture
def contacts(database: Database, vault: Vault) -> Contacts:
    return Contacts(database, vault)


async def came(database: Database, contacts: Contacts, contact: Contact) -> int | None:
    """Return the citizen of a contact that came."""

    def piece(writing: Writing) -> int | None:
        stored = contacts.store_followed_up(writing, contact, NOW)
        assert stored is not None
        return stored[1]

    return await database.write(piece)


async def citizens(database: Database) -> int:
    async with database.reading() as session:
        return len((await session.exec(select(CitizenRow))).all())


async def test_the_same_sender_is_the_same_citizen(database: Database, contacts: Contacts) -> None:
    first = await came(database, contacts, CHAT)
    assert await came(database, contacts, replace(CHAT, external_id="2")) == first
    assert await citizens(database) == 1


async def test_an_openid_of_another_account_is_another_until_the_unionid_tells(
    database: Database, contacts: Contacts
) -> None:
    mini = Address(kind=AddressKind.openid, value="mLin-1", scope="wxmini")
    first = await came(database, contacts, replace(CHAT, aliases=(UNIONID,)))
    known = replace(CHAT, external_id="2", sender=mini, aliases=(UNIONID,))
    assert await came(database, contacts, known) == first
    assert await came(database, contacts, replace(CHAT, external_id="3", sender=mini)) == first
    same_value = replace(OPENID, scope="wxother")
    assert await came(database, contacts, replace(CHAT, external_id="4", sender=same_value)) != (
        first
    )


async def test_a_number_that_is_somebody_elses_makes_nobody_that_person(
    database: Database, contacts: Contacts
) -> None:
    async with database.transaction() as session:
        caller = await contacts.citizen_of(session, PHONE, NOW)
    assert await came(database, contacts, replace(CHAT, phone=PHONE)) != caller
    async with database.transaction() as session:
        assert await contacts.citizen_of(session, PHONE, NOW) == caller


async def test_an_unknown_sender_with_an_unknown_number_is_known_by_both(
    database: Database, contacts: Contacts
) -> None:
    first = await came(database, contacts, replace(CHAT, phone=OTHER_PHONE))
    async with database.transaction() as session:
        assert await contacts.citizen_of(session, OTHER_PHONE, NOW) == first


async def test_who_was_found_to_be_another_is_that_other(
    database: Database, contacts: Contacts
) -> None:
    chatted = await came(database, contacts, CHAT)
    async with database.transaction() as session:
        caller = await contacts.citizen_of(session, PHONE, NOW)
        (await session.get_one(CitizenRow, chatted)).merged_into_id = caller
    assert await came(database, contacts, replace(CHAT, external_id="2")) == caller


async def test_the_name_that_is_given_first_is_kept(database: Database, contacts: Contacts) -> None:
    nameless = await came(database, contacts, replace(CHAT, name=""))
    assert nameless is not None
    await came(database, contacts, replace(CHAT, external_id="2"))
    await came(database, contacts, replace(CHAT, external_id="3", name="别人"))
    async with database.reading() as session:
        assert (await contacts.citizen(session, nameless)).name == "林女士"


async def test_both_ways_of_following_up_find_the_same_citizen(
    database: Database, contacts: Contacts
) -> None:
    at_once = await came(database, contacts, CHAT)
    later = await contacts.receive(replace(CHAT, external_id="2"))
    async with database.transaction() as session:
        contact = await contacts.claim_follow_up(session, later.contact_id, NOW)
        assert contact is not None
        assert await contacts.identify(session, later.contact_id, contact) == at_once


async def test_a_stored_contact_comes_back_as_it_was(
    database: Database, contacts: Contacts
) -> None:
    whole = replace(CHAT, phone=PHONE, aliases=(UNIONID,))
    contact_id = (await contacts.receive(whole)).contact_id
    async with database.reading() as session:
        assert await contacts.contact(session, contact_id) == whole


async def test_who_wrote_lies_sealed_in_the_database(
    database: Database, contacts: Contacts
) -> None:
    await came(database, contacts, CHAT)
    async with database.reading() as session:
        row = (await session.exec(select(ContactRow))).one()
        address = (await session.exec(select(CitizenAddressRow))).one()
    stored = repr(row.model_dump()) + repr(address.model_dump())
    assert "oLin-1" not in stored
    assert "林女士" not in stored


def test_nothing_of_a_sender_shows_in_a_repr() -> None:
    shown = repr(replace(CHAT, aliases=(UNIONID,)))
    assert not any(secret in shown for secret in ("oLin-1", "uLin", "林女士", "路灯", "calm"))
