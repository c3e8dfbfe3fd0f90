"""What the mini program sends and shows: files, reports, one's own tickets, ratings, talk."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from channels.gcj02 import to_gcj02
from channels.wechat.stub.state import Taken
from tests.integration.run.mini_city import answered, rows, running_mini_city, telephone, vouched
from tests.integration.run.wechat_city import WeChatCity, new_key, told, told_more, until
from tests.pictures import png

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WeChatCity]:
    """One city for all of them, as its start takes a while; every test has people of its own."""
    async with running_mini_city(tmp_path_factory.mktemp("mini")) as running:
        yield running


async def test_report_with_place_file_and_number_becomes_a_ticket(city: WeChatCity) -> None:
    one = await telephone(city, "li", phone="13800015121")
    assert await vouched(one) == "138****5121"
    file = await one.upload("路灯.png", png())
    latitude, longitude = to_gcj02(39.90869, 116.39751)
    report = {
        "type": "complaint",
        "text": "路灯不亮已经三天",
        "address": "长安街1号",
        "latitude": latitude,
        "longitude": longitude,
        "name": "李先生",
        "attachments": [file["id"]],
    }
    number = (await one.call("POST", "/reports", report, expect=201, key=new_key()))["number"]
    shown = await one.call("GET", f"/tickets/{number}", expect=200)
    assert (shown["type"], shown["state"], shown["text"]) == (
        "complaint",
        "registered",
        "路灯不亮已经三天",
    )
    assert shown["steps"][0]["text_zh"] == "已收到您的诉求并登记"
    ((message, phone),) = rows(
        city,
        "SELECT contacts.message, contacts.phone_encrypted FROM tickets"
        " JOIN ticket_contacts ON ticket_contacts.ticket_id = tickets.id"
        " JOIN contacts ON contacts.id = ticket_contacts.contact_id WHERE tickets.number = ?",
        number,
    )
    assert '"latitude": 39.9086' in str(message)
    assert phone is not None
    assert rows(city, "SELECT subject FROM attachments WHERE id = ?", file["id"]) != [(None,)]


async def test_report_that_is_sent_again_is_one(city: WeChatCity) -> None:
    one, key = await telephone(city, "again"), new_key()
    first = await one.call("POST", "/reports", {"text": "下水道堵了"}, expect=201, key=key)
    for _ in range(4):
        again = await one.call("POST", "/reports", {"text": "下水道堵了"}, expect=201, key=key)
        assert again == first
    assert len((await one.call("GET", "/tickets", expect=200))["items"]) == 1


async def test_same_key_of_two_people_is_two_reports(city: WeChatCity) -> None:
    key = new_key()
    numbers = set()
    for name in ("twin-a", "twin-b"):
        one = await telephone(city, name)
        filed = await one.call("POST", "/reports", {"text": "噪音扰民"}, expect=201, key=key)
        numbers.add(filed["number"])
    assert len(numbers) == 2


async def test_anonymous_report_names_nobody_and_is_still_his(city: WeChatCity) -> None:
    one = await telephone(city, "shy", phone="13900015121")
    await vouched(one)
    report = {"text": "举报乱倒垃圾", "type": "report", "anonymous": True, "name": "张三"}
    number = (await one.call("POST", "/reports", report, expect=201, key=new_key()))["number"]
    ((citizen, phone, sealed),) = rows(
        city,
        "SELECT tickets.citizen_id, contacts.phone_encrypted, contacts.citizen_id FROM tickets"
        " JOIN ticket_contacts ON ticket_contacts.ticket_id = tickets.id"
        " JOIN contacts ON contacts.id = ticket_contacts.contact_id WHERE tickets.number = ?",
        number,
    )
    assert (citizen, phone, sealed) == (None, None, None)
    await one.call("GET", f"/tickets/{number}", expect=200)


async def test_nobody_sees_or_rates_anothers_ticket(city: WeChatCity) -> None:
    one, other = await telephone(city, "owner"), await telephone(city, "curious")
    filed = await one.call("POST", "/reports", {"text": "占道经营"}, expect=201, key=new_key())
    number = filed["number"]
    await other.call("GET", f"/tickets/{number}", expect=404)
    await other.call("POST", f"/tickets/{number}/rating", {"satisfied": 1}, expect=404)
    assert (await other.call("GET", "/tickets", expect=200))["items"] == []


async def test_anothers_file_and_one_named_twice_are_refused(city: WeChatCity) -> None:
    one, other = await telephone(city, "filer"), await telephone(city, "thief")
    file = (await one.upload("a.png", png()))["id"]
    for sender, files, wrong in (
        (other, [file], "/attachments/0"),
        (one, [file, file], "/attachments/1"),
        (one, [2**31 - 1], "/attachments/0"),
    ):
        report = {"text": "井盖缺失", "attachments": files}
        refused = await sender.call("POST", "/reports", report, expect=422, key=new_key())
        assert [field["pointer"] for field in refused["fields"]] == [wrong]


async def test_number_that_nobody_vouches_for_is_refused(city: WeChatCity) -> None:
    one = await telephone(city, "boaster", phone="13700015121")
    report = {"text": "噪音扰民", "phone": "13700015121"}
    refused = await one.call("POST", "/reports", report, expect=422, key=new_key())
    assert refused["fields"][0]["pointer"] == "/phone"
    await vouched(one)
    await one.call("POST", "/reports", report, expect=201, key=new_key())


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"text": ""}, "/text"),
        ({"text": "\u200b"}, "/text"),
        ({"text": "x" * 4001}, "/text"),
        ({"text": "路灯", "type": "wish"}, "/type"),
        ({"text": "路灯", "category": "0000"}, "/category"),
        ({"text": "路灯", "latitude": 39.9}, "/longitude"),
        ({"text": "路灯", "latitude": 91, "longitude": 116}, "/latitude"),
        ({"text": "路灯", "attachments": [-1]}, "/attachments/0"),
        ({"text": "路灯", "openid": "somebody"}, "/openid"),
    ],
    ids=str,
)
async def test_wrong_field_is_named(city: WeChatCity, body: object, pointer: str) -> None:
    one = await telephone(city, "typist")
    refused = await one.call("POST", "/reports", body, expect=422, key=new_key())
    assert [field["pointer"] for field in refused["fields"]] == [pointer]


async def test_report_without_a_key_is_refused(city: WeChatCity) -> None:
    one = await telephone(city, "keyless")
    for key in ("", "short", "x" * 65):
        await one.call("POST", "/reports", {"text": "路灯不亮"}, expect=422, key=key)


async def test_too_many_reports_and_files_within_an_hour_are_refused(city: WeChatCity) -> None:
    one = await telephone(city, "eager")
    for _ in range(3):
        await one.call("POST", "/reports", {"text": "路灯不亮"}, expect=201, key=new_key())
        await one.upload("a.png", png())
    await one.call("POST", "/reports", {"text": "路灯不亮"}, expect=429, key=new_key())
    await one.upload("a.png", png(), expect=429)


async def test_file_of_a_kind_that_is_not_taken_is_refused(city: WeChatCity) -> None:
    one = await telephone(city, "hacker")
    refused = await one.upload("a.html", b"<script>alert(1)</script>", expect=422)
    assert refused["fields"][0]["pointer"] == "/file"


async def test_list_goes_on_behind_its_cursor(city: WeChatCity) -> None:
    one = await telephone(city, "collector")
    numbers = [
        (await one.call("POST", "/reports", {"text": f"第{n}件事"}, expect=201, key=new_key()))[
            "number"
        ]
        for n in range(3)
    ]
    seen: list[str] = []
    path: str | None = "/tickets?limit=2"
    while path:
        page = await one.call("GET", path, expect=200)
        seen += [item["number"] for item in page["items"]]
        path = f"/tickets?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert seen == numbers[::-1]
    await one.call("GET", "/tickets?cursor=nonsense", expect=422)


async def test_answered_ticket_is_rated_once(city: WeChatCity) -> None:
    one = await telephone(city, "rater", phone="13500015121")
    await vouched(one)
    filed = await one.call("POST", "/reports", {"text": "停水了"}, expect=201, key=new_key())
    path = f"/tickets/{filed['number']}"
    said = {"satisfied": 2, "contacted": 1, "solved": 1, "reason": "很快"}
    await one.call("POST", f"{path}/rating", said, expect=409)
    await answered(city, filed["number"])
    shown = await one.call("GET", path, expect=200)
    assert (shown["state"], shown["can_rate"]) == ("answered", True)
    assert shown["answer"] == "已通知抢修，今晚恢复。"
    key = new_key()
    for _ in range(2):
        rated = await one.call("POST", f"{path}/rating", said, expect=201, key=key)
        assert rated == {"rating": 2}
    await one.call("POST", f"{path}/rating", {"satisfied": 5}, expect=409, key=new_key())
    shown = await one.call("GET", path, expect=200)
    assert (shown["rating"], shown["can_rate"]) == (2, False)


async def test_answer_comes_by_the_message_that_was_subscribed_to(city: WeChatCity) -> None:
    one = await telephone(city, "subscriber")
    openid = one.person.openid
    city.wechat.state.subscriptions[openid, "T1"] = 1
    filed = await one.call("POST", "/reports", {"text": "停气了"}, expect=201, key=new_key())
    await answered(city, filed["number"])

    async def told() -> Taken | None:
        return next((sent for sent in city.wechat.state.taken if sent.openid == openid), None)

    sent = await until(told)
    assert sent.way == "subscribe"
    assert sent.body["page"] == f"pages/ticket/ticket?number={filed['number']}"


async def test_customer_service_of_the_mini_program_is_a_conversation(city: WeChatCity) -> None:
    one = await telephone(city, "chatter")
    openid = one.person.openid
    pushed = await city.wechat.citizens.write(city.mini, openid, "我要反映")
    assert (pushed.status, pushed.answer) == (200, b"success")
    for said in ("路灯坏了三天了", "解放路88号", "没有", "匿名"):
        before = len(city.wechat.texts(openid))
        await city.wechat.citizens.write(city.mini, openid, said)
        await told_more(city, openid, before)

    async def listed() -> str | None:
        items = (await one.call("GET", "/tickets", expect=200))["items"]
        return items[0]["number"] if items else None

    number = await until(listed)
    await told(city, openid, number)
    shown = await one.call("GET", f"/tickets/{number}", expect=200)
    assert "路灯坏了三天了" in shown["text"]
