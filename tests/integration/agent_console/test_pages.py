from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from agent_console.pages import ConsolePages
from infra.kit.problems import problem_middleware


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>连心</title>")
    (folder / "api-docs.html").write_text("<title>API</title>")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "index-a1b2c3.js").write_text("go()")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "assets" / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
async def base(dist: Path) -> AsyncIterator[str]:
    app = web.Application(middlewares=[problem_middleware])
    ConsolePages(dist).attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize(("path", "text"), [("/", "连心"), ("/api/docs", "API")])
async def test_a_page_is_served_and_checked_for_news_each_time(
    path: str, text: str, base: str, http: aiohttp.ClientSession
) -> None:
    response = await http.get(base + path)
    assert text in await response.text()
    assert response.headers["Cache-Control"] == "no-cache"


async def test_a_page_may_load_only_ours_and_be_framed_by_nobody(
    base: str, http: aiohttp.ClientSession
) -> None:
    headers = (await http.get(base)).headers
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Permissions-Policy"].endswith("microphone=(self)")


async def test_only_the_api_page_may_write_style_attributes(
    base: str, http: aiohttp.ClientSession
) -> None:
    policy = (await http.get(f"{base}/api/docs")).headers["Content-Security-Policy"]
    assert "style-src 'self'; " in policy
    assert policy.endswith("; style-src-attr 'unsafe-inline'")


async def test_a_hashed_asset_is_kept_for_ever(base: str, http: aiohttp.ClientSession) -> None:
    response = await http.get(f"{base}/assets/index-a1b2c3.js")
    assert await response.text() == "go()"
    assert "immutable" in response.headers["Cache-Control"]
    assert "javascript" in response.headers["Content-Type"]


@pytest.mark.parametrize(
    "path",
    [
        "/wallboard",
        "/reports",
        "/index.html",
        "/nothing.svg",
        "/assets/",
        "/assets/link.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%00",
        "/assets/" + "a" * 5000,
    ],
)
async def test_what_is_no_page_is_not_found(
    path: str, base: str, http: aiohttp.ClientSession
) -> None:
    response = await http.get(URL(base + path, encoded=True))
    assert response.status == 404
    assert "secret" not in await response.text()
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_pages_that_are_not_built_say_how_to_build_them(
    dist: Path, base: str, http: aiohttp.ClientSession
) -> None:
    (dist / "index.html").unlink()
    response = await http.get(base)
    assert response.status == 503
    assert "页面尚未构建" in await response.text()
