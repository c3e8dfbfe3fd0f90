"""PostgreSQL crashes and comes back in the middle of a whole run: nothing acknowledged is lost, and it goes on."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlmodel import select

from crm_bridge.callbacks.tables import RatingRow
from crm_bridge.tickets.tables import TicketRow
from telephony.calls.rules import CallState
from telephony.calls.tables import CallRow
from telephony.phone_network import citizens
from telephony.phone_network.link import connect
from telephony.phone_network.records import times_rung
from tests.faults.hotline import (
    RATES_2,
    TICKET,
    close_ticket,
    dependency,
    hotline,
    rated,
    rows,
    until,
)
from tests.installation import Person
from tests.parts import start_postgres

pytestmark = [pytest.mark.asterisk, pytest.mark.postgresql, pytest.mark.timeout(120)]

CITIZEN = "13912345678"


class Clerk:
    """Registers tickets one after the other; what is refused is sent again with the same key.

    Attributes:
        acknowledged: Numbers of the tickets.
        answers: How often each status came.
        patient: Whether every refusal told how long to wait.
    """

    def __init__(self, person: Person) -> None:
        self._person = person
        self.acknowledged: list[str] = []
        self.answers: Counter[int] = Counter()
        self.patient = True

    async def work(self) -> None:
        while True:
            headers = {
                "X-CSRF-Token": self._person.csrf,
                "Idempotency-Key": uuid4().hex,
            }
            while not await self._send(headers):
                pass

    async def _send(self, headers: dict[str, str]) -> bool:
        body: dict[str, Any] = {**TICKET, "call_me_not": True}
        async with self._person.session.post(
            f"{self._person.url}/api/v1/tickets", json=body, headers=headers
        ) as response:
            self.answers[response.status] += 1
            if response.status == 201:
                self.acknowledged.append((await response.json())["number"])
                return True
            self.patient = self.patient and "Retry-After" in response.headers
            return False


async def test_postgresql_restarted_in_a_whole_run_loses_nothing_acknowledged(
    tmp_path: Path,
) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="lianxin-postgres-") as folder,
        start_postgres(Path(folder)) as server,
    ):
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE lianxin")
        sections = {"database": {"url": server.url("lianxin")}}
        async with hotline(tmp_path, sections) as house, connect(house.exchange.hotline) as witness:
            await house.installation.start()
            agent = await house.person("1001")
            telephone = await house.telephone_of(agent)
            await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
            clerk = Clerk(agent)
            working = asyncio.create_task(clerk.work())
            call = asyncio.create_task(
                citizens.call(house.exchange.network, CITIZEN, "12345", stay_seconds=30)
            )
            async with asyncio.timeout(20):
                await telephone.talking.wait()
            ticket = await close_ticket(agent, RATES_2)
            await witness.event(
                "UserEvent", seconds=20, UserEvent="LianxinKey", Question="contacted"
            )

            server.stop(signal.SIGQUIT)
            report = await dependency(agent, "database")
            telephone.hang_up()
            await witness.event("UserEvent", seconds=20, UserEvent="LianxinCallEnded")
            server.start()

            found = await rated(agent, ticket["id"])
            so_far = len(clerk.acknowledged)

            async def goes_on() -> bool:
                return len(clerk.acknowledged) > so_far + 3

            await until(goes_on, "tickets are registered again")
            working.cancel()
            await asyncio.gather(working, call, return_exceptions=True)

            async def call_is_over() -> bool:
                written = await rows(house.installation, select(CallRow))
                return [row.state for row in written] == [CallState.ended]

            await until(call_is_over, "the call that ended meanwhile is written down")
            on_disk = {row.number for row in await rows(house.installation, select(TicketRow))}
            ratings = await rows(house.installation, select(RatingRow))
            rung = times_rung(house.exchange.network, RATES_2)

    print(f"answers to clerks: {dict(clerk.answers)}")
    assert (report["ok"], report["status"]) == (False, 503)
    assert clerk.answers.keys() == {201, 503}
    assert clerk.patient
    assert set(clerk.acknowledged) <= on_disk
    assert len(on_disk) - len(set(clerk.acknowledged)) <= 2  # `ticket`, and one that was cut off
    assert len(set(clerk.acknowledged)) == len(clerk.acknowledged)
    assert (found["rating"], [rating.value for rating in ratings]) == (2, [2])
    assert rung == 1
