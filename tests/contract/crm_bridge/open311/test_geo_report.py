"""Our documents have the form of the specification's own examples, in XML and in JSON, and say the same in both."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.contract.crm_bridge.open311.reader import kinds, parse_xml, read, shape, spark
from tests.integration.crm_bridge.house import House
from tests.integration.crm_bridge.open311.house import LAMP, Client, Town, report

SAMPLES = Path(__file__).parent / "samples"
BOTH = pytest.mark.parametrize("ending", ["xml", "json"])
MAKER = {
    "public": True,
    "description": "",
    "keywords": "灯, lamp",
    "attributes": [
        {
            "code": "KIND",
            "description": "哪种灯？",
            "datatype": "singlevaluelist",
            "required": False,
            "values": [{"key": "123", "name": "路灯"}, {"key": "124", "name": "庭院灯"}],
        }
    ],
}


@pytest.fixture
async def client(
    sqlite_database: Database, clock: ManualClock, vault: Vault
) -> AsyncIterator[Client]:
    house = await House(database=sqlite_database, clock=clock, vault=vault).open()
    async with Town(house=house).client() as client:
        await client.put("/api/v1/open311/services/2004", json=MAKER)
        yield client


def sample(name: str, ending: str) -> Any:
    body = (SAMPLES / f"{name}.{ending}").read_bytes()
    kind = "text/xml" if ending == "xml" else "application/json"
    return read(body, f"{kind}; charset=utf-8")


async def ask(client: Client, path: str) -> tuple[int, Any]:
    response = await client.get(f"/open311/{path}")
    return response.status, read(await response.read(), response.headers["Content-Type"])


@pytest.mark.parametrize(
    "name",
    ["discovery", "services", "service_definition", "created", "token", "requests", "errors"],
)
def test_recorded_examples_say_the_same_in_both_formats(name: str) -> None:
    assert sample(name, "xml") == sample(name, "json")


@BOTH
async def test_discovery_has_the_examples_form(client: Client, ending: str) -> None:
    status, found = await ask(client, f"discovery.{ending}")
    assert status == 200
    assert shape(found) == shape(sample("discovery", ending))
    (endpoint,) = found["endpoints"]
    assert endpoint["url"] == "https://12345.example.gov.cn/open311/v2"
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["formats"] == ["text/xml", "application/json"]


@BOTH
async def test_services_have_the_examples_form(client: Client, ending: str) -> None:
    status, found = await ask(client, f"v2/services.{ending}")
    assert status == 200
    assert shape(found) == shape(sample("services", ending))
    (lamps,) = [service for service in found if service["service_code"] == "2004"]
    assert lamps == {
        "service_code": "2004",
        "service_name": "路灯与井盖",
        "description": "路灯与井盖",
        "metadata": "true",
        "type": "realtime",
        "keywords": "灯, lamp",
        "group": "城市管理",
    }


@BOTH
async def test_definition_has_the_examples_form(client: Client, ending: str) -> None:
    status, found = await ask(client, f"v2/services/2004.{ending}")
    assert status == 200
    assert shape(found) == shape(sample("service_definition", ending))
    (attribute,) = found["attributes"]
    assert (attribute["order"], attribute["variable"], attribute["required"]) == (
        "1",
        "true",
        "false",
    )


@BOTH
async def test_created_request_has_the_examples_form(client: Client, ending: str) -> None:
    response = await client.post(f"/open311/v2/requests.{ending}", data=LAMP)
    made = read(await response.read(), response.headers["Content-Type"])
    assert response.status == 200
    assert shape(made) == shape(sample("created", ending))
    assert made[0]["service_request_id"] == "20260302-000001"


@BOTH
@pytest.mark.parametrize("path", ["requests", "requests/20260302-000001"])
async def test_requests_have_the_examples_form(client: Client, path: str, ending: str) -> None:
    await report(client)
    status, found = await ask(client, f"v2/{path}.{ending}")
    assert status == 200
    assert shape(found) == shape(sample("requests", ending))
    assert (found[0]["lat"], found[0]["long"]) == ("30.27415", "120.15515")


@BOTH
async def test_token_has_the_examples_form(
    client: Client, sqlite_database: Database, ending: str
) -> None:
    from sqlmodel import select

    from channels.contacts.tables import ContactRow

    number = await report(client)
    async with sqlite_database.reading() as session:
        token = (await session.exec(select(ContactRow.external_id))).one()
    status, found = await ask(client, f"v2/tokens/{token}.{ending}")
    assert status == 200
    assert shape(found) == shape(sample("token", ending))
    assert found == [{"service_request_id": number, "token": token}]


@BOTH
async def test_errors_have_the_examples_form(client: Client, ending: str) -> None:
    wrong = {**LAMP, "api_key": "nobody's"}
    response = await client.post(f"/open311/v2/requests.{ending}", data=wrong)
    found = read(await response.read(), response.headers["Content-Type"])
    assert response.status == 403
    assert shape(found) == shape(sample("errors", ending))
    assert found[0]["code"] == "403"


@BOTH
async def test_empty_list_is_a_list(client: Client, ending: str) -> None:
    assert await ask(client, f"v2/requests.{ending}") == (200, [])
    assert await ask(client, f"v2/servicerequestupdates.{ending}") == (200, [])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("services", "v2/services.json"),
        ("service_definition", "v2/services/2004.json"),
        ("requests", "v2/requests.json"),
    ],
)
async def test_json_values_have_the_examples_types(client: Client, name: str, path: str) -> None:
    await report(client)
    response = await client.get(f"/open311/{path}")
    ours = kinds(await response.json())
    theirs = kinds(json.loads((SAMPLES / f"{name}.json").read_text()))
    assert same_types(ours, theirs), (ours, theirs)


def same_types(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list):
        return all(same_types(a, b) for a, b in zip(ours, theirs, strict=False))
    if isinstance(ours, dict):
        return all(same_types(ours[name], theirs[name]) for name in ours)
    return ours == theirs or "NoneType" in (ours, theirs)


def fixmystreet_id(body: bytes) -> str:
    """As FixMyStreet's client finds the id of what it has posted."""
    return str(spark(parse_xml(body))[0]["service_request_id"])


async def test_fixmystreets_client_finds_the_id_and_reads_the_updates(client: Client) -> None:
    posted = await client.post(
        "/open311/v2/requests.xml",
        data={
            "jurisdiction_id": "",
            "api_key": "site-key",
            "lat": "30.27415",
            "long": "120.15515",
            "email": "user@example.com",
            "description": "title: 路灯\n\ndetail: 不亮\n\nSubmitted via FixMyStreet\n",
            "service_code": "2004",
            "first_name": "Ming",
            "last_name": "Li",
            "attribute[fixmystreet_id]": "123",
            "attribute[KIND]": "123",
        },
    )
    number = fixmystreet_id(await posted.read())
    posted = await client.post(
        "/open311/v2/servicerequestupdates.xml",
        data={
            "jurisdiction_id": "",
            "api_key": "site-key",
            "update_id": "77",
            "updated_datetime": "2026-03-02T09:30:00+08:00",
            "service_request_id": number,
            "service_request_id_ext": "123",
            "status": "OPEN",
            "email": "user@example.com",
            "description": "仍然不亮",
            "last_name": "Li",
            "first_name": "Ming",
        },
    )
    assert posted.status == 200
    (update,) = spark(parse_xml(await posted.read()))
    assert update["update_id"].startswith("note-")
