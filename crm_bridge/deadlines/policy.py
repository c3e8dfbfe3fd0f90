"""Which limit applies to what, and by how much it can be extended. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_bridge.deadlines.rules import Due, Limit, LimitKind, WorkCalendar, due
from crm_bridge.supervision.rules import Rung
from crm_bridge.tickets.vocabulary import TicketType, Urgency
from infra.kit.errors import FieldError, Invalid

HARD = "hard"
"""What the centre writes for a limit of a hard case (疑难), whatever that is in this city."""

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A city's limits; every value is an installation's to set.

    Attributes:
        critical: For a matter of life or property (特急), whatever its type.
        urgent: For water, power, gas and heat (紧急), whatever its type.
        by_type: For all others.
        hard: For what the centre declares hard (疑难).
        redo: For a second and every further round that is neither critical nor urgent.
        sign: For signing, in working time.
        sign_urgent: For signing what is critical or urgent, around the clock.
        return_decision: For the centre's decision on a return; then it is deemed accepted.
        return_decision_complex: The same for a ticket in the complex lane.
        dissatisfied_decision: For the centre's decision after a dissatisfied rating.
        warnings: How long before it is due the unit is warned; the last one reaches its head too.
        rungs: After how many working days overdue each rung of supervision comes; the reminder letter comes at once.
        most_redos: More than these are raised to listed supervision (提级).
        most_transfers: The same for dispatches to another unit after the first (转派).
    """

    critical: Limit
    urgent: Limit
    by_type: Mapping[TicketType, Limit]
    hard: Limit
    redo: Limit
    sign: Limit
    sign_urgent: Limit
    return_decision: Limit
    return_decision_complex: Limit
    dissatisfied_decision: Limit
    warnings: tuple[timedelta, ...]
    rungs: Mapping[Rung, int]
    most_redos: int
    most_transfers: int

    def limit(
        self, *, type: TicketType, urgency: Urgency, redo: bool = False, given: str | None = None
    ) -> Limit:
        """Return the limit of an assignment.

        Args:
            type: The ticket's.
            urgency: The ticket's.
            redo: Whether it is given again after a dissatisfied rating.
            given: What the centre has set for this one, e.g. `5wd`, or `hard`; None for the usual.

        Raises:
            Invalid: `given` is not a limit.
        """
        if given == HARD:
            return self.hard
        if given is not None:
            return _written(given)
        if urgency is Urgency.critical:
            return self.critical
        if urgency is Urgency.urgent:
            return self.urgent
        return self.redo if redo else self.by_type[type]

    def sign_limit(self, urgency: Urgency) -> Limit:
        """Return within what a unit signs: around the clock when it is urgent, otherwise in working time."""
        return self.sign if urgency is Urgency.normal else self.sign_urgent

    def return_limit(self, *, complex_lane: bool) -> Limit:
        """Return within what the centre decides on a return."""
        return self.return_decision_complex if complex_lane else self.return_decision

    def rung_gap(self, rung: Rung) -> Limit | None:
        """Return how long after the rung before it this one comes; None for the first, which comes at once.

        A rung is counted from the one before it, so that after a pause of this program a unit still has its time
        between the two.
        """
        rungs = list(Rung)
        place = rungs.index(rung)
        if place == 0:
            return None
        days = self.rungs[rung] - self.rungs.get(rungs[place - 1], 0)
        return Limit(days, LimitKind.working_days)


def extended(due_at: datetime, days: int, limit: Limit, calendar: WorkCalendar) -> Due:
    """Return when an extended assignment is due.

    An extension is measured in the limit's own kind of time, and is no longer than the limit: days are working days
    where the limit counts those, periods of 24 hours where it counts hours by day and by night, and whole working
    days' hours where it counts working hours.

    Args:
        due_at: When it is due without the extension.
        days: By how many days.
        limit: The limit of the assignment.
        calendar: Which days the city works.

    Raises:
        Invalid: It is more than the original limit; the error says how much is possible.
    """
    most = most_days(limit, calendar)
    if not 1 <= days <= most:
        raise Invalid(fields=[_too_long(limit, most)])
    match limit.kind:
        case LimitKind.working_days:
            return due(due_at, Limit(days, limit.kind), calendar)
        case LimitKind.clock_hours:
            return Due(at=due_at + days * _A_DAY, provisional=False)
        case LimitKind.working_hours:
            hours = days * calendar.hours_a_day() // timedelta(hours=1)
            return due(due_at, Limit(max(1, hours), limit.kind), calendar)


def most_days(limit: Limit, calendar: WorkCalendar) -> int:
    """Return by how many days an assignment with this limit can be extended; 0 for one of less than a day."""
    match limit.kind:
        case LimitKind.working_days:
            return limit.amount
        case LimitKind.clock_hours:
            return timedelta(hours=limit.amount) // _A_DAY
        case LimitKind.working_hours:
            return timedelta(hours=limit.amount) // calendar.hours_a_day()


def _written(text: str) -> Limit:
    try:
        return Limit.parse(text)
    except ValueError:
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/limit",
                    message_zh="时限应写作 24h（小时）、2wh（工作小时）、5wd（工作日）或 hard（疑难）",
                    message_en="Write a limit as 24h (hours), 2wh (working hours), 5wd (working days) or hard",
                )
            ]
        ) from None


def _too_long(limit: Limit, most: int) -> FieldError:
    if most == 0:
        return FieldError(
            pointer="/days",
            message_zh=f"原时限 {limit} 不足一天，不能延期，请直接与中心联系",
            message_en=f"The limit of {limit} is shorter than a day and cannot be extended: speak to the centre",
        )
    return FieldError(
        pointer="/days",
        message_zh=f"延期不得超过原时限，最多 {most} 天",
        message_en=f"An extension is at most as long as the limit was: {most} days",
    )
