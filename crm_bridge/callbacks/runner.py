"""Rings citizens: claims what is due, asks, writes down what came of it, and settles what others left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry, Counter

from crm_bridge.callbacks.leases import Order
from crm_bridge.callbacks.service import Callbacks
from crm_bridge.callbacks.settings import CallbackSettings
from infra.kit.errors import TryLater
from telephony.dialer.rules import Dialer, Outcome

log = structlog.get_logger()

_PBX_SECONDS = 10.0
_REST_SECONDS = 15.0
_RENEWALS_PER_LEASE = 3


class CallbackRunner:
    """One worker that rings.

    Args:
        callbacks: What is owed.
        dialer: Rings.
        settings: Limits and times.
        registry: Where the counter is registered.
    """

    def __init__(
        self,
        callbacks: Callbacks,
        dialer: Dialer,
        settings: CallbackSettings,
        *,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._callbacks = callbacks
        self._leases = callbacks.leases
        self._dialer = dialer
        self._settings = settings
        self._owner = uuid4().hex
        self._ringing: dict[int, asyncio.Task[None]] = {}
        self._resting_until = 0.0
        self._slot_freed = asyncio.Event()
        self._attempts = Counter(
            "lianxin_callback_attempts", "Attempts that ended", ["result"], registry=registry
        )

    async def run(self) -> None:
        """Ring until cancelled. Calls that run then go on, and are settled by whoever comes next."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew())
            while True:
                self._slot_freed.clear()
                await self.settle()
                # One by one: an order is valid for seconds only and must not wait for its turn.
                while orders := await self._claim(at_most=1):
                    self._start(group, orders[0])
                    await asyncio.sleep(self._settings.seconds_between_calls)
                try:
                    async with asyncio.timeout(self._settings.look_seconds):
                        await self._slot_freed.wait()
                except TimeoutError:
                    pass

    async def run_once(self) -> int:
        """Settle what was left behind, ring everybody who is due now, and return how many were rung."""
        await self.settle()
        orders = await self._claim(at_most=self._settings.concurrent_calls)
        async with asyncio.TaskGroup() as group:
            for order in orders:
                self._start(group, order)
        return len(orders)

    async def settle(self) -> None:
        """Find out what became of attempts whose worker fell silent; nobody is rung for it."""
        for left in await self._leases.take_over(self._owner):
            try:
                if left.settled:
                    await self._forget(left.attempt_id)
                    continue
                async with asyncio.timeout(_PBX_SECONDS):
                    outcome = await self._dialer.settle(left.attempt_id)
                if outcome is not None:
                    await self._finish(outcome)
            except Exception as error:  # it is tried again when the lease has run out
                log.warning(
                    "callback_not_settled", attempt=left.attempt_id, error=type(error).__name__
                )

    async def _claim(self, *, at_most: int) -> Sequence[Order]:
        if not self._settings.enabled or asyncio.get_running_loop().time() < self._resting_until:
            return ()
        free = self._settings.concurrent_calls - len(self._ringing)
        return await self._leases.claim(self._owner, min(free, at_most))

    def _start(self, group: asyncio.TaskGroup, order: Order) -> None:
        task = group.create_task(self._ask(order))
        self._ringing[order.callback_id] = task
        task.add_done_callback(lambda _: self._ended(order.callback_id))

    def _ended(self, callback_id: int) -> None:
        self._ringing.pop(callback_id, None)
        self._slot_freed.set()

    async def _ask(self, order: Order) -> None:
        attempt_id = order.survey.attempt_id
        try:
            try:
                async with asyncio.timeout(self._settings.call_seconds):
                    outcome = await self._dialer.ask(order.number, order.survey)
            except TryLater:
                # The order did not reach the PBX: nothing rang, and for a while nothing will.
                log.warning("callback_not_rung", attempt=attempt_id)
                self._resting_until = asyncio.get_running_loop().time() + _REST_SECONDS
                await self._callbacks.not_rung(attempt_id)
            else:
                await self._finish(outcome)
        except Exception as error:  # nobody knows what rang: the lease runs out and it is settled
            log.warning("callback_left_open", attempt=attempt_id, error=type(error).__name__)

    async def _finish(self, outcome: Outcome) -> None:
        await self._callbacks.finish(outcome)
        self._attempts.labels(outcome.result.value).inc()
        # Only now, with the outcome on disk, may the PBX forget.
        await self._forget(outcome.attempt_id)

    async def _forget(self, attempt_id: str) -> None:
        try:
            async with asyncio.timeout(_PBX_SECONDS):
                await self._dialer.forget(attempt_id)
        except (TryLater, TimeoutError):
            log.info("callback_not_forgotten", attempt=attempt_id)
        else:
            await self._leases.release(self._owner, attempt_id)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_seconds / _RENEWALS_PER_LEASE)
            if self._ringing:
                await self._leases.renew(self._owner, list(self._ringing))
