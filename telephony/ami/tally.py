"""What the link counts. Plain integers: a locked counter per event would cost more than the event."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Figures since the process started.

    Attributes:
        events: Typed events handed on.
        skipped: Events that nobody wants, thrown away unparsed.
        dropped: Hints dropped because the receiver was behind.
        malformed: Messages that could not be understood.
        orphans: Answers to actions that nobody waits for any more.
        handler_errors: Exceptions out of subscribers.
        connections: Times that the link came up.
    """

    events: int = 0
    skipped: int = 0
    dropped: int = 0
    malformed: int = 0
    orphans: int = 0
    handler_errors: int = 0
    connections: int = 0
