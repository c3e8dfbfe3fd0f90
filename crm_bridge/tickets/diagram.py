"""The transition table as a picture: the documentation's diagram is made from the table, never drawn."""

from __future__ import annotations

from crm_bridge.tickets.rules import TRANSITIONS
from crm_bridge.tickets.vocabulary import EVENT_WORDS, STATE_WORDS, TicketEvent, TicketState


def mermaid() -> str:
    """Return the life of a ticket as a Mermaid `stateDiagram-v2`.

    One arrow per pair of states, with all events that lead along it, in the order of the vocabulary.
    """
    arrows: dict[tuple[TicketState | None, TicketState], list[TicketEvent]] = {}
    for (before, event), after in TRANSITIONS.items():
        arrows.setdefault((before, after), []).append(event)
    lines = ["stateDiagram-v2"]
    for state in TicketState:
        words = STATE_WORDS[state]
        lines.append(f'    state "{words.zh} {words.en}" as {state.value}')
    states = list(TicketState)
    for before, after in sorted(
        arrows, key=lambda pair: (states.index(pair[0]) if pair[0] else -1, states.index(pair[1]))
    ):
        events = sorted(arrows[before, after], key=list(TicketEvent).index)
        label = "、".join(EVENT_WORDS[event].zh for event in events)
        lines.append(f"    {before.value if before else '[*]'} --> {after.value}: {label}")
    lines.append(f"    {TicketState.archived.value} --> [*]")
    return "\n".join(lines) + "\n"
