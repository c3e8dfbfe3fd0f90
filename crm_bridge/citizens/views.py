"""Citizens and who may be the same as the API shows them: masked, to tell one from another by."""

from __future__ import annotations

from datetime import datetime

from channels.contacts.rules import AddressKind, CitizenKind
from crm_bridge.citizens.rules import Ground, MergeState
from crm_bridge.tickets.vocabulary import TicketState
from infra.kit.http import ApiModel


class KnownBy(ApiModel):
    """An account or address of a citizen; `shown` is its masked form, `scope` the account of ours it belongs to."""

    kind: AddressKind
    scope: str
    shown: str


class CitizenView(ApiModel):
    """A citizen: one number or some accounts that surely belong together."""

    id: int
    kind: CitizenKind
    name: str | None
    phone_masked: str | None
    known_by: list[KnownBy]
    first_seen_at: datetime
    contacts: int
    last_contact_at: datetime | None


class MergeView(ApiModel):
    """Another citizen who may be, or is, the same person; `channel` is where that showed."""

    id: int
    state: MergeState
    ground: Ground
    channel: str | None
    other: CitizenView
    suggested_at: datetime
    decided_at: datetime | None
    decided_by: str | None


class PersonView(ApiModel):
    """A person: the citizen with whom he is counted, and whom else he may be or is; the undecided come first."""

    citizen: CitizenView
    merges: list[MergeView]


class HistoryEntry(ApiModel):
    """One approach of a person, with the last ticket that came of it."""

    contact_id: int
    channel: str
    received_at: datetime
    ticket_id: int | None
    ticket_number: str | None
    ticket_title: str | None
    ticket_state: TicketState | None


class HistoryPage(ApiModel):
    """Approaches, newest first; `cursor` goes on with the next page, null at the end."""

    items: list[HistoryEntry]
    cursor: str | None
