"""When a citizen is rung back, how often, and what the result means. Pure: time comes as an argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from infra.kit.errors import Conflict
from telephony.dialer.rules import Result

_MIDNIGHT = time(0, 0)
_DAYS_AHEAD = 8
_MOST_DOUBLINGS = 5


class CallbackState(StrEnum):
    """Where a callback stands."""

    due = "due"
    dialing = "dialing"
    needs_review = "needs_review"
    rated = "rated"
    unrated = "unrated"
    not_called = "not_called"


class CallbackEvent(StrEnum):
    """What can happen to a callback."""

    owed = "owed"
    barred = "barred"
    dialled = "dialled"
    postponed = "postponed"
    uncertain = "uncertain"
    rated = "rated"
    not_rated = "not_rated"


class Bar(StrEnum):
    """Why nobody is called, or called any more."""

    call_me_not = "call_me_not"
    anonymous = "anonymous"
    no_such_number = "no_such_number"
    carrier_failure = "carrier_failure"
    stopped = "stopped"
    not_sampled = "not_sampled"


_S, _E = CallbackState, CallbackEvent

TRANSITIONS: Mapping[tuple[CallbackState | None, CallbackEvent], CallbackState] = MappingProxyType(
    {
        (None, _E.owed): _S.due,
        (None, _E.barred): _S.not_called,
        (_S.due, _E.dialled): _S.dialing,
        (_S.dialing, _E.postponed): _S.due,
        (_S.dialing, _E.rated): _S.rated,
        (_S.dialing, _E.not_rated): _S.unrated,
        (_S.dialing, _E.barred): _S.not_called,
        # Nobody can tell whether the telephone rang: a person decides, the system does not dial again.
        (_S.dialing, _E.uncertain): _S.needs_review,
        (_S.needs_review, _E.postponed): _S.due,
        (_S.needs_review, _E.not_rated): _S.unrated,
        (_S.needs_review, _E.barred): _S.not_called,
        # A key that was pressed and reached us late counts, whatever has been concluded meanwhile.
        (_S.due, _E.rated): _S.rated,
        (_S.needs_review, _E.rated): _S.rated,
        (_S.unrated, _E.rated): _S.rated,
        # Whoever is not rung, because nobody knows his number or he asked so, may still rate on a page.
        (_S.not_called, _E.rated): _S.rated,
    }
)
"""(state, event) → state; None is before there is a callback."""

FINISHED = frozenset({CallbackState.rated, CallbackState.unrated, CallbackState.not_called})

SATISFIED = range(1, 4)
"""The keys that count as satisfied: very satisfied, satisfied, fairly satisfied."""

RANG = frozenset(
    {
        Result.answered,
        Result.silent,
        Result.hung_up,
        Result.machine,
        Result.wants_person,
        Result.busy,
        Result.no_answer,
        Result.unknown,
    }
)
"""Results that count as an attempt to reach the citizen."""


class CallbackRefused(Conflict):
    """This event cannot happen to a callback in this state."""

    slug = "callback-refused"
    title_zh = "回访当前状态不允许此操作"
    title_en = "The callback's state does not allow this"


def next_state(state: CallbackState | None, event: CallbackEvent) -> CallbackState:
    """Return the state that the event leads to.

    Raises:
        CallbackRefused: The table has no such pair.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise CallbackRefused(
            f"a callback that is {state} cannot be {event}",
            f"状态为 {state} 的回访不能执行 {event}",
        ) from None


def can_rate(state: CallbackState) -> bool:
    """Return whether the citizen can still rate in this state; a rating is never edited."""
    return (state, CallbackEvent.rated) in TRANSITIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of the day, in the city's time, in which citizens may be rung; `end` 00:00 is midnight."""

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.end != _MIDNIGHT and self.end <= self.start:
            raise ValueError("a window ends after it starts, on the same day")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingPlan:
    """How citizens are rung back; every value is an installation's to set.

    Attributes:
        zone: The city's time.
        windows: When citizens may be rung.
        attempts: How often a citizen is tried.
        gap: The least time between two attempts that rang.
        different_hours: Whether each attempt is made at another hour of the day.
        carrier_retries: How often in a row an attempt that failed in the network is made again.
        carrier_delay: The wait after an attempt that did not ring; it doubles, five times at most.
    """

    zone: ZoneInfo
    windows: tuple[Window, ...]
    attempts: int = 3
    gap: timedelta = timedelta(hours=25)
    different_hours: bool = True
    carrier_retries: int = 5
    carrier_delay: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAttempt:
    """An attempt that has ended."""

    started_at: datetime
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an attempt means for its callback.

    Attributes:
        event: What happens to the callback.
        due_at: When to try again, for `postponed`.
        bar: Why not to call any more, for `barred`.
        unreached: Nobody could be reached by telephone, and it is not tried again: he is asked in writing.
    """

    event: CallbackEvent
    due_at: datetime | None = None
    bar: Bar | None = None
    unreached: bool = False


def is_sampled(digest: str, percent: int) -> bool:
    """Return whether the citizen of a ticket is asked, where not all are.

    Args:
        digest: Hexadecimal digits that are the ticket's own, the same at every look, and that nobody can choose.
        percent: Of how many in a hundred.
    """
    # Sixty-four bits: that 100 does not divide their number evenly changes nothing that anybody could see.
    return int(digest[:16], 16) % 100 < percent


def window_end(now: datetime, plan: CallingPlan) -> datetime | None:
    """Return when the calling window that is open now closes; None when none is open."""
    for start, end in _openings(now, plan):
        return end if start <= now else None
    return None


def next_opening(now: datetime, plan: CallingPlan) -> datetime:
    """Return the first moment from now on in which citizens may be rung."""
    return next(start for start, _ in _openings(now, plan))


def next_attempt(now: datetime, plan: CallingPlan, rung: Sequence[datetime]) -> datetime | None:
    """Return when to ring a citizen next.

    Args:
        now: The present moment.
        plan: How citizens are rung.
        rung: When the attempts that rang were made.

    Returns:
        A moment inside a window, not before now nor sooner than the gap after the last attempt, and at an hour of
        the day that has not been tried if the next days have one; None when the citizen was tried often enough.
    """
    if len(rung) >= plan.attempts:
        return None
    earliest = max(now, max(rung) + plan.gap) if rung else now
    tried = (
        {moment.astimezone(plan.zone).hour for moment in rung} if plan.different_hours else set()
    )
    for moment in _hours(earliest, plan):
        if moment.astimezone(plan.zone).hour not in tried:
            return moment
    return next_opening(earliest, plan)


def conclude(
    now: datetime, plan: CallingPlan, attempts: Sequence[PastAttempt], *, rated: bool
) -> Verdict:
    """Return what the last of the attempts means.

    Args:
        now: When it ended.
        plan: How citizens are rung.
        attempts: All attempts of the callback, in order; there is at least one.
        rated: Whether the citizen has pressed a rating.
    """
    if rated:
        return Verdict(event=CallbackEvent.rated)
    match attempts[-1].result:
        case Result.answered | Result.wants_person | Result.in_writing:
            # The citizen was reached and has not rated; ringing again would be pestering.
            return Verdict(event=CallbackEvent.not_rated)
        case Result.unknown:
            return Verdict(event=CallbackEvent.uncertain)
        case Result.no_such_number:
            return Verdict(event=CallbackEvent.barred, bar=Bar.no_such_number, unreached=True)
        case Result.carrier_failure | Result.refused_late:
            return _after_failure(now, plan, attempts)
        case _:
            rung = [attempt.started_at for attempt in attempts if attempt.result in RANG]
            due_at = next_attempt(now, plan, rung)
            if due_at is None:
                return Verdict(event=CallbackEvent.not_rated, unreached=True)
            return Verdict(event=CallbackEvent.postponed, due_at=due_at)


def _after_failure(now: datetime, plan: CallingPlan, attempts: Sequence[PastAttempt]) -> Verdict:
    failures: list[Result] = []
    for attempt in reversed(attempts):
        if attempt.result in RANG:
            break
        failures.append(attempt.result)
    # Only the network's refusals are numbered: when our own PBX is away, that is not the citizen's fault.
    if failures.count(Result.carrier_failure) > plan.carrier_retries:
        return Verdict(event=CallbackEvent.barred, bar=Bar.carrier_failure, unreached=True)
    wait = plan.carrier_delay * 2 ** min(len(failures) - 1, _MOST_DOUBLINGS)
    return Verdict(event=CallbackEvent.postponed, due_at=next_opening(now + wait, plan))


def _openings(earliest: datetime, plan: CallingPlan) -> Iterator[tuple[datetime, datetime]]:
    """Yield the windows from `earliest` on as (start, end), the first one cut if it is open already."""
    day = earliest.astimezone(plan.zone).date()
    for ahead in range(_DAYS_AHEAD):
        date = day + timedelta(days=ahead)
        for window in sorted(plan.windows, key=lambda window: window.start):
            last = date + timedelta(days=1) if window.end == _MIDNIGHT else date
            start = datetime.combine(date, window.start, plan.zone).astimezone(UTC)
            end = datetime.combine(last, window.end, plan.zone).astimezone(UTC)
            if end > earliest:
                yield max(start, earliest), end


def _hours(earliest: datetime, plan: CallingPlan) -> Iterator[datetime]:
    """Yield the moments from `earliest` on at which a window opens or a new hour begins inside one."""
    for start, end in _openings(earliest, plan):
        moment = start
        while moment < end:
            yield moment
            moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
