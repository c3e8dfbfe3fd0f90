"""Looks after deadlines: again and again, alone or beside others that do the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry, Counter

from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.centre_duties import AcceptReturn, AskEarly, Owe, UrgeToDecide
from crm_bridge.deadlines.duties import SLICE, Duty, Found, Moment
from crm_bridge.deadlines.notices import DeadlineNotices
from crm_bridge.deadlines.policy import Policy
from crm_bridge.deadlines.rescheduling import Rescheduling
from crm_bridge.deadlines.rung_duties import Climb, Ladder, RaiseOften
from crm_bridge.deadlines.unit_duties import UrgeToSign, UrgeToTalk, Warn
from crm_bridge.supervision.rules import Cause, Rung
from crm_bridge.tickets.ledger import Ledger
from infra.kit.clock import Clock
from infra.kit.database import Database

log = structlog.get_logger()


class DeadlineWorker:
    """One worker that looks after deadlines; any number may do so at once.

    What is to be done is found by indexes, and done one by one: each in a transaction that holds the ticket, looks
    again whether it is still to be done, and leaves a mark that it was.

    Args:
        database: Where the deadlines lie.
        clock: Tells what has come.
        calendars: Knows which days the city works.
        ledger: Holds tickets.
        rescheduling: Lets deadlines follow the calendar.
        duties: What is to be done, in this order.
        poke: Wakes the relay when there is something to tell.
        look_seconds: How long to wait before looking again.
        registry: Where the counters are registered.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        calendars: Calendars,
        ledger: Ledger,
        rescheduling: Rescheduling,
        duties: Sequence[Duty],
        poke: Callable[[], None],
        *,
        look_seconds: float = 15.0,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._calendars = calendars
        self._ledger = ledger
        self._rescheduling = rescheduling
        self._duties = tuple(duties)
        self._poke = poke
        self._look_seconds = look_seconds
        self._done = Counter(
            "lianxin_deadline_duties", "Duties of deadlines done", ["duty"], registry=registry
        )
        self._failed = Counter(
            "lianxin_deadline_duties_failed",
            "Duties of deadlines that failed and are tried again",
            ["duty"],
            registry=registry,
        )

    async def run(self) -> None:
        """Look after deadlines until cancelled."""
        while True:
            await self.run_once()
            await asyncio.sleep(self._look_seconds)

    async def run_once(self) -> int:
        """Do everything that is due now and return how many things were done."""
        done = await self._rescheduling.run_once()
        async with self._database.reading() as session:
            calendar = await self._calendars.calendar(session, hold=False)
            moment = Moment(now=self._clock.now(), calendar=calendar)
            found = [await duty.find(session, moment, 0, SLICE) for duty in self._duties]
        for duty, first in zip(self._duties, found, strict=True):
            done += await self._do(duty, first, moment)
        if done:
            self._poke()
        return done

    async def _do(self, duty: Duty, found: Sequence[Found], moment: Moment) -> int:
        done = 0
        while found:
            for one in found:
                done += await self._fulfil(duty, one, moment)
            if len(found) < SLICE:
                break
            async with self._database.reading() as session:
                found = await duty.find(session, moment, found[-1].id, SLICE)
        return done

    async def _fulfil(self, duty: Duty, found: Found, moment: Moment) -> bool:
        try:
            async with self._database.transaction() as session:
                ticket = await self._ledger.ticket(session, found.ticket_id)
                done = await duty.fulfil(session, found, ticket, moment)
        except Exception as error:  # it is tried again; the others must not wait for it
            log.warning(
                "deadline_duty_failed",
                duty=duty.name,
                ticket=found.ticket_id,
                n=found.n,
                error=type(error).__name__,
            )
            self._failed.labels(duty.name).inc()
            return False
        if done:
            self._done.labels(duty.name).inc()
        return done


def all_duties(
    policy: Policy, ledger: Ledger, notices: DeadlineNotices, ladder: Ladder, owe: Owe
) -> Sequence[Duty]:
    """Return everything that is to be done when a deadline comes or has passed, in the order in which it is done.

    Args:
        policy: The city's limits.
        ledger: Writes down what happens to tickets.
        notices: Tells people.
        ladder: Issues the papers of supervision.
        owe: Writes down that a citizen is to be asked.
    """
    leads = (*policy.warnings, timedelta())
    return (
        *(
            Warn(notices, lead, leads[place + 1], leads[:place])
            for place, lead in enumerate(policy.warnings)
        ),
        UrgeToSign(notices),
        UrgeToTalk(notices),
        *(Climb(ladder, policy, rung) for rung in Rung),
        RaiseOften(ladder, Cause.redone_often, policy.most_redos),
        RaiseOften(ladder, Cause.transferred_often, policy.most_transfers),
        AskEarly(owe),
        AcceptReturn(ledger, policy),
        UrgeToDecide(notices, policy),
    )
