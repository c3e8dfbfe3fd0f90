"""A ticket at the desks, from the suggested unit to the audit; and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from agent_console.keys.service import NewKey
from infra.kit.clock import SystemClock
from infra.run.key_commands import add_key
from tests.browser import city as cities
from tests.browser.chromium import new_desk
from tests.browser.city import (
    ADMINISTRATOR,
    AGENT,
    CLERK,
    COLLEAGUE,
    DISPATCHER,
    HEAD,
    HELPER,
    HELPING_NAME,
    HELPING_UNIT,
    LEAD_NAME,
    LEAD_UNIT,
    LEADER,
    act,
    dispatched,
    in_hand,
    written_down,
)
from tests.browser.desk import Desk
from tests.installation import PASSWORD, Installation, Person

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

OpenPage = Callable[..., Awaitable[Desk]]
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
REPLY = "已于昨晚 22 时 40 分到场，责令停工并立案，今后夜间巡查每晚两次。"


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
            for number in (AGENT, DISPATCHER, COLLEAGUE, CLERK, HELPER, LEADER)
        }
        yield known.__getitem__


def row(desk: Desk, number: str) -> Locator:
    return desk.page.locator(f"[data-testid=row][data-number='{number}']")


async def open_ticket(desk: Desk, box: str, number: str) -> None:
    await desk.at(f"box-{box}").click()
    await row(desk, number).click()
    await expect(desk.at("case-number")).to_have_text(number)


async def pick_unit(desk: Desk, field: str, words: str) -> None:
    await desk.at(field).click()
    await desk.page.keyboard.type(words)
    await desk.page.get_by_role("option", name=words).first.click()
    await desk.page.keyboard.press("Escape")


async def is_told(desk: Desk, words: str) -> None:
    await expect(desk.page.locator(".el-message", has_text=words).first).to_be_visible()


async def has_state(desk: Desk, state: str) -> None:
    await expect(desk.at("case")).to_have_attribute("data-state", state)


async def test_a_ticket_is_dispatched_as_suggested_signed_helped_with_replied_to_and_accepted(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await written_down(people(AGENT))
    number = ticket["number"]

    centre = await open_page("/dispatch", DISPATCHER)
    await open_ticket(centre, "to_dispatch", number)
    await expect(centre.at("suggestion").first).to_contain_text(LEAD_NAME)
    await expect(centre.at("preview")).to_be_visible()
    await centre.page.keyboard.press("1")
    await expect(centre.at("dispatch-lead")).to_contain_text(LEAD_NAME)
    await centre.page.keyboard.press("Control+Enter")
    await is_told(centre, "已派单")
    await expect(row(centre, number)).to_have_count(0)

    unit = await open_page("/desk", CLERK)
    await open_ticket(unit, "to_sign", number)
    await unit.at("do-sign").click()
    await has_state(unit, "in_hand")
    await unit.at("do-help").click()
    await pick_unit(unit, "help-units", HELPING_NAME)
    await unit.at("help-reason").fill("现场渣土需要清运")
    await unit.at("help-send").click()
    await expect(unit.page.locator("[data-testid=pending][data-kind=help]")).to_be_visible()

    await open_ticket(centre, "helps", number)
    await expect(centre.at("pending")).to_contain_text(HELPING_NAME)
    await centre.at("help_decision-approve").click()
    await is_told(centre, "协办申请已审核")

    helper = await open_page("/desk", HELPER)
    await open_ticket(helper, "helping", number)
    await helper.at("do-sign").click()
    await helper.at("do-reply").click()
    await helper.at("reply-text").fill("渣土三车已清运完毕。")
    await helper.choose("reply-contacted-no")
    await helper.at("reply-send").click()
    await is_told(helper, "回复已提交")

    await expect(
        unit.page.locator(f"[data-testid=assignment][data-unit={HELPING_UNIT}]")
    ).to_have_attribute("data-state", "finished")
    await unit.at("do-reply").click()
    await unit.at("reply-text").fill(REPLY)
    await unit.at("reply-measures").fill("立案查处；约谈施工负责人")
    await unit.choose("reply-contacted-yes")
    await unit.at("file-input").set_input_files(
        {"name": "整改.exe", "mimeType": "application/pdf", "buffer": PDF}
    )
    await expect(unit.at("file-refused")).to_contain_text("不收这种文件")
    await unit.at("file-input").set_input_files(
        {"name": "责令停工通知书.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    await expect(unit.at("file")).to_have_attribute("data-state", "done")
    await unit.at("reply-send").click()
    await has_state(unit, "replied")

    await open_ticket(centre, "audit", number)
    own = centre.page.locator(f"[data-testid=assignment][data-unit={LEAD_UNIT}]")
    await expect(own.get_by_test_id("reply")).to_contain_text(REPLY)
    async with centre.page.expect_download() as started:
        await own.get_by_test_id("attachment").click()
    download = await started.value
    assert download.suggested_filename == "责令停工通知书.pdf"
    assert await asyncio.to_thread(Path(await download.path()).read_bytes) == PDF
    await centre.at("audit-accept").click()
    await is_told(centre, "回复已审核")
    await expect(row(centre, number)).to_have_count(0)

    stands = await people(DISPATCHER).call("GET", f"/tickets/{ticket['id']}", expect=200)
    assert {(a["unit"], a["state"]) for a in stands["assignments"]} == {
        (LEAD_UNIT, "finished"),
        (HELPING_UNIT, "finished"),
    }


async def test_whoever_writes_on_a_ticket_that_changed_meanwhile_sees_the_change_and_keeps_his_text(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await in_hand(
        people(AGENT), people(DISPATCHER), people(CLERK), title="望江路路灯整夜不亮"
    )
    unit = await open_page("/desk", CLERK)
    # Without news the page cannot know: the server's refusal has to tell.
    await unit.page.route("**/socket.io/**", lambda route: route.abort())
    await unit.page.route_web_socket("**/socket.io/**", lambda socket: socket.close())
    await unit.page.reload()
    await open_ticket(unit, "in_hand", ticket["number"])
    await unit.at("do-reply").click()
    await unit.at("reply-text").fill("路灯已修复，今晚恢复照明。")
    await unit.choose("reply-contacted-yes")
    await act(people(LEADER), ticket["id"], "instructions", text="请一并检查整条路的线路。")

    await unit.at("reply-send").click()
    await expect(unit.at("changed")).to_contain_text("批示")
    await expect(unit.at("changed")).to_contain_text("请一并检查整条路的线路。")
    await expect(unit.at("instructions")).to_contain_text("请一并检查整条路的线路。")
    await expect(unit.at("reply-text")).to_have_value("路灯已修复，今晚恢复照明。")
    await has_state(unit, "in_hand")
    await unit.at("reply-text").fill("路灯已修复，整条路线路已检查。")
    await unit.at("go-on").click()
    await expect(unit.at("changed")).to_be_hidden()
    await unit.at("reply-send").click()
    await has_state(unit, "replied")
    unit.forgive("409|socket.io|WebSocket")


async def test_whoever_dispatches_what_a_colleague_has_just_dispatched_is_told_so_and_nothing_is_done_twice(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await written_down(people(AGENT), title="朝阳里垃圾三天未清运")
    centre = await open_page("/dispatch", DISPATCHER)
    await open_ticket(centre, "to_dispatch", ticket["number"])
    await pick_unit(centre, "dispatch-lead", LEAD_NAME)
    await centre.at("dispatch-note").fill("请当日清运")
    await act(people(COLLEAGUE), ticket["id"], "dispatch", lead=HELPING_UNIT)

    await centre.page.keyboard.press("Control+Enter")
    await has_state(centre, "dispatched")
    await expect(centre.at("changed")).to_contain_text(COLLEAGUE)
    await expect(centre.at("dispatch-note")).to_have_value("请当日清运")
    await expect(centre.at("dispatch-send")).to_have_count(0)
    await centre.at("give-up").click()
    await expect(centre.at("form-dispatch")).to_have_count(0)
    stands = await people(DISPATCHER).call("GET", f"/tickets/{ticket['id']}", expect=200)
    assert [one["unit"] for one in stands["assignments"]] == [HELPING_UNIT]
    centre.forgive("409")


async def test_a_missing_field_is_said_beside_it_and_nothing_is_sent(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await in_hand(
        people(AGENT), people(DISPATCHER), people(CLERK), title="公交站牌信息错误"
    )
    unit = await open_page(f"/desk#/in_hand/{ticket['id']}", CLERK)
    await unit.at("do-extension").click()
    await unit.at("extension-days").fill("99")
    await unit.at("extension-send").click()
    field = unit.page.locator(".field", has=unit.at("extension-days"))
    await expect(field.get_by_role("alert")).to_have_text("应为 1 到 10 之间的整数")
    reason = unit.page.locator(".field", has=unit.at("extension-reason"))
    await expect(reason.get_by_role("alert")).to_have_text("请填写")
    await unit.at("toggle-language").click(force=True)
    await unit.at("extension-days").fill("2")
    await unit.at("extension-reason").fill("等待厂家更换站牌")
    await unit.at("extension-send").click()
    await expect(unit.page.locator("[data-testid=pending][data-kind=extension]")).to_contain_text(
        "2"
    )


async def test_a_login_that_ends_while_a_reply_is_written_takes_nothing_of_it(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await in_hand(
        people(AGENT), people(DISPATCHER), people(CLERK), title="公园健身器材损坏"
    )
    unit = await open_page(f"/desk#/in_hand/{ticket['id']}", CLERK)
    await unit.at("do-reply").click()
    await unit.at("reply-text").fill("器材已更换。")
    await unit.choose("reply-contacted-yes")
    await unit.log_out()
    await expect(unit.at("login-password")).to_be_visible()
    await unit.at("login-password").fill(PASSWORD)
    await unit.at("login-submit").click()
    await expect(unit.at("login-password")).to_be_hidden()
    await expect(unit.at("reply-text")).to_have_value("器材已更换。")
    await unit.at("reply-send").click()
    await has_state(unit, "replied")
    unit.forgive("401")


async def test_a_file_that_did_not_arrive_is_said_so_and_sent_again_by_one_press(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await in_hand(people(AGENT), people(DISPATCHER), people(CLERK), title="绿化带垃圾堆积")
    unit = await open_page(f"/desk#/in_hand/{ticket['id']}", CLERK)
    await unit.at("do-reply").click()
    await unit.at("reply-text").fill("垃圾已清运。")
    await unit.choose("reply-contacted-no")
    await unit.page.route("**/api/v1/attachments", lambda route: route.abort())
    await unit.at("file-input").set_input_files(
        {"name": "清运前.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    await expect(unit.at("file")).to_have_attribute("data-state", "failed")
    await unit.at("reply-send").click()
    await expect(unit.at("problem-reply")).to_contain_text("有附件没有传上去")
    await unit.page.unroute("**/api/v1/attachments")
    await unit.at("file").get_by_role("button", name="重传").click()
    await expect(unit.at("file")).to_have_attribute("data-state", "done")
    await unit.at("reply-send").click()
    await has_state(unit, "replied")
    unit.forgive("ERR_FAILED")


async def test_a_file_that_only_calls_itself_a_picture_is_refused_in_place(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await in_hand(people(AGENT), people(DISPATCHER), people(CLERK), title="早餐店占道经营")
    unit = await open_page(f"/desk#/in_hand/{ticket['id']}", CLERK)
    await unit.at("do-reply").click()
    await unit.at("file-input").set_input_files(
        {"name": "现场.jpg", "mimeType": "image/jpeg", "buffer": b"<script>alert(1)</script>"}
    )
    await expect(unit.at("file")).to_contain_text("不支持此类文件")
    unit.forgive("422")


async def test_an_audit_is_not_sent_back_without_a_reason(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await in_hand(
        people(AGENT), people(DISPATCHER), people(CLERK), title="共享单车占用盲道"
    )
    await act(people(CLERK), ticket["id"], "assignments/1/reply", text="已清理。", contacted=False)
    centre = await open_page("/dispatch", DISPATCHER)
    await open_ticket(centre, "audit", ticket["number"])
    await centre.at("audit-send_back").click()
    field = centre.page.locator(".field", has=centre.at("audit-reason"))
    await expect(field.get_by_role("alert")).to_have_text("请填写")
    await expect(centre.at("audit-reason")).to_be_focused()
    await centre.at("audit-reason").fill("请补充清理后的照片，并联系诉求人。")
    await centre.at("audit-send_back").click()
    await is_told(centre, "回复已审核")
    unit = await open_page(f"/desk#/in_hand/{ticket['id']}", CLERK)
    await expect(unit.at("story")).to_contain_text("请补充清理后的照片，并联系诉求人。")
    await expect(unit.at("do-reply")).to_be_visible()


async def test_the_dispatch_desk_is_worked_by_keyboard_alone(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    for title in ("建设路井盖破损", "解放路井盖松动"):
        await written_down(people(AGENT), title=title, text=f"{title}，行人容易绊倒，请尽快处理。")
    centre = await open_page("/dispatch#/to_dispatch", DISPATCHER)
    keyboard = centre.page.keyboard
    await expect(centre.at("row").first).to_be_visible()
    await keyboard.press("j")
    await expect(centre.at("case")).to_be_visible()
    first = await centre.at("case-number").inner_text()
    await keyboard.press("j")
    await expect(centre.at("case-number")).not_to_have_text(first)
    await keyboard.press("k")
    await expect(centre.at("case-number")).to_have_text(first)
    await expect(centre.at("suggestion").first).to_be_visible()
    await keyboard.press("1")
    await keyboard.press("Control+Enter")
    await is_told(centre, "已派单")
    await expect(row(centre, first)).to_have_count(0)
    await expect(centre.at("case-number")).not_to_have_text(first)
    await expect(centre.at("case")).to_have_attribute("data-state", "to_dispatch")


async def test_a_registration_is_put_right_and_the_story_keeps_what_stood_there(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await written_down(people(AGENT), title="滨江路积水")
    centre = await open_page(f"/dispatch#/to_dispatch/{ticket['id']}", DISPATCHER)
    await centre.at("do-more").click()
    await centre.at("do-amend").click()
    await centre.at("amend-title").fill("滨江路与望江路口积水")
    await centre.at("amend-reason").fill("听录音更正地点")
    await centre.at("amend-send").click()
    await is_told(centre, "登记内容已修正")
    await expect(centre.at("story")).to_contain_text("滨江路积水 → 滨江路与望江路口积水")
    stands = await people(DISPATCHER).call("GET", f"/tickets/{ticket['id']}", expect=200)
    changed = next(one for one in stands["events"] if one["event"] == "amended")
    assert changed["detail"]["changes"] == {"title": "滨江路与望江路口积水"}


async def test_a_matter_that_comes_in_by_itself_stands_in_the_open_list_at_once(
    open_page: OpenPage, city: Installation
) -> None:
    new = NewKey(name="随手拍", scopes=frozenset({"contact.write"}))
    token = (await add_key(city.settings, SystemClock(), new)).token
    centre = await open_page("/dispatch#/to_dispatch", DISPATCHER)
    await expect(centre.at("case-list")).to_be_visible()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as app:
        body = {"external_id": "1", "text": "江滨公园健身器材松动，有老人摔倒。"}
        posted = await app.post(f"{city.url}/api/v1/contacts", json=body)
        assert posted.status == 201
        number = (await posted.json())["ticket_number"]
    await expect(row(centre, number)).to_be_visible()


async def test_a_matter_that_is_not_accepted_tells_the_citizen_where_to_turn(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await written_down(people(AGENT), title="反映法院判决不公")
    centre = await open_page(f"/dispatch#/to_dispatch/{ticket['id']}", DISPATCHER)
    await centre.at("do-not_accepted").click()
    await centre.at("not_accepted-grounds").fill("属于司法程序处理事项")
    await centre.at("not_accepted-where_to_turn").fill("向上一级人民法院申请再审")
    await centre.at("not_accepted-send").click()
    await is_told(centre, "已按不予受理答复")
    # It has left the box, and the desk goes on to the next one: it is looked up again.
    await expect(row(centre, ticket["number"])).to_have_count(0)
    centre = await open_page(f"/dispatch#/to_dispatch/{ticket['id']}", DISPATCHER)
    await has_state(centre, "closed")
    await expect(centre.at("story")).to_contain_text("向上一级人民法院申请再审")


async def test_a_stop_is_asked_for_by_one_and_approved_by_another(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await in_hand(
        people(AGENT), people(DISPATCHER), people(CLERK), title="诉求人撤回的投诉"
    )
    await act(people(DISPATCHER), ticket["id"], "stop", reason="诉求人书面撤回")
    asker = await open_page(f"/dispatch#/stops/{ticket['id']}", DISPATCHER)
    await expect(asker.at("pending")).to_contain_text("诉求人书面撤回")
    await expect(asker.at("form-stop_decision")).to_have_count(0)
    other = await open_page(f"/dispatch#/stops/{ticket['id']}", COLLEAGUE)
    await other.at("stop_decision-approve").click()
    await is_told(other, "终止申请已审核")
    stands = await people(DISPATCHER).call("GET", f"/tickets/{ticket['id']}", expect=200)
    assert stands["state"] == "stopped"


async def test_a_leader_is_shown_first_the_stop_that_waits_for_him_and_decides_it(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await in_hand(people(AGENT), people(DISPATCHER), people(CLERK), title="路边树木倾斜")
    await act(people(CLERK), ticket["id"], "stop", reason="诉求人已自行解决")
    leader = await open_page("/dispatch", LEADER)
    await expect(leader.at("case-list")).to_have_attribute("data-box", "stops")
    await open_ticket(leader, "stops", ticket["number"])
    await expect(leader.at("pending")).to_contain_text("诉求人已自行解决")
    await leader.at("stop_decision-approve").click()
    await is_told(leader, "终止申请已审核")
    await expect(row(leader, ticket["number"])).to_have_count(0)
    stands = await people(DISPATCHER).call("GET", f"/tickets/{ticket['id']}", expect=200)
    assert stands["state"] == "stopped"


async def test_an_agent_dispatches_a_ticket_that_he_wrote(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await written_down(people(AGENT), title="望江路 18 号门前工地夜间打桩")
    agent = await open_page(f"/#/tickets/{ticket['id']}", AGENT)
    suggestion = agent.page.locator(f"[data-testid=suggestion][data-unit={LEAD_UNIT}]")
    await expect(suggestion).to_contain_text(LEAD_NAME)
    await suggestion.click()
    await pick_unit(agent, "dispatch-helpers", HELPING_NAME)
    await expect(agent.at("preview")).to_be_visible()
    for centres in ("dispatch-limit", "dispatch-designated"):
        await expect(agent.at(centres)).to_have_count(0)
    await agent.at("dispatch-note").fill("诉求人要求今晚到场")
    await agent.at("dispatch-send").click()
    await is_told(agent, "已派单")
    await expect(agent.at("forward")).to_have_count(0)
    await expect(agent.at("ticket")).to_contain_text(f"{LEAD_NAME} · 待签收")
    await expect(agent.at("ticket-story")).to_contain_text(f"派单 李静 {AGENT}")
    stands = await people(DISPATCHER).call("GET", f"/tickets/{ticket['id']}", expect=200)
    given = [(one["unit"], one["role"]) for one in stands["assignments"]]
    assert given == [(LEAD_UNIT, "lead"), (HELPING_UNIT, "helper")]


@pytest.mark.parametrize(
    ("way", "fields", "state"),
    [
        ("answer", {"ticket-answer": "已告知夜间施工许可的规定。"}, "closed"),
        (
            "not_accepted",
            {"not_accepted-grounds": "属于民事纠纷", "not_accepted-where_to_turn": "人民法院"},
            "closed",
        ),
        ("pass_on", {"pass_on-platform": "110 报警服务台"}, "passed_on"),
    ],
)
async def test_an_agent_says_where_a_ticket_goes_that_is_for_no_unit(
    open_page: OpenPage,
    people: Callable[[str], Person],
    way: str,
    fields: dict[str, str],
    state: str,
) -> None:
    ticket = await written_down(people(AGENT), title=f"邻里纠纷 {way}")
    agent = await open_page(f"/#/tickets/{ticket['id']}", AGENT)
    await (
        agent.page.locator(f"label:has([data-testid=forward-way-{way}])")
        .or_(agent.at(f"forward-way-{way}"))
        .first.click()
    )
    for name, words in fields.items():
        await agent.at(name).fill(words)
    await agent.at("ticket-answer-submit" if way == "answer" else f"{way}-send").click()
    await expect(agent.at("ticket-state")).to_have_attribute("data-state", state)


async def test_an_agent_is_told_what_to_do_when_the_forms_cannot_be_fetched(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await written_down(people(AGENT), title="滨江路井盖松动")
    agent = await open_page("/", AGENT)
    await agent.page.route("**/assets/ForwardPane*", lambda route: route.abort())
    await agent.open(f"/#/tickets/{ticket['id']}")
    await expect(agent.page.get_by_text("派单表没有读到")).to_be_visible()
    await agent.page.unroute("**/assets/ForwardPane*")
    await agent.page.get_by_role("button", name="重新载入").click()
    await expect(agent.at("forward")).to_be_visible()
    agent.forgive("ForwardPane|ERR_FAILED|dynamically imported module|Unhandled error")


async def test_an_agent_joins_his_ticket_to_the_same_matter(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    matter = {"title": "朝阳里 12 号化粪池外溢", "address": "临江市桥西区朝阳里 12 号"}
    first = await written_down(people(AGENT), **matter)
    second = await written_down(people(AGENT), **matter)
    agent = await open_page(f"/#/tickets/{second['id']}", AGENT)
    likely = agent.page.locator("[data-testid=similar-row]", has_text=first["number"])
    await likely.get_by_test_id("join").click()
    await expect(agent.at("ticket-state")).to_have_attribute("data-state", "joined")


async def test_an_agent_may_not_say_where_a_ticket_goes_that_another_wrote(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await written_down(people(DISPATCHER), title="他人登记的工单")
    agent = await open_page(f"/#/tickets/{ticket['id']}", AGENT)
    await expect(agent.page.get_by_text("没有这张工单，或者它不是你的。")).to_be_visible()
    agent.forgive("403")


async def test_a_leader_looks_a_ticket_up_and_his_instruction_stands_on_top_of_it_at_the_unit(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    ticket = await in_hand(
        people(AGENT), people(DISPATCHER), people(CLERK), title="江滨公园步道坍塌"
    )
    unit = await open_page(f"/desk#/in_hand/{ticket['id']}", CLERK)
    leader = await open_page("/dispatch", LEADER)
    await open_ticket(leader, "in_hand", ticket["number"])
    await leader.at("instruct-text").fill("请今晚完成围挡，明日报处置方案。")
    await leader.at("instruct-send").click()
    await is_told(leader, "批示已下达")
    await expect(unit.at("instructions")).to_contain_text("请今晚完成围挡，明日报处置方案。")
    await expect(row(unit, ticket["number"])).to_contain_text("有批示")


async def test_an_assignment_rings_the_bell_of_its_units_people(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    unit = await open_page("/desk#/to_sign", CLERK)
    await expect(unit.at("work-table")).to_be_visible()
    ticket = await dispatched(people(AGENT), people(DISPATCHER), title="江滨路护栏缺失")
    await expect(unit.at("bell")).not_to_have_attribute("data-unread", "0")
    await expect(row(unit, ticket["number"])).to_be_visible()
    await unit.at("bell").click()
    await unit.at("bell-item").first.click()
    await expect(unit.at("case-number")).to_have_text(ticket["number"])
    await expect(unit.at("bell")).to_have_attribute("data-unread", "0")


@pytest.mark.parametrize(
    ("number", "page"),
    [
        (AGENT, "/"),
        (DISPATCHER, "/dispatch"),
        (CLERK, "/desk"),
        (HEAD, "/desk"),
        (LEADER, "/reports"),
        (ADMINISTRATOR, "/channels"),
    ],
)
async def test_everybody_lands_where_his_work_is(
    open_page: OpenPage, number: str, page: str
) -> None:
    desk = await open_page("/", number)
    await expect(desk.page).to_have_url(re.compile(re.escape(desk.url + page) + r"(#.*)?$"))
    await expect(desk.at("me-menu")).to_be_visible()


@pytest.mark.parametrize("width", [1366, 390])
async def test_leader_asks_what_a_monthly_topic_came_to(open_page: OpenPage, width: int) -> None:
    desk = await open_page("/reports", LEADER, width=width)
    await desk.at("topic").click()
    await desk.at("topic-category").click()
    await desk.page.get_by_role("option").first.click()
    await expect(desk.at("topic-shown")).to_have_text("—")
    await expect(desk.at("topic-drawer").locator("li")).to_have_count(7)
    await desk.does_not_scroll()
    await desk.at("topic-close").click()
    await expect(desk.at("topic-shown")).to_be_hidden()


async def test_a_page_that_is_not_ones_own_leads_to_ones_own(open_page: OpenPage) -> None:
    desk = await open_page("/dispatch", CLERK)
    await expect(desk.page).to_have_url(re.compile(r"/desk(#.*)?$"))


DESKS = re.compile(r"/(desk|dispatch|supervision|reports|Case|ForwardPane|SimilarPanel)")


async def scripts(desk: Desk) -> list[str]:
    """Return the addresses of the scripts that a page has fetched."""
    names: list[str] = await desk.page.evaluate(
        "performance.getEntriesByType('resource').map((one) => one.name).filter((name) => name.endsWith('.js'))"
    )
    return names


async def test_the_agents_page_loads_nothing_of_the_desks(
    open_page: OpenPage, people: Callable[[str], Person]
) -> None:
    desk = await open_page("/", AGENT)
    loaded = await scripts(desk)
    assert loaded
    assert [name for name in loaded if DESKS.search(name)] == []
    # The forms for a ticket's way are fetched with the first ticket that is the agent's to send on.
    ticket = await written_down(people(AGENT))
    await desk.open(f"/#/tickets/{ticket['id']}")
    await expect(desk.at("forward")).to_be_visible()
    now = set(await scripts(desk))
    assert any("ForwardPane" in name for name in now - set(loaded))
    assert [name for name in now if re.search(r"/(desk|dispatch|supervision|reports)-", name)] == []


@pytest.mark.parametrize("path", ["/desk", "/dispatch"])
@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
async def test_no_page_is_larger_than_its_window(
    open_page: OpenPage, people: Callable[[str], Person], path: str, width: int, height: int
) -> None:
    ticket = await dispatched(
        people(AGENT),
        people(DISPATCHER),
        title="滨江花园南门外人行道地砖松动，老人多次绊倒，希望尽快修复并设置警示",
    )
    who = CLERK if path == "/desk" else DISPATCHER
    desk = await open_page(f"{path}#/tickets/{ticket['id']}", who, width=width, height=height)
    await expect(desk.at("case")).to_be_visible()
    await desk.does_not_scroll()
