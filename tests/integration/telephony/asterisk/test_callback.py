from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest

from telephony.phone_network.link import ManagerLink, connect
from telephony.phone_network.records import times_rung
from tests.integration import pbx
from tests.integration.telephony.asterisk.mailbox import Records, ended, mailbox, order_callback

pytestmark = pytest.mark.asterisk


def keys(records: Records, attempt: str) -> dict[str, str]:
    prefix = f"key/{attempt}/"
    return {
        key.removeprefix(prefix): record["digit"]
        for key, record in records.items()
        if key.startswith(prefix)
    }


PATTERNS = {
    "13800011232": (
        {"result": "answered", "amd": "HUMAN"},
        {"contacted": "1", "solved": "2", "satisfied": "3"},
    ),
    "13800021111": ({"result": "busy", "dialstatus": "BUSY", "cause": "17", "sip": "486"}, {}),
    "13800031111": ({"result": "no_answer", "dialstatus": "NOANSWER"}, {}),
    "13800041111": ({"result": "hung_up", "dialstatus": "ANSWER"}, {}),
    "13800051111": ({"result": "silent", "dialstatus": "ANSWER"}, {}),
    "13800061111": ({"result": "machine", "amd": "MACHINE"}, {}),
    "13800071111": ({"result": "wants_person"}, {}),
    "13800081111": ({"result": "no_such_number", "cause": "1", "sip": "404"}, {}),
    "13800091111": ({"result": "carrier_failure", "sip": "503"}, {}),
    # a re-asked question is the next one heard: 9 is no answer to the first, 1 is
    "13800019130": ({"result": "answered"}, {"contacted": "1", "solved": "3"}),
}


async def test_each_kind_of_citizen_leaves_its_record(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    outcomes = (outcome(exchange, f"a-{number}", number) for number in PATTERNS)
    await asyncio.gather(the_carrier_recovers(exchange), *outcomes)

    records = await mailbox(link)
    found = {
        number: (
            {name: records[f"attempt/a-{number}"][name] for name in expected},
            keys(records, f"a-{number}"),
        )
        for number, (expected, _) in PATTERNS.items()
    }
    assert found == PATTERNS
    assert all(records[f"attempt/a-{number}"]["until"].isdigit() for number in PATTERNS)
    assert {number: times_rung(exchange.network, number) for number in PATTERNS} == dict.fromkeys(
        PATTERNS, 1
    )


async def the_carrier_recovers(exchange: pbx.Exchange) -> None:
    """138 0009: 503 on the first attempt, then 5 at every question."""
    first = await outcome(exchange, "first", "13800095555")
    second = await outcome(exchange, "second", "13800095555")

    assert (first["Result"], second["Result"]) == ("carrier_failure", "answered")
    # 5 is no answer to the first two questions; it is one to the third, and a reason is asked for
    async with connect(exchange.hotline) as own:
        assert keys(await mailbox(own), "second") == {"satisfied": "5"}
    reason = exchange.hotline.recordings_dir / second["Reason"]
    assert reason.parent.parent == exchange.hotline.recordings_dir / "reasons"
    assert pbx.seconds_of(reason) >= 1


async def outcome(exchange: pbx.Exchange, attempt: str, number: str) -> Mapping[str, str]:
    async with connect(exchange.hotline) as own:
        await order_callback(own, attempt, number)
        return await ended(own, attempt)


async def test_an_attempt_ordered_twice_at_once_rings_once(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    number = "13800041111"
    async with AsyncExitStack() as stack:
        links = [await stack.enter_async_context(connect(exchange.hotline)) for _ in range(5)]
        await asyncio.gather(*(order_callback(each, "same", number) for each in links))

    await ended(link, "same")
    await order_callback(link, "same", number)
    await order_callback(link, "witness", number)
    await ended(link, "witness")

    assert times_rung(exchange.network, number) == 2


async def test_an_attempt_whose_record_was_forgotten_still_never_rings_again(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    number = "13800021111"
    await order_callback(link, "once", number)
    await ended(link, "once")
    await link.act("DBDel", {"Family": "lianxin", "Key": "attempt/once"})

    await order_callback(link, "once", number)
    await order_callback(link, "witness", number)
    await ended(link, "witness")

    assert times_rung(exchange.network, number) == 2
    assert "attempt/once" not in await mailbox(link)


async def test_an_order_that_comes_too_late_does_not_ring(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    await order_callback(link, "late", "13800041111", valid_for=-1)

    assert (await ended(link, "late"))["Result"] == "refused_late"
    assert times_rung(exchange.network, "13800041111") == 0
