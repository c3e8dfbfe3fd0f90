"""Puts the calls right from Asterisk's own lists, which know what happened while nobody listened."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from telephony.ami.lists import Channel, QueueEntry
from telephony.calls.book import TALKING
from telephony.calls.legs import Leg
from telephony.calls.rules import Call, CallState, Direction, Signal
from telephony.calls.switchboard import Switchboard, agents_first, is_answered


class Restoring:
    """Makes calls what the lists say.

    Args:
        board: The calls.
    """

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    def restore(
        self,
        channels: Sequence[Channel],
        entries: Sequence[QueueEntry],
        touched: Collection[str],
        now: datetime,
    ) -> None:
        """Make the calls what the lists say.

        Args:
            channels: Every channel.
            entries: Every caller who waits in a queue.
            touched: Channels that live events have told of since the lists were asked for: of them the lists are stale.
            now: The time.
        """
        board = self._board
        listed = {row.uniqueid: row for row in channels}
        waiting = {entry.uniqueid: entry for entry in entries}
        for leg in board.legs:
            if leg.uniqueid not in listed and leg.uniqueid not in touched:
                board.drop(leg, now, None)
        for row in channels:
            if row.uniqueid not in touched:
                self._restore_leg(row, waiting.get(row.uniqueid), now)
        for linkedid in board.legs.calls():
            if linkedid not in board.book.calls:
                self._restore_call(linkedid, listed, waiting, now)
            self._correct(linkedid, listed, now)

    def _restore_leg(self, row: Channel, entry: QueueEntry | None, now: datetime) -> None:
        leg = self._board.legs.get(row.uniqueid)
        if leg is None:
            leg = self._board.legs.add(row.uniqueid, row.channel, row.linkedid)
        elif leg.linkedid != row.linkedid:
            self._board.relink(leg, row.linkedid, now)
        leg.bridge = row.bridge or None
        leg.ringing = row.state == "Ringing"
        if entry is not None:
            leg.queue = entry.queue
        elif row.application == "Queue" and leg.queue is None:
            leg.queue = row.application_data.partition(",")[0]

    def _restore_call(
        self,
        linkedid: str,
        listed: Mapping[str, Channel],
        waiting: Mapping[str, QueueEntry],
        now: datetime,
    ) -> None:
        for leg in self._board.legs.of_call(linkedid):
            row = listed.get(leg.uniqueid)
            if row is None:
                continue
            if leg.queue is not None and leg.agent is None:
                entry = waiting.get(leg.uniqueid)
                age = entry.waiting_seconds if entry else row.age_seconds
                self._board.open_queued(leg, row.caller, now - timedelta(seconds=age))
            elif leg.agent is not None and leg.uniqueid == linkedid:
                if self._has_no_citizen(linkedid):
                    continue
                since = now - timedelta(seconds=row.age_seconds)
                self._board.open_outbound(leg, row.exten, since)
                for other in self._board.legs.of_call(linkedid):
                    self._board.adopt_citizen(other)

    def _has_no_citizen(self, linkedid: str) -> bool:
        """Return whether the citizen of a call has gone, and his agent talks with a third party only."""
        others = [leg for leg in self._board.legs.of_call(linkedid) if leg.agent is None]
        return bool(others) and all(leg.is_third for leg in others)

    def _correct(self, linkedid: str, listed: Mapping[str, Channel], now: datetime) -> None:
        call = self._board.book.calls.get(linkedid)
        if call is None:
            return
        state, leg = self._observe(call)
        if leg is None:
            return
        agent = leg.agent or (call.agent if call.direction is Direction.outbound else None)
        if call.state in TALKING and (state is not CallState.answered or agent != call.agent):
            self._board.book.signal(call, Signal.transfer, now, call.agent)
            call = self._board.book.calls[linkedid]
        if state is CallState.answered:
            row = listed.get(leg.uniqueid)
            self._board.book.answer(
                call, agent, now - timedelta(seconds=row.age_seconds if row else 0)
            )
        elif state is CallState.ringing:
            self._board.book.ring(call, agent, now)
        elif call.state is CallState.ringing:
            self._board.book.signal(call, Signal.stop_ringing, now, call.agent, agent=None)
        elif call.state is CallState.transferred:
            self._board.book.signal(call, Signal.offer, now, None, queue=leg.queue)

    def _observe(self, call: Call) -> tuple[CallState, Leg | None]:
        """Return the state that the legs show and the leg that shows it; None where they show none."""
        talking = self._board.legs.talking(call.linkedid)
        if talking and is_answered(call, talking):
            return CallState.answered, agents_first(talking)[0]
        legs = agents_first(self._board.legs.of_call(call.linkedid))
        for leg in legs:
            if leg.ringing and (leg.agent is not None or call.direction is Direction.outbound):
                return CallState.ringing, leg
        for leg in legs:
            if leg.queue is not None:
                return CallState.offered, leg
        return CallState.offered, None
