"""Makes the PBX follow the roster: accounts, places in the queue, pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from infra.kit.errors import LianxinError
from telephony.agents.rules import Membership, Roster, Step, steps_away, steps_for
from telephony.ami.errors import ActionRefused, AmiInjection
from telephony.ami.events import LinkUp, QueueMemberChange
from telephony.ami.link import AmiLink, LinkState
from telephony.ami.lists import contacts, queue_status, tree
from telephony.calls.legs import agent_of_member

log = structlog.get_logger()

_LOOK_AGAIN_SECONDS = 30.0
_RETRY_SECONDS = 1.0
_SLICE = 100
_REST_SECONDS = 1.0
"""Between two rounds: with five hundred agents each costs milliseconds that a screen pop would wait."""


class AgentPhones:
    """Keeps the agents' telephones as the roster says.

    The roster is read anew each time, and only what differs is changed; so nothing is lost when a
    request comes while another is at work, when Asterisk restarts, or when somebody meddles.

    Args:
        link: The Asterisk.
        roster: Who is logged in.
        queue: Name of the agents' queue.
    """

    def __init__(self, link: AmiLink, roster: Roster, queue: str = "hotline") -> None:
        self._link = link
        self._roster = roster
        self._queue = queue
        self._wanted = asyncio.Event()
        self._lock = asyncio.Lock()
        self._to_load = True
        self._stored: dict[str, str] | None = None
        self._seen: Mapping[str, str] = {}
        link.subscribe([LinkUp], self._link_up)
        link.subscribe([QueueMemberChange], lambda _event: self.request_reconcile())

    def request_reconcile(self) -> None:
        """Look at the roster soon; requests that come together are served together."""
        self._wanted.set()

    async def run(self) -> None:
        """Serve requests, and look by ourselves now and then, until cancelled."""
        self._wanted.set()
        while True:
            try:
                async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                self._wanted.set()
                self._stored = None
            if self._link.state is not LinkState.up:
                self._wanted.clear()  # coming up is a request of its own
                continue
            try:
                await self.reconcile(trust=True)
                await asyncio.sleep(_REST_SECONDS)
            except (LianxinError, KeyError, ValueError) as error:
                log.warning("agents.not_reconciled", error=type(error).__name__)
                self._wanted.set()
                self._stored = None
                await asyncio.sleep(_RETRY_SECONDS)

    async def reconcile(self, *, trust: bool = False) -> None:
        """Return when the PBX is what the roster said; one at a time.

        A telephone that Asterisk refuses is logged and passed over, so that it stops nobody else's.

        Args:
            trust: Whether accounts may be taken to be as we left them: since the link came up, and for no longer
                than half a minute. The queue is looked at in any case.

        Raises:
            LinkDown: The PBX cannot be reached; what is missing is done when it can be.
        """
        async with self._lock:
            self._wanted.clear()
            phones = await self._roster.phones()
            if self._stored is None or not trust:
                self._stored = await tree(self._link, "ps")
            stored = self._seen = self._stored
            members = await self._members()
            await self._do_all(steps_away(phones, stored, members, self._queue), stored)
            for position, phone in enumerate(phones):
                if position % _SLICE == 0:
                    await asyncio.sleep(0)  # whatever else is due comes in between
                await self._do_all(steps_for(phone, stored, members, self._queue), stored)
            if self._to_load:
                await self._load()

    def has(self, number: str) -> bool:
        """Return whether this is the 工号 of an agent who has a telephone, as far as was last seen."""
        return f"ps/endpoint/agent-{number}" in self._seen

    async def registered(self) -> set[str]:
        """Return the 工号 of every agent whose telephone is registered."""
        found = (agent_of_member(contact.endpoint) for contact in await contacts(self._link))
        return {number for number in found if number is not None}

    def _link_up(self, _event: LinkUp) -> None:
        self._to_load = True  # whoever minted last may have died before this
        self._stored = None
        self.request_reconcile()

    async def _load(self) -> None:
        # A telephone that is new in AstDB can register and be dialled at once, but Asterisk 22 follows the
        # state only of those that it knew when res_pjsip last looked: to the queue it would stay
        # unavailable for ever, and never ring. Looking again takes a millisecond and touches no call.
        await self._link.send("Reload", {"Module": "res_pjsip.so"})
        self._to_load = False

    async def _members(self) -> dict[str, Membership]:
        status = await queue_status(self._link)
        return {
            number: Membership(paused=member.paused, reason=member.reason)
            for member in status.members
            if member.queue == self._queue
            and (number := agent_of_member(member.interface)) is not None
        }

    async def _do_all(self, plan: Sequence[Step], stored: dict[str, str]) -> None:
        """Do the steps, each agent's until one of them is refused, and keep `stored` as AstDB then is."""
        failed: set[str] = set()
        for step in plan:
            self._to_load |= step.action == "DBPut"
            if step.agent in failed:
                continue
            if not await self._do(step):
                failed.add(step.agent)
            elif step.action == "DBPut":
                stored[f"{step.fields['Family']}/{step.fields['Key']}"] = step.fields["Val"]
            elif step.action == "DBDel":
                stored.pop(f"{step.fields['Family']}/{step.fields['Key']}", None)

    async def _do(self, step: Step) -> bool:
        try:
            await self._link.send(step.action, step.fields)
        except (AmiInjection, ActionRefused) as error:
            log.error(  # noqa: TRY400 - the type says it all, and the fields hold a secret
                "agents.step_refused",
                agent=step.agent,
                action=step.action,
                error=type(error).__name__,
            )
            return False
        log.info("agents.step", agent=step.agent, action=step.action)
        return True
