"""Deadlines, wired: who looks after them."""

from __future__ import annotations

from collections.abc import Callable

from agent_console.accounts.staff import AccountStaff
from crm_bridge.callbacks.service import Callbacks
from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.notices import DeadlineNotices
from crm_bridge.deadlines.rescheduling import Rescheduling
from crm_bridge.deadlines.rung_duties import Ladder
from crm_bridge.deadlines.worker import DeadlineWorker, all_duties
from crm_bridge.tickets.ledger import Ledger
from infra.run.foundation import Foundation


def deadline_worker(
    base: Foundation,
    calendars: Calendars,
    ledger: Ledger,
    callbacks: Callbacks,
    ladder: Ladder,
    poke: Callable[[], None],
) -> DeadlineWorker:
    """Return the worker of this process; any number of processes may have one."""
    settings, database, clock = base.settings.deadlines, base.database, base.clock
    policy = settings.policy()
    notices = DeadlineNotices(clock, AccountStaff())
    return DeadlineWorker(
        database,
        clock,
        calendars,
        ledger,
        Rescheduling(database, clock, calendars, policy, ledger, base.zone),
        all_duties(policy, ledger, notices, ladder, callbacks.owe),
        poke,
        look_seconds=settings.look_seconds,
        registry=base.registry,
    )
