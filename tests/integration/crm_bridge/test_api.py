from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlmodel import select

from crm_bridge.drafts.tables import DraftRow
from infra.kit.audit import AuditRow
from telephony.dialer.memory import Reply
from telephony.dialer.rules import Question
from tests.integration.crm_bridge.house import FORM, LI, MOBILE, WANG, House

Client = TestClient[web.Request, web.Application]

NEW = {
    "type": "complaint",
    "category": "2005",
    "title": "夜间施工噪声",
    "text": "小区旁工地夜间施工。",
    "address": "滨江路 18 号",
    "urgency": "urgent",
    "confidential": False,
    "call_me_not": False,
    "answer": {"text": "已告知许可规定。"},
}


async def ask(
    client: Client,
    method: str,
    path: str,
    body: object = None,
    *,
    who: str = "1001",
    key: str | None = None,
) -> tuple[int, Any]:
    headers = {"X-Agent": who} | ({"Idempotency-Key": key} if key else {})
    response = await client.request(method, f"/api/v1{path}", json=body, headers=headers)
    text = await response.text()
    return response.status, await response.json(content_type=None) if text else None


async def test_form_becomes_a_ticket_with_all_that_belongs_to_it(
    house: House, client: Client
) -> None:
    call_id = await house.ring()
    status, ticket = await ask(
        client, "POST", "/tickets", NEW | {"call_id": call_id, "citizen_name": "李明"}
    )
    assert status == 201
    callback = ticket["callbacks"].pop()
    events = ticket.pop("events")
    contact = ticket["contacts"].pop()
    now = house.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert ticket == {
        "id": ticket["id"],
        "number": "20260302-000001",
        "type": "complaint",
        "category": "2005",
        "category_name": "噪声扰民",
        "title": "夜间施工噪声",
        "urgency": "urgent",
        "confidential": False,
        "state": "closed",
        "state_zh": "已答复",
        "state_en": "closed",
        "created_at": now,
        "closed_at": now,
        "rating": None,
        "agent": "1001",
        "text": "小区旁工地夜间施工。",
        "address": "滨江路 18 号",
        "call_me_not": False,
        "citizen": {"id": 1, "name": "李明", "phone_masked": "138****5121"},
        "contacts": [],
        "callbacks": [],
        "version": 2,
        "round": 1,
        "redos": 0,
        "transfers": 0,
        "instructed": False,
        "assignments": [],
        "lane": None,
        "lane_course": None,
        "pending": {},
        "returns": [],
        "attachments": [],
        "joined": [],
        "joined_count": 0,
        "main": None,
        "actions": [],
        "people": {},
    }
    assert (contact["channel"], contact["call_id"]) == ("voice", call_id)
    assert [(event["seq"], event["event"], event["actor"]) for event in events] == [
        (1, "registered", "1001"),
        (2, "answered", "1001"),
    ]
    assert events[1]["detail"] == {"text": "已告知许可规定。"}
    assert (callback["state"], callback["attempts"], callback["answers"]) == ("due", [], {})


async def test_ticket_shows_what_the_citizen_pressed(house: House, client: Client) -> None:
    answers = {Question.contacted: 1, Question.solved: 3, Question.satisfied: 4}
    house.dialer.script(MOBILE, Reply(answers=answers))
    ticket_id = await house.close_a_ticket()
    await house.runner.run_once()
    _, ticket = await ask(client, "GET", f"/tickets/{ticket_id}")
    (callback,) = ticket["callbacks"]
    assert callback["answers"] == {"contacted": 1, "solved": 3, "satisfied": 4}
    assert [attempt["result"] for attempt in callback["attempts"]] == ["answered"]
    assert (ticket["rating"], ticket["state_zh"]) == (4, "待回访")


async def test_form_sent_twice_with_one_key_is_one_ticket(house: House, client: Client) -> None:
    first = await ask(client, "POST", "/tickets", NEW, key="k-1")
    assert await ask(client, "POST", "/tickets", NEW, key="k-1") == first
    status, problem = await ask(client, "POST", "/tickets", NEW | {"title": "别的"}, key="k-1")
    assert (status, problem["type"]) == (422, "urn:lianxin:problem:invalid")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": "短"}, "/title"),
        ({"title": "长" * 61}, "/title"),
        ({"text": ""}, "/text"),
        ({"type": "gossip"}, "/type"),
        ({"type": None}, "/type"),
        ({"category": "nonsense"}, "/category"),
        ({"urgency": "now"}, "/urgency"),
        ({"address": "长" * 201}, "/address"),
        ({"answer": {"text": "好"}}, "/answer/text"),
        ({"callback_phone": "not a number"}, "/callback_phone"),
        ({"citizen_name": "名" * 41}, "/citizen_name"),
        ({"call_id": 999}, "/call_id"),
        ({"call_id": 2**31 - 1}, "/call_id"),
        ({"call_id": 2**31}, "/call_id"),
        ({"call_id": 2**63}, "/call_id"),
        ({"contact_id": 10**30}, "/contact_id"),
        ({"title": "夜间\0施工"}, "/title"),
        ({"text": "夜间\x1b[2J施工"}, "/text"),
        ({"address": "滨江路\x7f"}, "/address"),
        ({"category": "2005\0"}, "/category"),
        ({"citizen_name": "李\0明"}, "/citizen_name"),
        ({"answer": {"text": "已告\0知"}}, "/answer/text"),
        ({"priority": 1}, "/priority"),
    ],
)
async def test_malformed_form_names_the_field_in_both_languages(
    client: Client, change: dict[str, object], pointer: str
) -> None:
    status, problem = await ask(client, "POST", "/tickets", NEW | change)
    assert status == 422
    assert [field["pointer"] for field in problem["fields"]] == [pointer]
    assert all(field["message_zh"] and field["message_en"] for field in problem["fields"])


async def test_lines_and_tabs_are_kept(client: Client) -> None:
    text = "一、夜间施工；\r\n二、\t扬尘。"
    status, ticket = await ask(client, "POST", "/tickets", NEW | {"text": text})
    assert (status, ticket["text"]) == (201, text)


async def test_blank_number_and_name_are_none(client: Client) -> None:
    status, ticket = await ask(
        client, "POST", "/tickets", NEW | {"callback_phone": "", "citizen_name": "  "}
    )
    assert (status, ticket["citizen"]) == (201, None)


async def test_another_agents_ticket_is_forbidden(house: House, client: Client) -> None:
    ticket_id = await house.close_a_ticket()
    assert (await ask(client, "GET", f"/tickets/{ticket_id}", who="1002"))[0] == 403
    answer = {"text": "已告知", "version": 2}
    path = f"/tickets/{ticket_id}/answer"
    assert (await ask(client, "POST", path, answer, who="1002"))[0] == 403
    assert (await ask(client, "GET", f"/tickets/{ticket_id}", who="2001"))[0] == 200
    assert (await ask(client, "GET", "/tickets/999"))[0] == 404
    assert (await ask(client, "GET", f"/tickets/{ticket_id}", who="nobody"))[0] == 401


async def test_tickets_of_a_citizen_are_open_to_whom_the_citizen_talks_to(
    house: House, client: Client
) -> None:
    ticket_id = await house.close_a_ticket()
    hidden = await house.close_a_ticket(replace(FORM, confidential=True))
    await house.ring(agent="1002")
    assert (await ask(client, "GET", f"/tickets/{ticket_id}", who="1002"))[0] == 200
    assert (await ask(client, "GET", f"/tickets/{hidden}", who="1002"))[0] == 403


async def test_ticket_is_closed_again_to_the_agent_a_while_after_the_call(
    house: House, client: Client
) -> None:
    ticket_id = await house.close_a_ticket()
    await house.ring(agent="1002", ended_at=house.clock.now())
    assert (await ask(client, "GET", f"/tickets/{ticket_id}", who="1002"))[0] == 200
    house.clock.advance(15 * 60)
    assert (await ask(client, "GET", f"/tickets/{ticket_id}", who="1002"))[0] == 403


@pytest.mark.parametrize("change", [{"confidential": True}, {"type": "report"}])
async def test_citizen_of_a_confidential_ticket_is_shown_by_special_grant_only(
    house: House, client: Client, change: dict[str, object]
) -> None:
    form = NEW | change | {"call_id": await house.ring()}
    _, ticket = await ask(client, "POST", "/tickets", form)
    path = f"/tickets/{ticket['id']}"
    for who in ("1001", "2001"):
        _, seen = await ask(client, "GET", path, who=who)
        assert seen["citizen"] is None
        assert seen["contacts"] == []
    _, seen = await ask(client, "GET", path, who="3001")
    assert seen["citizen"]["phone_masked"] == "138****5121"
    assert [contact["call_id"] for contact in seen["contacts"]] == [form["call_id"]]
    async with house.database.reading() as session:
        (entry,) = (await session.exec(select(AuditRow))).all()
    assert (entry.actor, entry.action, entry.subject) == (
        "3001",
        "ticket.citizen_shown",
        f"ticket:{ticket['id']}",
    )


async def test_list_is_paged_newest_first_without_gap_or_repeat(
    house: House, client: Client
) -> None:
    made = [await house.close_a_ticket() for _ in range(5)]
    await house.tickets.register(WANG, FORM)
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        _, page = await ask(client, "GET", f"/tickets?mine=true&limit=2{cursor}")
        seen += [ticket["id"] for ticket in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


async def test_list_holds_what_one_may_see(house: House, client: Client) -> None:
    await house.close_a_ticket()
    await house.tickets.register(WANG, replace(FORM, answer=None))
    assert len((await ask(client, "GET", "/tickets"))[1]["items"]) == 1
    assert len((await ask(client, "GET", "/tickets", who="2001"))[1]["items"]) == 2
    _, page = await ask(client, "GET", "/tickets?state=to_dispatch", who="2001")
    assert [ticket["agent"] for ticket in page["items"]] == ["1002"]


@pytest.mark.parametrize(
    "query",
    ["cursor=!!!", "cursor=YWJj", "cursor=OTk5OTk5OTk5OQ", "limit=0", "state=lost", "page=2"],
)
async def test_malformed_query_is_refused(client: Client, query: str) -> None:
    assert (await ask(client, "GET", f"/tickets?{query}"))[0] == 422


async def test_answer_over_the_api_needs_the_version_on_the_screen(
    house: House, client: Client
) -> None:
    ticket_id = await house.tickets.register(LI, replace(FORM, answer=None))
    path = f"/tickets/{ticket_id}/answer"
    status, problem = await ask(client, "POST", path, {"text": "已告知"})
    assert (status, [field["pointer"] for field in problem["fields"]]) == (422, ["/version"])
    status, problem = await ask(client, "POST", path, {"text": "已告知", "version": 1})
    assert (status, problem["type"]) == (409, "urn:lianxin:problem:stale")
    status, ticket = await ask(client, "POST", path, {"text": "已告知", "version": 2})
    # The fourth event files it away: nobody is known who could be called back.
    assert (status, ticket["version"]) == (200, 4)
    status, problem = await ask(client, "POST", path, {"text": "已告知", "version": 4})
    assert (status, problem["detail_zh"]) == (409, "“归档”的工单不能“直接答复”。")


async def test_draft_is_kept_until_the_ticket_is_made(house: House, client: Client) -> None:
    call_id = await house.ring()
    path = f"/drafts/{call_id}"
    assert (await ask(client, "GET", path))[1] == {"body": None, "saved_at": None}
    assert (await ask(client, "PUT", path, {"title": "夜", "answer": None}))[0] == 204
    assert (await ask(client, "PUT", path, {"title": "夜间", "citizen_name": "李明"}))[0] == 204
    _, draft = await ask(client, "GET", path)
    assert draft["body"] == {"title": "夜间", "citizen_name": "李明"}
    async with house.database.reading() as session:
        (row,) = (await session.exec(select(DraftRow))).all()
    assert "李明".encode() not in row.body_encrypted
    await ask(client, "POST", "/tickets", NEW | {"call_id": call_id})
    assert (await ask(client, "GET", path))[1]["body"] is None


async def test_draft_of_another_agents_call_is_forbidden(house: House, client: Client) -> None:
    call_id = await house.ring()
    assert (await ask(client, "GET", f"/drafts/{call_id}", who="1002"))[0] == 403
    assert (await ask(client, "PUT", f"/drafts/{call_id}", {}, who="1002"))[0] == 403
    assert (await ask(client, "GET", "/drafts/999"))[0] == 404


async def test_categories_are_listed_with_both_names(client: Client) -> None:
    _, tree = await ask(client, "GET", "/categories")
    items = {item["code"]: item for item in tree["items"]}
    assert items["2005"] == {
        "code": "2005",
        "name_zh": "噪声扰民",
        "name_en": "Noise",
        "parent": "20",
    }
    assert len(items) >= 40


async def test_context_shows_who_calls_and_what_came_before(house: House, client: Client) -> None:
    earlier = await house.ring()
    ticket_id = await house.tickets.register(
        LI, replace(FORM, citizen_name="李明"), call_id=earlier
    )
    house.clock.advance(60)
    call_id = await house.ring()
    _, context = await ask(client, "GET", f"/calls/{call_id}/context")
    assert (context["citizen"]["name"], context["citizen"]["phone_masked"]) == (
        "李明",
        "138****5121",
    )
    assert context["contacts_total"] == 2
    assert [ticket["id"] for ticket in context["tickets"]] == [ticket_id]
    assert [call["id"] for call in context["calls"]] == [earlier]
    assert context["calls"][0]["ticket_id"] == ticket_id
    assert (context["call"]["previous_contacts"], context["call"]["ticket_id"]) == (1, None)
    assert context["call"]["caller_masked"] == "138****5121"


async def test_context_does_not_tell_whose_a_confidential_ticket_is(
    house: House, client: Client
) -> None:
    first = await house.ring()
    await house.tickets.register(LI, replace(FORM, confidential=True), call_id=first)
    house.clock.advance(60)
    call_id = await house.ring(agent="1002")
    _, context = await ask(client, "GET", f"/calls/{call_id}/context", who="1002")
    assert context["tickets"] == []
    assert [(call["contact_id"], call["ticket_id"]) for call in context["calls"]] == [(None, None)]
    _, context = await ask(client, "GET", f"/calls/{call_id}/context", who="3001")
    assert len(context["tickets"]) == 1


async def test_context_of_a_first_anonymous_call_is_empty(house: House, client: Client) -> None:
    call_id = await house.ring(None)
    _, context = await ask(client, "GET", f"/calls/{call_id}/context")
    assert context["citizen"] is None
    assert (context["contacts_total"], context["tickets"], context["calls"]) == (0, [], [])


async def test_context_of_another_agents_call_is_forbidden(house: House, client: Client) -> None:
    call_id = await house.ring()
    assert (await ask(client, "GET", f"/calls/{call_id}/context", who="1002"))[0] == 403
    assert (await ask(client, "GET", "/calls/999/context"))[0] == 404


async def test_context_is_closed_again_to_the_agent_a_while_after_the_call(
    house: House, client: Client
) -> None:
    call_id = await house.ring(ended_at=house.clock.now())
    assert (await ask(client, "GET", f"/calls/{call_id}/context"))[0] == 200
    house.clock.advance(15 * 60)
    status, problem = await ask(client, "GET", f"/calls/{call_id}/context")
    assert (status, problem["detail_zh"]) == (403, "通话已结束较久，不再显示来电人信息")
    assert (await ask(client, "GET", f"/calls/{call_id}/context", who="3001"))[0] == 200


async def test_figures_count_my_own_day(house: House, client: Client) -> None:
    house.dialer.script(MOBILE, Reply(answers={Question.satisfied: 3}))
    await house.close_a_ticket()
    house.dialer.script(MOBILE, Reply(answers={Question.satisfied: 5}))
    await house.runner.run_once()
    house.dialer.script(MOBILE, Reply(answers={Question.satisfied: 3}))
    await house.close_a_ticket()
    await house.runner.run_once()
    await house.ring(agent="1002")
    _, figures = await ask(client, "GET", "/figures/today")
    assert (figures["calls_answered"], figures["calls_offered_to_me"]) == (2, 2)
    assert figures["tickets"] == 2
    assert figures["satisfaction"] == {"numerator": 1, "denominator": 2}
    assert figures["talk_seconds_mean"] == {"numerator": 0, "denominator": 2}
    house.clock.advance(24 * 3600)
    _, figures = await ask(client, "GET", "/figures/today")
    assert (figures["tickets"], figures["satisfaction"]["denominator"]) == (0, 0)


async def test_lead_decides_about_a_doubtful_callback(house: House, client: Client) -> None:
    await house.close_a_ticket()
    await house.callbacks.leases.claim("dies", 1)
    house.clock.advance(house.settings.lease_seconds + 1)
    await house.runner.run_once()
    assert (await ask(client, "GET", "/callbacks/review"))[0] == 403
    _, waiting = await ask(client, "GET", "/callbacks/review", who="2001")
    (item,) = waiting["items"]
    path = f"/callbacks/{item['id']}/review"
    assert (await ask(client, "POST", path, {"decision": "maybe"}, who="2001"))[0] == 422
    assert (await ask(client, "POST", path, {"decision": "close"}, who="2001"))[0] == 204
    assert (await ask(client, "POST", path, {"decision": "close"}, who="2001"))[0] == 409
    assert (await ask(client, "POST", "/callbacks/999/review", {"decision": "close"}, who="2001"))[
        0
    ] == 404
