"""A provider of short messages on paper: it does what a test tells it to, and keeps what it was handed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from channels.protocol import Finding, Sent
from channels.sms.rules import ShortMessage


class PaperProvider:
    """Takes messages, or raises what it was told to raise next.

    Attributes:
        handed: Every message, as often as it was handed over.
        faults: Raised for the next messages, one each; None takes that one.
        gate: While it is closed, nobody gets an answer.
        came: Set when a message has come.
    """

    name: ClassVar[str] = "paper"

    def __init__(self) -> None:
        self.handed: list[ShortMessage] = []
        self.faults: list[Exception | None] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.came = asyncio.Event()

    async def send(self, message: ShortMessage) -> Sent:
        """Take a message."""
        self.handed.append(message)
        self.came.set()
        await self.gate.wait()
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        return Sent(provider_id=f"P{len(self.handed)}")

    async def check(self) -> Sequence[Finding]:
        """Return that all is well."""
        return ()


class LedgerProvider(PaperProvider):
    """A provider that can be asked what it has got.

    Attributes:
        got: What it finds, whatever message is looked for.
    """

    name: ClassVar[str] = "ledger"

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Sent] = []

    async def settle(self, message: ShortMessage, since: datetime) -> Sequence[Sent]:
        """Return what it was told to find."""
        return self.got
