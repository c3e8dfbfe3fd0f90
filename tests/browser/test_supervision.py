"""A paper at the screens: issued from its ticket, replied to by the unit, and brought to its end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.browser import city as cities
from tests.browser.chromium import new_desk
from tests.browser.city import AGENT, CLERK, DISPATCHER, HELPER, LEAD_NAME, LEADER, dispatched
from tests.browser.desk import Desk
from tests.documents import text_of
from tests.installation import Installation, Person
from tests.pictures import png

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

OpenPage = Callable[..., Awaitable[Desk]]
GROUNDS = "该诉求多次催办仍未办结，群众反映强烈"
PHOTO = png()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    async with cities.city(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, city: Installation) -> AsyncIterator[OpenPage]:
    """Opens pages in windows of their own; at the end none of them may have complained about anything."""
    opened: list[Desk] = []
    async with AsyncExitStack() as stack:

        async def open_one(path: str, number: str, *, width: int = 1366, height: int = 768) -> Desk:
            desk = await new_desk(browser, city.url, path, width=width, height=height)
            stack.push_async_callback(desk.close)
            opened.append(desk)
            await desk.log_in(number)
            await expect(desk.at("me-menu")).to_be_visible()
            return desk

        yield open_one
        problems = [problem for desk in opened for problem in desk.problems]
    assert problems == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def people(city: Installation) -> AsyncIterator[Callable[[str], Person]]:
    """The same people at the API, where a test only needs the ground laid."""
    async with AsyncExitStack() as stack:
        known = {
            number: await stack.enter_async_context(Person(city, number))
            for number in (AGENT, DISPATCHER, CLERK)
        }
        yield known.__getitem__


async def is_told(desk: Desk, words: str) -> None:
    await expect(desk.page.locator(".el-message", has_text=words).first).to_be_visible()


def row(desk: Desk, number: str) -> Locator:
    return desk.page.locator(f"[data-testid=row][data-number='{number}']")


async def issued(people: Callable[[str], Person], rung: str = "order", **more: object) -> str:
    """Return the number of a paper about a ticket of its own."""
    ticket = await dispatched(people(AGENT), people(DISPATCHER))
    paper = await people(DISPATCHER).call(
        "POST",
        "/supervision/papers",
        {"rung": rung, "ticket_id": ticket["id"], "n": 1, "main": ["CGJ"], "grounds": GROUNDS}
        | more,
        expect=201,
        headers={"Idempotency-Key": uuid4().hex},
    )
    return str(paper["number"])


async def test_an_order_is_issued_from_its_ticket_replied_to_by_the_unit_and_closed(
    open_page: OpenPage, people: Callable[[str], Person], tmp_path: Path
) -> None:
    ticket = await dispatched(people(AGENT), people(DISPATCHER))
    centre = await open_page(f"/dispatch#/tickets/{ticket['id']}", DISPATCHER)
    await centre.at("issue").click()
    await centre.at("issue-rung-order").click()
    await centre.at("issue-send").click()
    await expect(centre.at("issue-problem")).to_be_visible()
    await centre.at("issue-grounds").fill(GROUNDS)
    await centre.at("issue-preview").click()
    sheet = centre.page.get_by_role("dialog").get_by_test_id("sheet")
    await expect(sheet).to_contain_text("草稿，尚未编号")
    await expect(sheet).to_contain_text(LEAD_NAME)
    await expect(sheet).not_to_contain_text("孙丽")
    await centre.at("issue-send").click()
    await is_told(centre, "已签发")
    paper = centre.at("ticket-paper")
    await expect(paper).to_have_attribute("data-state", "issued")
    number = (await paper.get_by_role("link").inner_text()).strip()

    unit = await open_page("/supervision", CLERK)
    await unit.at("box-to_answer").click()
    await row(unit, number).click()
    await unit.at("paper-act-read").click()
    await is_told(unit, "已阅收")
    async with unit.page.expect_download() as waiting:
        await unit.at("paper-docx").click()
    download = await waiting.value
    assert download.suggested_filename == f"{number}.docx"
    await download.save_as(tmp_path / "paper.docx")
    said = text_of((tmp_path / "paper.docx").read_bytes())
    assert number in said
    assert ticket["number"] in said
    assert "孙丽" not in said
    await unit.at("paper-act-reply").click()
    await unit.at("paper-reply-text").fill("已责令停工，安排夜间巡查。")
    await unit.page.get_by_test_id("file-input").set_input_files(
        {"name": "现场.png", "mimeType": "image/png", "buffer": PHOTO}
    )
    await expect(unit.page.locator("[data-testid=file][data-state=done]")).to_be_visible()
    await unit.at("paper-send-reply").click()
    await is_told(unit, "反馈已提交")
    await expect(unit.at("paper")).to_have_attribute("data-state", "replied")

    await unit.at("paper-act-mend").click()
    await expect(unit.at("paper-mend-text")).to_have_value("已责令停工，安排夜间巡查。")
    await unit.at("paper-mend-text").fill("已责令停工并立案，安排夜间巡查。")
    await unit.at("paper-send-mend").click()
    await is_told(unit, "反馈已修改")

    await centre.open("/supervision#/replied")
    await row(centre, number).click()
    await expect(centre.at("paper-reply")).to_have_text("已责令停工并立案，安排夜间巡查。")
    await centre.at("paper-earlier").locator("summary").click()
    await expect(centre.at("paper-earlier")).to_contain_text("已责令停工，安排夜间巡查。")
    await expect(centre.at("attachment")).to_contain_text("现场.png")
    await centre.at("paper-act-close").click()
    await centre.at("paper-close-text").fill("经核实，予以办结。")
    await centre.page.keyboard.press("Control+Enter")
    await is_told(centre, "已办结")
    await expect(centre.at("conclusion")).to_contain_text("经核实，予以办结。")
    # The unit's page hears of it without being asked.
    await expect(unit.at("paper")).to_have_attribute("data-state", "closed")


async def test_a_meeting_is_minuted_and_its_decisions_are_reported_on(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    at = datetime.now(UTC) + timedelta(days=7)
    meeting = {"at": at.isoformat(), "place": "三楼会议室", "participants": ["分管负责人"]}
    number = await issued(people, "meeting", meeting=meeting)
    unit = await open_page("/supervision#/to_answer", CLERK)
    await row(unit, number).click()
    await expect(unit.at("paper-act-reply")).to_have_count(0)
    centre = await open_page("/supervision#/open", DISPATCHER)
    await row(centre, number).click()
    await centre.at("paper-act-minutes").click()
    await centre.at("paper-send-minutes").click()
    await expect(centre.at("paper-problem")).to_contain_text("3")
    await centre.at("paper-minutes-attended").fill("城管执法局分管负责人")
    await centre.at("paper-minutes-text").fill("会议听取了办理情况汇报。")
    await centre.at("paper-minutes-decisions").fill("三日内停工整改\n一周内报告进展")
    await centre.at("paper-send-minutes").click()
    await is_told(centre, "会议纪要已印发")
    await expect(centre.at("minutes").get_by_role("listitem")).to_have_count(2)
    await unit.at("paper-act-reply").click()
    await unit.at("paper-reply-text").fill("已按议定事项停工整改。")
    await unit.at("paper-send-reply").click()
    await expect(unit.at("paper")).to_have_attribute("data-state", "replied")


async def test_a_listed_matter_is_shown_to_every_unit_and_its_paper_to_its_own(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    number = await issued(
        people, "listed", listing={"leader": "城管执法局局长", "measures": ["三日内整改到位"]}
    )
    other = await open_page("/supervision#/listed", HELPER)
    await expect(other.at("listed-matter").first).to_contain_text(number)
    await expect(other.at("listed-matter").first).to_contain_text("三日内整改到位")
    await other.at("box-open").click()
    await expect(other.at("paper-table")).to_be_visible()
    await expect(row(other, number)).to_have_count(0)
    leader = await open_page("/supervision#/open", LEADER)
    await row(leader, number).click()
    await expect(leader.at("sheet-number")).to_have_text(number)
    await expect(leader.page.locator("[data-testid^=paper-act-]")).to_have_count(0)


async def test_somebody_was_quicker_and_what_was_typed_stays(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    number = await issued(people)
    unit = await open_page("/supervision#/to_answer", CLERK)
    await row(unit, number).click()
    await unit.at("paper-act-reply").click()
    await unit.at("paper-reply-text").fill("我们这边的情况说明。")
    found = await people(DISPATCHER).call("GET", "/supervision/papers?box=open", expect=200)
    paper = next(one for one in found["items"] if one["number"] == number)
    await people(DISPATCHER).call(
        "POST", f"/supervision/papers/{paper['id']}/withdraw", {"text": "误发。"}, expect=200
    )
    await unit.at("paper-send-reply").click()
    await expect(unit.at("paper-problem")).to_be_visible()
    await expect(unit.at("paper-reply-text")).to_have_value("我们这边的情况说明。")
    await expect(unit.at("paper")).to_have_attribute("data-state", "withdrawn")
    unit.forgive("409")


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
async def test_the_page_is_no_larger_than_its_window(
    open_page: OpenPage, people: Callable[[str], Person], width: int, height: int
) -> None:
    number = await issued(people)
    desk = await open_page("/supervision#/open", DISPATCHER, width=width, height=height)
    for opened in (False, True):
        if opened:
            await row(desk, number).click()
            await expect(desk.at("sheet")).to_be_visible()
        size = await desk.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        assert size[0] <= width
        assert size[1] <= height
    await desk.page.keyboard.press("Escape")
    await expect(desk.page).to_have_url(re.compile(r"#/open$"))
