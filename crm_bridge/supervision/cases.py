"""Gathers what a paper may say of a ticket: who is addressed, what is the matter, and nothing of the citizen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.service import Contacts
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.supervision.discretion import discreet, door_of, public_place, silenced
from crm_bridge.supervision.paper import Listing, Meeting, NewPaper
from crm_bridge.supervision.wording import Matter
from crm_bridge.tickets.ledger import ticket_of
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import TicketState
from crm_bridge.units.tables import UnitRow
from infra.kit.errors import FieldError, Invalid

_OVER = frozenset({TicketState.archived, TicketState.stopped})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A ticket as far as a paper is concerned. `repr()` is not for logs.

    Attributes:
        ticket: The ticket.
        matter: What a paper may say of it.
        units: Names of the units that get the paper, by code.
        names: What the citizen is called, which no paper may say.
    """

    ticket: Ticket
    matter: Matter
    units: Mapping[str, str]
    names: Collection[str]

    def mend(self, text: str) -> str:
        """Return what somebody wrote, in one line, without the citizen and without a hidden matter."""
        return _mended(text, self.ticket, self.names)

    def mended(self, new: NewPaper) -> NewPaper:
        """Return what a dispatcher filled in, with every text mended."""
        meeting, listing = new.meeting, new.listing
        return replace(
            new,
            grounds=self.mend(new.grounds),
            demands=self._lines(new.demands),
            meeting=meeting
            and Meeting(
                at=meeting.at,
                place=self.mend(meeting.place),
                participants=self._lines(meeting.participants),
            ),
            listing=listing
            and Listing(leader=self.mend(listing.leader), measures=self._lines(listing.measures)),
        )

    def _lines(self, lines: Sequence[str]) -> tuple[str, ...]:
        return tuple(line for line in map(self.mend, lines) if line)


async def gather(
    session: AsyncSession, contacts: Contacts, new: NewPaper, *, by_rule: bool = False
) -> Case:
    """Return the case of a paper.

    Args:
        session: Where it is read.
        contacts: Knows what the citizen is called.
        new: What the paper is to be.
        by_rule: Whether a rule issues it; then the unit may have been closed while it held the ticket.

    Raises:
        Invalid: The ticket, its assignment or a unit does not exist, or the ticket is over; each is named.
    """
    row = await session.get(TicketRow, new.ticket_id)
    if row is None or row.state in _OVER:
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/ticket_id",
                    message_zh="没有这张工单，或工单已归档、已终止",
                    message_en="No such ticket, or it is archived or stopped",
                )
            ]
        )
    ticket = ticket_of(row)
    units = await _units(session, new, by_rule=by_rule)
    names = await _names(session, contacts, ticket)
    return Case(
        ticket=ticket,
        matter=await _matter(session, ticket, new.n, names),
        units=units,
        names=names,
    )


async def mending(
    session: AsyncSession, contacts: Contacts, ticket_id: int
) -> Callable[[str], str]:
    """Return what takes the citizen, and a hidden matter, out of what is written about a ticket, line by line.

    The ticket may be over: a paper about it is still closed with a conclusion.
    """
    ticket = ticket_of(await session.get_one(TicketRow, ticket_id))
    names = await _names(session, contacts, ticket)

    def mend(text: str) -> str:
        return "\n".join(_mended(line, ticket, names) for line in text.splitlines())

    return mend


def _mended(text: str, ticket: Ticket, names: Collection[str]) -> str:
    said = discreet(text, names)
    door = door_of(ticket.address, names)
    if door:
        said = said.replace(door, "")
    if not ticket.hides_citizen:
        return said
    return silenced(said, {ticket.title, ticket.address, ticket.text})


async def _names(session: AsyncSession, contacts: Contacts, ticket: Ticket) -> Sequence[str]:
    if ticket.citizen_id is None:
        return ()
    name = (await contacts.citizen(session, ticket.citizen_id)).name
    return (name,) if name else ()


async def _matter(
    session: AsyncSession, ticket: Ticket, n: int | None, names: Collection[str]
) -> Matter:
    category = await session.get_one(CategoryRow, ticket.category)
    hidden = ticket.hides_citizen
    matter = Matter(
        number=ticket.number,
        hidden=hidden,
        type=ticket.type,
        urgency=ticket.urgency,
        category="" if hidden else category.name_zh,
        title="" if hidden else discreet(ticket.title, names),
        place="" if hidden else public_place(ticket.address, names),
    )
    if n is None:
        return matter
    statement = (
        select(AssignmentRow, UnitRow.name_zh)
        .join(UnitRow, col(UnitRow.code) == AssignmentRow.unit)
        .where(AssignmentRow.ticket_id == ticket.id, AssignmentRow.n == n)
    )
    found = (await session.exec(statement)).one_or_none()
    if found is None:
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/n",
                    message_zh="该工单没有这条派单，请刷新后重选",
                    message_en="The ticket has no such assignment, reload and choose again",
                )
            ]
        )
    assignment, unit = found
    return replace(
        matter,
        unit=unit,
        role=assignment.role,
        dispatched_at=assignment.dispatched_at,
        sign_due_at=assignment.sign_due_at,
        due_at=assignment.due_at,
    )


async def _units(session: AsyncSession, new: NewPaper, *, by_rule: bool) -> Mapping[str, str]:
    codes = [*new.main, *new.copies]
    statement = select(UnitRow.code, UnitRow.name_zh).where(col(UnitRow.code).in_(codes))
    if not by_rule:
        statement = statement.where(col(UnitRow.active))
    known = dict((await session.exec(statement)).all())
    for field, chosen in (("main", new.main), ("copies", new.copies)):
        for place, code in enumerate(chosen):
            if code not in known:
                raise _about_units(
                    f"/{field}/{place}",
                    "没有这个单位，或单位已停用",
                    "No such unit, or it is closed",
                )
            if codes.count(code) > 1:
                raise _about_units(
                    f"/{field}/{place}",
                    "每个单位只能选择一次，不能既主送又抄送",
                    "A unit is named once: either main recipient or copy",
                )
    return known


def _about_units(pointer: str, chinese: str, english: str) -> Invalid:
    return Invalid(
        "correct the fields that are named",
        "请修改标出的各项",
        fields=[FieldError(pointer=pointer, message_zh=chinese, message_en=english)],
    )
