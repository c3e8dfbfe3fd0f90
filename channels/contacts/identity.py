"""Who stands behind a contact: the citizen known by its sender, or by its number.

A provider says for certain who sent something, and that an openid and a unionid are one person; a telephone number
beside them is only what somebody typed. It is therefore never the reason to take two citizens for one: that is
suggested to a person elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlmodel import col

from channels.contacts.rules import Address, CitizenKind, Contact
from channels.contacts.tables import CitizenAddressRow, CitizenRow
from infra.kit.group_commit import Prepared, Writing
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

_WHO = func.coalesce(col(CitizenRow.merged_into_id), col(CitizenRow.id))
_BY_PHONE = Prepared(select(_WHO).where(col(CitizenRow.phone_digest) == bindparam("digest")))
_BY_ADDRESS = Prepared(
    select(_WHO)
    .join(CitizenAddressRow, col(CitizenAddressRow.citizen_id) == col(CitizenRow.id))
    .where(col(CitizenAddressRow.digest) == bindparam("digest"))
)

_NAME = Prepared(
    update(CitizenRow)
    .where(col(CitizenRow.id) == bindparam("of_id"), col(CitizenRow.name_encrypted).is_(None))
    .values(name_encrypted=bindparam("name"))
)


class Identities:
    """Knows citizens by what they are reached by.

    Args:
        vault: Seals numbers and addresses, and makes the digests that they are found by.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def behind(self, writing: Writing, contact: Contact) -> int | None:
        """Return the row of the citizen behind a contact, made if unknown; None for an anonymous one.

        Raises:
            IntegrityError: Another process is writing the same citizen at this moment.
        """
        citizen_id = self._behind(writing, contact)
        if citizen_id is not None and contact.name:
            # Whoever has a name keeps it: on a form anybody can type anybody's number.
            writing.run(_NAME, of_id=citizen_id, name=self._vault.encrypt(contact.name))
        return citizen_id

    def _behind(self, writing: Writing, contact: Contact) -> int | None:
        addresses = (*filter(None, (contact.sender,)), *contact.aliases)
        if addresses:
            return self._by_addresses(writing, addresses, contact)
        if contact.phone is None:
            return None
        digest = self._vault.digest(contact.phone.digits)
        known = writing.row(_BY_PHONE, digest=digest)
        if known is not None:
            return int(known[0])
        return writing.add(
            CitizenRow, self.citizen_values(contact.phone, digest, contact.received_at)
        )

    def digest_of(self, address: Address) -> str:
        """Return what an address is found by."""
        return self._vault.digest(json.dumps([address.kind.value, address.scope, address.value]))

    def citizen_values(
        self, phone: PhoneNumber | None, digest: str | None, at: datetime
    ) -> dict[str, Any]:
        """Return the values of a new citizen's row."""
        return {
            "kind": CitizenKind.person,
            "phone_encrypted": self._vault.encrypt(phone.digits) if phone else None,
            "phone_digest": digest,
            "first_seen_at": at,
        }

    def _by_addresses(
        self, writing: Writing, addresses: Sequence[Address], contact: Contact
    ) -> int:
        digests = {self.digest_of(address): address for address in addresses}
        found = {digest: writing.row(_BY_ADDRESS, digest=digest) for digest in digests}
        citizens = [int(row[0]) for row in found.values() if row is not None]
        citizen_id = citizens[0] if citizens else self._new(writing, contact)
        for digest, address in digests.items():
            if found[digest] is None:
                writing.add(
                    CitizenAddressRow,
                    {
                        "digest": digest,
                        "citizen_id": citizen_id,
                        "kind": address.kind,
                        "scope": address.scope,
                        "value_encrypted": self._vault.encrypt(address.value),
                        "first_seen_at": contact.received_at,
                    },
                )
        return citizen_id

    def _new(self, writing: Writing, contact: Contact) -> int:
        """Make the citizen of an unknown sender; a number that belongs to somebody is not taken from him."""
        phone, digest = contact.phone, None
        if phone is not None:
            digest = self._vault.digest(phone.digits)
            if writing.row(_BY_PHONE, digest=digest) is not None:
                phone = digest = None
        return writing.add(CitizenRow, self.citizen_values(phone, digest, contact.received_at))
