"""A system that lives in memory: for demonstrations and tests, and as the shortest example of an adapter."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from crm_bridge.upstream.rules import Changes, Exchange, Matter, Outcome, Receipt, Side
from infra.kit.errors import NotFound, TryLater


@dataclass(slots=True)
class MemoryUpstream:
    """Keeps what it is told, and says what it is made to say.

    Attributes:
        name: What it is called here.
        heard: The newest exchange that was pushed, by key.
        told: The newest that it has to say, by key, with its place in the order of what is new.
        reachable: Whether it can be reached.
        opened: How many twins it has opened.
    """

    name: str = "memory"
    kind: ClassVar[str] = "memory"
    heard: dict[str, Exchange] = field(default_factory=dict)
    told: dict[str, tuple[int, Exchange]] = field(default_factory=dict)
    reachable: bool = True
    opened: int = 0
    _seq: int = 0

    async def push_ticket(self, exchange: Exchange) -> Receipt:
        """Open a twin, or take note of what is new of one."""
        self._require_reachable()
        known = self.heard.get(exchange.key)
        if known is None:
            self.opened += 1
            self._say(
                Exchange(
                    key=exchange.key,
                    side=Side.taker,
                    number=f"M-{self.opened:06d}",
                    version=1,
                    state="to_dispatch",
                )
            )
        return self._note(exchange)

    async def push_state(self, exchange: Exchange) -> Receipt:
        """Take note of what has become of a ticket that was handed down."""
        self._require_reachable()
        if exchange.key not in self.told:
            raise NotFound("no ticket was passed on under this key", "没有以此标识转交的工单")
        return self._note(exchange)

    async def pull(self, cursor: str, limit: int) -> Changes:
        """Return what is new since a cursor."""
        self._require_reachable()
        after = int(cursor or "0")
        new = sorted(
            (pair for pair in self.told.values() if pair[0] > after), key=lambda pair: pair[0]
        )[:limit]
        return Changes(
            exchanges=[said for _, said in new], cursor=str(new[-1][0]) if new else str(after)
        )

    async def close(self) -> None:
        """Have nothing to let go of."""

    def hand_down(self, key: str, matter: Matter) -> None:
        """Pass a ticket on to us."""
        self._say(
            Exchange(
                key=key,
                side=Side.giver,
                number=f"M-{key}",
                version=1,
                state="passed_on",
                matter=matter,
            )
        )

    def change(self, key: str, matter: Matter) -> None:
        """Correct what a ticket that was handed down is about."""
        said = self.told[key][1]
        self._say(replace(said, version=said.version + 1, matter=matter))

    def finish(self, key: str, outcome: Outcome, answer: str) -> None:
        """Answer or refuse a ticket that was passed on to it."""
        said = self.told[key][1]
        self._say(
            replace(said, version=said.version + 1, state="closed", outcome=outcome, answer=answer)
        )

    def _note(self, exchange: Exchange) -> Receipt:
        known = self.heard.get(exchange.key)
        if known is None or exchange.version > known.version:
            self.heard[exchange.key] = exchange
        return Receipt(
            key=exchange.key,
            number=self.told[exchange.key][1].number,
            version=self.heard[exchange.key].version,
        )

    def _say(self, exchange: Exchange) -> None:
        self._seq += 1
        self.told[exchange.key] = (self._seq, exchange)

    def _require_reachable(self) -> None:
        if not self.reachable:
            raise TryLater(
                f"upstream system {self.name} cannot be reached", f"无法连接 {self.name}"
            )
