"""Our process is killed with -9 while a citizen presses keys: his rating is there once, and he is not rung again."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from crm_bridge.callbacks.tables import CallbackAttemptRow, RatingRow
from telephony.phone_network.link import ManagerLink, connect
from telephony.phone_network.records import times_rung
from tests.faults.hotline import RATES_2, Hotline, close_ticket, hotline, rated, rows, until
from tests.integration.telephony.asterisk.mailbox import ended, mailbox

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

DIALLED = {"UserEvent": "LianxinAttempt", "State": "dialing"}
FIRST_KEY = {"UserEvent": "LianxinKey", "Question": "contacted"}
LAST_KEY = {"UserEvent": "LianxinKey", "Question": "satisfied"}
ENDED = {"UserEvent": "LianxinAttempt", "State": "ended"}
SEED = int(os.environ.get("LX_FAULT_SEED", "12345"))
SURVEY_SECONDS = 8.0


async def survey_ends(witness: ManagerLink) -> None:
    await witness.event("UserEvent", seconds=40, **ENDED)


async def rating_is_there_once(house: Hotline, agent: Any, ticket_id: int) -> None:
    found = await rated(agent, ticket_id)

    assert found["rating"] == 2
    assert found["callbacks"][0]["answers"] == {"contacted": 1, "solved": 1, "satisfied": 2}
    assert times_rung(house.exchange.network, RATES_2) == 1
    assert len(await rows(house.installation, select(RatingRow))) == 1
    assert len(await rows(house.installation, select(CallbackAttemptRow))) == 1


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(DIALLED, id="after-it-was-dialled"),
        pytest.param(FIRST_KEY, id="between-two-keys"),
        pytest.param(LAST_KEY, id="after-the-last-key"),
    ],
)
async def test_killed_during_the_survey_counts_the_rating_once(
    tmp_path: Path, moment: Mapping[str, str]
) -> None:
    async with hotline(tmp_path) as house, connect(house.exchange.hotline) as witness:
        await house.installation.start()
        agent = await house.person("1001")
        ticket = await close_ticket(agent, RATES_2)
        await witness.event("UserEvent", seconds=20, **moment)

        house.installation.kill()
        await survey_ends(witness)
        await house.installation.start()

        await rating_is_there_once(house, agent, ticket["id"])

        async def forgotten() -> bool:
            return not any(key.startswith(("attempt/", "key/")) for key in await mailbox(witness))

        await until(forgotten, "the PBX has been told to forget")


async def test_killed_at_a_random_moment_counts_the_rating_once(tmp_path: Path) -> None:
    moment = random.Random(SEED).uniform(0.0, SURVEY_SECONDS)
    print(f"LX_FAULT_SEED={SEED}: killed {moment:.2f} s after it was dialled")
    async with hotline(tmp_path) as house, connect(house.exchange.hotline) as witness:
        await house.installation.start()
        agent = await house.person("1001")
        ticket = await close_ticket(agent, RATES_2)
        await witness.event("UserEvent", seconds=20, **DIALLED)

        over = True
        try:
            await witness.event("UserEvent", seconds=moment, **ENDED)
        except TimeoutError:
            over = False
        house.installation.kill()
        if not over:
            await survey_ends(witness)
        await house.installation.start()

        await rating_is_there_once(house, agent, ticket["id"])


async def test_without_the_mailbox_the_rating_would_be_lost_and_still_nobody_is_rung_again(
    tmp_path: Path,
) -> None:
    async with hotline(tmp_path) as house, connect(house.exchange.hotline) as witness:
        await house.installation.start()
        agent = await house.person("1001")
        ticket = await close_ticket(agent, RATES_2)
        attempt = (await witness.event("UserEvent", seconds=20, **DIALLED))["Attempt"]

        house.installation.kill()
        await ended(witness, attempt)
        await witness.act("DBDelTree", {"Family": "lianxin"})
        await house.installation.start()

        async def given_up() -> bool:
            shown = await agent.call("GET", f"/tickets/{ticket['id']}", expect=200)
            return bool(shown["callbacks"][0]["state"] == "needs_review")

        await until(given_up, "a person is asked what to do")
        assert await rows(house.installation, select(RatingRow)) == []
        assert times_rung(house.exchange.network, RATES_2) == 1
