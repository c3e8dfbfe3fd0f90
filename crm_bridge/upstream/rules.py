"""Two work-order systems that share a ticket: what they tell each other, and who is right. Pure.

A ticket that is passed on to another system has a twin there. The side that passed it on is the **giver**, the side
that has it in hand the **taker**; which of the two is the province and which the city does not matter. Each side tells
the other of its twin by an **exchange**: the whole of what it has to say at that moment, under a version that grows
with every change.

The conflict rule:

- The taker owns the state. What the giver does to its twin meanwhile (a correction, a withdrawal, a word of the
  citizen) reaches the taker's ticket as a note, and moves nothing there.
- The taker's final reply moves the giver's ticket once: from `passed_on` it is closed (`passing_confirmed`) when the
  matter was answered, or comes back (`passing_refused`) when the taker does not take it. If the giver's ticket has left
  `passed_on` by then, or was passed on anew, the reply is a note: a person has decided, and what a person has decided
  no machine undoes.
- An exchange with a version that is not higher than the last one seen is an echo and changes nothing. So exchanges may
  be lost, doubled and overtake each other: the newest says everything that the older ones said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from crm_bridge.tickets.vocabulary import (
    STATE_WORDS,
    TicketEvent,
    TicketState,
    TicketType,
    Urgency,
)
from infra.kit.errors import Conflict, NotFound

SCOPE = "upstream.exchange"
CHANNEL = "upstream"
MOST_NOTES = 100
_OVER = frozenset(
    {
        TicketState.closed,
        TicketState.done,
        TicketState.callback,
        TicketState.archived,
        TicketState.stopped,
    }
)
"""States in which the taker has said its word."""


class Side(StrEnum):
    """What a system is to a shared ticket."""

    giver = "giver"
    taker = "taker"


class Outcome(StrEnum):
    """What has become of the taker's twin."""

    open = "open"
    answered = "answered"
    refused = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a ticket is about. `repr()` shows none of it.

    Attributes:
        category: The giver's code; the taker's own tree may not know it.
        phone: The citizen's number; None when it is not handed over.
    """

    type: TicketType
    category: str
    title: str = field(repr=False)
    text: str = field(repr=False)
    address: str = field(repr=False)
    urgency: Urgency
    confidential: bool
    created_at: datetime
    phone: str | None = field(default=None, repr=False)

    def digest(self) -> str:
        """Return 64 digits that differ when the matter does."""
        said = (self.type, self.title, self.text, self.address, self.urgency, self.confidential)
        return hashlib.sha256(repr([str(part) for part in said]).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """A note that the sender's side has got since; known by its id on that side."""

    id: str
    text: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Everything that one side has to say of a shared ticket.

    Attributes:
        key: Of the ticket between the two, made by the giver; the same for both, and for ever.
        side: What the sender is.
        number: The sender's own number of its twin.
        version: Grows with every change of what the sender has to say.
        state: Of the sender's twin, in the sender's words.
        matter: What it is about; only a giver says so.
        outcome: Only a taker has another than `open`.
        answer: What the citizen is to be told, or why it was refused.
        notes: All additions, at most a hundred, the oldest first.
    """

    key: str
    side: Side
    number: str
    version: int
    state: str
    matter: Matter | None = None
    outcome: Outcome = Outcome.open
    answer: str = field(default="", repr=False)
    notes: Sequence[Addition] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the receiver of an exchange has on disk now.

    Attributes:
        number: The receiver's own number of its twin.
        version: The highest version that it has seen; everything up to it need not be sent again.
    """

    key: str
    number: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is new on the other side since a cursor, and the cursor behind it."""

    exchanges: Sequence[Exchange]
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What we know of a shared ticket before an exchange comes.

    Attributes:
        side: What we are.
        version: The highest that we have seen of the other side.
        state: The other side's, as last told.
        outcome: The other side's, as last told.
        answer_digest: Of the answer last told.
        matter_digest: Of the matter last told.
        ours: State of our own twin.
        current: Whether this is the last passing-on of our ticket; an older one moves it no more.
    """

    side: Side
    version: int
    state: str
    outcome: Outcome
    answer_digest: str
    matter_digest: str
    ours: TicketState
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an exchange does to our side.

    Attributes:
        echo: Nothing: it has been seen.
        opens: A twin is opened.
        event: What happens to our ticket.
        remarks: What is put to it as notes, in order; the exchange's own notes not counted.
    """

    echo: bool = False
    opens: bool = False
    event: TicketEvent | None = None
    remarks: Sequence[str] = ()


def judge(known: Known | None, exchange: Exchange) -> Verdict:
    """Return what an exchange does to our side, by the conflict rule above.

    Raises:
        NotFound: A taker tells of a ticket that we have not passed on.
        Conflict: Both claim to be the same side.
    """
    if known is None:
        if exchange.side is Side.taker or exchange.matter is None:
            raise NotFound("no ticket was passed on under this key", "没有以此标识转交的工单")
        return Verdict(opens=True)
    if known.side is exchange.side:
        raise Conflict(
            f"both sides say that they are the {exchange.side}", "双方对转交方向的认定不一致"
        )
    if exchange.version <= known.version:
        return Verdict(echo=True)
    return _of_giver(known, exchange) if exchange.side is Side.giver else _of_taker(known, exchange)


def _of_giver(known: Known, exchange: Exchange) -> Verdict:
    remarks = []
    matter = exchange.matter
    if matter is not None and matter.digest() != known.matter_digest:
        remarks.append(
            f"转交方更正了诉求：{matter.title}\n{matter.text}\n{matter.address}".rstrip()
        )
    moved = exchange.state not in (known.state, TicketState.passed_on.value)
    if moved and known.ours not in _OVER:  # after our own reply it is but the echo of that
        remarks.append(f"转交方工单状态变为：{words_of(exchange.state)}")
    return Verdict(remarks=remarks)


def _of_taker(known: Known, exchange: Exchange) -> Verdict:
    news = exchange.outcome, digest_of(exchange.answer)
    if exchange.outcome is Outcome.open or news == (known.outcome, known.answer_digest):
        return Verdict()
    answered = exchange.outcome is Outcome.answered
    remark = f"{'承接方答复' if answered else '承接方退回'}：{exchange.answer}"
    if not (known.current and known.ours is TicketState.passed_on):
        return Verdict(remarks=[remark])
    if answered:
        return Verdict(event=TicketEvent.passing_confirmed, remarks=[remark])
    return Verdict(event=TicketEvent.passing_refused)


def outcome_of(log: Iterable[tuple[TicketEvent, Mapping[str, Any]]]) -> tuple[Outcome, str, str]:
    """Return what has become of a ticket, what the citizen is told, and where he is to turn, from its log in order.

    The last is empty but for what the hotline does not take.
    """
    outcome, answer, turn, reply = Outcome.open, "", "", ""
    e = TicketEvent
    for event, detail in log:
        match event:
            case e.replied:
                reply = str(detail.get("text", ""))
            case e.answered:
                outcome, answer = Outcome.answered, str(detail.get("text", ""))
            case e.accepted:
                outcome, answer = Outcome.answered, reply
            case e.passing_confirmed:
                outcome, answer = Outcome.answered, "已转交其他平台办理"
            case e.main_finished:
                outcome, answer = Outcome.answered, "已随主单一并办结"
            case e.not_accepted:
                outcome, answer = Outcome.refused, str(detail.get("grounds", ""))
                turn = str(detail.get("where_to_turn", ""))
            case e.stop_approved:
                outcome, answer = Outcome.refused, "已终止办理"
            case e.redone | e.reopened:
                outcome, answer, turn = Outcome.open, "", ""
            case _:
                pass
    return outcome, answer, turn


def digest_of(text: str) -> str:
    """Return 64 digits that differ when the text does."""
    return hashlib.sha256(text.encode()).hexdigest()


def words_of(state: str) -> str:
    """Return a state of another system in words, as far as they are ours."""
    return STATE_WORDS[TicketState(state)].zh if state in set(TicketState) else state


def wait_before(attempts: int) -> float:
    """Return for how many seconds an exchange that failed so often waits before the next try."""
    return float(min(2 ** min(attempts, 9), 300))
