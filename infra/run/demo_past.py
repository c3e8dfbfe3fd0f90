"""The demo city's last four weeks: what would have happened there, done by the real use cases under a simulated clock.

Citizens report, agents register, the centre dispatches, units sign, reply, return, ask for time or are late, deadlines
warn and supervise, citizens are rung and press keys. So a visitor finds desks, letters and figures that are not empty,
and none of them is written by hand.
"""

from __future__ import annotations

import csv
import heapq
import itertools
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.resources import files

from prometheus_client import CollectorRegistry
from sqlmodel import col, func, select, update

from agent_console.accounts.rules import PERMISSIONS
from channels.attachments.service import Attachments
from channels.attachments.store import FolderStore
from channels.contacts.service import Contacts
from crm_bridge.callbacks.runner import CallbackRunner
from crm_bridge.callbacks.service import Callbacks
from crm_bridge.callbacks.settings import CallbackSettings
from crm_bridge.catalogue.service import Catalogue
from crm_bridge.categories.service import Categories
from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.reckoner import Deadlines
from crm_bridge.tickets.casebook import Casebook, Command
from crm_bridge.tickets.closing import Closing
from crm_bridge.tickets.details import Replied, ReturnAsked
from crm_bridge.tickets.dispatching import Dispatching
from crm_bridge.tickets.ledger import Case
from crm_bridge.tickets.origins import Origins
from crm_bridge.tickets.service import Tickets
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.ticket import NewTicket
from crm_bridge.tickets.unit_work import UnitWork
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    ReturnGrounds,
    TicketState,
    TicketType,
    Urgency,
)
from crm_bridge.units.service import Units
from infra.kit.clock import ManualClock
from infra.kit.errors import Refused
from infra.kit.identity import Principal, Role
from infra.kit.outbox import OutboxRow
from infra.run.deadlines import deadline_worker
from infra.run.foundation import Foundation
from infra.run.lifecycle import ticket_ledger
from infra.run.supervision import supervision_desk
from telephony.dialer.memory import Reply, ScriptedDialer
from telephony.dialer.rules import Question, Result
from telephony.numbers import PhoneNumber

_DAYS = 25
_MATTERS = 60
_SEED = 12345
_AT_DESKS = frozenset({"CGJ", "GRGS", "QXJD"})
_FRESH = timedelta(hours=20)
_LOOKS = (9, 15, 19)
"""At which hours of a day the workers look: citizens are rung in the morning and in the evening."""
_ANSWERED_ON_THE_SPOT = 0.22
_URGENT = frozenset({"GSGS", "RQGS", "GRGS", "GJDW"})
_RATINGS = ((1, 9), (2, 6), (3, 3), (4, 1), (5, 2))
_REPLY = "已派工作人员到现场核实处理，问题已解决，并已电话告知来电人。"

Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a citizen reports, and whose it is."""

    title: str
    text: str
    address: str
    category: str
    unit: str


def matters() -> Iterator[Matter]:
    """Yield the matters that ship for learning, without end; more of those whose units the demo has people of."""
    text = files("crm_bridge.suggestions").joinpath("data/train.csv").read_text(encoding="utf-8")
    rows = [Matter(**row) for row in csv.DictReader(text.splitlines())]
    chance = random.Random(_SEED)  # noqa: S311  # the demo's past is the same everywhere
    weights = [8 if row.unit in _AT_DESKS else 1 for row in rows]
    while True:
        yield from chance.choices(rows, weights, k=50)


async def has_tickets(base: Foundation) -> bool:
    """Return whether anything has been reported in this installation."""
    async with base.database.reading() as session:
        return (await session.exec(select(TicketRow.id).limit(1))).first() is not None


class Past:
    """Lets four weeks pass.

    Args:
        base: The ground floor of the installation; its database gets what happens.
        people: The demo's people by role, for what agents and the centre do.
    """

    def __init__(self, base: Foundation, people: Mapping[Role, Principal]) -> None:
        self._until = base.clock.now()
        self._clock = ManualClock(self._until - timedelta(days=_DAYS))
        base = replace(base, clock=self._clock, registry=CollectorRegistry())
        settings, database, clock, vault = base.settings, base.database, self._clock, base.vault
        self._zone, self._database, self._people = base.zone, database, people
        self._chance = random.Random(_SEED)  # noqa: S311  # the demo's past is the same everywhere
        contacts = Contacts(database, vault)
        self._ledger = ledger = ticket_ledger(base)
        self._tickets = Tickets(database, clock, ledger, Origins(clock, vault, contacts), _nobody)
        rules = CallbackSettings()
        callbacks = Callbacks(
            database, clock, vault, contacts, ledger, rules, rules.plan(base.zone), _nobody
        )
        ledger.on_closing(callbacks.owe)
        self._dialer = ScriptedDialer(clock)
        self._runner = CallbackRunner(callbacks, self._dialer, rules)
        limits = settings.deadlines
        self._calendars = Calendars(database, clock, base.zone, limits.hours())
        reckoner = Deadlines(database, clock, self._calendars, limits.policy())
        casebook = Casebook(database, clock, ledger, _nobody)
        files_of = Attachments(database, clock, FolderStore(settings.casework.attachments_dir), 0)
        self._units = UnitWork(casebook, files_of, reckoner)
        self._dispatching = Dispatching(casebook, reckoner, clock)
        self._closing = Closing(casebook, reckoner, clock)
        papers = supervision_desk(base, contacts, self._calendars, _nobody).service
        self._worker = deadline_worker(base, self._calendars, ledger, callbacks, papers, _nobody)
        self._agenda: list[tuple[datetime, int, Step]] = []
        self._numbers = itertools.count()

    async def happen(self) -> int:
        """Let everything happen until now and return how many tickets there are then."""
        matter = matters()
        moments = sorted(
            self._until - timedelta(days=_DAYS) * self._chance.random() ** 0.8
            for _ in range(_MATTERS)
        )
        for moment in moments + [self._until - timedelta(hours=hour) for hour in range(1, 12)]:
            self._plan(self._daytime(moment), self._reported(next(matter)))
        for day, hour in itertools.product(range(_DAYS + 1), _LOOKS):
            then = self._clock.now() + timedelta(days=day)
            self._plan(self._at(then, hour), self._time_passes)
        while self._agenda and self._agenda[0][0] <= self._until:
            moment, _, step = heapq.heappop(self._agenda)
            self._clock.advance(max(0.0, (moment - self._clock.now()).total_seconds()))
            try:
                await step()
            except Refused:
                # Life went another way meanwhile: it was returned, or joined, or is done already.
                continue
        await self._time_passes()
        async with self._database.transaction() as session:
            # Nobody was there to be told.
            await session.exec(update(OutboxRow).values(done_at=self._until))
            return (await session.exec(select(func.count()).select_from(TicketRow))).one()

    async def _time_passes(self) -> None:
        await self._worker.run_once()
        while await self._runner.run_once():
            pass
        await self._decide_on_dissatisfied()

    def _plan(self, at: datetime, step: Step) -> None:
        heapq.heappush(self._agenda, (at, next(self._numbers), step))

    def _left_open(self) -> bool:
        """Return whether the centre has not come to it yet: a visitor should find something to do."""
        return self._until - self._clock.now() < _FRESH and self._chance.random() < 0.7

    def _later(self, low: float, high: float, step: Step) -> None:
        """Plan a step for a time of day at which people work, so many hours from now."""
        after = timedelta(hours=self._chance.uniform(low, high))
        self._plan(self._daytime(self._clock.now() + after), step)

    def _at(self, day: datetime, hour: int) -> datetime:
        local = day.astimezone(self._zone).replace(hour=hour, minute=7, second=0)
        return local.astimezone(day.tzinfo)

    def _daytime(self, moment: datetime) -> datetime:
        local = moment.astimezone(self._zone)
        if not 8 <= local.hour < 18:
            local = local.replace(hour=9, minute=local.minute) + timedelta(days=local.hour >= 18)
        return local.astimezone(moment.tzinfo)

    def _reported(self, matter: Matter) -> Step:
        async def step() -> None:
            on_the_spot = self._chance.random() < _ANSWERED_ON_THE_SPOT
            kinds = [TicketType.help, TicketType.complaint, TicketType.help, TicketType.suggestion]
            phone = PhoneNumber.parse(f"138{self._chance.randrange(10**8):08d}")
            new = NewTicket(
                type=TicketType.inquiry if on_the_spot else self._chance.choice(kinds),
                category=matter.category,
                title=matter.title,
                text=matter.text,
                address=matter.address,
                urgency=Urgency.urgent if matter.unit in _URGENT else Urgency.normal,
                callback_phone=phone,
                answer="已向来电人说明有关规定和办理途径。" if on_the_spot else None,
            )
            self._script(phone)
            ticket_id = await self._tickets.register(self._people[Role.AGENT], new)
            if not on_the_spot:
                self._later(0.1, 2.0, self._dispatched(ticket_id, matter.unit))

        return step

    def _script(self, phone: PhoneNumber) -> None:
        if self._chance.random() < 0.12:
            return  # does not answer
        ratings, weights = zip(*_RATINGS, strict=True)
        rating = self._chance.choices(ratings, weights)[0]
        answers = {
            Question.contacted: 1 if rating < 5 else 2,
            Question.solved: 1 if rating < 3 else 2 if rating < 5 else 3,
            Question.satisfied: rating,
        }
        better = {Question.contacted: 1, Question.solved: 1, Question.satisfied: 2}
        self._dialer.script(
            phone,
            Reply(result=Result.answered, answers=answers),
            Reply(result=Result.answered, answers=better),
        )

    def _dispatched(self, ticket_id: int, unit: str) -> Step:
        async def step() -> None:
            if self._left_open():
                return
            helpers = ["QXJD"] if unit != "QXJD" and self._chance.random() < 0.15 else []
            await self._dispatching.dispatch(
                self._people[Role.DISPATCHER],
                _on(ticket_id),
                lead=unit,
                helpers=helpers,
            )
            self._later(0.2, 3.0, self._signed(ticket_id))

        return step

    def _signed(self, ticket_id: int) -> Step:
        async def step() -> None:
            case = await self._case(ticket_id)
            lead = case.life.lead
            for assignment in case.life.assignments:
                if assignment.state is AssignmentState.dispatched:
                    clerk = _clerk(assignment.unit)
                    await self._units.sign(clerk, _on(ticket_id), assignment.n)
                    if assignment.role is AssignmentRole.helper:
                        self._later(2, 20, self._replied(ticket_id, assignment.n, late=False))
            if lead is None:
                return
            fate = self._chance.random()
            if fate < 0.05 and lead.round == 1:
                self._later(1, 6, self._returned(ticket_id, lead.n))
            elif fate < 0.93:
                late = self._chance.random() < 0.13
                length = (lead.due_at - self._clock.now()).total_seconds() / 3600
                low, high = (1.02, 1.7) if late else (0.1, 0.8)
                self._later(
                    length * low, length * high, self._replied(ticket_id, lead.n, late=late)
                )

        return step

    def _replied(self, ticket_id: int, n: int, *, late: bool) -> Step:
        async def step() -> None:
            case = await self._case(ticket_id)
            assignment = case.life.assignment(n)
            if assignment is None:
                return
            reply = Replied(
                n=n,
                text=("因材料采购耽误，" if late else "") + _REPLY,
                contacted=self._chance.random() < 0.9,
                without_helpers="配合单位意见已口头沟通",
            )
            await self._units.reply(_clerk(assignment.unit), _on(ticket_id), reply)
            if assignment.role is AssignmentRole.lead:
                self._later(0.5, 8, self._audited(ticket_id, n))

        return step

    def _audited(self, ticket_id: int, n: int) -> Step:
        async def step() -> None:
            if self._left_open():
                return
            accept = self._chance.random() < 0.93
            await self._closing.audit(
                self._people[Role.DISPATCHER],
                _on(ticket_id),
                accept=accept,
                reason="" if accept else "回复未说明处理结果，请补充。",
            )
            if not accept:
                self._later(2, 10, self._replied(ticket_id, n, late=False))

        return step

    def _returned(self, ticket_id: int, n: int) -> Step:
        async def step() -> None:
            case = await self._case(ticket_id)
            assignment = case.life.assignment(n)
            if assignment is None:
                return
            asked = ReturnAsked(
                n=n, grounds=ReturnGrounds.not_ours, text="经核实不属于我单位职责范围。"
            )
            await self._units.ask_return(_clerk(assignment.unit), _on(ticket_id), asked)
            if self._chance.random() < 0.8:
                self._later(1, 5, self._return_approved(ticket_id, n))

        return step

    def _return_approved(self, ticket_id: int, n: int) -> Step:
        async def step() -> None:
            if self._left_open():
                return
            centre = self._people[Role.DISPATCHER]
            await self._dispatching.decide_return(
                centre, _on(ticket_id), n, approve=True, reason="同意，改派属地街道。"
            )
            self._later(0.5, 3, self._dispatched(ticket_id, "QXJD"))

        return step

    async def _decide_on_dissatisfied(self) -> None:
        waiting = select(TicketRow.id).where(
            TicketRow.state == TicketState.callback,
            col(TicketRow.rating) >= 4,
        )
        async with self._database.reading() as session:
            found = (await session.exec(waiting)).all()
        for ticket_id in found:
            if ticket_id is None or self._left_open() or self._chance.random() < 0.5:
                continue
            centre, command = self._people[Role.DISPATCHER], _on(ticket_id)
            given = (await self._case(ticket_id)).life.assignments
            if not given or self._chance.random() < 0.3:
                await self._closing.explain(centre, command, "已向市民说明有关规定。")
            else:
                await self._closing.redo(centre, command, "请重新核实并与市民当面沟通。")
                self._later(0.5, 4, self._signed(ticket_id))

    async def _case(self, ticket_id: int) -> Case:
        async with self._database.transaction() as session:
            return await self._ledger.case(session, ticket_id)


async def seed(base: Foundation) -> None:
    """Give an empty installation the categories, units, responsibilities and working calendar that ship."""
    database, clock = base.database, base.clock
    await Categories(database, clock).seed()
    await Units(database, clock).seed()
    await Catalogue(database, clock).seed()
    await Calendars(database, clock, base.zone, base.settings.deadlines.hours()).seed()


def _on(ticket_id: int) -> Command:
    return Command(ticket_id=ticket_id, version=None)


def _clerk(unit: str) -> Principal:
    return Principal(
        user_id=0,
        number=f"{unit}-01",
        name="经办人",
        role=Role.UNIT_CLERK,
        permissions=PERMISSIONS[Role.UNIT_CLERK],
        unit=unit,
    )


def _nobody() -> None:
    """Whoever would be woken to tell of it is not there."""
