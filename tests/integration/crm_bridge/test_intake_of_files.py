from dataclasses import replace

import pytest
from sqlmodel import select

from channels.attachments.incoming import CITIZEN, LEFT_OUT
from channels.attachments.tables import AttachmentRow, MediaRow
from channels.contacts.rules import Contact, Enclosure, Purpose, Received
from crm_bridge.conversations.hearing import Heard
from crm_bridge.intake import Intake
from crm_bridge.tickets.tables import TicketRow
from infra.kit.group_commit import Writing
from tests.integration.crm_bridge.house import House, written

LETTER = b"%PDF-1.4\n%%EOF\n"
PROGRAM = b"MZ\x90\x00" + bytes(60)


def with_files(*enclosures: Enclosure) -> Contact:
    return replace(written(), enclosures=enclosures)


async def at_once(intake: Intake, contact: Contact) -> Received:
    return await intake.take(contact)


async def in_two_steps(intake: Intake, contact: Contact) -> Received:
    return await intake.in_two_steps(contact)


@pytest.mark.parametrize("way", [at_once, in_two_steps])
async def test_a_file_that_came_along_belongs_to_its_contact(house: House, way: object) -> None:
    contact = with_files(Enclosure(name="来信.pdf", content=LETTER))
    received = await way(house.intake, contact)  # type: ignore[operator]  # one of the two above
    async with house.database.reading() as session:
        (row,) = (await session.exec(select(AttachmentRow))).all()
    assert (row.name, row.size, row.uploaded_by) == ("来信.pdf", len(LETTER), CITIZEN)
    assert row.subject == f"contact:{received.contact_id}"


async def test_a_file_that_is_not_taken_costs_nobody_his_matter(house: House) -> None:
    received = await house.intake.take(
        with_files(
            Enclosure(name="photo.exe", content=PROGRAM), Enclosure(name="a.pdf", content=LETTER)
        )
    )
    assert received.ticket_number is not None
    async with house.database.reading() as session:
        contact = await house.contacts.contact(session, received.contact_id)
        (row,) = (await session.exec(select(AttachmentRow))).all()
    assert row.name == "a.pdf"
    (left_out,) = contact.extra[LEFT_OUT]
    assert left_out["zh"]
    assert left_out["en"]


async def test_the_same_contact_again_brings_its_files_once(house: House) -> None:
    contact = with_files(
        Enclosure(name="a.pdf", content=LETTER), Enclosure(name="b", media_id="m-1")
    )
    await house.intake.take(contact)
    await house.intake.take(contact)
    assert (await house.count(AttachmentRow), await house.count(MediaRow)) == (1, 1)


async def test_what_the_provider_still_has_is_written_down_sealed(house: House) -> None:
    await house.intake.take(with_files(Enclosure(media_id="MEDIA-7")))
    async with house.database.reading() as session:
        (row,) = (await session.exec(select(MediaRow))).all()
    assert b"MEDIA-7" not in row.media_encrypted
    assert house.vault.decrypt(row.media_encrypted) == "MEDIA-7"


@pytest.mark.parametrize(("uploaded_by", "tied"), [(CITIZEN, True), ("1001", False)])
async def test_only_what_a_citizen_uploaded_is_tied_to_a_citizens_contact(
    house: House, uploaded_by: str, *, tied: bool
) -> None:
    async with house.database.transaction() as session:
        row = AttachmentRow(
            sha256="0" * 64,
            name="a.pdf",
            size=1,
            type="application/pdf",
            uploaded_by=uploaded_by,
            uploaded_at=house.clock.now(),
        )
        session.add(row)
        await session.flush()
        assert row.id is not None
        attachment_id = row.id
    received = await house.intake.take(with_files(Enclosure(attachment_id=attachment_id)))
    async with house.database.reading() as session:
        stored = await session.get_one(AttachmentRow, attachment_id)
    assert stored.subject == (f"contact:{received.contact_id}" if tied else None)


class Ear:
    def __init__(self) -> None:
        self.heard_contacts: list[tuple[int, int | None]] = []

    def heard(
        self, _writing: Writing, contact_id: int, _contact: Contact, citizen_id: int | None
    ) -> Heard:
        self.heard_contacts.append((contact_id, citizen_id))
        return Heard(conversation_id=1, message_id=1)


@pytest.mark.parametrize("way", [at_once, in_two_steps])
async def test_talk_is_heard_once_and_opens_no_ticket(house: House, way: object) -> None:
    ear = Ear()
    intake = Intake(
        house.database,
        house.clock,
        house.contacts,
        house.tickets,
        house.incoming,
        house.poke,
        talk=ear,
    )
    talk = replace(written(), purpose=Purpose.talk, thread="chat-1")
    received = await way(intake, talk)  # type: ignore[operator]  # one of the two above
    again = await way(intake, talk)  # type: ignore[operator]
    assert received.ticket_number is None
    assert not again.first
    assert [contact_id for contact_id, _ in ear.heard_contacts] == [received.contact_id]
    assert await house.count(TicketRow) == 0


class Deaf(Ear):
    def heard(
        self, _writing: Writing, _contact_id: int, _contact: Contact, _citizen_id: int | None
    ) -> Heard:
        raise LookupError("no such thread")


async def test_talk_that_cannot_be_followed_up_is_kept_and_tried_again(house: House) -> None:
    def intake(ear: Ear) -> Intake:
        return Intake(
            house.database,
            house.clock,
            house.contacts,
            house.tickets,
            house.incoming,
            house.poke,
            talk=ear,
        )

    talk = replace(written(), purpose=Purpose.talk, thread="chat-1")
    with pytest.raises(LookupError):
        await intake(Deaf()).take(talk)
    assert len(await house.contacts.waiting()) == 1
    ear = Ear()
    assert await intake(ear).resume() == 1
    assert len(ear.heard_contacts) == 1
