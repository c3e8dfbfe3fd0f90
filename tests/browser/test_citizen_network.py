"""A network that comes and goes: nothing that was typed is lost, and what is sent arrives once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Request, Route, expect
from sqlmodel import select

from channels.contacts.tables import ContactRow
from crm_bridge.citizen_pages.tables import UploadPartRow
from crm_bridge.tickets.tables import TicketRow
from infra.kit.database import Database
from tests.browser.citizen import (
    LAMP,
    NUMBER,
    OpenTelephone,
    installed,
    photograph,
    telephones,
)
from tests.browser.waiting import eventually
from tests.installation import Installation

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

OFFLINE = "ERR_INTERNET_DISCONNECTED|ERR_FAILED|ERR_NETWORK|ERR_CONNECTION|ERR_EMPTY_RESPONSE"
REPORTS = "**/api/v1/citizen/reports"
CLICK_AT = """(button, moment) =>
  new Promise(clicked => setTimeout(() => clicked(button.click()), moment - Date.now()))"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    many = {"work_bits": 10, "free_per_hour": 10_000, "part_kilobytes": 64}
    async with installed(tmp_path_factory.mktemp("city"), citizen=many) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def telephone(browser: Browser, city: Installation) -> AsyncIterator[OpenTelephone]:
    """Opens telephones; at the end none of them may have complained about anything else than the network."""
    async with telephones(browser, city, forgiven=OFFLINE) as opening:
        yield opening


async def texts(city: Installation) -> list[str]:
    """Return what the tickets of the city say."""
    database = Database(city.settings.database.url)
    async with database.reading() as session:
        found = [row.text for row in (await session.exec(select(TicketRow))).all()]
    await database.close()
    return found


async def test_what_was_typed_is_there_when_the_page_is_opened_again(
    telephone: OpenTelephone,
) -> None:
    phone = await telephone()
    await phone.open("report/text")
    await phone.at("text").press_sequentially("路灯不亮")
    await phone.page.close()
    phone.page = await phone.context.new_page()
    phone.watch(phone.page)
    await phone.open()
    await expect(phone.at("home-draft")).to_be_visible()
    await phone.open("report/text")
    await expect(phone.at("text")).to_have_value("路灯不亮")
    await phone.at("discard").click()
    await phone.at("discard-sure").click()
    await expect(phone.at("home-draft")).to_have_count(0)
    await phone.open("report/text")
    await expect(phone.at("text")).to_have_value("")


async def test_the_pages_open_without_a_network_and_what_was_sent_waits_and_arrives_once(
    city: Installation, telephone: OpenTelephone
) -> None:
    text = f"{LAMP}（断网）"
    phone = await telephone()
    await phone.open()
    await phone.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await phone.fill_until_check(text)
    await phone.context.set_offline(True)
    await expect(phone.page.get_by_text("当前没有网络")).to_be_visible()
    await phone.at("submit").click()
    await expect(phone.at("sending")).to_contain_text("自动提交")
    await phone.page.reload()
    await expect(phone.at("sending")).to_contain_text("自动提交")
    await expect(phone.at("check-text")).to_have_text(text)
    assert text not in await texts(city)
    await phone.context.set_offline(False)
    await expect(phone.at("number")).to_have_text(NUMBER)
    assert (await texts(city)).count(text) == 1
    await phone.page.reload()
    await expect(phone.at("number")).to_have_text(NUMBER)
    assert (await texts(city)).count(text) == 1


async def test_before_it_has_left_the_telephone_it_can_be_taken_back_and_changed(
    city: Installation, telephone: OpenTelephone
) -> None:
    phone = await telephone()
    await phone.fill_until_check("第一次写的内容，还要改。")
    await phone.context.set_offline(True)
    await phone.at("submit").click()
    await phone.at("take-back").click()
    await expect(phone.at("submit")).to_be_visible()
    await phone.open("report/text")
    await phone.at("text").fill("改好的内容，请办理。")
    await phone.context.set_offline(False)
    await phone.open("report/check")
    await phone.at("submit").click()
    await phone.number()
    written = await texts(city)
    assert "改好的内容，请办理。" in written
    assert "第一次写的内容，还要改。" not in written


async def test_an_answer_that_is_lost_on_the_way_makes_no_second_ticket(
    city: Installation, telephone: OpenTelephone
) -> None:
    text = f"{LAMP}（答复丢失）"
    phone = await telephone()
    lost: list[str] = []

    async def lose(route: Route) -> None:
        answer = await route.fetch()
        if len(lost) < 2:
            lost.append(await answer.text())
            await route.abort("connectionreset")
        else:
            await route.fulfill(response=answer)

    await phone.fill_until_check(text)
    await phone.page.route(REPORTS, lose)
    await phone.at("submit").click()
    await expect(phone.at("sending")).to_contain_text("重试")
    await expect(phone.at("take-back")).to_have_count(0)
    number = await phone.number()
    assert [number in one for one in lost] == [True, True]
    assert (await texts(city)).count(text) == 1


async def test_a_server_that_is_busy_is_asked_again_and_what_was_typed_stays(
    city: Installation, telephone: OpenTelephone
) -> None:
    text = f"{LAMP}（繁忙）"
    phone = await telephone()
    refused: list[Request] = []

    async def busy(route: Route) -> None:
        if refused:
            await route.continue_()
        else:
            refused.append(route.request)
            await route.fulfill(status=503, headers={"Retry-After": "1"}, body="")

    await phone.fill_until_check(text)
    await phone.page.route(REPORTS, busy)
    await phone.at("submit").click()
    await phone.number()
    assert (await texts(city)).count(text) == 1
    phone.forgive("503")


async def test_a_server_that_is_killed_and_comes_back_gets_it_once(
    city: Installation, telephone: OpenTelephone
) -> None:
    text = f"{LAMP}（停机）"
    phone = await telephone()
    await phone.fill_until_check(text)
    await asyncio.to_thread(city.kill)
    await phone.at("submit").click()
    await expect(phone.at("sending")).to_contain_text("重试")
    await city.start()
    await phone.number()
    assert (await texts(city)).count(text) == 1


async def test_two_tabs_that_send_the_same_draft_make_one_ticket_and_both_show_its_number(
    city: Installation, telephone: OpenTelephone
) -> None:
    text = f"{LAMP}（两个标签页）"
    phone = await telephone()
    await phone.fill_until_check(text)
    other = await phone.context.new_page()
    phone.watch(other)
    await other.goto(f"{city.url}/citizen/#/report/check")
    await expect(other.get_by_test_id("submit")).to_be_visible()
    # Within the same moment: a tab that hears of the other takes its button away. Until then both have time to find it.
    moment = await phone.page.evaluate("Date.now() + 3000")
    buttons = [tab.get_by_test_id("submit") for tab in (phone.page, other)]
    await asyncio.gather(*(button.evaluate(CLICK_AT, moment) for button in buttons))
    number = await phone.number()
    await expect(other.get_by_test_id("number")).to_have_text(number)
    assert (await texts(city)).count(text) == 1


async def test_a_large_picture_goes_on_where_the_network_left_it(
    city: Installation, telephone: OpenTelephone
) -> None:
    phone = await telephone()
    starts: list[int] = []

    async def cut(route: Route) -> None:
        start = int(re.findall(r"start=(\d+)", route.request.url)[0])
        if len(starts) == 3:
            starts.append(-1)
            await route.abort("connectionreset")
        else:
            starts.append(start)
            await route.continue_()

    await phone.fill_until_check(f"{LAMP}（大图）")
    await phone.open("report/files")
    await phone.page.route("**/parts?start=*", cut)
    picture = photograph("noise.jpg", width=800, height=600, noisy=True)
    await phone.at("add-file").set_input_files(picture)
    await eventually(lambda: _now(starts), lambda seen: -1 in seen, "the cut")
    await phone.page.reload()
    await expect(phone.at("file")).to_have_attribute("data-state", "taken")
    sent = [start for start in starts if start >= 0]
    assert len(sent) > 4, "the picture is sent in pieces"
    assert sent == sorted(set(sent)), "no piece is sent twice, and none is left out"
    await phone.open("report/check")
    await phone.at("submit").click()
    await phone.number()
    database = Database(city.settings.database.url)
    async with database.reading() as session:
        assert (await session.exec(select(UploadPartRow))).all() == []
        assert len((await session.exec(select(ContactRow))).all()) >= 1
    await database.close()


async def _now(seen: list[int]) -> list[int]:
    return seen
