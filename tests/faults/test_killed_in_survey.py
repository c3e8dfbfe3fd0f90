"""Our process is killed with -9 while a citizen presses keys: his rating is there once, and he is not rung again."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio
from sqlmodel import select

from crm_bridge.callbacks.tables import RatingRow
from telephony.phone_network.link import ManagerLink, connect
from telephony.phone_network.records import times_rung
from tests.faults.hotline import Hotline, close_ticket, hotline, rated, rows, until
from tests.installation import Person
from tests.integration.telephony.asterisk.mailbox import mailbox

pytestmark = [
    pytest.mark.asterisk,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="module"),
]

DIALLED = {"UserEvent": "LianxinAttempt", "State": "dialing"}
FIRST_KEY = {"UserEvent": "LianxinKey", "Question": "contacted"}
LAST_KEY = {"UserEvent": "LianxinKey", "Question": "satisfied"}
ENDED = {"UserEvent": "LianxinAttempt", "State": "ended"}
SEED = int(os.environ.get("LX_FAULT_SEED", "12345"))
SURVEY_SECONDS = 8.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hotline]:
    async with hotline(tmp_path_factory.mktemp("hotline")) as prepared:
        yield prepared


@pytest_asyncio.fixture(loop_scope="module")
async def house(shared: Hotline) -> Hotline:
    """A hotline whose process runs, whatever the test before has done to it."""
    if shared.installation.process is None:
        await shared.installation.start()
    return shared


@pytest_asyncio.fixture(loop_scope="module")
async def witness(house: Hotline) -> AsyncIterator[ManagerLink]:
    async with connect(house.exchange.hotline) as link:
        yield link


async def survey_ends(witness: ManagerLink) -> None:
    await witness.event("UserEvent", seconds=40, **ENDED)


async def rating_is_there_once(house: Hotline, agent: Person, citizen: str, ticket: int) -> None:
    found = await rated(agent, ticket)

    (callback,) = found["callbacks"]
    of_ticket = select(RatingRow).where(RatingRow.ticket_id == ticket)
    assert found["rating"] == 2
    assert callback["answers"] == {"contacted": 1, "solved": 1, "satisfied": 2}
    assert [attempt["result"] for attempt in callback["attempts"]] == ["answered"]
    assert times_rung(house.exchange.network, citizen) == 1
    assert len(await rows(house.installation, of_ticket)) == 1


@pytest.mark.parametrize(
    ("citizen", "moment"),
    [
        pytest.param("13800011120", DIALLED, id="after-it-was-dialled"),
        pytest.param("13800011121", FIRST_KEY, id="between-two-keys"),
        pytest.param("13800011122", LAST_KEY, id="after-the-last-key"),
    ],
)
async def test_killed_during_the_survey_counts_the_rating_once(
    house: Hotline, witness: ManagerLink, citizen: str, moment: Mapping[str, str]
) -> None:
    agent = await house.person("1001")
    ticket = await close_ticket(agent, citizen)
    await witness.event("UserEvent", seconds=20, **moment)

    house.installation.kill()
    await survey_ends(witness)
    await house.installation.start()

    await rating_is_there_once(house, agent, citizen, ticket["id"])

    async def forgotten() -> bool:
        return not any(key.startswith(("attempt/", "key/")) for key in await mailbox(witness))

    await until(forgotten, "the PBX has been told to forget")


async def test_killed_at_a_random_moment_counts_the_rating_once(
    house: Hotline, witness: ManagerLink
) -> None:
    moment = random.Random(SEED).uniform(0.0, SURVEY_SECONDS)
    print(f"LX_FAULT_SEED={SEED}: killed {moment:.2f} s after it was dialled")
    citizen = "13800011123"
    agent = await house.person("1001")
    ticket = await close_ticket(agent, citizen)
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

    await rating_is_there_once(house, agent, citizen, ticket["id"])


async def test_without_the_mailbox_the_rating_would_be_lost_and_still_nobody_is_rung_again(
    house: Hotline, witness: ManagerLink
) -> None:
    citizen = "13800011124"
    agent = await house.person("1001")
    ticket = await close_ticket(agent, citizen)
    await witness.event("UserEvent", seconds=20, **DIALLED)

    house.installation.kill()
    await survey_ends(witness)
    await witness.act("DBDelTree", {"Family": "lianxin"})
    await house.installation.start()

    async def given_up() -> bool:
        shown = await agent.call("GET", f"/tickets/{ticket['id']}", expect=200)
        return bool(shown["callbacks"][0]["state"] == "needs_review")

    await until(given_up, "a person is asked what to do")
    of_ticket = select(RatingRow).where(RatingRow.ticket_id == ticket["id"])
    assert await rows(house.installation, of_ticket) == []
    assert times_rung(house.exchange.network, citizen) == 1
