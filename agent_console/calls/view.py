"""A call as a page sees it."""

from __future__ import annotations

from datetime import datetime

from infra.kit.http import ApiModel
from infra.kit.vault import Vault
from telephony.calls.rules import CallState, Direction
from telephony.calls.tables import CallRow
from telephony.numbers import PhoneNumber


class CallView(ApiModel):
    """A call; the citizen's number is masked, and only shown in full on request."""

    id: int
    linkedid: str
    direction: Direction
    state: CallState
    caller_masked: str | None
    agent: str | None
    queue: str | None
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    talk_seconds: int | None
    contact_id: int | None
    ticket_id: int | None
    recording_available: bool
    previous_contacts: int


def caller_of(row: CallRow, vault: Vault) -> PhoneNumber | None:
    """Return the citizen's number, or None when it was withheld."""
    sealed = row.caller_encrypted
    return PhoneNumber(vault.decrypt(sealed)) if sealed is not None else None


def call_view(
    row: CallRow, vault: Vault, *, contact_id: int | None, ticket_id: int | None, previous: int
) -> CallView:
    """Return the view of a stored call.

    Args:
        row: The call.
        vault: Opens the number, which is then masked.
        contact_id: The contact that the call is.
        ticket_id: The newest ticket that the contact opened or joined.
        previous: How many contacts the same citizen had before.
    """
    assert row.id is not None  # noqa: S101  # a stored row has its id
    caller = caller_of(row, vault)

    return CallView(
        id=row.id,
        linkedid=row.linkedid,
        direction=row.direction,
        state=row.state,
        caller_masked=caller.masked if caller else None,
        agent=row.agent,
        queue=row.queue,
        offered_at=row.offered_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        talk_seconds=_seconds(row.answered_at, row.ended_at),
        contact_id=contact_id,
        ticket_id=ticket_id,
        recording_available=row.recording is not None,
        previous_contacts=previous,
    )


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return max(0, round((end - start).total_seconds())) if start and end else None
