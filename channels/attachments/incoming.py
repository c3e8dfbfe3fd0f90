"""The files that come with a contact: their bytes are kept before anything is answered, the rest is fetched afterwards.

A file that is not taken does not cost the citizen his matter: the contact comes in without it, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import bindparam, update
from sqlmodel import col

from channels.attachments.keeping import Keeper
from channels.attachments.rules import clean_name
from channels.attachments.store import ContentStore
from channels.attachments.tables import AttachmentRow, MediaRow
from channels.contacts.rules import Contact, Enclosure
from infra.kit.clock import Clock
from infra.kit.errors import Refused
from infra.kit.group_commit import Prepared, Writing
from infra.kit.vault import Vault

CITIZEN = "citizen"
"""Who sent what no person of the hotline uploaded."""

LEFT_OUT = "left_out"
"""Where a contact's `extra` names the files that were not taken, with the reason."""

_TIE = Prepared(
    update(AttachmentRow)
    .where(
        col(AttachmentRow.id) == bindparam("of_id"),
        col(AttachmentRow.subject).is_(None),
        col(AttachmentRow.uploaded_by) == bindparam("of_sender"),
    )
    .values(subject=bindparam("to"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is left to write of a contact's files, in the transaction that writes the contact.

    Attributes:
        rows: Values of the files whose bytes are kept.
        taken_before: Files that were uploaded before.
        to_fetch: Files that the provider still has.
    """

    rows: Sequence[dict[str, Any]] = field(default=(), repr=False)
    taken_before: Sequence[int] = ()
    to_fetch: Sequence[Enclosure] = ()


class Incoming:
    """Keeps the files of contacts.

    Args:
        clock: Gives the time at which a file came.
        vault: Seals what a file is fetched by.
        store: Where the bytes lie.
        limit: The most bytes of a file.
    """

    def __init__(self, clock: Clock, vault: Vault, store: ContentStore, limit: int) -> None:
        self._clock = clock
        self._vault = vault
        self._keeper = Keeper(store, limit)

    async def keep(self, contact: Contact) -> tuple[Contact, Kept]:
        """Keep the bytes that came along.

        Returns:
            The contact, which names the files that were not taken; and what `tie` needs.

        Raises:
            TryLater: There is no room: nothing may be acknowledged.
        """
        if not contact.enclosures:
            return contact, Kept()
        rows, left_out = [], []
        for enclosure in contact.enclosures:
            if enclosure.content is None:
                continue
            try:
                rows.append(await self._row(enclosure.name, enclosure.content))
            except Refused as refused:
                left_out.append({"zh": _zh(refused), "en": _en(refused)})
        if left_out:
            contact = replace(contact, extra={**contact.extra, LEFT_OUT: left_out})
        kept = Kept(
            rows=rows,
            taken_before=[one.attachment_id for one in contact.enclosures if one.attachment_id],
            to_fetch=[one for one in contact.enclosures if one.media_id],
        )
        return contact, kept

    def tie(self, writing: Writing, contact_id: int, *, kept: Kept, channel: str) -> None:
        """Write the files of a contact down, in the transaction that writes the contact."""
        subject = subject_of(contact_id)
        for row in kept.rows:
            writing.add(AttachmentRow, {**row, "subject": subject})
        for attachment_id in kept.taken_before:
            writing.run(_TIE, of_id=attachment_id, of_sender=CITIZEN, to=subject)
        for enclosure in kept.to_fetch:
            self._fetch_later(writing, enclosure, contact_id, channel)

    def _fetch_later(
        self, writing: Writing, enclosure: Enclosure, contact_id: int, channel: str
    ) -> None:
        now = self._clock.now()
        values = {
            "contact_id": contact_id,
            "channel": channel,
            "name": clean_name(enclosure.name) if enclosure.name else "",
            "media_encrypted": self._vault.encrypt(enclosure.media_id),
            "created_at": now,
            "next_at": now,
            "attempts": 0,
        }
        writing.add(MediaRow, values)

    async def _row(self, name: str, content: bytes) -> dict[str, Any]:
        return {
            **await self._keeper.keep(name, content, any_name=True),
            "uploaded_by": CITIZEN,
            "uploaded_at": self._clock.now(),
        }


def subject_of(contact_id: int) -> str:
    """Return what the files of a contact belong to: whoever sees a ticket or talk of the contact sees them."""
    return f"contact:{contact_id}"


def _zh(refused: Refused) -> str:
    return refused.fields[0].message_zh if refused.fields else refused.detail_zh or refused.title_zh


def _en(refused: Refused) -> str:
    return refused.fields[0].message_en if refused.fields else refused.detail_en or refused.title_en
