"""What everybody may read of the requests that came over Open311.

Published are only tickets that were reported this way, and of them none that hides its citizen, and none of a category
that is no public service. Never a number, a name or a mail address; what was written only if the settings say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Message
from channels.contacts.tables import ContactRow
from channels.open311.channel import Open311Settings
from channels.open311.rules import CHANNEL
from crm_bridge.open311.documents import Value
from crm_bridge.open311.rules import (
    MOST,
    Search,
    Status,
    state_words,
    states_of,
    status_of,
)
from crm_bridge.open311.services import Service, Services
from crm_bridge.tickets.tables import (
    AssignmentRow,
    TicketContactRow,
    TicketEventRow,
    TicketRow,
)
from crm_bridge.tickets.vocabulary import AssignmentRole, TicketEvent, TicketState, TicketType
from crm_bridge.units.tables import UnitRow
from infra.kit.database import Database
from infra.kit.errors import NotFound

_TOLD = ("text", "where_to_turn")
"""Fields of an event's detail that are written for the citizen."""
_FOR_THE_CITIZEN = frozenset({"answered", "not_accepted"})


class Publication:
    """Shows requests to everybody.

    Args:
        database: Where they lie.
        services: Says which are public.
        settings: Whether what was written is shown.
    """

    def __init__(self, database: Database, services: Services, settings: Open311Settings) -> None:
        self._database = database
        self._services = services
        self._settings = settings

    async def requests(self, search: Search) -> list[Value]:
        """Return the requests that were searched for, the youngest first."""
        services = await self._services.public()
        statement = _public_tickets(services)
        if search.numbers:
            statement = statement.where(col(TicketRow.number).in_(search.numbers)).limit(MOST)
        else:
            statement = statement.where(
                col(ContactRow.received_at) >= search.start,
                col(ContactRow.received_at) <= search.end,
            )
            if search.services:
                statement = statement.where(col(TicketRow.category).in_(search.services))
            if search.statuses:
                states = states_of(search.statuses)
                statement = statement.where(col(TicketRow.state).in_(states))
            statement = statement.offset((search.page - 1) * search.page_size)
            statement = statement.limit(search.page_size)
        youngest = col(ContactRow.received_at).desc(), col(TicketRow.id).desc()
        return await self._shown(statement.order_by(*youngest), services)

    async def request(self, number: str) -> list[Value]:
        """Return one request, in a list as the specification has it.

        Raises:
            NotFound: There is none that everybody may see.
        """
        services = await self._services.public()
        one = _public_tickets(services).where(TicketRow.number == number).limit(1)
        found = await self._shown(one, services)
        if not found:
            raise NotFound("there is no such service_request_id", "没有这个工单编号")
        return found

    async def _shown(self, statement: Any, services: Mapping[str, Service]) -> list[Value]:
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
            leads = await _leads(session, [row[0] for row in rows])
        return [
            self._request(ticket, contact, changed_at, services, leads.get(ticket.id or 0))
            for ticket, contact, changed_at in rows
        ]

    async def number_of(self, token: str) -> str | None:
        """Return the number of the request that a token stands for; None while it has none.

        Raises:
            NotFound: The token is none of ours.
        """
        statement = (
            select(ContactRow.id, TicketRow.number)
            .outerjoin(TicketContactRow, col(TicketContactRow.contact_id) == ContactRow.id)
            .outerjoin(TicketRow, col(TicketRow.id) == TicketContactRow.ticket_id)
            .where(ContactRow.channel == CHANNEL, ContactRow.external_id == token)
            .order_by(col(TicketRow.id))
            .limit(1)
        )
        async with self._database.reading() as session:
            found = (await session.exec(statement)).first()
        if found is None:
            raise NotFound("there is no such token", "没有这个 token")
        number: str | None = found[1]
        return number

    async def ticket_id(self, number: str) -> int:
        """Return the row of a request that everybody may see.

        Raises:
            NotFound: There is none.
        """
        statement = _public_tickets(await self._services.public())
        async with self._database.reading() as session:
            found = (await session.exec(statement.where(TicketRow.number == number))).first()
        if found is None or found[0].id is None:
            raise NotFound("there is no such service_request_id", "没有这个工单编号")
        return int(found[0].id)

    async def updates(
        self, start: datetime, end: datetime, numbers: Sequence[str] = ()
    ) -> list[Value]:
        """Return what happened to requests in a span of time, the oldest first."""
        services = await self._services.public()
        statement = (
            select(TicketEventRow, TicketRow.number)
            .join(TicketRow, col(TicketRow.id) == TicketEventRow.ticket_id)
            .join(TicketContactRow, col(TicketContactRow.ticket_id) == TicketRow.id)
            .join(ContactRow, col(ContactRow.id) == TicketContactRow.contact_id)
            .where(
                ContactRow.channel == CHANNEL,
                col(TicketEventRow.at) >= start,
                col(TicketEventRow.at) <= end,
                col(TicketEventRow.from_state) != TicketEventRow.to_state,
                TicketEventRow.event != TicketEvent.left_open,
                *_open_to_all(services),
            )
            .order_by(col(TicketEventRow.at), col(TicketEventRow.id))
        )
        if numbers:
            statement = statement.where(col(TicketRow.number).in_(numbers))
        async with self._database.reading() as session:
            rows = (await session.exec(statement.limit(MOST))).all()
        return [self._update(event, number) for event, number in rows]

    def _update(self, event: TicketEventRow, number: str) -> Mapping[str, Value]:
        words = state_words(event.to_state, english=self._settings.english)
        return {
            "update_id": f"{number}-{event.seq}",
            "service_request_id": number,
            "status": status_of(event.to_state).value,
            "updated_datetime": _w3(event.at),
            "description": self._told(event.event.value, event.detail) or words,
            "media_url": None,
        }

    def _told(self, event: str, detail: Mapping[str, Any]) -> str:
        if not self._settings.publish_texts or event not in _FOR_THE_CITIZEN:
            return ""
        return " ".join(str(detail[name]) for name in _TOLD if detail.get(name))

    def _request(
        self,
        ticket: TicketRow,
        contact: ContactRow,
        changed_at: datetime,
        services: Mapping[str, Service],
        lead: tuple[str, datetime] | None,
    ) -> Mapping[str, Value]:
        service = services[ticket.category]
        message = Message(**contact.message) if contact.message else Message(text="")
        texts, status = self._settings.publish_texts, status_of(ticket.state)
        closed = status is Status.closed and ticket.closed_at is not None
        return {
            "service_request_id": ticket.number,
            "status": status.value,
            "status_notes": state_words(ticket.state, english=self._settings.english),
            "service_name": service.name,
            "service_code": service.code,
            "description": message.text if texts and message.text else service.name,
            "agency_responsible": lead[0] if lead else None,
            "service_notice": None,
            "requested_datetime": _w3(contact.received_at),
            "updated_datetime": _w3(
                ticket.closed_at if closed and ticket.closed_at else changed_at
            ),
            "expected_datetime": _w3(lead[1]) if lead and not closed else None,
            "address": message.address if self._settings.publish_addresses else None,
            "address_id": None,
            "zipcode": None,
            "lat": message.latitude,
            "long": message.longitude,
            "media_url": message.media or None if texts else None,
        }


def _open_to_all(services: Mapping[str, Service]) -> list[Any]:
    return [
        ~col(TicketRow.confidential),
        col(TicketRow.type) != TicketType.report,
        col(TicketRow.category).in_(list(services)),
    ]


def _public_tickets(services: Mapping[str, Service]) -> Any:
    # The event with the ticket's version is its last.
    return (
        select(TicketRow, ContactRow, TicketEventRow.at)
        .join(TicketContactRow, col(TicketContactRow.ticket_id) == TicketRow.id)
        .join(ContactRow, col(ContactRow.id) == TicketContactRow.contact_id)
        .join(
            TicketEventRow,
            (col(TicketEventRow.ticket_id) == TicketRow.id)
            & (col(TicketEventRow.seq) == TicketRow.version),
        )
        .where(ContactRow.channel == CHANNEL, *_open_to_all(services))
    )


async def _leads(
    session: AsyncSession, tickets: Sequence[TicketRow]
) -> dict[int, tuple[str, datetime]]:
    with_unit = [
        ticket.id
        for ticket in tickets
        if ticket.state not in (TicketState.registered, TicketState.to_dispatch)
    ]
    statement = (
        select(AssignmentRow.ticket_id, UnitRow.name_zh, AssignmentRow.due_at)
        .join(UnitRow, col(UnitRow.code) == AssignmentRow.unit)
        .where(
            col(AssignmentRow.ticket_id).in_(with_unit),
            AssignmentRow.role == AssignmentRole.lead,
        )
        .order_by(col(AssignmentRow.n))
    )
    rows = (await session.exec(statement)).all() if with_unit else []
    return {ticket_id: (name, due_at) for ticket_id, name, due_at in rows}


def _w3(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
