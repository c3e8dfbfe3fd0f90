"""What a ticket is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from crm_bridge.tickets.vocabulary import TicketState, TicketType, Urgency
from telephony.numbers import PhoneNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """What an agent wrote down. `repr()` hides what the citizen said and who the citizen is.

    Attributes:
        citizen_name: As the citizen gave it; None when not given.
        callback_phone: Where to ask afterwards, when it is not the number that called.
        answer: What the agent answered on the spot; None leaves the ticket open for dispatch.
    """

    type: TicketType
    category: str
    title: str = field(repr=False)
    text: str = field(repr=False)
    address: str = field(default="", repr=False)
    urgency: Urgency = Urgency.normal
    confidential: bool = False
    call_me_not: bool = False
    citizen_name: str | None = field(default=None, repr=False)
    callback_phone: PhoneNumber | None = field(default=None, repr=False)
    answer: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket as it stands. `repr()` hides what the citizen said.

    Attributes:
        number: What the citizen is told.
        citizen_id: None for an anonymous contact.
        agent: 工号 of the agent who wrote it; None when it came in by itself.
        version: Sequence number of its last event.
        closed_at: When it was last answered or accepted as done.
        rating: 1 (very satisfied) … 5 (very dissatisfied), once the citizen has rated.
        main_id: The main ticket that it follows.
        instructed: A leader has given instructions.
        redos: How often it was sent back because the citizen was not satisfied.
        transfers: How often it went to another unit.
    """

    id: int
    number: str
    type: TicketType
    category: str
    title: str = field(repr=False)
    text: str = field(repr=False)
    address: str = field(repr=False)
    urgency: Urgency
    confidential: bool
    call_me_not: bool
    citizen_id: int | None
    agent: str | None
    created_at: datetime
    state: TicketState
    round: int
    version: int
    closed_at: datetime | None
    rating: int | None
    main_id: int | None = None
    instructed: bool = False
    redos: int = 0
    transfers: int = 0

    @property
    def hides_citizen(self) -> bool:
        """Whether nobody may see whose it is without a special grant (济南条例 32)."""
        return self.confidential or self.type is TicketType.report
