"""What the call log knows of contacts: the truth behind the voice channel's list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import ColumnElement
from sqlmodel import and_, col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Contact
from channels.contacts.tables import ContactRow
from channels.voice import VoiceChannel, external_id
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import LianxinError
from infra.kit.vault import Vault
from telephony.calls.rules import Direction
from telephony.calls.tables import CallRow
from telephony.numbers import PhoneNumber

log = structlog.get_logger()

_LOOK_BACK = timedelta(days=7)
_BATCH = 500


def is_contact_of_call() -> ColumnElement[bool]:
    """Return the condition that joins a contact to the call that it is.

    It leads from calls to their contacts by an index; the other way (`call_of_contact`) it would read every call.
    """
    return and_(
        col(ContactRow.channel) == VoiceChannel.name,
        col(ContactRow.external_id) == col(CallRow.pbx) + "/" + col(CallRow.linkedid),
    )


def contact_of_row(call: CallRow, vault: Vault) -> Contact:
    """Return the contact that a logged call is."""
    sealed = call.caller_encrypted
    return Contact(
        channel=VoiceChannel.name,
        external_id=external_id(call.pbx, call.linkedid),
        received_at=call.offered_at,
        phone=PhoneNumber(vault.decrypt(sealed)) if sealed else None,
    )


async def call_of_contact(session: AsyncSession, contact: ContactRow) -> CallRow | None:
    """Return the call that a contact is; None for a contact over another channel."""
    if contact.channel != VoiceChannel.name:
        return None
    pbx, _, linkedid = contact.external_id.partition("/")
    statement = select(CallRow).where(CallRow.pbx == pbx, CallRow.linkedid == linkedid)
    return (await session.exec(statement)).one_or_none()


async def calls_without_contact(
    database: Database, clock: Clock, vault: Vault
) -> Sequence[Contact]:
    """Return the contacts of inbound calls of the last days that were never written down, oldest first."""
    statement = (
        select(CallRow)
        .where(
            col(CallRow.direction) == Direction.inbound,
            col(CallRow.offered_at) > clock.now() - _LOOK_BACK,
            ~exists().where(is_contact_of_call()),
        )
        # Not by id: SQLite would walk every call there ever was, in the order asked for.
        .order_by(col(CallRow.offered_at))
        .limit(_BATCH)
    )
    async with database.reading() as session:
        return list(_readable((await session.exec(statement)).all(), vault))


def _readable(calls: Sequence[CallRow], vault: Vault) -> Iterator[Contact]:
    for call in calls:
        try:
            yield contact_of_row(call, vault)
        except LianxinError as error:
            # Its number cannot be opened; the others must not wait for it.
            log.error("call_unreadable", call_id=call.id, error=error.slug)  # noqa: TRY400  # no trace tells more
