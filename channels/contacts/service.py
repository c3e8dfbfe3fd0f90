"""Receives contacts, once each, and knows the citizens behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Citizen, CitizenKind, Contact, Message, Received
from channels.contacts.tables import CitizenRow, ContactRow
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.group_commit import Prepared, Writing
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

_PARTS = tuple(field.name for field in fields(Message))
_FIND = Prepared(
    select(ContactRow.id).where(
        ContactRow.channel == bindparam("channel"),
        ContactRow.external_id == bindparam("external_id"),
    )
)
_KNOWN_BY = Prepared(
    select(CitizenRow.id).where(CitizenRow.phone_digest == bindparam("phone_digest"))
)


class Contacts:
    """The contacts and citizens of the city.

    Args:
        database: Where they lie.
        vault: Seals phones and names, and makes the digest that a citizen is found by.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def receive(self, contact: Contact) -> Received:
        """Write the contact down before anything else happens to it; when this returns it is on disk.

        Returns:
            The row of the contact; for one that came before, the row that it made then.
        """
        try:
            async with self._database.transaction() as session:
                known = await self._find(session, contact)
                if known is not None:
                    return Received(contact_id=known, first=False)
                return Received(contact_id=await self.store(session, contact), first=True)
        except IntegrityError:
            # The same contact was being delivered twice at once, and the other one committed first.
            async with self._database.reading() as session:
                known = await self._find(session, contact)
            if known is None:
                raise
            return Received(contact_id=known, first=False)

    async def store(self, session: AsyncSession, contact: Contact) -> int:
        """Write a contact in the caller's transaction and return its row.

        Raises:
            IntegrityError: It had been received before.
        """
        row = ContactRow(**self._contact_values(contact))
        session.add(row)
        await session.flush()
        return _id(row.id)

    def store_followed_up(
        self, writing: Writing, contact: Contact, at: datetime
    ) -> tuple[int, int | None] | None:
        """Write a contact whose follow-up is done in the same piece of work.

        Returns:
            The rows of the contact and of its citizen, who is made if unknown; None when the contact came before.

        Raises:
            IntegrityError: Another process is writing the same contact or citizen at this moment.
        """
        if writing.row(_FIND, channel=contact.channel, external_id=contact.external_id):
            return None
        values = self._contact_values(contact) | {"citizen_id": None}
        if contact.phone is not None:
            digest = self._vault.digest(contact.phone.digits)
            known = writing.row(_KNOWN_BY, phone_digest=digest)
            if known is None:
                citizen = self._citizen_values(contact.phone, digest, contact.received_at)
                values["citizen_id"] = writing.add(CitizenRow, citizen)
            else:
                values["citizen_id"] = known[0]
        contact_id = writing.add(ContactRow, values | {"followed_up_at": at})
        return contact_id, values["citizen_id"]

    async def find_or_store(self, session: AsyncSession, contact: Contact) -> int:
        """Return the row of the contact in the caller's transaction, written if it is new."""
        known = await self._find(session, contact)
        if known is not None:
            return known
        try:
            async with session.begin_nested():
                return await self.store(session, contact)
        except IntegrityError:
            known = await self._find(session, contact)
            if known is None:
                raise
            return known

    async def waiting(self, after: int = 0, limit: int = 100) -> Sequence[int]:
        """Return the oldest contacts behind the one given whose follow-up has not been done."""
        statement = (
            select(ContactRow.id)
            .where(col(ContactRow.followed_up_at).is_(None), col(ContactRow.id) > after)
            .order_by(col(ContactRow.id))
            .limit(limit)
        )
        async with self._database.reading() as session:
            return [_id(row) for row in (await session.exec(statement)).all()]

    async def claim_follow_up(
        self, session: AsyncSession, contact_id: int, at: datetime
    ) -> Contact | None:
        """Mark the contact as followed up, in the transaction that does it.

        Returns:
            The contact; None when its follow-up has been done already. A second caller waits here until
            the first has committed or rolled back, so the follow-up happens exactly once.
        """
        claimed = await session.exec(
            update(ContactRow)
            .where(col(ContactRow.id) == contact_id, col(ContactRow.followed_up_at).is_(None))
            .values(followed_up_at=at)
        )
        if claimed.rowcount == 0:
            return None
        row = await session.get_one(ContactRow, contact_id)
        return Contact(
            channel=row.channel,
            external_id=row.external_id,
            received_at=row.received_at,
            phone=self._open_phone(row.phone_encrypted),
            message=Message(**row.message) if row.message else None,
        )

    async def identify(
        self, session: AsyncSession, contact_id: int, contact: Contact
    ) -> int | None:
        """Link the contact to the citizen of its number, who is made if unknown.

        Returns:
            The row of the citizen; None for an anonymous contact.
        """
        if contact.phone is None:
            return None
        citizen_id = await self.citizen_of(session, contact.phone, contact.received_at)
        await session.exec(
            update(ContactRow).where(col(ContactRow.id) == contact_id).values(citizen_id=citizen_id)
        )
        return citizen_id

    async def citizen_of(self, session: AsyncSession, phone: PhoneNumber, at: datetime) -> int:
        """Return the row of the citizen known by this number, made with `at` as first seen if unknown."""
        digest = self._vault.digest(phone.digits)
        statement = select(CitizenRow.id).where(CitizenRow.phone_digest == digest)
        known = (await session.exec(statement)).one_or_none()
        if known is not None:
            return known
        row = CitizenRow(**self._citizen_values(phone, digest, at))
        try:
            async with session.begin_nested():
                session.add(row)
        except IntegrityError:
            # Two calls from one number at the same moment: the other transaction has made the citizen.
            return _id((await session.exec(statement)).one())
        return _id(row.id)

    async def known(self, session: AsyncSession, phone: PhoneNumber) -> int | None:
        """Return the row of the citizen known by this number; None if there is none."""
        digest = self._vault.digest(phone.digits)
        statement = select(CitizenRow.id).where(CitizenRow.phone_digest == digest)
        return (await session.exec(statement)).one_or_none()

    async def name(self, session: AsyncSession, citizen_id: int, name: str) -> None:
        """Keep the name that the citizen gave last."""
        await session.exec(
            update(CitizenRow)
            .where(col(CitizenRow.id) == citizen_id)
            .values(name_encrypted=self._vault.encrypt(name))
        )

    async def citizen(self, session: AsyncSession, citizen_id: int) -> Citizen:
        """Return a citizen.

        Raises:
            NotFound: There is none with this id.
        """
        row = await session.get(CitizenRow, citizen_id)
        if row is None:
            raise NotFound
        return Citizen(
            id=citizen_id,
            kind=row.kind,
            name=self._vault.decrypt(row.name_encrypted) if row.name_encrypted else None,
            phone=self._open_phone(row.phone_encrypted),
            first_seen_at=row.first_seen_at,
        )

    async def _find(self, session: AsyncSession, contact: Contact) -> int | None:
        statement = select(ContactRow.id).where(
            ContactRow.channel == contact.channel, ContactRow.external_id == contact.external_id
        )
        return (await session.exec(statement)).one_or_none()

    def _contact_values(self, contact: Contact) -> dict[str, Any]:
        message = contact.message
        return {
            "channel": contact.channel,
            "external_id": contact.external_id,
            "received_at": contact.received_at,
            "phone_encrypted": self._seal(contact.phone),
            "message": {name: getattr(message, name) for name in _PARTS} if message else None,
        }

    def _citizen_values(self, phone: PhoneNumber, digest: str, at: datetime) -> dict[str, Any]:
        return {
            "kind": CitizenKind.person,
            "phone_encrypted": self._seal(phone),
            "phone_digest": digest,
            "first_seen_at": at,
        }

    def _seal(self, phone: PhoneNumber | None) -> bytes | None:
        return self._vault.encrypt(phone.digits) if phone else None

    def _open_phone(self, sealed: bytes | None) -> PhoneNumber | None:
        return PhoneNumber(self._vault.decrypt(sealed)) if sealed else None


def _id(value: int | None) -> int:
    assert value is not None  # noqa: S101  # a flushed row has its id
    return value
