"""The life of a ticket: states, events, the transition table and its invariants.

Pure: no I/O, no clock. The state of a ticket is what its events say: `life_of` folds them through
`TRANSITIONS`, and a pair that the table does not know is refused.

Two ways of finishing, one way home. A ticket finishes either because it was answered without a unit
(`closed`) or because a unit's reply was accepted (`done`). Both owe the citizen the same callback, so
both go on by `callback_due` into `callback`, and out of it into `archived`; where nobody may be called,
both are archived directly. `closed` therefore says what the answer of the hotline was, `callback` that
it is time to ask the citizen, `archived` that nobody owes anything any more. A citizen who is not
satisfied keeps the ticket in `callback` until the centre has decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from crm_bridge.tickets.vocabulary import (
    EVENT_WORDS,
    STATE_WORDS,
    TicketEvent,
    TicketState,
)
from infra.kit.errors import Conflict


def _table() -> Mapping[tuple[TicketState | None, TicketEvent], TicketState]:
    s, e = TicketState, TicketEvent
    table: dict[tuple[TicketState | None, TicketEvent], TicketState] = {
        (None, e.registered): s.registered,
        (s.registered, e.left_open): s.to_dispatch,
        (s.passed_on, e.passing_confirmed): s.closed,
        # Unclear duty: whoever received it first keeps it.
        (s.passed_on, e.passing_refused): s.registered,
        (s.joined, e.separated): s.registered,
        (s.joined, e.main_finished): s.closed,
        (s.to_dispatch, e.dispatched): s.dispatched,
        (s.to_dispatch, e.designated): s.dispatched,
        (s.dispatched, e.signed): s.in_hand,
        (s.in_hand, e.extension_asked): s.in_hand,
        (s.in_hand, e.extension_approved): s.in_hand,
        (s.in_hand, e.extension_refused): s.in_hand,
        (s.in_hand, e.replied): s.replied,
        (s.replied, e.sent_back): s.in_hand,
        (s.replied, e.accepted): s.done,
        (s.callback, e.satisfied): s.archived,
        (s.callback, e.dissatisfied): s.callback,
        (s.callback, e.not_rated): s.archived,
        (s.callback, e.explained): s.archived,
        (s.callback, e.redone): s.dispatched,
        (s.callback, e.reopened): s.to_dispatch,
        # A key that was pressed but reached us after the ticket had been filed away still counts.
        (s.archived, e.satisfied): s.archived,
        (s.archived, e.dissatisfied): s.callback,
    }
    for undecided in (s.registered, s.to_dispatch):
        table[undecided, e.answered] = s.closed
        table[undecided, e.not_accepted] = s.closed
        table[undecided, e.passed_on] = s.passed_on
        table[undecided, e.joined] = s.joined
    for with_unit in (s.dispatched, s.in_hand):
        table[with_unit, e.return_asked] = with_unit
        table[with_unit, e.return_refused] = with_unit
        table[with_unit, e.return_approved] = s.to_dispatch
    for unfinished in (s.dispatched, s.in_hand, s.replied):
        # The citizen is asked when the limit has passed, whether or not the unit has finished.
        table[unfinished, e.satisfied] = unfinished
        table[unfinished, e.dissatisfied] = unfinished
        table[unfinished, e.not_rated] = unfinished
    for finished in (s.closed, s.done):
        table[finished, e.callback_due] = s.callback
        table[finished, e.archived] = s.archived
    return MappingProxyType(table)


TRANSITIONS = _table()
"""(state, event) → state; the state before `registered` is None."""

FINISHED = frozenset({TicketState.closed, TicketState.done})
"""The two ways of finishing; whoever enters one of them owes the citizen a callback."""

DISPATCHES_THAT_CAN_BE_RETURNED = 2
"""After the third dispatch of a round the unit cannot return the ticket (domain default)."""


class TransitionRefused(Conflict):
    """This event cannot happen to a ticket in this state; the details say why."""

    slug = "transition-refused"
    title_zh = "工单当前状态不允许此操作"
    title_en = "The ticket's state does not allow this"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What the events of a ticket say so far.

    Attributes:
        state: where it stands; None before it is registered.
        round: 1 until the first redo.
        dispatches: how often it was dispatched in this round.
        with_unit: a unit answers for it; not so before the first dispatch and after a return.
        designated: the centre has named the unit, which cannot return it.
        return_pending: a return waits for the centre's decision.
        extension_pending: an extension waits for the centre's decision.
        extended: this round has had its one extension.
    """

    state: TicketState | None = None
    round: int = 1
    dispatches: int = 0
    with_unit: bool = False
    designated: bool = False
    return_pending: bool = False
    extension_pending: bool = False
    extended: bool = False


UNBORN = Life()


def follow(
    life: Life, event: TicketEvent, *, returnable: int = DISPATCHES_THAT_CAN_BE_RETURNED
) -> Life:
    """The life of the ticket after one more event.

    Args:
        life: what the events have said so far.
        event: what happens now.
        returnable: how many dispatches of a round a unit may return.

    Raises:
        TransitionRefused: the table does not know the pair, or an invariant forbids it.
    """
    state = TRANSITIONS.get((life.state, event))
    if state is None:
        raise _unknown(life.state, event)
    _check(life, event, returnable)
    e = TicketEvent
    match event:
        case e.dispatched | e.designated:
            return replace(
                life,
                state=state,
                dispatches=life.dispatches + 1,
                with_unit=True,
                designated=event is e.designated,
            )
        case e.redone:
            return Life(state=state, round=life.round + 1, dispatches=1, with_unit=True)
        case e.reopened:
            return Life(state=state, round=life.round + 1)
        case e.return_asked:
            return replace(life, state=state, return_pending=True)
        case e.return_approved:
            return replace(
                life,
                state=state,
                with_unit=False,
                return_pending=False,
                extension_pending=False,
            )
        case e.return_refused:
            return replace(life, state=state, return_pending=False)
        case e.extension_asked:
            return replace(life, state=state, extension_pending=True)
        case e.extension_approved:
            return replace(life, state=state, extension_pending=False, extended=True)
        case e.extension_refused | e.replied:
            return replace(life, state=state, extension_pending=False)
        case _:
            return replace(life, state=state)


def life_of(
    events: Iterable[TicketEvent], *, returnable: int = DISPATCHES_THAT_CAN_BE_RETURNED
) -> Life:
    """Folds the whole log of a ticket.

    Raises:
        TransitionRefused: the log contains an impossible step.
    """
    life = UNBORN
    for event in events:
        life = follow(life, event, returnable=returnable)
    return life


def _check(life: Life, event: TicketEvent, returnable: int) -> None:
    e = TicketEvent
    if event is e.return_asked:
        if life.return_pending:
            raise TransitionRefused(
                "A return already waits for a decision.", "已有退单申请待审核。"
            )
        if life.designated or life.dispatches > returnable:
            raise TransitionRefused(
                "The unit was designated or dispatched to for the third time: it cannot return it.",
                "已指定承办或已第三次派单，不得退单。",
            )
    elif event in (e.return_approved, e.return_refused) and not life.return_pending:
        raise TransitionRefused("No return was asked for.", "没有待审核的退单申请。")
    elif event in (e.signed, e.replied) and life.return_pending:
        raise TransitionRefused("A return waits for a decision.", "退单申请尚未审核。")
    elif event is e.extension_asked and (life.extension_pending or life.extended):
        raise TransitionRefused("One extension per round.", "每轮办理只能申请一次延期。")
    elif event in (e.extension_approved, e.extension_refused) and not life.extension_pending:
        raise TransitionRefused("No extension was asked for.", "没有待审核的延期申请。")
    elif event is e.redone and not life.with_unit:
        raise TransitionRefused(
            "No unit answers for it: reopen it for dispatch.", "没有承办单位，应重新打开待派单。"
        )
    elif event is e.reopened and life.with_unit:
        raise TransitionRefused("A unit answers for it: have it redone.", "已有承办单位，应重办。")


def _unknown(state: TicketState | None, event: TicketEvent) -> TransitionRefused:
    if state is None:
        return TransitionRefused(
            f"A ticket that is not registered cannot be {EVENT_WORDS[event].en!r}.",
            f"工单尚未登记，不能“{EVENT_WORDS[event].zh}”。",
        )
    return TransitionRefused(
        f"A ticket that is {STATE_WORDS[state].en!r} cannot be {EVENT_WORDS[event].en!r}.",
        f"“{STATE_WORDS[state].zh}”的工单不能“{EVENT_WORDS[event].zh}”。",
    )


def ticket_number(day: date, serial: int) -> str:
    """The number a citizen is told, `20260302-000123`: the city's day and the serial of that day.

    Raises:
        ValueError: the serial is not 1 … 999999.
    """
    if not 1 <= serial <= 999_999:
        raise ValueError(f"serial {serial} does not fit six digits")
    return f"{day:%Y%m%d}-{serial:06d}"
