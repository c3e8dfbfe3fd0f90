"""The life of a ticket: the transition table, and what each event does.

Pure: no I/O, no clock. The state of a ticket is what its events say: `life_of` folds them through `TRANSITIONS`, and
a pair that the table does not know is refused. What a unit does to its assignment goes through the assignment's own
table (`assignment.ASSIGNMENT_TRANSITIONS`).

Two ways of finishing, one way home. A ticket finishes either because it was answered without a unit (`closed`) or
because a unit's reply was accepted (`done`). Both owe the citizen the same callback, so both go on by `callback_due`
into `callback`, and out of it into `archived`; where nobody may be called, both are archived directly. `closed`
therefore says what the answer of the hotline was, `callback` that it is time to ask the citizen, `archived` that
nobody owes anything any more. A citizen who is not satisfied keeps the ticket in `callback` until the centre has
decided. One who was asked before the end, because the limit had passed, is not asked again in that round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType

from crm_bridge.tickets.details import About
from crm_bridge.tickets.effects import EFFECTS
from crm_bridge.tickets.fitting import fits
from crm_bridge.tickets.guards import guard
from crm_bridge.tickets.happenings import Happening
from crm_bridge.tickets.life import UNBORN, Life
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.vocabulary import EVENT_WORDS, STATE_WORDS, TicketEvent, TicketState


def _table() -> Mapping[tuple[TicketState | None, TicketEvent], TicketState]:
    s, e = TicketState, TicketEvent
    table: dict[tuple[TicketState | None, TicketEvent], TicketState] = {
        (None, e.registered): s.registered,
        (s.registered, e.left_open): s.to_dispatch,
        (s.passed_on, e.passing_confirmed): s.closed,
        # Unclear duty: whoever received it first keeps it.
        (s.passed_on, e.passing_refused): s.to_dispatch,
        (s.joined, e.separated): s.to_dispatch,
        (s.joined, e.main_finished): s.closed,
        (s.to_dispatch, e.dispatched): s.dispatched,
        (s.to_dispatch, e.designated): s.dispatched,
        (s.dispatched, e.signed): s.in_hand,
        (s.in_hand, e.replied): s.replied,
        (s.replied, e.sent_back): s.in_hand,
        (s.replied, e.accepted): s.done,
        (s.callback, e.satisfied): s.archived,
        (s.callback, e.dissatisfied): s.callback,
        (s.callback, e.not_rated): s.archived,
        (s.callback, e.explained): s.archived,
        (s.callback, e.redone): s.dispatched,
        (s.callback, e.reopened): s.to_dispatch,
        # Who was not satisfied before the stop is decided on too; explained, it stays stopped.
        (s.stopped, e.reopened): s.to_dispatch,
        (s.stopped, e.explained): s.stopped,
        # A key that was pressed but reached us after the ticket had been filed away still counts.
        (s.archived, e.satisfied): s.archived,
        (s.archived, e.dissatisfied): s.callback,
    }
    with_unit = (s.dispatched, s.in_hand)
    unfinished = (s.to_dispatch, *with_unit, s.replied)
    stay: dict[TicketEvent, tuple[TicketState, ...]] = {
        **dict.fromkeys((e.return_asked, e.return_refused), with_unit),
        **dict.fromkeys(
            (e.extension_asked, e.extension_approved, e.extension_refused), (s.in_hand,)
        ),
        **dict.fromkeys((e.lane_chosen, e.lane_approved, e.lane_refused), (s.in_hand,)),
        **dict.fromkeys((e.talk_recorded, e.help_asked, e.help_refused), (s.in_hand,)),
        **dict.fromkeys((e.helper_signed, e.helper_replied), (*with_unit, s.replied)),
        **dict.fromkeys((e.helper_return_asked, e.helper_return_approved), (*with_unit, s.replied)),
        **dict.fromkeys((e.helper_return_refused,), (*with_unit, s.replied)),
        e.rescheduled: (*with_unit, s.replied),
        e.helper_added: with_unit,
        # A registration is put right as long as it matters; a citizen can be hidden at any time (`fitting`).
        e.amended: tuple(s),
        e.instructed: (s.registered, *unfinished, s.callback),
        e.told: (*unfinished, s.done, s.callback),
        **dict.fromkeys((e.stop_asked, e.stop_refused), unfinished),
        # The citizen is asked when the limit has passed, whether or not the unit has finished; the answer counts
        # wherever the ticket has gone meanwhile.
        **dict.fromkeys(
            (e.satisfied, e.dissatisfied, e.not_rated),
            (*unfinished, s.passed_on, s.joined, s.stopped),
        ),
    }
    table |= {(state, event): state for event, states in stay.items() for state in states}
    for undecided in (s.registered, s.to_dispatch):
        table[undecided, e.answered] = s.closed
        table[undecided, e.not_accepted] = s.closed
        table[undecided, e.passed_on] = s.passed_on
    for state in with_unit:
        table[state, e.return_approved] = s.to_dispatch
    for state in (s.registered, s.to_dispatch, *with_unit):
        table[state, e.joined] = s.joined
    for state in unfinished:
        table[state, e.stop_approved] = s.stopped
    for finished in (s.closed, s.done):
        table[finished, e.callback_due] = s.callback
        table[finished, e.archived] = s.archived
    return MappingProxyType(table)


TRANSITIONS = _table()
"""(state, event) → state; the state before `registered` is None."""

FINISHED = frozenset({TicketState.closed, TicketState.done})
"""The two ways of finishing; whoever enters one of them owes the citizen a callback."""

UNFINISHED = frozenset(
    {
        TicketState.registered,
        TicketState.to_dispatch,
        TicketState.passed_on,
        TicketState.dispatched,
        TicketState.in_hand,
        TicketState.replied,
    }
)
"""States in which the city still works on it; a joined ticket is its main's."""

_AT_REST = FINISHED | {TicketState.joined, TicketState.stopped}
"""States in which nothing that was asked for is decided, and nothing told of it, any more."""


def follow(life: Life, happening: Happening, *, returnable: int | None = None) -> Life:
    """Return the life of the ticket after one more happening.

    Args:
        life: What has happened so far.
        happening: What happens now.
        returnable: How many dispatches of a round a unit may return; None does not ask, so that a log is read alike
            whatever a city has set since.

    Raises:
        TransitionRefused: The table does not know the pair, or an invariant forbids it.
        Invalid: A field of its detail does not fit the ticket.
    """
    event, at = happening.event, happening.at
    n = happening.detail.n if isinstance(happening.detail, About) else 0
    state = check(life, event, n=n, at=at, actor=happening.actor, returnable=returnable)
    fits(life, happening)
    effect = EFFECTS.get(event)
    after = effect(life, happening) if effect is not None else life
    if state in _AT_REST:
        after = replace(after, extension=None, help=None, stop=None, to_tell=None)
    if state in FINISHED and state is not life.state:
        after = replace(after, closed_at=at)
    return replace(after, state=state, since=life.since if state is life.state else at)


def check(
    life: Life,
    event: TicketEvent,
    *,
    n: int = 0,
    at: datetime,
    actor: str | None,
    returnable: int | None = None,
) -> TicketState:
    """Return the state that an event would lead to, whatever its detail says.

    Raises:
        TransitionRefused: The table does not know the pair, or an invariant forbids it.
    """
    state = TRANSITIONS.get((life.state, event))
    if state is None:
        raise _unknown(life.state, event)
    guard(life, event, n=n, at=at, actor=actor, returnable=returnable)
    return state


def life_of(log: Iterable[Happening]) -> Life:
    """Return what the whole log of a ticket says.

    Raises:
        TransitionRefused: The log holds an impossible step.
        Invalid: The log holds a detail that does not fit.
    """
    life = UNBORN
    for happening in log:
        life = follow(life, happening)
    return life


def ticket_number(day: date, serial: int) -> str:
    """Return the number a citizen is told, `20260302-000123`: the city's day and the serial of that day.

    Raises:
        ValueError: The serial is not 1 … 999999.
    """
    if not 1 <= serial <= 999_999:
        raise ValueError(f"serial {serial} does not fit six digits")
    return f"{day:%Y%m%d}-{serial:06d}"


def _unknown(state: TicketState | None, event: TicketEvent) -> TransitionRefused:
    words = EVENT_WORDS[event]
    if state is None:
        return TransitionRefused(
            f"A ticket that is not registered cannot be {words.en!r}.",
            f"工单尚未登记，不能“{words.zh}”。",
        )
    return TransitionRefused(
        f"A ticket that is {STATE_WORDS[state].en!r} cannot be {words.en!r}.",
        f"“{STATE_WORDS[state].zh}”的工单不能“{words.zh}”。",
    )
