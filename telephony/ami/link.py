"""The link to one Asterisk: connects, stays connected, sends, and hands events on in order."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import structlog
from panoramisk.manager import Manager

from infra.kit.clock import Clock
from infra.kit.health import Report
from telephony.ami.actions import Fields, Request, Response
from telephony.ami.errors import ActionRefused, ActionTimeout, LinkDown, LoginRefused
from telephony.ami.events import Event, FullyBooted, LinkLost, LinkUp
from telephony.ami.inbox import Inbox
from telephony.ami.protocol import Protocol
from telephony.ami.tally import Tally

log = structlog.get_logger()

E = TypeVar("E", bound=Event)

_STABLE_SECONDS = 5.0
"""A session that lasted this long was a success; a shorter one counts as a failure for the backoff."""


class LinkState(StrEnum):
    """Where the link stands."""

    connecting = "connecting"
    refused = "refused"  # Asterisk does not accept our login
    up = "up"
    down = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiSettings:
    """How to reach one Asterisk, and how patient to be; durations in seconds.

    Attributes:
        pbx: Name of this Asterisk in our records.
        connect_seconds: For connecting and logging in together.
        boot_seconds: For Asterisk to become ready after the login.
        retry_seconds: Longest wait between two attempts; the first waits are far shorter.
        refused_seconds: Wait after a refused login, which only a person can mend.
    """

    pbx: str
    host: str = "127.0.0.1"
    port: int = 5038
    username: str = "lianxin"
    secret: str = field(repr=False)
    connect_seconds: float = 5.0
    boot_seconds: float = 60.0
    action_seconds: float = 5.0
    ping_seconds: float = 5.0
    retry_seconds: float = 2.0
    refused_seconds: float = 30.0


class _Connection(Manager):  # type: ignore[misc]  # panoramisk ships no types
    """panoramisk's Manager for one connection; logging in, pinging and coming back are the link's.

    Its own reconnect cannot be cancelled and its ping is sent without looking for the answer.
    """

    protocol: Protocol

    def connection_made(self, connecting: asyncio.Future[Any]) -> None:
        if not connecting.cancelled() and connecting.exception() is None:
            super().connection_made(connecting)

    def ping(self) -> None:
        pass


class AmiLink:
    """The link to one Asterisk.

    `run` keeps it up until cancelled. Subscribers are called one after the other, in the order in
    which Asterisk reported, by one worker; what they raise is counted and logged, and the link stays.

    Attributes:
        state: Where the link stands.
        tally: What it has counted.
        booted_at: Epoch second at which Asterisk started, as of the last time the link came up.
    """

    def __init__(self, settings: AmiSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._subscribers: dict[type[Event], list[Callable[[Any], object]]] = defaultdict(list)
        self._protocol: Protocol | None = None
        self._booted = asyncio.Event()
        self.tally = Tally()
        self.state = LinkState.down
        self.booted_at = 0.0
        self.subscribe([FullyBooted], self._up)
        self.inbox = Inbox(self.tally, on_full=self._pause, on_room=self._resume)

    @property
    def pbx(self) -> str:
        """Name of this Asterisk in our records."""
        return self._settings.pbx

    def subscribe(self, kinds: Iterable[type[E]], handler: Callable[[E], object]) -> None:
        """Call `handler` with every event of these kinds. It must not block."""
        for kind in kinds:
            self._subscribers[kind].append(handler)

    async def send(
        self, action: str, fields: Fields | None = None, *, deadline: float | None = None
    ) -> Response:
        """Send one action, once, and return Asterisk's answer; for a list action, the whole list.

        Args:
            action: Name of the action.
            fields: Its headers; a sequence is sent as a repeated header.
            deadline: Seconds to wait; the settings' `action_seconds` without.

        Raises:
            AmiInjection: It cannot be sent as it is; nothing was.
            LinkDown: The link is down; nothing was sent.
            AnswerLost: The link was lost, or time was up, before the answer; Asterisk may have acted.
            ActionRefused: Asterisk answered with an error.
            ListIncomplete: The list that came is not the one that Asterisk counted.
        """
        if self._protocol is None or self.state is not LinkState.up:
            raise LinkDown("the link to Asterisk is down", "电话系统连接已断开，正在重连")
        return await self._exchange(self._protocol, action, fields or {}, deadline)

    async def run(self) -> None:
        """Keep the link up and hand events on, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.inbox.run(self._dispatch), name="ami-worker")
            tasks.create_task(self._stay_connected(), name="ami-connection")

    async def check(self) -> Report:
        """Tell whether the link is up, for `/readyz`."""
        return Report(
            ok=self.state is LinkState.up,
            detail_en=f"link to Asterisk {self.pbx}: {self.state}",
            detail_zh=f"与交换机 {self.pbx} 的连接：{_STATE_ZH[self.state]}",
            facts={
                "waiting": len(self.inbox),
                "dropped": self.tally.dropped,
                "handler_errors": self.tally.handler_errors,
                "connections": self.tally.connections,
            },
        )

    def _dispatch(self, event: Event) -> None:
        for handler in self._subscribers.get(type(event), ()):
            try:
                handler(event)
            except Exception:
                self.tally.handler_errors += 1
                # The 1st, 2nd, 4th, 8th …: a handler that always fails must not drown us in its traces.
                if self.tally.handler_errors.bit_count() == 1:
                    log.exception("ami.handler_failed", pbx=self.pbx, kind=type(event).__name__)

    def _up(self, event: FullyBooted) -> None:
        now = self._clock.now().timestamp()
        self.booted_at = now - event.uptime
        self.state = LinkState.up
        self.tally.connections += 1
        self._booted.set()
        self._dispatch(LinkUp(now, self.booted_at))

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            self.state = LinkState.connecting
            started = self._clock.monotonic()
            try:
                await self._session()
            except LoginRefused:
                self.state = LinkState.refused
                log.error("ami.login_refused", pbx=self.pbx)  # noqa: TRY400 - says it all
                await asyncio.sleep(self._settings.refused_seconds)
                continue
            except (OSError, TimeoutError, LinkDown) as error:
                log.warning("ami.not_connected", pbx=self.pbx, error=type(error).__name__)
            lasted = self._clock.monotonic() - started
            failures = 1 if lasted >= _STABLE_SECONDS else failures + 1
            await asyncio.sleep(self._pause_before_retry(failures))

    def _pause_before_retry(self, failures: int) -> float:
        longest = min(self._settings.retry_seconds, 0.1 * 2.0 ** min(failures, 16))
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, hides nothing

    async def _session(self) -> None:
        """Connect, log in, and return when the connection has ended."""
        settings = self._settings
        connection = _Connection(
            host=settings.host,
            port=settings.port,
            loop=asyncio.get_running_loop(),
            protocol_factory=lambda: Protocol(self.inbox.put, self.tally),
        )
        self._booted.clear()
        try:
            async with asyncio.timeout(settings.connect_seconds):
                await connection.connect()
                self._protocol = protocol = connection.protocol
                await self._log_in(protocol)
            async with asyncio.timeout(settings.boot_seconds):
                await self._booted.wait()
            log.info("ami.up", pbx=self.pbx)
            await self._attend(protocol)
        finally:
            was_up, self.state = self.state is LinkState.up, LinkState.down
            self._protocol = None
            if connection.protocol is not None:
                connection.protocol.abort()
            connection.close()
            if was_up:
                log.warning("ami.lost", pbx=self.pbx)
                self.inbox.put(LinkLost(self._clock.now().timestamp()))

    async def _log_in(self, protocol: Protocol) -> None:
        try:
            await self._exchange(
                protocol,
                "Login",
                {"Username": self._settings.username, "Secret": self._settings.secret},
                self._settings.connect_seconds,
            )
        except ActionRefused as error:
            raise LoginRefused("Login", error.message) from None

    async def _attend(self, protocol: Protocol) -> None:
        """Ping until the connection ends; cut it when an answer fails to come within an interval."""
        interval = self._settings.ping_seconds
        while not protocol.lost.done():
            await asyncio.wait([protocol.lost], timeout=interval)
            if protocol.lost.done() or self.inbox.full:
                continue
            try:
                await self._exchange(protocol, "Ping", {}, interval)
            except ActionTimeout:
                log.warning("ami.silent", pbx=self.pbx)
                return
            except (LinkDown, ActionRefused):
                continue

    async def _exchange(
        self, protocol: Protocol, action: str, fields: Fields, deadline: float | None
    ) -> Response:
        request = protocol.send(Request(action, fields))
        try:
            async with asyncio.timeout(deadline or self._settings.action_seconds):
                response = await request.answer
        except TimeoutError:
            raise ActionTimeout(f"Asterisk did not answer {action} in time") from None
        finally:
            protocol.forget(request)
        if not response.success:
            raise ActionRefused(action, response.message)
        return response

    def _pause(self) -> None:
        if self._protocol is not None:
            self._protocol.pause()

    def _resume(self) -> None:
        if self._protocol is not None:
            self._protocol.resume()


_STATE_ZH = {
    LinkState.connecting: "正在连接",
    LinkState.refused: "登录被拒绝，请检查 AMI 用户名和密码",
    LinkState.up: "正常",
    LinkState.down: "已断开，正在重连",
}
