"""Asks a third party into a call that is going on, and follows him until he has gone.

Asterisk rings the third by himself and, when he answers, puts his channel into the bridge in which citizen and agent
talk. Nothing of the running call is moved, so a third who is not reached costs nobody a word; and a bridge of three
lets anybody leave (`bridge_basic.c`), so the agent leaves by hanging up as always.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex

import structlog

from infra.kit.clock import Clock
from infra.kit.errors import LianxinError, NotFound
from telephony.ami.errors import ActionRefused, AnswerLost, LinkDown
from telephony.ami.events import BridgeEnter, Hangup, LinkUp, Newchannel, OriginateResponse
from telephony.ami.link import AmiLink
from telephony.calls.book import TALKING
from telephony.calls.resync import CallSync
from telephony.calls.rules import FINAL, CallChange, ChangeKind
from telephony.calls.tracker import CallTracker
from telephony.numbers import PhoneNumber
from telephony.three_way import finding
from telephony.three_way.errors import AlreadyThree, NotTalking
from telephony.three_way.rules import OVER, PREFIX, Third, ThirdSignal, ThirdState, next_state

log = structlog.get_logger()

Listener = Callable[[Third], None]

_RETRY_SECONDS = 1.0
_NOT_DIALLED = 38
"""Q.850: network out of order; what is said of somebody for whom Asterisk could not even make a channel."""


class ThreeWayCalls:
    """The third parties of one Asterisk's calls.

    Args:
        link: The Asterisk.
        sync: Puts the tracker right.
        tracker: Knows the calls.
        clock: Gives the time of what no event tells.
        ring_seconds: How long a third is rung.
    """

    def __init__(
        self,
        link: AmiLink,
        sync: CallSync,
        tracker: CallTracker,
        clock: Clock,
        *,
        ring_seconds: int = 45,
    ) -> None:
        self._link = link
        self._sync = sync
        self._tracker = tracker
        self._clock = clock
        self._ring_seconds = ring_seconds
        self._thirds: dict[str, Third] = {}
        self._listeners: list[Listener] = []
        self._when_known: list[Callable[[], None]] = []
        link.subscribe([Newchannel], self._on_newchannel)
        link.subscribe([BridgeEnter], self._on_enter)
        link.subscribe([Hangup], self._on_hangup)
        link.subscribe([OriginateResponse], self._on_response)
        link.subscribe([LinkUp], self._on_link_up)
        tracker.subscribe(self._on_change)
        self._wanted = asyncio.Event()
        self._look = True
        self._known = asyncio.Event()
        self._unwanted: list[str] = []
        self._dialled: set[str] = set()

    @property
    def pbx(self) -> str:
        """Name of the Asterisk that carries the calls."""
        return self._link.pbx

    @property
    def going_on(self) -> Mapping[str, Third]:
        """Everybody who is being rung or talks, by id."""
        return self._thirds

    @property
    def busy_agents(self) -> Set[str]:
        """工号 of everybody who talks with a third party after the citizen has gone."""
        thirds = self._thirds.values()
        return {one.agent for one in thirds if one.state is ThirdState.without_citizen}

    async def known(self) -> None:
        """Return when it is known who is being rung or talks since the link last came up."""
        await self._known.wait()

    def when_known(self, listener: Callable[[], None]) -> None:
        """Call `listener` each time that this has become known; who was found again has been told of by then."""
        self._when_known.append(listener)

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every change of a third party, and with one who is found again. It must not block."""
        self._listeners.append(listener)

    def of_call(self, linkedid: str) -> Third | None:
        """Return the third party of a call, if there is one now."""
        return next((t for t in self._thirds.values() if t.linkedid == linkedid), None)

    async def invite(self, agent: str, linkedid: str, number: PhoneNumber) -> Third:
        """Ring a third party; when he answers he is in the call.

        Args:
            agent: 工号 of who asks; it must be his call.
            linkedid: The call.
            number: Whom to ring.

        Raises:
            NotTalking: The agent does not talk in this call.
            AlreadyThree: It has a third party already.
            LinkDown: The PBX cannot be reached, or nobody knows yet who is in its calls; nobody was rung.
            ActionRefused: The PBX does not dial this number.
        """
        if not self._known.is_set():
            raise LinkDown("who is in which call is being read", "正在读取当前通话，请稍后重试")
        call = self._tracker.calls.get(linkedid)
        citizen = self._tracker.citizen_channel(linkedid)
        if call is None or citizen is None or call.agent != agent or call.state not in TALKING:
            raise NotTalking
        if self.of_call(linkedid) is not None:
            raise AlreadyThree
        third = Third(
            id=f"{PREFIX}{token_hex(8)}",
            pbx=call.pbx,
            linkedid=linkedid,
            agent=agent,
            number=number,
            state=ThirdState.calling,
            at=self._clock.now(),
        )
        self._thirds[third.id] = third
        try:
            await self._order(third, citizen)
        except AnswerLost:
            # He may be ringing: what becomes of it is heard, or seen in the list when the link is back.
            log.warning("three_way.answer_lost", third=third.id)
        except BaseException:
            self._thirds.pop(third.id, None)
            raise
        log.info("three_way.calling", third=third.id, linkedid=linkedid, agent=agent)
        self._tell(self._thirds.get(third.id, third))
        return third

    async def dismiss(self, agent: str, third_id: str) -> None:
        """Let go of a third party whom this agent asked: stop the ringing, or end his part of the call.

        Raises:
            NotFound: There is none of this agent's under this id now.
            LinkDown: The PBX cannot be reached.
        """
        third = self._thirds.get(third_id)
        if third is None or third.agent != agent:
            raise NotFound
        await self._hang_up(third_id)

    async def run(self) -> None:
        """Find out who is there when the link comes up, and stop ringing for calls that are over, until cancelled."""
        self._wanted.set()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._tidy()
            except LianxinError as error:
                log.info("three_way.not_tidied", error=error.slug)
                await asyncio.sleep(_RETRY_SECONDS)
                self._wanted.set()

    async def _tidy(self) -> None:
        if self._look:
            await self._sync.synchronised()
            await self._find_again()
            self._look = False
            self._known.set()
            for listener in self._when_known:
                listener()
        while self._unwanted:
            third_id = self._unwanted[0]
            await self._hang_up(third_id)
            self._unwanted.remove(third_id)

    async def _find_again(self) -> None:
        """Catch up with what happened to those whom we know, and get to know those whom a process before us asked."""
        for third in list(self._thirds.values()):
            for signal in finding.seen(self._tracker, third):
                self._signal(self._thirds.get(third.id, third), signal, self._clock.now())
        for leg in self._tracker.legs:
            if leg.is_third and leg.uniqueid not in self._thirds:
                await self._find(leg.uniqueid)
        for third in self._thirds.values():
            if third.state is ThirdState.calling and third.linkedid not in self._tracker.calls:
                self._unwanted.append(third.id)

    async def _find(self, third_id: str) -> None:
        third = await finding.read(self._link, self._tracker, third_id, self._clock.now())
        if third is not None:
            self._thirds[third_id] = third
            self._dialled.add(third_id)
            log.info("three_way.found_again", third=third_id, linkedid=third.linkedid)
            self._tell(third)

    async def _order(self, third: Third, citizen: str) -> None:
        order: dict[str, str | Sequence[str]] = {
            "Channel": f"PJSIP/{third.number.digits}@trunk",
            "ChannelId": third.id,
            "Context": "lianxin-three-way",
            "Exten": "s",
            "Priority": "1",
            "Timeout": str(self._ring_seconds * 1000),
            "Variable": [f"LX_JOINS={citizen}", finding.written_on(third)],
        }
        await self._link.send("Originate", order)

    async def _hang_up(self, third_id: str) -> None:
        try:
            # Asterisk finds a channel by its id as well as by its name.
            await self._link.send("Hangup", {"Channel": third_id})
        except ActionRefused:
            log.debug("three_way.gone", third=third_id)

    # --- what happens -------------------------------------------------------------------------

    def _on_newchannel(self, event: Newchannel) -> None:
        if event.uniqueid in self._thirds:
            self._dialled.add(event.uniqueid)

    def _on_enter(self, event: BridgeEnter) -> None:
        self._hear(event.uniqueid, ThirdSignal.answer, event.at)

    def _on_hangup(self, event: Hangup) -> None:
        self._hear(event.uniqueid, ThirdSignal.hang_up, event.at, event.cause or None)

    def _on_response(self, event: OriginateResponse) -> None:
        # With a channel there is its hang-up too, and that one knows the true cause.
        if not event.success and event.uniqueid not in self._dialled:
            self._hear(event.uniqueid, ThirdSignal.hang_up, event.at, _NOT_DIALLED)

    def _on_link_up(self, _event: LinkUp) -> None:
        self._look = True
        self._known.clear()
        self._wanted.set()

    def _on_change(self, change: CallChange) -> None:
        third = self.of_call(change.call.linkedid)
        if third is None:
            return
        if change.kind is ChangeKind.transferred and change.agent == third.agent:
            self._signal(third, ThirdSignal.agent_leaves, change.at)
        elif change.call.state in FINAL:
            if third.state is ThirdState.calling:
                # Nobody is left whom he could join.
                self._unwanted.append(third.id)
                self._wanted.set()
            # A call ends with the citizen's channel; in a bridge of three the others hear each other on.
            self._signal(third, ThirdSignal.citizen_leaves, change.at)

    def _hear(
        self, uniqueid: str, signal: ThirdSignal, at: float, cause: int | None = None
    ) -> None:
        third = self._thirds.get(uniqueid)
        if third is not None:
            moment = datetime.fromtimestamp(at, UTC) if at else self._clock.now()
            self._signal(third, signal, moment, cause)

    def _signal(
        self, third: Third, signal: ThirdSignal, at: datetime, cause: int | None = None
    ) -> None:
        state = next_state(third.state, signal)
        if state is None:
            return
        changed = replace(third, state=state, at=at, cause=cause)
        if state in OVER:
            del self._thirds[third.id]
            self._dialled.discard(third.id)
        else:
            self._thirds[third.id] = changed
        self._tell(changed)

    def _tell(self, third: Third) -> None:
        for listener in self._listeners:
            try:
                listener(third)
            except Exception:
                log.exception("three_way.listener_failed", third=third.id)
