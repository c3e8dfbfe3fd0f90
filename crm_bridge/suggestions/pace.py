"""How often one person may ask."""

from __future__ import annotations

from collections import deque

from infra.kit.clock import Clock
from infra.kit.errors import TooMany

_MINUTE = 60.0
_MANY = 1_000


class Pace:
    """Bears so many requests of one sender in any minute.

    Args:
        clock: Tells how long ago a request was.
        per_minute: How many are borne.
    """

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._asked: dict[str, deque[float]] = {}

    def step(self, who: str) -> None:
        """Count a request.

        Raises:
            TooMany: The last minute was full already.
        """
        now = self._clock.monotonic()
        if len(self._asked) > _MANY:
            self._asked = {
                one: times for one, times in self._asked.items() if now - times[-1] < _MINUTE
            }
        times = self._asked.setdefault(who, deque())
        while times and now - times[0] >= _MINUTE:
            times.popleft()
        if len(times) >= self._per_minute:
            raise TooMany(retry_after=_MINUTE - (now - times[0]))
        times.append(now)
