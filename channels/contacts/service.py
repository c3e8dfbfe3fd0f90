"""Receives contacts, once each, and knows the citizens behind them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from sqlalchemy import bindparam, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.identity import Identities
from channels.contacts.rules import Citizen, Contact, Received
from channels.contacts.sealing import Sealing
from channels.contacts.tables import CitizenRow, ContactRow
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.group_commit import Prepared, Writing, in_session
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

_FIND = Prepared(
    select(ContactRow.id).where(
        ContactRow.channel == bindparam("channel"),
        ContactRow.external_id == bindparam("external_id"),
    )
)


class Beside(Protocol):
    """Writes what belongs to a contact, in the transaction that writes it."""

    def __call__(self, writing: Writing, contact_id: int) -> None:
        """Write it."""
        ...


class Contacts:
    """The contacts and citizens of the city.

    Args:
        database: Where they lie.
        vault: Seals phones and names, and makes the digest that a citizen is found by.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._identities = Identities(vault)
        self._sealing = Sealing(vault)

    async def receive(self, contact: Contact, beside: Beside | None = None) -> Received:
        """Write the contact down before anything else happens to it; when this returns it is on disk.

        Args:
            contact: What came.
            beside: Writes what belongs to its row, in the same transaction.

        Returns:
            The row of the contact; for one that came before, the row that it made then.
        """
        try:
            async with self._database.transaction() as session:
                known = await self._find(session, contact)
                if known is not None:
                    return Received(contact_id=known, first=False)
                contact_id = await self.store(session, contact)
                if beside is not None:
                    await in_session(session, partial(beside, contact_id=contact_id))
                return Received(contact_id=contact_id, first=True)
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
        row = ContactRow(**self._sealing.values(contact))
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
        citizen_id = self._identities.behind(writing, contact)
        contact_id = writing.add(
            ContactRow,
            self._sealing.values(contact) | {"citizen_id": citizen_id, "followed_up_at": at},
        )
        return contact_id, citizen_id

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
        return self._sealing.contact(await session.get_one(ContactRow, contact_id))

    async def contact(self, session: AsyncSession, contact_id: int) -> Contact:
        """Return a contact as it came, but for its files.

        Raises:
            NotFound: There is none with this id.
        """
        row = await session.get(ContactRow, contact_id)
        if row is None:
            raise NotFound
        return self._sealing.contact(row)

    async def identify(
        self, session: AsyncSession, contact_id: int, contact: Contact
    ) -> int | None:
        """Link the contact to the citizen behind it, who is made if unknown.

        Returns:
            The row of the citizen; None for an anonymous contact.
        """

        def behind(writing: Writing) -> int | None:
            return self._identities.behind(writing, contact)

        try:
            async with session.begin_nested():
                citizen_id = await in_session(session, behind)
        except IntegrityError:
            # Two contacts of one sender at the same moment: the other transaction has made the citizen.
            citizen_id = await in_session(session, behind)
        if citizen_id is not None:
            await session.exec(
                update(ContactRow)
                .where(col(ContactRow.id) == contact_id)
                .values(citizen_id=citizen_id)
            )
        return citizen_id

    async def citizen_of(self, session: AsyncSession, phone: PhoneNumber, at: datetime) -> int:
        """Return the row of the citizen known by this number, made with `at` as first seen if unknown."""
        known = await self.known(session, phone)
        if known is not None:
            return known
        digest = self._vault.digest(phone.digits)
        row = CitizenRow(**self._identities.citizen_values(phone, digest, at))
        try:
            async with session.begin_nested():
                session.add(row)
        except IntegrityError:
            # Two calls from one number at the same moment: the other transaction has made the citizen.
            return _id(await self.known(session, phone))
        return _id(row.id)

    async def known(self, session: AsyncSession, phone: PhoneNumber) -> int | None:
        """Return the row of the citizen known by this number; None if there is none."""
        digest = self._vault.digest(phone.digits)
        who = func.coalesce(col(CitizenRow.merged_into_id), col(CitizenRow.id))
        statement = select(who).where(CitizenRow.phone_digest == digest)
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
            phone=self._sealing.phone(row.phone_encrypted),
            first_seen_at=row.first_seen_at,
        )

    async def _find(self, session: AsyncSession, contact: Contact) -> int | None:
        statement = select(ContactRow.id).where(
            ContactRow.channel == contact.channel, ContactRow.external_id == contact.external_id
        )
        return (await session.exec(statement)).one_or_none()


def _id(value: int | None) -> int:
    assert value is not None  # noqa: S101  # a flushed row has its id
    return value
