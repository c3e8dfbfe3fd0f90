from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from telephony.agents.rules import AgentPhone, Availability
from telephony.agents.service import AgentPhones
from telephony.ami.link import AmiLink, LinkState
from tests.unit.telephony.fake_pbx import FakePbx, Member
from tests.unit.telephony.links import running, until


class Desk:
    """A roster that tests write."""

    def __init__(self, *phones: AgentPhone) -> None:
        self.now = list(phones)
        self.asked = 0
        self.gate: asyncio.Event | None = None

    async def phones(self) -> Sequence[AgentPhone]:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        return list(self.now)


def phone(number: str, paused: str | None = None) -> AgentPhone:
    availability = Availability.paused if paused else Availability.available
    return AgentPhone(
        number=number, name="李静", secret=f"s{number}", availability=availability, reason=paused
    )


@asynccontextmanager
async def following(link: AmiLink, desk: Desk) -> AsyncIterator[AgentPhones]:
    phones = AgentPhones(link, desk)
    task = asyncio.create_task(phones.run())
    try:
        async with running(link):
            yield phones
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def seats(pbx: FakePbx) -> dict[str, tuple[str, str]]:
    return {interface: (m.paused, m.reason) for interface, m in pbx.members.items()}


BOTH = {"PJSIP/agent-1001": ("0", ""), "PJSIP/agent-1002": ("1", "lunch")}


async def test_agents_are_in_the_queue_as_soon_as_the_link_is_up(
    pbx: FakePbx, link: AmiLink
) -> None:
    async with following(link, Desk(phone("1001"), phone("1002", "lunch"))):
        await until(lambda: seats(pbx) == BOTH)
    assert len(pbx.astdb) == 6


async def test_an_agent_with_a_telephone_is_known_by_his_number(
    pbx: FakePbx, link: AmiLink
) -> None:
    async with following(link, Desk(phone("1001"))) as phones:
        await until(lambda: phones.has("1001"))
        assert not phones.has("13800001234")


async def test_after_a_restart_of_asterisk_agents_are_back_with_their_pause_state(
    pbx: FakePbx, link: AmiLink
) -> None:
    async with following(link, Desk(phone("1001"), phone("1002", "lunch"))):
        await until(lambda: seats(pbx) == BOTH)
        pbx.members.clear()
        pbx.cut()
        await until(lambda: seats(pbx) == BOTH)


async def test_a_logout_takes_the_telephone_away(pbx: FakePbx, link: AmiLink) -> None:
    desk = Desk(phone("1001"))
    async with following(link, desk) as phones:
        await until(lambda: pbx.members)
        desk.now = []
        phones.request_reconcile()
        await until(lambda: not pbx.astdb)
    assert pbx.members == {}


async def test_what_somebody_else_changed_is_put_right(pbx: FakePbx, link: AmiLink) -> None:
    async with following(link, Desk(phone("1001"))):
        await until(lambda: pbx.members)
        pbx.members["PJSIP/agent-1001"] = Member(paused="1")
        pbx.say(b"Event: QueueMemberPause\r\nQueue: hotline\r\nMemberName: agent-1001\r\n\r\n")
        await until(lambda: seats(pbx) == {"PJSIP/agent-1001": ("0", "")})


async def test_asterisk_is_told_to_look_at_new_telephones_once_and_not_again(
    pbx: FakePbx, link: AmiLink
) -> None:
    async with following(link, Desk(phone("1001"), phone("1002"))) as phones:
        await until(lambda: pbx.sent("Reload"))
        await phones.reconcile()
    assert [action["Module"] for action in pbx.sent("Reload")] == [["res_pjsip.so"]]


async def test_requests_that_come_together_are_served_together(pbx: FakePbx, link: AmiLink) -> None:
    desk = Desk(phone("1001"))
    async with following(link, desk) as phones:
        await until(lambda: pbx.sent("Reload"))
        desk.gate, asked = asyncio.Event(), desk.asked
        phones.request_reconcile()
        await until(lambda: desk.asked == asked + 1)
        for _ in range(50):
            phones.request_reconcile()
        done = len(pbx.sent("QueueStatus"))
        desk.gate.set()
        await until(lambda: len(pbx.sent("QueueStatus")) == done + 2)
    assert desk.asked == asked + 2


async def test_an_agent_whom_asterisk_refuses_stops_nobody_else(
    pbx: FakePbx, link: AmiLink
) -> None:
    broken = AgentPhone(
        number="1001", name="x", secret="x" * 2000, availability=Availability.available
    )
    async with following(link, Desk(broken, phone("1002"))):
        await until(lambda: "PJSIP/agent-1002" in pbx.members)
    assert "PJSIP/agent-1001" not in pbx.members


async def test_a_link_that_is_lost_in_the_middle_is_no_end(pbx: FakePbx, link: AmiLink) -> None:
    pbx.silent.add("QueueAdd")
    async with following(link, Desk(phone("1001"))):
        await until(lambda: pbx.sent("QueueAdd"))
        pbx.silent.clear()
        pbx.cut()
        await until(lambda: link.state is LinkState.up and pbx.members)
