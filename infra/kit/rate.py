"""How often one address may ask. Pure."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, IPv6Network, ip_address

_MOST_ADDRESSES = 10_000


class Rate:
    """Bears so many requests a minute from each address, refilled evenly.

    Args:
        per_minute: How many.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Count one request; return 0 if it is borne, else the seconds until the next one is.

        Args:
            address: Who asks; of IPv6 its network, see `counted_as`.
            now: Monotonic seconds.
        """
        who = counted_as(address)
        left, at = self._left.pop(who, (self._most, now))
        left = min(self._most, left + (now - at) * self._most / 60)
        if len(self._left) >= _MOST_ADDRESSES:
            # Whoever was quiet for longest gives way, not who comes new: a stranger may have any number of addresses,
            # and would shut everybody else out.
            self._left.popitem(last=False)
        if left < 1:
            self._left[who] = (left, now)
            return (1 - left) * 60 / self._most
        self._left[who] = (left - 1, now)
        return 0.0


def counted_as(address: str) -> str:
    """Return what an address is counted as: of IPv6 its network, of which one household has 2^64 addresses."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:  # a socket for both writes IPv4 so
        return str(found.ipv4_mapped)
    return str(IPv6Network((found.packed[:8] + bytes(8), 64)))
