"""A city without telephones for a browser to work at: its centre, two units, and tickets that somebody wrote down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from agent_console.pages import DIST
from infra.kit.identity import Role
from tests.installation import Installation, Person
from tests.parts import missing

AGENT, DISPATCHER, COLLEAGUE, LEADER, ADMINISTRATOR = "1001", "2001", "2002", "9001", "8001"
CLERK, HEAD, HELPER = "3001", "3002", "3101"
LEAD_UNIT, HELPING_UNIT = "CGJ", "HWZ"
LEAD_NAME, HELPING_NAME = "城管执法局", "环境卫生总站"

PEOPLE = (
    (AGENT, "李静", Role.AGENT),
    (DISPATCHER, "陈晓东", Role.DISPATCHER),
    (COLLEAGUE, "刘芳", Role.DISPATCHER),
    (LEADER, "王建国", Role.LEADER),
    (ADMINISTRATOR, "吴工", Role.ADMINISTRATOR),
)
STAFF = (
    (CLERK, "周敏", Role.UNIT_CLERK, LEAD_UNIT),
    (HEAD, "郑立", Role.UNIT_HEAD, LEAD_UNIT),
    (HELPER, "何丽", Role.UNIT_CLERK, HELPING_UNIT),
)

NOISE: Mapping[str, Any] = {
    "type": "complaint",
    "category": "2005",
    "title": "江滨路 8 号工地夜间施工扰民",
    "text": "连续三晚施工到零点以后，打桩声很大，孩子读高三无法入睡，要求按规定时间施工。",
    "address": "临江市滨江区江滨路 8 号",
    "citizen_name": "孙丽",
    "callback_phone": "13800012340",
    "answer": None,
}


@asynccontextmanager
async def city(folder: Path) -> AsyncIterator[Installation]:
    """Run a city's installation inside the block."""
    if not (DIST / "desk.html").is_file():
        missing("The built pages", "infra/setup.sh pages")
    installation = Installation(
        folder,
        {
            "telephony": {"enabled": False},
            "casework": {"attachments_dir": str(folder / "attachments")},
        },
    )
    await installation.prepare(*PEOPLE)
    await installation.start()
    try:
        for number, name, role, unit in STAFF:
            await installation.add(number, name, role, unit)
        yield installation
    finally:
        await asyncio.to_thread(installation.stop)


async def written_down(agent: Person, **changes: Any) -> dict[str, Any]:
    """Return a ticket that an agent has left open for dispatch."""
    ticket: dict[str, Any] = await agent.call(
        "POST",
        "/tickets",
        {**NOISE, **changes},
        expect=201,
        headers={"Idempotency-Key": uuid4().hex},
    )
    return ticket


async def act(
    person: Person, ticket_id: int, path: str, *, expect: int = 200, **body: Any
) -> dict[str, Any]:
    """Do something to a ticket as it stands, and return it as it stands then."""
    now = await person.call("GET", f"/tickets/{ticket_id}", expect=200)
    done: dict[str, Any] = await person.call(
        "POST",
        f"/tickets/{ticket_id}/{path}",
        {"version": now["version"], **body},
        expect=expect,
        headers={"Idempotency-Key": uuid4().hex},
    )
    return done


async def dispatched(agent: Person, dispatcher: Person, **changes: Any) -> dict[str, Any]:
    """Return a ticket that lies at the lead unit."""
    ticket = await written_down(agent, **changes)
    return await act(dispatcher, ticket["id"], "dispatch", lead=LEAD_UNIT)


async def in_hand(
    agent: Person, dispatcher: Person, clerk: Person, **changes: Any
) -> dict[str, Any]:
    """Return a ticket that the lead unit has signed."""
    ticket = await dispatched(agent, dispatcher, **changes)
    return await act(clerk, ticket["id"], "assignments/1/sign")
