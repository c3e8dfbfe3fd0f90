"""Units, the catalogue and their files over HTTP."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from crm_bridge.catalogue import api as catalogue_api
from crm_bridge.catalogue.service import Catalogue
from crm_bridge.categories import api as categories_api
from crm_bridge.categories.service import Categories
from crm_bridge.sheets.columns import Column
from crm_bridge.sheets.reading import read
from crm_bridge.units import api as units_api
from crm_bridge.units.service import Units
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.identity import Principal, Role
from infra.kit.problems import problem_middleware

Client = TestClient[web.Request, web.Application]
ADMINISTRATOR = Principal(
    user_id=1,
    number="9001",
    name="管理员",
    role=Role.ADMINISTRATOR,
    permissions=frozenset({"catalogue.read", "catalogue.manage", "unit.manage"}),
)
UNIT = {"code": "XJD", "name_zh": "新街道办", "name_en": "New Street", "kind": "subdistrict"}
HEAD = "code,name_zh,name_en,kind,area,phone"


class Administrator:
    async def __call__(self, request: web.Request) -> Authenticated | None:
        return Authenticated(principal=ADMINISTRATOR, csrf_token=None)


@pytest.fixture
async def client(sqlite_database: Database, clock: ManualClock) -> AsyncIterator[Client]:
    """The API of units, catalogue and categories, with those that ship, asked by an administrator."""
    categories, units = Categories(sqlite_database, clock), Units(sqlite_database, clock)
    catalogue = Catalogue(sqlite_database, clock)
    await categories.seed()
    await units.seed()
    await catalogue.seed()
    app = web.Application(middlewares=[problem_middleware], client_max_size=1024 * 1024)
    app[AUTHENTICATOR] = Administrator()
    mount(
        app,
        [
            units_api.routes(units),
            catalogue_api.routes(catalogue),
            categories_api.routes(categories),
        ],
    )
    async with TestClient(TestServer(app)) as opened:
        yield opened


async def answer(response: aiohttp.ClientResponse, status: int = 200) -> Any:
    body = await response.json()
    assert response.status == status, body
    return body


async def test_a_unit_is_added_shown_closed_and_listed(client: Client) -> None:
    added = await answer(await client.post("/api/v1/units", json=UNIT), 201)
    assert added == {**UNIT, "area": "", "phone": "", "active": True}
    closed = {name: value for name, value in added.items() if name != "code"} | {"active": False}
    changed = await answer(await client.put("/api/v1/units/XJD", json=closed))
    assert changed["active"] is False
    assert await answer(await client.get("/api/v1/units/XJD")) == changed
    listed = await answer(await client.get("/api/v1/units"))
    assert changed in listed["items"]
    assert [unit["code"] for unit in listed["items"]] == sorted(
        unit["code"] for unit in listed["items"]
    )


async def test_what_cannot_be_a_unit_is_refused_with_a_problem(client: Client) -> None:
    await answer(await client.post("/api/v1/units", json=UNIT), 201)
    await answer(await client.post("/api/v1/units", json=UNIT), 409)
    wrong = await answer(await client.post("/api/v1/units", json={**UNIT, "code": "新"}), 422)
    assert [field["pointer"] for field in wrong["fields"]] == ["/code"]
    gone = await answer(await client.put("/api/v1/units/NONE", json={**UNIT, "code": None}), 422)
    assert gone["type"].endswith("invalid")
    body = {name: value for name, value in UNIT.items() if name != "code"}
    missing = await answer(await client.put("/api/v1/units/NONE", json=body), 404)
    assert missing["type"].endswith("no-such-unit")


@pytest.mark.parametrize("name", ["units", "catalogue", "categories"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("form", [False, True])
async def test_what_is_taken_out_is_brought_in_without_a_change(
    client: Client, name: str, kind: str, *, form: bool
) -> None:
    response = await client.get(f"/api/v1/{name}/export", params={"format": kind})
    assert response.status == 200
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}.{kind}"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    content = await response.read()
    data: Any = content
    if form:
        data = aiohttp.FormData()
        data.add_field("note", "first")
        data.add_field("file", content, filename=f"{name}.{kind}")
    params = {"based_on": "1"} if name == "catalogue" else {}
    outcome = await answer(await client.post(f"/api/v1/{name}/import", params=params, data=data))
    assert (outcome["added"], outcome["changed"], outcome["removed"]) == (0, 0, 0)
    assert (outcome["stored"], outcome["errors"]) == (True, [])
    assert outcome["rows"] > 40


async def test_a_dry_run_lists_every_error_and_in_earnest_they_are_refused(client: Client) -> None:
    lines = [HEAD, *(f"T{n},单位{n},Unit {n},bureau,," for n in range(2, 1001))]
    lines[2], lines[899] = "T3,,Unit,bureau,,", "T900,单位,Unit,衙门,,"
    content = "\n".join(lines).encode("gb18030")
    before = await answer(await client.get("/api/v1/units"))
    dry = await answer(
        await client.post("/api/v1/units/import", params={"dry_run": "true"}, data=content)
    )
    assert [(error["row"], error["column"]) for error in dry["errors"]] == [
        (3, "name_zh"),
        (900, "kind"),
    ]
    assert dry["stored"] is False
    refused = await answer(await client.post("/api/v1/units/import", data=content), 422)
    assert [field["pointer"] for field in refused["fields"]] == [
        "/rows/3/name_zh",
        "/rows/900/kind",
    ]
    assert "2" in refused["detail_zh"]
    assert await answer(await client.get("/api/v1/units")) == before


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 422),
        (b"PK\x03\x04 nothing", 422),
        (b"\xd0\xcf\x11\xe0", 422),
        (b"code,name_zh\n" * 900_000, 413),
    ],
)
async def test_what_is_no_file_or_too_large_is_refused(
    client: Client, data: bytes, status: int
) -> None:
    problem = await answer(await client.post("/api/v1/units/import", data=io.BytesIO(data)), status)
    assert problem["detail_zh"]
    assert problem["detail_en"]


async def test_a_form_without_the_file_or_damaged_is_refused(client: Client) -> None:
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("other", "x")
    await answer(await client.post("/api/v1/units/import", data=form), 422)
    headers = {"Content-Type": "multipart/form-data"}
    await answer(await client.post("/api/v1/units/import", data=b"x", headers=headers), 422)


async def test_the_catalogue_is_read_page_by_page_and_searched(client: Client) -> None:
    first = await answer(await client.get("/api/v1/catalogue", params={"limit": "100"}))
    rest = await answer(
        await client.get(
            "/api/v1/catalogue", params={"limit": "500", "cursor": first["next_cursor"]}
        )
    )
    codes = [item["code"] for item in (*first["items"], *rest["items"])]
    assert codes == sorted(set(codes))
    assert rest["next_cursor"] is None
    found = await answer(await client.get("/api/v1/catalogue", params={"q": "夜间施工"}))
    assert found["items"]
    assert all("夜间施工" in str(item) for item in found["items"])
    of_unit = await answer(await client.get("/api/v1/catalogue", params={"unit": "CGJ"}))
    assert all("CGJ" in str(item) for item in of_unit["items"])
    assert (await answer(await client.get("/api/v1/catalogue", params={"q": "没有的事"})))[
        "items"
    ] == []


async def test_a_matter_is_edited_and_the_versions_tell_how(
    client: Client, clock: ManualClock
) -> None:
    shown = await answer(await client.get("/api/v1/catalogue", params={"limit": "1"}))
    item, before = shown["items"][0], clock.now()
    clock.advance(3600)
    body = {name: value for name, value in item.items() if name != "code"}
    body |= {"based_on": 1, "note": "改名", "name_zh": "改过的名称"}
    path = f"/api/v1/catalogue/matters/{item['code']}"
    version = await answer(await client.put(path, json=body))
    assert (version["number"], version["changed"], version["by"]) == (2, 1, "9001")
    stale = await answer(await client.put(path, json=body), 409)
    assert stale["type"].endswith("stale-catalogue")
    assert "2" in stale["detail_zh"]
    difference = await answer(
        await client.get("/api/v1/catalogue/differences", params={"before": "1", "after": "2"})
    )
    (change,) = difference["items"]
    assert (change["code"], change["fields"]) == (item["code"], ["name_zh"])
    assert (change["before"]["name_zh"], change["after"]["name_zh"]) == (
        item["name_zh"],
        "改过的名称",
    )
    then = await answer(
        await client.get("/api/v1/catalogue", params={"at": before.isoformat(), "limit": "1"})
    )
    assert (then["version"]["number"], then["items"]) == (1, [item])
    gone = await client.delete(path, params={"based_on": "2", "note": "撤销"})
    assert gone.status == 204
    versions = await answer(await client.get("/api/v1/catalogue/versions", params={"limit": "2"}))
    assert [(one["number"], one["note"]) for one in versions["items"]] == [(3, "撤销"), (2, "改名")]
    assert versions["next_cursor"] == 2


async def test_a_file_overwrites_a_colleagues_change_of_the_catalogue_only_when_told_to(
    client: Client,
) -> None:
    path = "/api/v1/catalogue/import"
    content = await (await client.get("/api/v1/catalogue/export")).read()
    shown = await answer(await client.get("/api/v1/catalogue", params={"limit": "1"}))
    item = shown["items"][0]
    body = {name: value for name, value in item.items() if name != "code"}
    body |= {"based_on": 1, "name_zh": "同事改过的名称"}
    await answer(await client.put(f"/api/v1/catalogue/matters/{item['code']}", json=body))

    unbased = await answer(await client.post(path, data=content), 422)
    assert [field["pointer"] for field in unbased["fields"]] == ["/based_on"]
    for mode in ({}, {"dry_run": "true"}):
        stale = await answer(
            await client.post(path, params={"based_on": "1", **mode}, data=content), 409
        )
        assert stale["type"].endswith("stale-catalogue")
    dry = await answer(await client.post(path, params={"dry_run": "true"}, data=content))
    assert (dry["changed"], dry["stored"]) == (1, False)
    told = await answer(await client.post(path, params={"overwrite": "true"}, data=content))
    assert (told["changed"], told["stored"]) == (1, True)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"unit": "NONE"}, "/unit"),
        ({"category": "77"}, "/category"),
        ({"helpers": ["CGJ"], "unit": "CGJ"}, "/helpers"),
        ({"keywords": ["长" * 41]}, "/keywords/0"),
        ({"exceptions": [{"words": [], "unit": "CGJ"}]}, "/exceptions/0/words"),
        ({"exceptions": [{"words": ["a；b"], "unit": "CGJ"}]}, "/exceptions"),
        ({"based_on": -1}, "/based_on"),
        ({"surplus": 1}, "/surplus"),
    ],
)
async def test_a_matter_that_cannot_stand_is_refused_by_its_field(
    client: Client, change: dict[str, Any], pointer: str
) -> None:
    body = {"based_on": 1, "name_zh": "甲", "name_en": "A", "category": "2005", "unit": "CGJ"}
    response = await client.put("/api/v1/catalogue/matters/NEW1", json={**body, **change})
    refused = await answer(response, 422)
    assert pointer in [field["pointer"] for field in refused["fields"]]
    versions = await answer(await client.get("/api/v1/catalogue/versions"))
    assert [one["number"] for one in versions["items"]] == [1]


async def test_both_a_version_and_a_moment_cannot_be_asked_for(client: Client) -> None:
    params = {"version": "1", "at": "2026-03-01T00:00:00+08:00"}
    await answer(await client.get("/api/v1/catalogue", params=params), 422)
    await answer(await client.get("/api/v1/catalogue", params={"version": "9"}), 404)
    early = await answer(
        await client.get("/api/v1/catalogue", params={"at": "2020-01-01T00:00:00+08:00"})
    )
    assert (early["version"]["number"], early["items"]) == (0, [])


async def test_an_exported_file_runs_nothing_in_a_spreadsheet(client: Client) -> None:
    body = {**UNIT, "name_zh": "=HYPERLINK(1)", "phone": "+86 300"}
    await answer(await client.post("/api/v1/units", json=body), 201)
    content = await (await client.get("/api/v1/units/export?format=csv")).read()
    line = next(line for line in content.decode("utf-8-sig").splitlines() if line.startswith("XJD"))
    assert "'=HYPERLINK(1)" in line
    assert "'+86 300" in line
    columns = [Column(name=name) for name in (*HEAD.split(","), "active")]
    (row,) = [row for row in read(content, columns).rows if row["code"] == "XJD"]
    assert (row["name_zh"], row["phone"]) == ("=HYPERLINK(1)", "+86 300")


async def test_the_loop_turns_while_a_large_file_is_read(client: Client) -> None:
    lines = "\n".join(f"L{n},单位{n},Unit {n},bureau,," for n in range(15_000))
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.005)
            turns += 1

    turning = asyncio.create_task(turn())
    response = await client.post(
        "/api/v1/units/import",
        params={"dry_run": "1"},
        data=io.BytesIO(f"{HEAD}\n{lines}".encode()),
    )
    turning.cancel()
    assert (await answer(response))["rows"] == 15_000
    assert turns > 3
