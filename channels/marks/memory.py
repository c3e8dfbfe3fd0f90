"""Marks that end with their process: for trying a channel out, and for tests of channels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from channels.marks.service import Lease, LeaseLost, Mark, MarkMoved
from infra.kit.clock import Clock


class MemoryMarks:
    """Marks in memory; see `channels.marks.service.Marks`.

    Args:
        clock: Tells when a lease has ended.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._marks: dict[str, Mark] = {}
        self._leases: dict[str, Lease] = {}

    async def get(self, name: str) -> Mark | None:
        """Return what was put last under this name; None if nothing was."""
        return self._marks.get(name)

    async def put(
        self,
        name: str,
        value: Mapping[str, Any],
        *,
        expect: int | None = None,
        lease: Lease | None = None,
    ) -> int:
        """Remember a value in the place of the one before.

        Raises:
            MarkMoved: Another version stands there.
            LeaseLost: The lease was lost.
        """
        if lease is not None and self._leases[lease.name].token != lease.token:
            raise LeaseLost
        known = self._marks.get(name)
        version = known.version if known else 0
        if expect is not None and expect != version:
            raise MarkMoved
        kept = json.loads(json.dumps(dict(value)))
        self._marks[name] = Mark(value=kept, version=version + 1)
        return version + 1

    async def lease(self, name: str, seconds: float) -> Lease | None:
        """Return the right to do something alone for so long; None while another has it."""
        now = self._clock.now()
        held = self._leases.get(name)
        if held is not None and held.until > now:
            return None
        token = held.token + 1 if held else 1
        taken = Lease(name=name, token=token, until=now + timedelta(seconds=seconds))
        self._leases[name] = taken
        return taken

    async def renew(self, lease: Lease, seconds: float) -> Lease:
        """Return the same right, from now for so long.

        Raises:
            LeaseLost: Another has it.
        """
        if self._leases[lease.name].token != lease.token:
            raise LeaseLost
        until = self._clock.now() + timedelta(seconds=seconds)
        self._leases[lease.name] = Lease(name=lease.name, token=lease.token, until=until)
        return self._leases[lease.name]

    async def release(self, lease: Lease) -> None:
        """Give the right up; nothing happens if it was lost."""
        if self._leases[lease.name].token == lease.token:
            until = self._clock.now()
            self._leases[lease.name] = Lease(name=lease.name, token=lease.token, until=until)
