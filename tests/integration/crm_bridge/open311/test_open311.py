"""Reports come in once, and the public reads what it may and nothing more."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from sqlmodel import select

from channels.contacts.tables import ContactRow
from channels.open311.channel import Open311Settings
from tests.integration.crm_bridge.house import House
from tests.integration.crm_bridge.open311.house import (
    LAMP,
    Client,
    Town,
    answered,
    get,
    report,
    tickets,
)


async def test_public_sees_the_place_and_no_person(client: Client) -> None:
    number = await report(client)
    for path in ("requests.json", f"requests/{number}.json"):
        (shown,) = await get(client, path)
        text = json.dumps(shown, ensure_ascii=False)
        for secret in ("13800015121", "李", "liming@example.com", "不亮", "18 号", "lamp.jpg"):
            assert secret not in text
        assert (shown["status"], shown["status_notes"]) == ("open", "登记")
        assert (shown["description"], shown["address"], shown["media_url"]) == (
            "路灯与井盖",
            None,
            None,
        )


async def test_texts_are_published_when_the_settings_say_so(house: House) -> None:
    settings = Open311Settings(publish_texts=True, publish_addresses=True)
    async with Town(house=house, settings=settings).client() as client:
        await report(client)
        (shown,) = await get(client, "requests.json")
        assert shown["description"].startswith("路灯三天不亮")
        assert shown["address"] == "滨江路 18 号 2 单元"
        assert shown["media_url"] == "https://example.com/lamp.jpg"
        assert "13800015121" not in json.dumps(shown)
        await answered(house)
        (update,) = await get(client, "servicerequestupdates.json")
        assert update["description"] == "已派人更换灯泡，请放心。"


async def test_tickets_that_came_otherwise_are_not_published(house: House, client: Client) -> None:
    await house.close_a_ticket()
    assert await get(client, "requests.json") == []


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 1),
        ({"description": "另一盏灯"}, 2),
        ({"lat": "30.27416"}, 2),
        ({"attribute[external_id]": "55"}, 2),
    ],
)
async def test_another_report_is_another_ticket(
    house: House, client: Client, changes: dict[str, str], count: int
) -> None:
    await report(client)
    await report(client, **changes)
    assert len(await tickets(house)) == count


async def test_clients_own_number_makes_it_one_report_whatever_else_differs(
    house: House, client: Client
) -> None:
    own = {"attribute[fixmystreet_id]": "123"}
    first = await report(client, **own)
    house.clock.advance(86_400 * 3)
    assert await report(client, description="路灯三天不亮！", **own) == first


async def test_same_words_another_day_are_another_report(house: House, client: Client) -> None:
    first = await report(client)
    house.clock.advance(86_400)
    assert await report(client) != first


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"api_key": ""}, 403, "api_key"),
        ({"api_key": "unknown"}, 403, "api_key"),
        ({"api_key": "reader-key"}, 403, "api_key"),
        ({"api_key": "tired-key"}, 429, "key 9"),
        ({"service_code": ""}, 400, "service_code"),
        ({"service_code": "0000"}, 404, "service_code"),
        ({"service_code": "9099"}, 404, "service_code"),
        ({"lat": "", "long": "", "address_string": ""}, 400, "lat"),
        ({"lat": "91"}, 400, "lat"),
        ({"lat": "nan"}, 400, "lat"),
        ({"long": ""}, 400, "long"),
        ({"phone": "call me"}, 400, "phone"),
        ({"media_url": "javascript:alert(1)"}, 400, "media_url"),
        ({"description": "长" * 4001}, 400, "description"),
        ({"address_string": "长" * 201}, 400, "address_string"),
    ],
)
@pytest.mark.parametrize("ending", ["json", "xml"])
async def test_wrong_report_is_refused_by_name_and_stores_nothing(
    house: House, client: Client, changes: dict[str, str], status: int, named: str, ending: str
) -> None:
    response = await client.post(f"/open311/v2/requests.{ending}", data={**LAMP, **changes})
    assert response.status == status
    assert named in await response.text()
    async with house.database.reading() as session:
        assert (await session.exec(select(ContactRow))).all() == []


async def test_every_wrong_field_is_named_at_once(client: Client) -> None:
    wrong = {**LAMP, "lat": "x", "phone": "x", "media_url": "x"}
    response = await client.post("/open311/v2/requests.json", data=wrong)
    problems = await response.json()
    assert [problem["description"].split(":")[0] for problem in problems] == [
        "lat",
        "media_url",
        "phone",
    ]
    assert {problem["code"] for problem in problems} == {400}


async def test_key_may_come_as_a_bearer_too(client: Client) -> None:
    form = {name: value for name, value in LAMP.items() if name != "api_key"}
    headers = {"Authorization": "Bearer site-key"}
    response = await client.post("/open311/v2/requests.json", data=form, headers=headers)
    assert response.status == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"description=%FF%FE&api_key=site-key", "application/x-www-form-urlencoded"),
        (b"a=1&" * 300, "application/x-www-form-urlencoded"),
    ],
)
async def test_body_that_is_no_form_is_refused(
    client: Client, body: bytes, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    response = await client.post("/open311/v2/requests.json", data=body, headers=headers)
    assert response.status == 400
    assert (await response.json())[0]["code"] == 400


async def test_huge_body_is_refused(client: Client) -> None:
    response = await client.post(
        "/open311/v2/requests.json",
        data=io.BytesIO(b"description=" + b"x" * 1_200_000),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert response.status == 413
    assert (await response.json())[0]["code"] == 413


async def test_control_characters_and_markup_come_out_harmless(house: House) -> None:
    settings = Open311Settings(publish_texts=True)
    async with Town(house=house, settings=settings).client() as client:
        await report(client, description="a\x00\x08b <script>&amp;]]> 😀￾ é")
        response = await client.get("/open311/v2/requests.xml")
        text = await response.text()
        assert "<script>" not in text
        assert "ab &lt;script&gt;" in text
        shown = ElementTree.fromstring(text).findtext("request/description")
        assert shown is not None
        assert shown.startswith("ab <script>&amp;]]>")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("start_date=yesterday", "start_date"),
        ("start_date=2026-01-01", "start_date"),
        ("start_date=2026-01-01T00:00:00", "start_date"),
        ("start_date=2025-01-01T00:00:00Z&end_date=2026-01-01T00:00:00Z", "end_date"),
        ("start_date=2026-01-02T00:00:00Z&end_date=2026-01-01T00:00:00Z", "end_date"),
        ("status=sleeping", "status"),
        ("page=0", "page"),
        ("page_size=1001", "page_size"),
        ("page=x", "page"),
    ],
)
async def test_wrong_query_is_refused_by_name(client: Client, query: str, named: str) -> None:
    response = await client.get(f"/open311/v2/requests.json?{query}")
    assert response.status == 400
    assert (await response.json())[0]["description"].startswith(named)


async def test_request_older_than_ninety_days_is_found_by_its_dates_only(
    house: House, client: Client
) -> None:
    await report(client)
    house.clock.advance(timedelta(days=100).total_seconds())
    assert await get(client, "requests.json") == []
    assert len(await get(client, "requests.json?start_date=2026-03-01T00:00:00Z")) == 1


@pytest.mark.parametrize(
    "path",
    ["requests/1.json", "services/0000.json", "tokens/abc.json", "services.html", "requests.yaml"],
)
async def test_what_is_not_there_is_404(client: Client, path: str) -> None:
    response = await client.get(f"/open311/v2/{path}")
    assert response.status == 404
    assert (b"<errors>" in await response.read()) is not path.endswith(".json")


async def test_another_jurisdiction_is_not_found(house: House) -> None:
    settings = Open311Settings(jurisdiction_id="linjiang.gov.cn")
    async with Town(house=house, settings=settings).client() as client:
        good = await client.get("/open311/v2/services.json?jurisdiction_id=linjiang.gov.cn")
        none = await client.get("/open311/v2/services.json")
        other = await client.get("/open311/v2/services.json?jurisdiction_id=city.gov")
        assert (good.status, none.status, other.status) == (200, 200, 404)


async def test_address_that_asks_too_often_waits_and_no_other(house: House) -> None:
    async with Town(house=house, settings=Open311Settings(per_minute=3)).client() as client:
        greedy = [(await client.get("/open311/discovery.json")).status for _ in range(5)]
        assert greedy == [200, 200, 200, 429, 429]
        refused = await client.get("/open311/discovery.json")
        assert int(refused.headers["Retry-After"]) >= 1
        calm = await client.get("/open311/discovery.json", headers={"X-From": "192.0.2.2"})
        assert calm.status == 200
        house.clock.advance(20)
        assert (await client.get("/open311/discovery.json")).status == 200


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"api_key": ""}, 403),
        ({"service_request_id": ""}, 400),
        ({"service_request_id": "20991231-000001"}, 404),
        ({"description": ""}, 400),
        ({"updated_datetime": "now"}, 400),
    ],
)
async def test_wrong_note_is_refused(client: Client, changes: dict[str, str], status: int) -> None:
    number = await report(client)
    note = {"api_key": "site-key", "service_request_id": number, "description": "好"}
    response = await client.post("/open311/v2/servicerequestupdates.json", data={**note, **changes})
    assert response.status == status


SERVICE = {
    "public": True,
    "description": "路灯、井盖损坏",
    "keywords": "",
    "attributes": [
        {"code": "POLE", "description": "灯杆编号", "datatype": "string", "required": True},
        {
            "code": "KIND",
            "description": "种类",
            "datatype": "multivaluelist",
            "values": [{"key": "a", "name": "路灯"}, {"key": "b", "name": "井盖"}],
        },
        {"code": "COUNT", "description": "数量", "datatype": "number"},
        {"code": "SINCE", "description": "何时起", "datatype": "datetime"},
    ],
}


@pytest.mark.parametrize(
    ("answers", "refused"),
    [
        ({}, "attribute[POLE]"),
        ({"attribute[POLE]": "12", "attribute[KIND][]": "c"}, "attribute[KIND]"),
        ({"attribute[POLE]": "12", "attribute[COUNT]": "many"}, "attribute[COUNT]"),
        ({"attribute[POLE]": "12", "attribute[SINCE]": "monday"}, "attribute[SINCE]"),
        ({"attribute[POLE]": "1" * 201}, "attribute[POLE]"),
    ],
)
async def test_services_own_questions_are_checked(
    client: Client, answers: dict[str, str], refused: str
) -> None:
    assert (await client.put("/api/v1/open311/services/2004", json=SERVICE)).status == 200
    response = await client.post("/open311/v2/requests.json", data={**LAMP, **answers})
    assert response.status == 400
    assert (await response.json())[0]["description"].startswith(refused)


async def test_answers_to_a_services_questions_stand_in_the_ticket(
    house: House, client: Client
) -> None:
    await client.put("/api/v1/open311/services/2004", json=SERVICE)
    form = [
        *LAMP.items(),
        ("attribute[POLE]", "12"),
        ("attribute[KIND][]", "a"),
        ("attribute[KIND][]", "b"),
    ]
    response = await client.post("/open311/v2/requests.json", data=form)
    assert response.status == 200
    (ticket,) = await tickets(house)
    assert "灯杆编号：12\n种类：路灯、井盖" in ticket.text


@pytest.mark.parametrize(
    ("change_of", "pointer"),
    [
        ({"datatype": "colour"}, "/attributes/0/datatype"),
        ({"code": "with blank"}, "/attributes/0/code"),
        ({"datatype": "singlevaluelist"}, "/attributes/0"),
    ],
)
async def test_wrong_question_is_refused(
    client: Client, change_of: dict[str, str], pointer: str
) -> None:
    attribute = {"code": "POLE", "description": "灯杆编号", "datatype": "string", **change_of}
    body = {"public": True, "attributes": [attribute]}
    response = await client.put("/api/v1/open311/services/2004", json=body)
    assert response.status == 422
    assert (await response.json())["fields"][0]["pointer"] == pointer


async def test_withdrawn_service_is_gone_with_its_requests(client: Client) -> None:
    number = await report(client)
    response = await client.put("/api/v1/open311/services/2004", json={"public": False})
    assert response.status == 200
    codes = [service["service_code"] for service in await get(client, "services.json")]
    assert "2004" not in codes
    assert "9099" not in codes
    assert "20" not in codes  # has others below it
    assert (await client.get(f"/open311/v2/requests/{number}.json")).status == 404
