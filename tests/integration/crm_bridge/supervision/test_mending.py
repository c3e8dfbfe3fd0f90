"""A unit puts its reply right while the paper is open, and what it said before stays."""

from datetime import timedelta
from typing import Any

from crm_bridge.supervision.rules import Rung
from tests.integration.crm_bridge.supervision.test_api import Client, ask
from tests.integration.crm_bridge.supervision.town import Town

REPLY = "/supervision/papers/1/reply"
HOUR = timedelta(hours=1).total_seconds()


async def replied(town: Town, client: Client) -> dict[str, Any]:
    """An order to which the clerk has replied, as his unit sees it."""
    await town.raise_to(await town.ticket(), Rung.order)
    await ask(client, "POST", REPLY, {"text": "已整改。"}, who="4001")
    return await own(client)


async def own(client: Client, who: str = "4001") -> dict[str, Any]:
    _, paper = await ask(client, "GET", "/supervision/papers/1", who=who)
    recipient: dict[str, Any] = paper["recipients"][0]
    return recipient | {"actions": paper["actions"], "state": paper["state"]}


async def test_a_mended_reply_takes_the_place_of_the_first_which_stays_readable(
    town: Town, client: Client
) -> None:
    before = await replied(town, client)
    assert before["actions"] == ["mend"]
    town.clock.advance(HOUR)
    body = {"text": "已整改，附照片。", "mends": before["replied_at"]}
    assert (await ask(client, "POST", REPLY, body, who="4002"))[0] == 200
    after = await own(client)
    assert (after["reply"], after["mended_by"], after["state"]) == (
        "已整改，附照片。",
        "4002",
        before["state"],
    )
    assert (after["replied_at"], after["replied_by"]) == (before["replied_at"], "4001")
    assert after["earlier"] == [{"text": "已整改。", "at": before["replied_at"], "by": "4001"}]


async def test_a_reply_in_time_stays_in_time_when_it_is_mended_late(
    town: Town, client: Client
) -> None:
    before = await replied(town, client)
    town.clock.advance(timedelta(days=30).total_seconds())
    body = {"text": "补充说明。", "mends": before["replied_at"]}
    assert (await ask(client, "POST", REPLY, body, who="4001"))[0] == 200
    assert (await own(client))["late"] is False


async def test_of_two_who_mend_the_same_reply_the_second_is_told(
    town: Town, client: Client
) -> None:
    before = await replied(town, client)
    town.clock.advance(HOUR)
    for who, expected in (("4001", 200), ("4002", 409)):
        body = {"text": f"{who} 修改。", "mends": before["replied_at"]}
        status, answer = await ask(client, "POST", REPLY, body, who=who)
        assert status == expected
    assert "同事刚刚修改过反馈" in answer["detail_zh"]
    mended = await own(client)
    assert mended["reply"] == "4001 修改。"
    town.clock.advance(HOUR)
    body = {"text": "再次修改。", "mends": mended["mended_at"]}
    assert (await ask(client, "POST", REPLY, body, who="4002"))[0] == 200
    assert [one["text"] for one in (await own(client))["earlier"]] == ["已整改。", "4001 修改。"]


async def test_the_same_key_mends_once(town: Town, client: Client) -> None:
    before = await replied(town, client)
    body = {"text": "补充说明。", "mends": before["replied_at"]}
    for _ in range(2):
        assert (await ask(client, "POST", REPLY, body, who="4001", key="mend-1"))[0] == 200
    assert len((await own(client))["earlier"]) == 1


async def test_a_closed_paper_keeps_its_replies_as_they_are(town: Town, client: Client) -> None:
    before = await replied(town, client)
    await ask(client, "POST", "/supervision/papers/1/close", {"text": "予以办结。"})
    body = {"text": "补充说明。", "mends": before["replied_at"]}
    status, problem = await ask(client, "POST", REPLY, body, who="4001")
    assert (status, problem["detail_en"]) == (409, "the paper is closed or withdrawn")
    assert (await own(client))["actions"] == []


async def test_what_nobody_has_replied_cannot_be_mended(town: Town, client: Client) -> None:
    await town.raise_to(await town.ticket(), Rung.order)
    body = {"text": "补充说明。", "mends": "2026-03-02T01:30:00Z"}
    status, problem = await ask(client, "POST", REPLY, body, who="4001")
    assert (status, problem["detail_zh"]) == (409, "您单位尚未反馈，请直接反馈")


async def test_what_a_unit_said_before_is_between_it_and_the_centre(
    town: Town, client: Client
) -> None:
    before = await replied(town, client)
    body = {"text": "补充说明。", "mends": before["replied_at"]}
    await ask(client, "POST", REPLY, body, who="4001")
    seen = await own(client, who="3001")
    assert [one["text"] for one in seen["earlier"]] == ["已整改。"]
    _, paper = await ask(client, "GET", "/supervision/papers/1", who="4101")
    assert all(one["earlier"] == [] for one in paper.get("recipients", []))
