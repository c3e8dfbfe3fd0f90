"""The transition tables as pictures: the documentation's diagrams are made from the tables, never drawn."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from crm_bridge.tickets.assignment import ASSIGNMENT_TRANSITIONS, OPEN
from crm_bridge.tickets.rules import TRANSITIONS
from crm_bridge.tickets.vocabulary import (
    ASSIGNMENT_EVENT_WORDS,
    ASSIGNMENT_WORDS,
    EVENT_WORDS,
    STATE_WORDS,
    TicketState,
    Words,
)

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def chapter() -> str:
    """Return what the documentation says of the life of tickets and assignments, in Markdown."""
    return (
        f"```mermaid\n{mermaid()}```\n\n"
        f"What happens to a ticket without moving it:\n\n{staying()}\n"
        f"The life of an assignment, one ticket given to one unit:\n\n"
        f"```mermaid\n{assignment_mermaid()}```"
    )


def mermaid() -> str:
    """Return the life of a ticket as a Mermaid `stateDiagram-v2`.

    One arrow per pair of states, with all events that lead along it, in the order of the vocabulary. Events that leave
    a ticket where it is are in `staying`.
    """
    moves = {key: state for key, state in TRANSITIONS.items() if key[0] is not state}
    ends = [TicketState.archived, TicketState.stopped]
    return _diagram(moves, STATE_WORDS, EVENT_WORDS, ends)


def assignment_mermaid() -> str:
    """Return the life of an assignment in the same form."""
    ends = [state for state in ASSIGNMENT_WORDS if state not in OPEN]
    return _diagram(ASSIGNMENT_TRANSITIONS, ASSIGNMENT_WORDS, ASSIGNMENT_EVENT_WORDS, ends)


def staying() -> str:
    """Return the events that leave a ticket in its state, as the rows of a Markdown table."""
    rows = []
    for state, words in STATE_WORDS.items():
        events = [event for event in EVENT_WORDS if TRANSITIONS.get((state, event)) is state]
        if events:
            named = "、".join(EVENT_WORDS[event].zh for event in events)
            rows.append(f"| {words.zh} {words.en} | {named} |\n")
    return "| state | what may happen in it |\n|---|---|\n" + "".join(rows)


def _diagram(
    table: Mapping[tuple[S | None, E], S],
    state_words: Mapping[S, Words],
    event_words: Mapping[E, Words],
    ends: list[S],
) -> str:
    arrows: dict[tuple[S | None, S], list[E]] = {}
    for (before, event), after in table.items():
        arrows.setdefault((before, after), []).append(event)
    lines = ["stateDiagram-v2"]
    for state, words in state_words.items():
        lines.append(f'    state "{words.zh} {words.en}" as {state.value}')
    states, order = list(state_words), list(event_words)
    for before, after in sorted(
        arrows, key=lambda pair: (states.index(pair[0]) if pair[0] else -1, states.index(pair[1]))
    ):
        label = "、".join(event_words[e].zh for e in sorted(arrows[before, after], key=order.index))
        lines.append(f"    {before.value if before else '[*]'} --> {after.value}: {label}")
    lines.extend(f"    {state.value} --> [*]" for state in ends)
    return "\n".join(lines) + "\n"
