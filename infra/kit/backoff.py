"""How long to wait before something that failed is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

_MOST_GROWTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that grow from try to try and are spread, so that what failed together does not come back together.

    A wait lies between half and the whole of what it has grown to (equal jitter, AWS Architecture Blog, "Exponential
    Backoff and Jitter"): never so short that a provider in trouble is hammered.

    Attributes:
        first: The whole wait after the first failure.
        longest: It grows no further.
        growth: By how much each is longer than the one before.
    """

    first: timedelta
    longest: timedelta
    growth: float = 2.0

    def after(self, tries: int, jitter: float | None = None) -> timedelta:
        """Return how long to wait.

        Args:
            tries: How many have failed, at least one.
            jitter: From 0 to 1, where between half and the whole it lies; None: anywhere.
        """
        spread = random.random() if jitter is None else jitter  # noqa: S311  # no secret
        whole = min(self.first * self.growth ** min(tries - 1, _MOST_GROWTH), self.longest)
        return whole * (0.5 + spread / 2)
