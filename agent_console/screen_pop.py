"""The screen pop: what happens to an agent's call, on his page at once, and beside it in his feed for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.calls.service import caller_of
from infra.kit import outbox
from infra.kit.clock import Clock
from infra.kit.vault import Vault
from telephony.calls.rules import CallChange, ChangeKind, Direction
from telephony.calls.tables import CallRow

Send = Callable[[str, str, str, dict[str, Any]], None]
"""Takes 工号, type, moment and data of a hint, and returns at once."""

_HINTS: Mapping[ChangeKind, str] = MappingProxyType(
    {kind: f"call.{kind}" for kind in ChangeKind} | {ChangeKind.abandoned: "call.ended"}
)
_NEWS: Mapping[ChangeKind, str] = MappingProxyType(
    {
        # To an agent a call is offered when it rings at him.
        ChangeKind.ringing: "call.offered",
        ChangeKind.answered: "call.answered",
        ChangeKind.ended: "call.ended",
        ChangeKind.abandoned: "call.ended",
    }
)


class ScreenPop:
    """Sends every change of a call to the pages of the agent whom it concerns.

    A hint, with the least possible work between Asterisk's event and the agent's socket: nothing is read or awaited.

    Args:
        send: Takes the hint.
    """

    def __init__(self, send: Send) -> None:
        self._send = send

    def on_change(self, change: CallChange) -> None:
        """Take a change from the tracker; returns at once."""
        agent = change.agent
        if agent is None:
            return
        call = change.call
        kind = _HINTS[change.kind]
        if change.kind is ChangeKind.offered and call.direction is not Direction.outbound:
            kind = "call.missed"  # it is back in the queue, because this agent did not answer
        self._send(
            agent,
            kind,
            change.at.isoformat(),
            {
                "call_id": None,
                "pbx": call.pbx,
                "linkedid": call.linkedid,
                "state": call.state.value,
                "caller_masked": call.caller.masked if call.caller else None,
                "direction": call.direction.value,
                "agent": call.agent,
                "offered_at": call.offered_at.isoformat(),
                "answered_at": call.answered_at.isoformat() if call.answered_at else None,
            },
        )


class CallNews:
    """Writes the same into the agent's feed, in the transaction that writes the call.

    Args:
        clock: Gives the time of the entries.
        vault: Opens the citizen's number, to mask it.
    """

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    async def written(
        self, session: AsyncSession, row: CallRow, kinds: Sequence[ChangeKind]
    ) -> None:
        """Put what happened to a call into the outbox: a `Written` of the call log."""
        if row.agent is None:
            return
        caller = caller_of(row, self._vault)
        data = {
            "call_id": row.id,
            "pbx": row.pbx,
            "linkedid": row.linkedid,
            "state": row.state.value,
            "caller_masked": caller.masked if caller else None,
            "direction": row.direction.value,
            "agent": row.agent,
            "offered_at": row.offered_at.isoformat(),
            "answered_at": row.answered_at.isoformat() if row.answered_at else None,
        }
        for kind in dict.fromkeys(_NEWS[kind] for kind in kinds if kind in _NEWS):
            await outbox.put(
                session,
                self._clock,
                destination="feed",
                kind=kind,
                key=f"call:{row.pbx}/{row.linkedid}",
                body={"agents": [row.agent], "data": data},
            )
