"""The calls of one Asterisk and what happens to them: signals in, changes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from infra.kit.errors import Invalid
from telephony.calls.rules import (
    CHANGES,
    FINAL,
    Call,
    CallChange,
    CallState,
    ChangeKind,
    Direction,
    ImpossibleTransition,
    Signal,
    next_state,
)
from telephony.numbers import PhoneNumber

log = structlog.get_logger()

TALKING = frozenset({CallState.answered, CallState.held})

_ENDED_REMEMBERED = 20_000
"""Late events of a call that has ended must not bring it back; nothing is that late."""


class CallBook:
    """Every call that has not ended.

    Attributes:
        calls: By linkedid.
        impossible: Signals that meant nothing in the state their call was in.
        subscriber_errors: Exceptions out of subscribers.
    """

    def __init__(self, pbx: str) -> None:
        self._pbx = pbx
        self._ended: set[str] = set()
        self._ended_order: deque[str] = deque()
        self._changes: list[CallChange] = []
        self._subscribers: list[Callable[[CallChange], None]] = []
        self.calls: dict[str, Call] = {}
        self.impossible = 0
        self.subscriber_errors = 0

    def subscribe(self, callback: Callable[[CallChange], None]) -> None:
        """Call `callback` with every change from now on."""
        self._subscribers.append(callback)

    def open(
        self,
        linkedid: str,
        direction: Direction,
        *,
        caller: str,
        at: datetime,
        queue: str | None = None,
        agent: str | None = None,
    ) -> None:
        """Begin a call, unless it has begun or even ended."""
        if linkedid in self._ended or linkedid in self.calls:
            return
        call = Call(
            pbx=self._pbx,
            linkedid=linkedid,
            direction=direction,
            state=CallState.offered,
            caller=_number(caller),
            queue=queue,
            agent=agent,
            offered_at=at,
        )
        self.calls[linkedid] = call
        self._changes.append(CallChange(kind=ChangeKind.offered, call=call, at=at))

    def ring(self, call: Call, agent: str | None, at: datetime) -> None:
        """A telephone rings for the call, unless that is known."""
        if call.state is not CallState.ringing or call.agent != agent:
            self.signal(call, Signal.ring, at, agent, agent=agent)

    def answer(self, call: Call, agent: str | None, at: datetime) -> None:
        """An agent and the citizen talk, unless that is known."""
        if call.state not in TALKING or call.agent != agent:
            since = call.answered_at or at
            self.signal(call, Signal.answer, at, agent, agent=agent, answered_at=since)

    def end(self, call: Call, at: datetime, cause: int | None) -> None:
        """The call is over; one that an agent never answered was given up by the citizen."""
        unanswered = call.answered_at is None and call.direction is not Direction.outbound
        signal = Signal.abandon if unanswered else Signal.hang_up
        if (call.state, signal) == (CallState.transferred, Signal.abandon):
            signal = Signal.hang_up
        self.signal(call, signal, at, call.agent, ended_at=at, hangup_cause=cause)

    def signal(
        self, call: Call, signal: Signal, at: datetime, concerning: str | None, **facts: Any
    ) -> None:
        """Take a signal; one that means nothing in the call's state is counted and logged.

        Args:
            call: As it stands in `calls`.
            signal: What happened.
            at: When it happened.
            concerning: 工号 of the agent whom it concerns.
            facts: Fields of the call that change with it.
        """
        try:
            state = next_state(call.state, signal)
        except ImpossibleTransition:
            self.impossible += 1
            log.info(
                "call.impossible",
                linkedid=call.linkedid,
                state=call.state.value,
                signal=signal.value,
            )
            return
        changed = replace(call, state=state, **facts)
        if state in FINAL:
            self._forget(call.linkedid)
        else:
            self.calls[call.linkedid] = changed
        self._changes.append(
            CallChange(kind=CHANGES[signal], call=changed, at=at, agent=concerning)
        )

    def publish(self) -> list[CallChange]:
        """Hand the changes since the last time to the subscribers, and return them."""
        if not self._changes:
            return []
        changes, self._changes = self._changes, []
        for change in changes:
            for callback in self._subscribers:
                try:
                    callback(change)
                except Exception:
                    self.subscriber_errors += 1
                    if self.subscriber_errors.bit_count() == 1:  # see AmiLink: traces are long
                        log.exception("call.subscriber_failed", linkedid=change.call.linkedid)
        return changes

    def _forget(self, linkedid: str) -> None:
        del self.calls[linkedid]
        self._ended.add(linkedid)
        self._ended_order.append(linkedid)
        if len(self._ended_order) > _ENDED_REMEMBERED:
            self._ended.discard(self._ended_order.popleft())


def _number(text: str) -> PhoneNumber | None:
    try:
        return PhoneNumber.parse(text)
    except Invalid:
        return None  # withheld, or a name where a number should be
