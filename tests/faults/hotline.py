"""A whole hotline whose parts can be broken: two Asterisks, a proxy before AMI, `lianxin serve`, agents, citizens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from infra.kit.database import Database
from infra.kit.identity import Role
from telephony.asterisk.settings import AsteriskSettings
from telephony.phone_network.link import ManagerLink
from tests.faults.proxy import Proxy, proxying
from tests.faults.telephone import Telephone, telephone
from tests.installation import Installation, Person
from tests.integration import pbx

AGENTS = (("1001", "李静"), ("1002", "王磊"), ("1003", "陈晓"))
PEOPLE = tuple((number, name, Role.AGENT) for number, name in AGENTS)
RATES_2 = "13800011120"
"""Picks up at once and presses 1, 1, 2."""

AT_ONCE: Mapping[str, Any] = {
    "windows": ["00:00-24:00"],
    "delay_seconds": 0,
    "seconds_between_calls": 0,
    "lease_seconds": 3,
    "look_seconds": 0.2,
}
"""Callbacks at any hour and without delay; one whose worker has died is settled after three seconds."""

TICKET: Mapping[str, Any] = {
    "channel": "counter",
    "type": "complaint",
    "category": "2005",
    "title": "夜间施工噪声",
    "text": "工地夜里十二点还在施工。",
    "address": "江滨路 8 号",
}


def asterisk_section(hotline: AsteriskSettings, **changes: Any) -> dict[str, Any]:
    """The `[asterisk]` table of an installation that uses this Asterisk."""
    chosen = hotline.model_dump(mode="json", exclude_unset=True)
    return {**chosen, "ami_secret": hotline.ami_secret.get_secret_value(), **changes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotline:
    """The parts."""

    exchange: pbx.Exchange
    proxy: Proxy
    installation: Installation
    stack: AsyncExitStack

    async def person(self, number: str) -> Person:
        """Somebody who has logged in."""
        return await self.stack.enter_async_context(Person(self.installation, number))

    async def telephone_of(self, person: Person) -> Telephone:
        """The registered telephone of somebody who is logged in."""
        account = await person.call("GET", "/session/phone", expect=200)
        made = await self.stack.enter_async_context(
            telephone(self.exchange.hotline.sip_port, account["username"], account["password"])
        )

        async def registered() -> bool:
            try:
                await made.register()
            except PermissionError:
                return False  # the account is minted a moment after the login
            return True

        await until(registered, "the telephone is registered")
        return made


@asynccontextmanager
async def hotline(
    folder: Path,
    sections: Mapping[str, dict[str, Any]] | None = None,
    *,
    own_asterisk: bool = False,
    **asterisk: Any,
) -> AsyncIterator[Hotline]:
    """Both Asterisks run; `lianxin serve` is prepared with three agents, and has yet to be started.

    Args:
        folder: Where the installation lies.
        sections: Settings beside those that every fault test has.
        own_asterisk: Whether `lianxin serve` runs the hotline's Asterisk itself, without a proxy.
        **asterisk: Settings of our side of Asterisk.
    """
    async with AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(pbx.exchange())
        proxy = await stack.enter_async_context(proxying(exchange.hotline.ami_port))
        values: dict[str, dict[str, Any]] = {
            "telephony": {"start_asterisk": own_asterisk},
            "callbacks": dict(AT_ONCE),
            "console": {"away_seconds": 600},
            "asterisk": asterisk_section(exchange.hotline, **asterisk),
        }
        if own_asterisk:
            await exchange.hotline_process.stop()
        else:
            values["asterisk"]["ami_port"] = proxy.port
        for name, section in (sections or {}).items():
            values[name] = {**values.get(name, {}), **section}
        installation = Installation(folder, values)
        await installation.prepare(*PEOPLE)
        stack.callback(installation.stop)
        yield Hotline(exchange=exchange, proxy=proxy, installation=installation, stack=stack)


async def until(
    condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 20.0
) -> float:
    """Return how many seconds it took until the condition held.

    Raises:
        AssertionError: It did not hold in time.
    """
    started = time.monotonic()
    while not await condition():
        assert time.monotonic() - started < seconds, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.05)
    return time.monotonic() - started


async def close_ticket(person: Person, phone: str, *, expect: int = 201) -> dict[str, Any]:
    """A ticket that was answered on the spot; its callback is due at once."""
    body = {**TICKET, "callback_phone": phone, "answer": {"text": "已通知执法人员到场。"}}
    headers = {"Idempotency-Key": uuid4().hex}
    made: dict[str, Any] = await person.call(
        "POST", "/tickets", body, expect=expect, headers=headers
    )
    return made


async def rated(person: Person, ticket_id: int, seconds: float = 30.0) -> dict[str, Any]:
    """The ticket, once the citizen's rating is on it."""
    found: dict[str, Any] = {}

    async def has_rating() -> bool:
        found.update(await person.call("GET", f"/tickets/{ticket_id}", expect=200))
        return found["rating"] is not None

    await until(has_rating, "the ticket is rated", seconds)
    return found


async def dependency(person: Person, name: str) -> dict[str, Any]:
    """What `/readyz` says of something that the process needs."""
    async with person.session.get(f"{person.url}/readyz") as response:
        found: dict[str, Any] = (await response.json())["dependencies"][name]
        return {**found, "status": response.status}


async def members(link: ManagerLink) -> dict[str, tuple[bool, str]]:
    """The queue's members, as Asterisk itself lists them: 工号 → paused, reason."""
    answer = await link.act("QueueStatus", {"Queue": "hotline"})
    found: dict[str, tuple[bool, str]] = {}
    while True:
        event = await link.event(
            "QueueMember", "QueueStatusComplete", seconds=5, ActionID=answer["ActionID"]
        )
        if event["Event"] == "QueueStatusComplete":
            return found
        number = event["Location"].removeprefix("PJSIP/agent-")
        found[number] = (event["Paused"] == "1", event["PausedReason"])


async def rows(installation: Installation, statement: Any) -> list[Any]:
    """What the database says, read by another connection than the process's."""
    database = Database(installation.settings.database.url)
    try:
        async with database.reading() as session:
            return list((await session.exec(statement)).all())
    finally:
        await database.close()
