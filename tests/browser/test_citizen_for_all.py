"""The citizen pages for everybody: by keyboard, in large print, read aloud, on a small screen, over a slow network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Response, expect

from crm_bridge.citizen_pages.site import DIST
from tests.browser.citizen import (
    LAMP,
    OpenTelephone,
    answered,
    installed,
    telephones,
)
from tests.browser.readable import hard_to_read
from tests.installation import Installation

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

FIRST_LOAD = 150 * 1024
STEPS = ("", "report/type", "report/text", "report/place", "report/files", "report/who")
PLACES = (*STEPS, "report/check", "letter/text", "progress", "rate/nothing")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    many = {"work_bits": 10, "free_per_hour": 10_000}
    async with installed(tmp_path_factory.mktemp("city"), citizen=many) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def telephone(browser: Browser, city: Installation) -> AsyncIterator[OpenTelephone]:
    """Opens telephones; at the end none of them may have complained about anything."""
    async with telephones(browser, city) as opening:
        yield opening


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("elder", [False, True], ids=["standard", "large print"])
@pytest.mark.parametrize("width", [320, 390])
async def test_every_screen_is_readable_fits_and_has_targets_for_a_finger(
    telephone: OpenTelephone, *, width: int, elder: bool, dark: bool
) -> None:
    phone = await telephone(width=width, dark=dark)
    await phone.open()
    if elder:
        await phone.at("elder").click()
    wrong: list[str] = []
    for place in PLACES:
        await phone.open(place)
        if place == "report/who":
            await phone.at("named").check()
        if await phone.at("next").count():
            await phone.at("next").click()  # what is wrong is said, in its own colours
        wrong += [f"{place}: {one}" for one in await hard_to_read(phone.page)]
        wrong += [f"{place}: small {one}" for one in await phone.too_small()]
        await phone.fits()
    phone.forgive("403")
    assert wrong == []


async def test_what_is_measured_as_hard_to_read_is_found(telephone: OpenTelephone) -> None:
    phone = await telephone()
    await phone.open()
    await phone.page.locator("main h1").evaluate("heading => { heading.style.color = '#999' }")
    assert await hard_to_read(phone.page)


async def test_a_matter_is_reported_by_keyboard_alone(telephone: OpenTelephone) -> None:
    phone = await telephone(width=1366)
    keys = phone.page.keyboard
    await phone.open()

    async def tab_to(testid: str) -> None:
        for _ in range(40):
            await keys.press("Tab")
            if await phone.at(testid).evaluate("one => one === document.activeElement"):
                return
        pytest.fail(f"{testid} is not reached by the Tab key")

    await keys.press("Tab")
    await expect(phone.page.locator(".skip")).to_be_focused()
    await keys.press("Enter")
    await expect(phone.page.locator("main")).to_be_focused()
    await tab_to("door-report")
    outline = await phone.at("door-report").evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid", "where one is must be seen"
    await keys.press("Enter")
    await expect(phone.page.locator("main h1")).to_be_focused()
    await tab_to("type-help")
    await keys.press("Space")
    await expect(phone.page.locator("main h1")).to_have_text("请说说是什么事")
    await expect(phone.page.locator("main h1")).to_be_focused()
    await tab_to("next")
    await keys.press("Enter")
    await expect(phone.at("text")).to_be_focused()
    await keys.type(LAMP)
    for _ in ("text", "place", "files"):
        await tab_to("next")
        await keys.press("Enter")
        await expect(phone.page.locator("main h1")).to_be_focused()
    await tab_to("named")
    await keys.press("ArrowDown")
    await expect(phone.at("anonymous")).to_be_checked()
    await tab_to("next")
    await keys.press("Enter")
    await tab_to("submit")
    await keys.press("Enter")
    await phone.number()
    await expect(phone.page.locator("main h1")).to_be_focused()


async def test_large_print_is_large_asks_less_and_stays_over_a_reload(
    city: Installation, telephone: OpenTelephone
) -> None:
    phone = await telephone()
    await phone.open()
    await phone.at("elder").click()
    await phone.page.reload()
    size = await phone.page.locator("main h1").evaluate(
        "one => [getComputedStyle(document.body).fontSize, getComputedStyle(one).fontSize]"
    )
    assert size[0] == "22px"
    assert float(size[1].removesuffix("px")) > 28
    await expect(phone.at("door-letter")).to_have_count(0)
    await expect(phone.at("language")).to_have_count(0)
    await phone.at("door-report").click()
    await expect(phone.at("text")).to_be_visible()
    await expect(phone.page.get_by_text("第 1 步，共 5 步")).to_be_visible()
    await phone.at("text").fill(LAMP)
    for _ in ("text", "place", "files"):
        await phone.next()
    await phone.at("anonymous").check()
    await expect(phone.at("confidential")).to_have_count(0)
    await phone.next()
    await phone.at("submit").click()
    number = await phone.number()
    await answered(city, number)
    await phone.at("see").click()
    await phone.at("rate").click()
    await expect(phone.at("solved-1")).to_have_count(0)
    await phone.at("satisfied-1").check()
    await phone.at("send-rating").click()
    await expect(phone.at("thanks")).to_be_visible()


async def test_a_screen_is_read_aloud_and_falls_silent_on_the_next_one(
    telephone: OpenTelephone,
) -> None:
    phone = await telephone()
    await phone.page.add_init_script(
        """window.said = []
        speechSynthesis.speak = (what) => said.push([what.lang, what.text])
        speechSynthesis.cancel = () => said.push(['', 'hush'])"""
    )
    await phone.open("report/place")
    await phone.at("speak").click()
    language, text = (await phone.page.evaluate("said"))[-1]
    assert language == "zh-CN"
    assert "事情发生在哪里？" in text
    assert "用手机定位" in text
    assert "第 3 步" not in text
    await phone.next()
    assert (await phone.page.evaluate("said"))[-1] == ["", "hush"]


async def test_the_pages_speak_english_and_remember_it(telephone: OpenTelephone) -> None:
    phone = await telephone()
    await phone.open()
    await phone.at("language").click()
    await expect(phone.page.locator("html")).to_have_attribute("lang", "en")
    for place in PLACES:
        await phone.open(place)
        text = await phone.page.locator("main").inner_text()
        assert not any("\u4e00" <= sign <= "\u9fff" for sign in text), text
        await phone.fits()
    phone.forgive("403")


async def test_the_command_that_weighs_the_pages_finds_them_light() -> None:
    weighing = await asyncio.create_subprocess_exec(
        "node", "weight.js", cwd=DIST.parent, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await weighing.communicate()
    assert weighing.returncode == 0, said.decode()
    assert b"index.html" in said


async def test_the_first_screen_takes_less_than_the_limit_over_the_wire(
    city: Installation, telephone: OpenTelephone
) -> None:
    phone = await telephone()
    answers: list[Response] = []
    phone.page.on("response", lambda answer: answers.append(answer))
    await phone.page.goto(f"{city.url}/citizen/", wait_until="networkidle")
    wire = [
        (answer.url, (await answer.request.sizes())["responseBodySize"])
        for answer in answers
        if not answer.from_service_worker and "sw.js" not in answer.url
    ]
    packed = [
        answer.headers.get("content-encoding") for answer in answers if answer.url.endswith(".js")
    ]
    assert set(packed) <= {"br", "gzip"}
    assert packed
    # With everything that the worker fetches beside it for later, it stays below the limit, too.
    assert 0 < sum(size for _, size in wire) <= FIRST_LOAD, wire
