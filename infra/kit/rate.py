"""How often one address may ask. Pure."""

from __future__ import annotations

_MOST_ADDRESSES = 10_000


class Rate:
    """Bears so many requests a minute from each address, refilled evenly.

    Args:
        per_minute: How many.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, address: str, now: float) -> float:
        """Count one request; return 0 if it is borne, else the seconds until the next one is.

        Args:
            address: Who asks.
            now: Monotonic seconds.
        """
        left, at = self._left.get(address, (self._most, now))
        left = min(self._most, left + (now - at) * self._most / 60)
        if len(self._left) >= _MOST_ADDRESSES and address not in self._left:
            # Whoever has not asked for a minute has all of it again: nothing is lost with him.
            self._left = {who: kept for who, kept in self._left.items() if now - kept[1] < 60}
            if len(self._left) >= _MOST_ADDRESSES:
                return 60.0
        if left < 1:
            self._left[address] = (left, now)
            return (1 - left) * 60 / self._most
        self._left[address] = (left - 1, now)
        return 0.0
