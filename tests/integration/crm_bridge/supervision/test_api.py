import asyncio
import io
import json
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from crm_bridge.supervision.rules import Rung
from tests.integration.crm_bridge.supervision.town import (
    CLERK,
    OTHER,
    SUN,
    ZONE,
    Town,
    new_paper,
)

Client = TestClient[web.Request, web.Application]

ORDER: dict[str, Any] = {
    "rung": "order",
    "ticket_id": 1,
    "n": 1,
    "main": ["CGJ"],
    "copies": ["ZJJ"],
    "grounds": "该工单多次催办仍未办结",
}
MEETING = {"at": "2026-03-05T09:30:00+08:00", "place": "三楼会议室", "participants": ["分管负责人"]}
LISTING = {"leader": "局长 张三", "measures": ["停止施工"]}


async def ask(
    client: Client,
    method: str,
    path: str,
    body: object = None,
    *,
    who: str = "3001",
    key: str | None = None,
) -> tuple[int, Any]:
    headers = {"X-Agent": who} | ({"Idempotency-Key": key} if key else {})
    response = await client.request(method, f"/api/v1{path}", json=body, headers=headers)
    return response.status, await response.json(content_type=None)


async def test_a_dispatcher_issues_an_order_and_sees_it_whole(town: Town, client: Client) -> None:
    await town.ticket()
    status, paper = await ask(client, "POST", "/supervision/papers", ORDER)
    assert status == 201
    letter, recipients = paper.pop("letter"), paper.pop("recipients")
    assert letter["head"] == "临江市12345政务服务便民热线中心文件"
    assert letter["body"][0]["text"].startswith("经核查，该工单多次催办仍未办结。")
    assert {"weight": "heading", "text": "一、督办事项"} in letter["body"]
    assert [(one["unit_name"], one["role"]) for one in recipients] == [
        ("城市管理行政执法局", "main"),
        ("住房和城乡建设局", "cc"),
    ]
    assert len(paper.pop("digest")) == 64
    assert paper == {
        "id": 1,
        "rung": "order",
        "rung_zh": "督办工单",
        "rung_en": "supervision order",
        "number": "热线督〔2026〕1号",
        "ticket_id": 1,
        "ticket_number": "20260302-000001",
        "n": 1,
        "title": "诉求人投诉夜间施工噪声",
        "hidden": False,
        "origin": "hand",
        "cause": None,
        "issued_at": "2026-03-02T01:30:00Z",
        "issued_by": "3001",
        "reply_due_at": "2026-03-05T09:30:00Z",
        "meeting_at": None,
        "state": "issued",
        "state_zh": "待阅收",
        "state_en": "issued",
        "overdue": False,
        "closed_at": None,
        "main": ["城市管理行政执法局"],
        "own": None,
        "own_read": False,
        "own_replied": False,
        "place": "临江市桂花小区5栋",
        "grounds": "该工单多次催办仍未办结",
        "meeting": None,
        "listing": None,
        "minutes": None,
        "conclusion": None,
        "closed_by": None,
        "actions": ["withdraw"],
    }


async def test_the_same_key_issues_once(town: Town, client: Client) -> None:
    await town.ticket()
    first = await ask(client, "POST", "/supervision/papers", ORDER, key="k1")
    assert await ask(client, "POST", "/supervision/papers", ORDER, key="k1") == first
    status, problem = await ask(
        client, "POST", "/supervision/papers", ORDER | {"n": None}, key="k1"
    )
    assert status == 422
    assert "Idempotency-Key" in problem["detail_en"]
    assert len(await town.papers()) == 1


async def test_a_preview_writes_nothing_and_takes_no_number(town: Town, client: Client) -> None:
    await town.ticket()
    status, preview = await ask(client, "POST", "/supervision/papers/preview", ORDER)
    assert status == 200
    assert preview["letter"]["number"] == ""
    assert preview["letter"]["copies"] == ["住房和城乡建设局"]
    assert await town.papers() == []
    assert await town.told("supervision.issued") == []


async def test_every_rung_is_walked_from_its_issue_to_its_end(town: Town, client: Client) -> None:
    await town.ticket()
    ends = {
        "reminder": ["close"],
        "order": ["close"],
        "meeting": ["minutes", "close"],
        "listed": ["delist"],
    }
    for paper_id, (rung, acts) in enumerate(ends.items(), start=1):
        more = {"meeting": MEETING} if rung == "meeting" else {}
        more |= {"listing": LISTING} if rung == "listed" else {}
        status, paper = await ask(
            client, "POST", "/supervision/papers", ORDER | {"rung": rung} | more
        )
        assert (status, paper["id"]) == (201, paper_id)
        path = f"/supervision/papers/{paper_id}"
        status, paper = await ask(client, "POST", f"{path}/read", who="4001")
        assert (status, paper["state"], "read" in paper["actions"]) == (200, "read", False)
        for act in acts:
            body: dict[str, Any] = (
                {"attended": "各单位", "text": "听取汇报。", "decisions": ["三日内停工"]}
                if act == "minutes"
                else {"text": "经核实，予以办结。"}
            )
            status, paper = await ask(client, "POST", f"{path}/{act}", body)
            assert status == 200, paper
        assert paper["state"] == "closed"
        assert paper["actions"] == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"rung": "letter"}, "/rung"),
    ({"ticket_id": 7}, "/ticket_id"),
    ({"ticket_id": 0}, "/ticket_id"),
    ({"n": 9}, "/n"),
    ({"main": []}, "/main"),
    ({"main": ["NONE"]}, "/main/0"),
    ({"main": ["CGJ", "CGJ"]}, "/main/0"),
    ({"copies": ["CGJ"]}, "/main/0"),
    ({"copies": ["NONE"]}, "/copies/0"),
    ({"grounds": "短"}, "/grounds"),
    ({"grounds": "超长" * 400}, "/grounds"),
    ({"grounds": "含有控制\x00字符"}, "/grounds"),
    ({"grounds": "限期\u202e01日内"}, "/grounds"),
    ({"demands": ["x" * 501]}, "/demands/0"),
    ({"reply_days": 0}, "/reply_days"),
    ({"reply_days": 61}, "/reply_days"),
    ({"rung": "meeting"}, "/meeting"),
    ({"rung": "listed"}, "/listing"),
    ({"meeting": MEETING}, "/meeting"),
    ({"listing": LISTING}, "/listing"),
    (
        {"rung": "meeting", "meeting": MEETING | {"at": "2026-03-01T09:30:00+08:00"}},
        "/meeting/at",
    ),
    ({"rung": "meeting", "meeting": MEETING | {"at": "2026-03-05T09:30:00"}}, "/meeting/at"),
    ({"rung": "meeting", "meeting": MEETING | {"at": "9999-12-31T23:59:59-12:00"}}, "/meeting/at"),
    ({"rung": "meeting", "meeting": MEETING | {"at": "0001-01-01T00:00:00+12:00"}}, "/meeting/at"),
    ({"rung": "meeting", "meeting": MEETING, "reply_days": 3}, "/reply_days"),
    ({"rung": "listed", "listing": {"leader": "", "measures": []}}, "/listing/leader"),
    ({"citizen": "李明"}, "/citizen"),
]


async def test_wrong_fields_are_named_in_both_languages_and_nothing_is_written(
    town: Town, client: Client
) -> None:
    await town.ticket()
    for change, pointer in WRONG:
        for path in ("/supervision/papers", "/supervision/papers/preview"):
            status, problem = await ask(client, "POST", path, ORDER | change)
            assert status == 422, change
            found = {field["pointer"]: field for field in problem["fields"]}
            assert pointer in found, change
            assert found[pointer]["message_zh"]
            assert found[pointer]["message_en"]
    assert await town.papers() == []


NOT_ALLOWED = [
    ("POST", "/supervision/papers", "4001"),
    ("POST", "/supervision/papers", "6001"),
    ("POST", "/supervision/papers/preview", "5001"),
    ("POST", "/supervision/papers/1/close", "4002"),
    ("POST", "/supervision/papers/1/withdraw", "5001"),
    ("POST", "/supervision/papers/1/delist", "4001"),
    ("POST", "/supervision/papers/1/minutes", "6001"),
    ("POST", "/supervision/papers/1/read", "3001"),
    ("POST", "/supervision/papers/1/reply", "5001"),
    ("GET", "/supervision/papers", "1001"),
    ("GET", "/supervision/papers/1/document", "1001"),
    ("GET", "/supervision/ledger", "1001"),
    ("GET", "/tickets/1/papers", "1001"),
]


async def test_who_may_not_is_refused_in_both_languages(town: Town, client: Client) -> None:
    await town.raise_to(await town.ticket(), Rung.order)
    for method, path, who in NOT_ALLOWED:
        body: dict[str, Any] | None = {} if method == "POST" else None
        status, problem = await ask(client, method, path, body, who=who)
        assert status == 403, (path, who)
        assert "supervision." in problem["detail_en"]
        assert "需要权限" in problem["detail_zh"]


async def test_acts_that_do_not_fit_are_refused_with_what_to_do_first(
    town: Town, client: Client
) -> None:
    await town.raise_to(await town.ticket(), Rung.order)
    status, problem = await ask(
        client, "POST", "/supervision/papers/1/close", {"text": "予以办结。"}
    )
    assert status == 409
    assert problem["type"] == "urn:lianxin:problem:paper-refused"
    assert "尚未全部阅收" in problem["detail_zh"]
    assert "not every main recipient has read it" in problem["detail_en"]
    status, _ = await ask(
        client, "POST", "/supervision/papers/1/reply", {"text": "已办。"}, who="4001"
    )
    assert status == 200
    status, problem = await ask(
        client, "POST", "/supervision/papers/1/reply", {"text": "又办。"}, who="4002"
    )
    assert (status, problem["detail_en"]) == (409, "your unit has replied already: mend its reply")


NOT_THERE = [
    ("/supervision/papers/2", "3001"),
    ("/supervision/papers/99999999999", "3001"),
    ("/supervision/papers/1", "4101"),
    ("/supervision/papers/1/document", "4101"),
    ("/supervision/papers/1", "4201"),
    ("/tickets/2/papers", "3001"),
]


async def test_what_is_not_there_for_somebody_is_not_found(town: Town, client: Client) -> None:
    await town.raise_to(await town.ticket(), Rung.order)
    for path, who in NOT_THERE:
        assert (await ask(client, "GET", path, who=who))[0] == 404, (path, who)


async def test_the_list_is_read_in_parts_and_chosen_from(town: Town, client: Client) -> None:
    first, second = await town.ticket(), await town.ticket(units=("ZJJ",))
    for rung in (Rung.reminder, Rung.order):
        await town.raise_to(first, rung)
        await town.raise_to(second, rung)
    await town.supervision.reply(CLERK, 1, "已办理。")
    town.clock.advance(2 * 86400)

    async def ids(query: str, who: str = "3001") -> list[int]:
        status, page = await ask(client, "GET", f"/supervision/papers?{query}", who=who)
        assert status == 200
        return [item["id"] for item in page["items"]]

    assert await ids("") == [4, 3, 2, 1]
    assert await ids("rung=order") == [4, 3]
    assert await ids("unit=ZJJ") == [4, 2]
    assert await ids("state=replied") == [1]
    assert await ids("overdue=true") == [2]
    assert await ids("ticket_id=1") == [3, 1]
    assert await ids("since=2026-03-02&until=2026-03-02") == [4, 3, 2, 1]
    assert await ids("since=2026-03-03") == []
    assert await ids("q=000002") == [4, 2]
    assert await ids("q=热线提〔2026〕2号") == [2]
    assert await ids("q=%25") == []
    assert await ids("q=_") == []
    assert await ids("", who="4101") == [4, 2]
    assert await ids("unit=CGJ", who="4101") == []
    _, page = await ask(client, "GET", "/supervision/papers?limit=3")
    assert [item["id"] for item in page["items"]] == [4, 3, 2]
    _, rest = await ask(client, "GET", f"/supervision/papers?limit=3&cursor={page['next_cursor']}")
    assert ([item["id"] for item in rest["items"]], rest["next_cursor"]) == ([1], None)


WRONG_CHOICES = (
    "cursor=???",
    "limit=0",
    "rung=x",
    "since=2026-13-01",
    "until=9999-12-31",
    "since=0001-01-01",
    "since=2026-03-02&until=2026-03-01",
)


async def test_a_wrong_choice_is_refused_in_both_languages(client: Client) -> None:
    for query in WRONG_CHOICES:
        status, problem = await ask(client, "GET", f"/supervision/papers?{query}")
        assert status == 422, query
        assert problem["fields"][0]["message_zh"]
        assert problem["fields"][0]["message_en"]


async def test_a_ticket_shows_its_papers_and_what_comes_next(town: Town, client: Client) -> None:
    ticket = await town.ticket()
    _, papers = await ask(client, "GET", f"/tickets/{ticket}/papers")
    assert papers == {"items": [], "next_rung": "reminder"}
    await town.raise_to(ticket, Rung.order)
    _, papers = await ask(client, "GET", f"/tickets/{ticket}/papers")
    assert [item["rung"] for item in papers["items"]] == ["order"]
    assert papers["next_rung"] == "meeting"
    _, papers = await ask(client, "GET", f"/tickets/{ticket}/papers", who="4001")
    assert (papers["items"][0]["own"], papers["next_rung"]) == ("main", None)


@pytest.mark.parametrize(("kind", "begins"), [("docx", b"PK"), ("pdf", b"%PDF")])
async def test_a_document_is_a_download_that_no_browser_takes_for_a_page(
    town: Town, client: Client, kind: str, begins: bytes
) -> None:
    await town.raise_to(await town.ticket(), Rung.order)
    response = await client.get(
        f"/api/v1/supervision/papers/1/document?format={kind}", headers={"X-Agent": "4001"}
    )
    assert response.status == 200
    assert (await response.read()).startswith(begins)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E7%83")
    assert response.headers["Content-Disposition"].endswith(f".{kind}")


async def test_the_ledger_is_a_workbook_in_which_nothing_is_calculated(
    town: Town, client: Client
) -> None:
    ticket = await town.ticket(title="=HYPERLINK(x)路灯")
    await town.supervision.issue(SUN, new_paper(ticket, copies=("ZJJ",)))
    await town.supervision.reply(CLERK, 1, "=cmd|' /C calc'!A0")
    headers = {"X-Agent": "3001"}
    response = await client.get("/api/v1/supervision/ledger?format=xlsx", headers=headers)
    sheet = openpyxl.load_workbook(io.BytesIO(await response.read())).active
    assert sheet is not None
    header, row = ([cell.value for cell in line] for line in sheet.iter_rows())
    found = dict(zip(header, row, strict=True))
    assert found["文号"] == "热线督〔2026〕1号"
    assert found["督办事项"] == "=HYPERLINK(x)路灯"
    assert found["抄送单位"] == "住房和城乡建设局"
    assert found["签发时间"] == "2026-03-02 09:30"
    kinds = {cell.data_type for line in sheet.iter_rows() for cell in line}
    assert "f" not in kinds
    response = await client.get("/api/v1/supervision/ledger?format=csv", headers=headers)
    text = (await response.read()).decode("utf-8-sig")
    assert ",'=HYPERLINK(x)路灯," in text
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_counts_are_exact_by_rung_and_by_unit(town: Town, client: Client) -> None:
    first, second = await town.ticket(), await town.ticket(units=("ZJJ",))
    await town.raise_to(first, Rung.reminder)
    await town.raise_to(second, Rung.reminder)
    await town.raise_to(first, Rung.order)
    await town.supervision.issue(SUN, new_paper(first, main=("CGJ", "ZJJ")))
    await ask(client, "POST", "/supervision/papers/4/withdraw", {"text": "误发。"})
    town.clock.set(datetime(2026, 3, 4, 12, 0, tzinfo=ZONE))
    await town.supervision.reply(CLERK, 1, "迟了。")
    status, counts = await ask(
        client, "GET", "/supervision/counts?since=2026-03-01&until=2026-03-31"
    )
    assert status == 200
    rungs = {row.pop("rung"): row for row in counts["rungs"]}
    numbers = ("issued", "open", "overdue", "closed", "withdrawn")
    assert [rungs["reminder"][name] for name in numbers] == [2, 2, 1, 0, 0]
    assert [rungs["order"][name] for name in numbers] == [2, 1, 0, 0, 1]
    assert [rungs["listed"][name] for name in numbers] == [0, 0, 0, 0, 0]
    units = {row["unit"]: row for row in counts["units"]}
    columns = ("reminder", "order", "meeting", "listed", "replied", "late", "overdue")
    assert [units["CGJ"][name] for name in columns] == [1, 1, 0, 0, 1, 1, 0]
    assert [units["ZJJ"][name] for name in columns] == [1, 0, 0, 0, 0, 0, 1]
    _, own = await ask(
        client, "GET", "/supervision/counts?since=2026-03-01&until=2026-03-31", who="4101"
    )
    assert [row["unit"] for row in own["units"]] == ["ZJJ"]


async def test_the_public_list_shows_every_unit_what_is_listed(town: Town, client: Client) -> None:
    ticket = await town.ticket()
    await town.supervision.issue(SUN, new_paper(ticket, Rung.listed))
    hidden = await town.ticket(confidential=True)
    await town.raise_to(hidden, Rung.listed)
    status, listed = await ask(client, "GET", "/supervision/listed", who="4101")
    assert status == 200
    assert [(item["title"], item["hidden"], item["leader"]) for item in listed["items"]] == [
        ("诉求人投诉夜间施工噪声", False, "局长 张三"),
        ("", True, "主送单位主要负责人（第一责任人）"),
    ]
    assert OTHER.unit not in {unit for item in listed["items"] for unit in item["units"]}


async def test_boxes_hold_what_waits_for_whom(town: Town, client: Client) -> None:
    first, second = await town.ticket(), await town.ticket(units=("ZJJ",))
    await town.supervision.issue(SUN, new_paper(first, copies=("ZJJ",)))
    await town.raise_to(second, Rung.reminder)
    await town.raise_to(first, Rung.reminder)
    await town.supervision.reply(CLERK, 3, "已办理。")
    await town.supervision.issue(SUN, new_paper(first))
    await ask(client, "POST", "/supervision/papers/4/withdraw", {"text": "误发。"})
    town.clock.advance(2 * 86400)

    async def boxes(who: str) -> dict[str, int]:
        status, summary = await ask(client, "GET", "/supervision/summary", who=who)
        assert status == 200
        for box, count in summary["boxes"].items():
            _, page = await ask(client, "GET", f"/supervision/papers?box={box}", who=who)
            assert len(page["items"]) == count, box
        return dict(summary["boxes"])

    assert await boxes("3001") == {
        "to_answer": 0,
        "open": 3,
        "overdue": 1,
        "replied": 1,
        "ended": 1,
    }
    assert await boxes("4001") == {
        "to_answer": 1,
        "open": 2,
        "overdue": 0,
        "replied": 1,
        "ended": 1,
    }
    # The copy is not yet read, the reminder not yet replied to.
    assert (await boxes("4101"))["to_answer"] == 2
    await ask(client, "POST", "/supervision/papers/1/read", who="4101")
    await ask(client, "POST", "/supervision/papers/2/read", who="4101")
    assert (await boxes("4101"))["to_answer"] == 1


async def test_half_a_sign_is_refused(town: Town, client: Client) -> None:
    await town.ticket()
    body = json.dumps(ORDER).replace("CGJ", "\\ud800")
    response = await client.post(
        "/api/v1/supervision/papers", data=body, headers={"X-Agent": "3001"}
    )
    assert response.status == 422


async def test_the_same_key_twice_at_once_issues_once_and_leaves_no_gap(
    town: Town, client: Client
) -> None:
    await town.ticket()
    answers = await asyncio.gather(
        *(ask(client, "POST", "/supervision/papers", ORDER, key="k1") for _ in range(4))
    )
    assert {(status, paper["number"]) for status, paper in answers} == {(201, "热线督〔2026〕1号")}
    _, following = await ask(client, "POST", "/supervision/papers", ORDER)
    assert following["number"] == "热线督〔2026〕2号"


async def test_a_ledger_with_odd_signs_opens(town: Town, client: Client) -> None:
    await town.raise_to(await town.ticket(), Rung.order)
    await town.supervision.reply(CLERK, 1, "已办\ufffe\ufeff\n=1+1")
    response = await client.get("/api/v1/supervision/ledger", headers={"X-Agent": "3001"})
    sheet = openpyxl.load_workbook(io.BytesIO(await response.read())).active
    assert sheet is not None
    assert "城市管理行政执法局：已办\n=1+1" in {cell.value for cell in [*sheet.iter_rows()][1]}
