"""What the system of another city or province is to us: the one shape that every adapter has.

An adapter is free of our database. It carries exchanges there and back, and translates them into the other system's
own terms; when to send, what to keep and who is right is not its business (`rules.py`, `service.py`). It keeps four
promises, which `tests/contract/crm_bridge/upstream` holds against every adapter:

- the same exchange carried twice has the effect of one, found by its key;
- an older version never undoes a newer one;
- `pull` with the same cursor gives the same again, or what has replaced it, and never skips anything;
- an error says whether it will pass (`TryLater`), is the exchange's own (`Refused`), or is to be mended
  (`Misconfigured`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Protocol

import pydantic

from crm_bridge.upstream.rules import Changes, Exchange, Receipt

NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


class UpstreamSettings(pydantic.BaseModel):
    """The base of every system's settings: an unknown key stops the start."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, pydantic.Field(pattern=NAME, max_length=40)] = pydantic.Field(
        description="What the system is called here: the platform that a ticket is passed on to."
    )


class Upstream(Protocol):
    """Another work-order system.

    Attributes:
        kind: Of system; part of settings.
        name: What it is called in this installation; the platform that a ticket is passed on to.
    """

    kind: ClassVar[str]
    name: str

    async def push_ticket(self, exchange: Exchange) -> Receipt:
        """Pass a ticket on, or tell what is new of one that was; we are its giver.

        Raises:
            TryLater: It cannot be reached now, or has no time.
            Refused: It does not take this one.
            Misconfigured: It does not know us.
        """
        ...

    async def push_state(self, exchange: Exchange) -> Receipt:
        """Tell of a ticket that was passed on to us: its state and, in the end, its answer; we are its taker.

        Raises:
            TryLater: It cannot be reached now, or has no time.
            Refused: It knows nothing of this ticket.
            Misconfigured: It does not know us.
        """
        ...

    async def pull(self, cursor: str, limit: int) -> Changes:
        """Return what is new over there since a cursor; the first one is empty.

        Raises:
            TryLater: It cannot be reached now, or has no time.
            Misconfigured: It does not know us.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
