"""The built pages over HTTP: compressed, under their own policy, and nothing beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from agent_console.pages import ConsolePages
from crm_bridge.citizen_pages.site import CitizenSite
from infra.kit.problems import problem_middleware

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>12345</title>")
    (folder / "sw.js").write_text("self")
    script = folder / "assets" / "index-a1b2c3.js"
    script.write_text("go()")
    script.with_name("index-a1b2c3.js.br").write_bytes(b"packed by br")
    script.with_name("index-a1b2c3.js.gz").write_bytes(b"packed by gz")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "assets" / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
async def client(dist: Path) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware])
    CitizenSite(dist).attach(app)
    ConsolePages(dist / "no such folder").attach(app)
    async with TestClient(TestServer(app), auto_decompress=False) as client:
        yield client


async def test_the_page_may_ask_for_place_and_camera_and_loads_only_ours(client: Client) -> None:
    headers = (await client.get("/citizen/")).headers
    assert headers["Permissions-Policy"] == "camera=(self), geolocation=(self), microphone=(self)"
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-cache"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_other_pages_may_still_ask_for_no_place(client: Client) -> None:
    assert "geolocation=()" in (await client.get("/livez")).headers["Permissions-Policy"]


async def test_without_its_last_slash_the_address_leads_there(client: Client) -> None:
    response = await client.get("/citizen", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (302, "/citizen/")


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("gzip, br", "br"), ("gzip", "gzip"), ("identity", None)]
)
async def test_what_the_build_has_compressed_goes_out_compressed_and_is_kept_for_ever(
    client: Client, accepted: str, encoding: str | None
) -> None:
    headers = {"Accept-Encoding": accepted}
    response = await client.get("/citizen/assets/index-a1b2c3.js", headers=headers)
    assert response.headers.get("Content-Encoding") == encoding
    assert "immutable" in response.headers["Cache-Control"]
    assert response.content_type.endswith("javascript")


async def test_the_worker_is_asked_for_each_time_and_bound_by_the_policy(client: Client) -> None:
    headers = (await client.get("/citizen/sw.js")).headers
    assert headers["Cache-Control"] == "no-cache"
    assert "script-src 'self'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "assets/../../secret.txt",
        "assets/%2e%2e/%2e%2e/secret.txt",
        "assets/link.txt",
        "assets/%00",
        f"assets/{'x' * 300}",
        "index.html",
        "no-such.js",
    ],
)
async def test_nothing_else_is_given_out(client: Client, path: str) -> None:
    response = await client.get(URL(f"/citizen/{path}", encoded=True))
    assert response.status == 404
    assert b"secret" not in await response.read()


async def test_without_a_build_it_says_whom_to_call(tmp_path: Path) -> None:
    app = web.Application()
    CitizenSite(tmp_path).attach(app)
    async with TestClient(TestServer(app)) as client:
        response = await client.get("/citizen/")
        assert response.status == 503
        assert "12345" in await response.text()
