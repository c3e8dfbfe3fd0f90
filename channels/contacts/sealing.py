"""How a contact lies in its row: what tells who it came from is sealed, and so is what nobody here knows.

A column or a header that nobody has read may hold a name or a number as well as anything else does.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from channels.contacts.rules import Address, AddressKind, Contact, Message, Purpose
from channels.contacts.tables import ContactRow
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

_PARTS = tuple(
    (field.name, None if field.default is MISSING else field.default) for field in fields(Message)
)


class Sealing:
    """Turns contacts into rows and back.

    Args:
        vault: Seals and opens.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def values(self, contact: Contact) -> dict[str, Any]:
        """Return the values of a contact's row, but for its citizen and its follow-up."""
        message = contact.message
        return {
            "channel": contact.channel,
            "external_id": contact.external_id,
            "received_at": contact.received_at,
            "phone_encrypted": self._vault.encrypt(contact.phone.digits) if contact.phone else None,
            "message": _said(message) if message else None,
            "sender_encrypted": self._seal_sender(contact),
            "extra": self._seal_extra(contact.extra),
        }

    def contact(self, row: ContactRow) -> Contact:
        """Return the contact of a row as it came, but for its files."""
        return Contact(
            channel=row.channel,
            external_id=row.external_id,
            received_at=row.received_at,
            phone=self.phone(row.phone_encrypted),
            message=Message(**row.message) if row.message else None,
            extra=self._open_extra(row.extra),
            **self._open_sender(row.sender_encrypted),
        )

    def phone(self, sealed: bytes | None) -> PhoneNumber | None:
        """Return a number that was sealed; None for none."""
        return PhoneNumber(self._vault.decrypt(sealed)) if sealed else None

    def _seal_sender(self, contact: Contact) -> bytes | None:
        if not (contact.sender or contact.aliases or contact.name or contact.thread):
            return None
        told = {
            "purpose": contact.purpose,
            "sender": _told(contact.sender) if contact.sender else None,
            "aliases": [_told(alias) for alias in contact.aliases],
            "name": contact.name,
            "thread": contact.thread,
        }
        return self._vault.encrypt(json.dumps(told))

    def _open_sender(self, sealed: bytes | None) -> dict[str, Any]:
        if sealed is None:
            return {}
        told = json.loads(self._vault.decrypt(sealed))
        return {
            "purpose": Purpose(told["purpose"]),
            "sender": _address(told["sender"]) if told["sender"] else None,
            "aliases": tuple(_address(alias) for alias in told["aliases"]),
            "name": told["name"],
            "thread": told["thread"],
        }

    def _seal_extra(self, extra: Mapping[str, Any]) -> str | None:
        return b64encode(self._vault.encrypt(json.dumps(dict(extra)))).decode() if extra else None

    def _open_extra(self, sealed: str | None) -> dict[str, Any]:
        return dict(json.loads(self._vault.decrypt(b64decode(sealed)))) if sealed else {}


def _said(message: Message) -> dict[str, Any]:
    """Return what was said, as JSON, without what was left out."""
    return {
        name: value for name, left_out in _PARTS if (value := getattr(message, name)) != left_out
    }


def _told(address: Address) -> list[str]:
    return [address.kind.value, address.value, address.scope]


def _address(told: Sequence[str]) -> Address:
    kind, value, scope = told
    return Address(kind=AddressKind(kind), value=value, scope=scope)
