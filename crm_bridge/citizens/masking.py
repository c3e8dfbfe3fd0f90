"""How an account or an address is shown: enough to tell it from another, too little to write to it."""

from __future__ import annotations

from channels.contacts.rules import AddressKind

_SHOWN = 4


def masked(kind: AddressKind, value: str) -> str:
    """Return the masked form, e.g. `l***@example.com` of a mail address, `…8a2f` of anything else."""
    if kind is AddressKind.mail and "@" in value:
        name, _, domain = value.rpartition("@")
        return f"{name[:1]}***@{domain}"
    return f"…{value[-_SHOWN:]}" if len(value) > 2 * _SHOWN else "…"
