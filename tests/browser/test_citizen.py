"""What citizens do on their telephones: report, look up, rate; from the first touch to the hotline and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.chromium import new_desk
from tests.browser.citizen import (
    ANSWER,
    LAMP,
    OpenTelephone,
    answered,
    installed,
    photograph,
    telephones,
)
from tests.browser.city import DISPATCHER
from tests.installation import Installation, Person

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    many = {"work_bits": 10, "free_per_hour": 10_000, "reports_per_address": 10_000}
    async with installed(tmp_path_factory.mktemp("city"), citizen=many) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def telephone(browser: Browser, city: Installation) -> AsyncIterator[OpenTelephone]:
    """Opens telephones; at the end none of them may have complained about anything."""
    async with telephones(browser, city) as opening:
        yield opening


async def ticket(city: Installation, number: str) -> dict[str, Any]:
    """Return a ticket as the centre sees it."""
    async with Person(city, DISPATCHER) as person:
        found = await person.call("GET", f"/tickets?q={number}", expect=200)
        (summary,) = found["items"]
        shown: dict[str, Any] = await person.call("GET", f"/tickets/{summary['id']}", expect=200)
        return shown


async def test_a_matter_goes_to_the_hotline_its_answer_comes_back_and_is_rated(
    browser: Browser, city: Installation, telephone: OpenTelephone
) -> None:
    phone = await telephone()
    await phone.open()
    await phone.at("door-report").click()
    await phone.at("type-complaint").click()
    await phone.at("text").fill(LAMP)
    await phone.next()
    await phone.at("locate").click()
    await expect(phone.at("spot")).to_contain_text("误差约 20 米")
    await phone.at("address").fill("滨江路 18 号")
    await phone.next()
    await phone.at("add-file").set_input_files([photograph("a.jpg"), photograph("b.jpg")])
    await expect(phone.page.locator("[data-testid=file][data-state=taken]")).to_have_count(2)
    await phone.next()
    await phone.at("named").check()
    await phone.at("name").fill("李明")
    await phone.show_phone("13800015121")
    await expect(phone.at("check-who")).to_have_text("李明 13800015121")
    await phone.at("submit").click()
    number = await phone.number()
    await expect(phone.at("query-code")).to_have_count(0)

    seen = await ticket(city, number)
    assert (seen["type"], seen["address"], seen["text"]) == ("complaint", "滨江路 18 号", LAMP)
    assert [contact["channel"] for contact in seen["contacts"]] == ["web-form"]
    assert len(seen["attachments"]) == 2
    assert (seen["citizen"]["name"], seen["citizen"]["phone_masked"]) == ("李明", "138****5121")

    desk = await new_desk(browser, city.url, "/dispatch")
    await desk.log_in(DISPATCHER)
    await desk.page.locator(f"[data-testid=row][data-number='{number}']").click()
    await expect(desk.at("case-number")).to_have_text(number)
    await expect(desk.page.get_by_text(LAMP).first).to_be_visible()
    await desk.close()

    await answered(city, number)
    await phone.open("progress")
    await phone.at("find-number").fill(number)
    await phone.at("find-phone").fill("138 0001 5121")
    await phone.at("find").click()
    await expect(phone.at("answer")).to_have_text(ANSWER)
    await phone.at("rate").click()
    await phone.at("satisfied-2").check()
    await phone.at("solved-1").check()
    await phone.at("send-rating").click()
    await expect(phone.at("thanks")).to_be_visible()
    rated = await ticket(city, number)
    assert (rated["rating"], rated["state"]) == (2, "archived")
    await phone.page.get_by_role("button", name="查看进度").click()
    await expect(phone.at("rated")).to_have_text("您的评价：满意")


async def test_who_stays_anonymous_looks_it_up_by_the_code_and_nobody_without_it(
    city: Installation, telephone: OpenTelephone
) -> None:
    phone = await telephone()
    await phone.fill_until_check()
    await phone.at("submit").click()
    number = await phone.number()
    code = await phone.at("query-code").inner_text()
    assert (await ticket(city, number))["citizen"] is None

    other = await telephone()
    await other.open("progress")
    await other.at("find-by").click()
    await other.at("find-number").fill(number)
    await other.at("find-code").fill("AAAA-AAAA")
    await other.at("find").click()
    await expect(other.at("find-wrong")).to_contain_text("没有找到")
    other.forgive("404")
    await other.at("find-code").fill(code.lower().replace("-", " "))
    await other.at("find").click()
    await expect(other.at("matter")).to_contain_text(number)


async def test_a_report_of_wrongdoing_is_found_only_by_who_shows_his_telephone(
    city: Installation, telephone: OpenTelephone
) -> None:
    phone = await telephone()
    await phone.open("report")
    await phone.at("type-report").click()
    await phone.at("text").fill("某工地夜间偷倒渣土，车牌已记下。")
    await phone.next()
    await phone.next()
    await phone.next()
    await phone.at("named").check()
    await phone.show_phone("13800015122")
    await phone.at("submit").click()
    number = await phone.number()
    assert (await ticket(city, number))["citizen"] is None
    await phone.open()
    await expect(phone.at("mine")).to_have_count(0)

    await phone.open("progress")
    await phone.at("find-number").fill(number)
    await phone.at("find-phone").fill("13800015122")
    await phone.at("find").click()
    await expect(phone.at("find-wrong")).to_contain_text("没有找到")
    phone.forgive("404")


async def test_a_letter_to_the_mayor_belongs_to_his_mailbox(
    city: Installation, telephone: OpenTelephone
) -> None:
    phone = await telephone()
    await phone.open()
    await phone.at("door-letter").click()
    await phone.at("next").click()
    await expect(phone.page.get_by_role("alert")).to_have_text("请写一个标题")
    await expect(phone.at("title")).to_be_focused()
    await phone.at("title").fill("老城区停车难")
    await phone.at("text").fill("建议在老城区增设夜间错时停车位，缓解停车难。")
    await phone.next()
    await phone.next()
    await phone.at("anonymous").check()
    await phone.at("mail").fill("not a mail")
    await phone.at("next").click()
    await expect(phone.page.get_by_role("alert")).to_have_text("邮箱格式不正确")
    await phone.at("mail").fill("Liming@example.com")
    await phone.next()
    await phone.at("submit").click()
    number = await phone.number()
    seen = await ticket(city, number)
    assert seen["title"] == "老城区停车难"
    assert [contact["channel"] for contact in seen["contacts"]] == ["mayor-mailbox"]


async def test_a_wrong_code_is_said_in_place_and_what_was_typed_stays(
    telephone: OpenTelephone,
) -> None:
    phone = await telephone()
    await phone.open("report/who")
    await phone.at("named").check()
    await phone.at("phone").fill("1380001")
    await phone.at("send-code").click()
    await expect(phone.page.get_by_role("alert")).to_have_text("请填写 11 位手机号")
    await phone.at("phone").fill("+86 138-0001-5123")
    await phone.at("send-code").click()
    await expect(phone.at("code")).to_be_focused()
    right = await phone.code()
    await phone.at("code").fill(f"{(int(right) + 1) % 1_000_000:06}")
    await phone.at("check-code").click()
    await expect(phone.page.get_by_role("alert")).to_contain_text("验证码错误或已失效")
    phone.forgive("422")
    await expect(phone.at("phone")).to_have_value("+86 138-0001-5123")


async def test_a_rating_link_opens_without_a_login_and_a_forged_one_does_not(
    city: Installation, telephone: OpenTelephone
) -> None:
    phone = await telephone()
    await phone.fill_until_check()
    await phone.at("submit").click()
    number = await phone.number()
    await answered(city, number)
    await phone.at("see").click()
    await expect(phone.at("rate")).to_be_visible()
    ticket_pass = phone.page.url.rsplit("/", 1)[1]

    other = await telephone()
    await other.open(f"rate/{ticket_pass}")
    await other.at("send-rating").click()
    await expect(other.at("rate-wrong")).to_have_text("请选择满意程度")
    await other.at("satisfied-5").check()
    await other.at("reason").fill("没有修好")
    await other.at("send-rating").click()
    await expect(other.at("thanks")).to_contain_text("两个工作日")
    assert (await ticket(city, number))["rating"] == 5

    await other.open(f"rate/{ticket_pass}x")
    await expect(other.at("rate-closed")).to_contain_text("已失效")
    other.forgive("403")
