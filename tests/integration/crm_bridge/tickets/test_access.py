"""Who sees what of a ticket, and who is shown whose it is."""

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import col, select

from crm_bridge.tickets.vocabulary import TicketType
from infra.kit.audit import AuditRow
from telephony.numbers import PhoneNumber
from tests.integration.crm_bridge.house import CGJ, FORM, GRGS, LI, MOBILE
from tests.integration.crm_bridge.test_api import ask
from tests.integration.crm_bridge.tickets.city import CHEN, HE, City
from tests.integration.crm_bridge.tickets.desk import Client, Desk


async def audited(city: City) -> list[tuple[str | None, str, dict[str, Any]]]:
    async with city.database.reading() as session:
        rows = (await session.exec(select(AuditRow).order_by(col(AuditRow.id)))).all()
    return [(row.actor, row.action, row.detail) for row in rows]


async def test_units_see_the_tickets_that_they_have_or_had_and_no_others(
    city: City, client: Client
) -> None:
    mine, others = await city.dispatched(), await city.dispatched(lead=GRGS)
    assert (await ask(client, "GET", f"/tickets/{mine}", who="5001"))[0] == 200
    status, problem = await ask(client, "GET", f"/tickets/{others}", who="5001")
    assert (status, problem["detail_zh"]) == (403, "这不是本单位承办的工单")
    desk = Desk(client, mine)
    await desk.act("5001", "assignments/1/return", grounds="not_ours", text="不属本单位职责")
    await desk.act("3001", "assignments/1/return/decision", approve=True)
    seen = await desk.look("5001")
    assert (seen["state"], seen["actions"]) == ("to_dispatch", [])
    _, page = await ask(client, "GET", "/tickets", who="5001")
    assert [ticket["id"] for ticket in page["items"]] == [mine]


async def test_units_act_only_on_their_own_assignments(city: City, client: Client) -> None:
    desk = Desk(client, await city.dispatched(GRGS))
    await desk.look("5001")
    for who, n, status in (("5001", 2, 403), ("5004", 1, 403), ("5001", 3, 404), ("3001", 1, 403)):
        assert (await desk.try_to(who, f"assignments/{n}/sign"))[0] == status
    assert (await desk.try_to("5003", "stop", reason="重复诉求"))[0] == 403
    assert (await desk.try_to("1001", "stop", reason="重复诉求"))[0] == 403
    assert (await desk.try_to("5001", "dispatch", lead=CGJ))[0] == 403
    assert (await desk.try_to("1002", "answer", text="已告知"))[0] == 403


async def test_units_see_the_citizen_masked_and_neither_contacts_nor_recordings(
    city: City, client: Client
) -> None:
    seen = await Desk(client, await city.dispatched()).look("5001")
    assert seen["citizen"]["phone_masked"] == "138****5121"
    assert seen["contacts"] == []


@pytest.mark.parametrize("change", [{"confidential": True}, {"type": TicketType.report}])
async def test_hidden_citizen_is_shown_to_no_unit_and_to_the_centre_by_grant_only(
    city: City, client: Client, change: dict[str, Any]
) -> None:
    ticket_id = await city.dispatched(**change)
    desk = Desk(client, ticket_id)
    purpose = {"purpose": "联系诉求人"}
    for who in ("5001", "3001", "9001"):
        assert (await desk.look(who))["citizen"] is None
    for who in ("5001", "3001"):
        assert (await desk.try_to(who, "reveal-number", **purpose))[0] == 422
        path = f"/tickets/{ticket_id}/reveal-number"
        assert (await ask(client, "POST", path, purpose, who=who))[0] == 403
    grant = {"user_number": "3001", "hours": 2, "reason": "核实线索"}
    path = f"/tickets/{ticket_id}/grants"
    assert (await ask(client, "POST", path, grant, who="3001"))[0] == 403
    assert (await ask(client, "POST", path, grant, who="5001"))[0] == 403
    status, granted = await ask(client, "POST", path, grant, who="3002")
    assert (status, granted["user_number"]) == (200, "3001")
    status, problem = await ask(client, "POST", path, grant | {"user_number": "5001"}, who="3002")
    assert (status, [field["pointer"] for field in problem["fields"]]) == (422, ["/user_number"])
    assert (await desk.look("3001"))["citizen"]["phone_masked"] == "138****5121"
    assert (await desk.look("5001"))["citizen"] is None
    city.clock.advance(2 * 3600)
    assert (await desk.look("3001"))["citizen"] is None
    assert [(who, what) for who, what, _ in await audited(city)] == [
        ("3002", "ticket.citizen_granted"),
        ("3001", "ticket.citizen_shown"),
    ]


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ({"confidential": True}, {"confidential": False}),
        ({"type": TicketType.report}, {"type": "complaint"}),
    ],
)
async def test_hidden_citizen_is_unhidden_only_by_whom_another_has_let_see_him(
    city: City, client: Client, hidden: dict[str, Any], shown: dict[str, Any]
) -> None:
    desk = Desk(client, await city.dispatched(**hidden))
    await desk.look("3001")
    status, problem = await desk.try_to("3001", "amend", reason="登记有误", **shown)
    assert (status, "授权" in problem["detail_zh"]) == (403, True)
    await desk.act("3001", "amend", reason="归类有误", category="2001")
    grant = {"user_number": "3001", "hours": 2, "reason": "核实登记"}
    await ask(client, "POST", f"{desk.path}/grants", grant, who="3002")
    await desk.act("3001", "amend", reason="登记有误", **shown)
    assert (await desk.look("5001"))["citizen"] is not None
    assert [action for _, action, _ in await audited(city)][-1] == "ticket.citizen_unhidden"


async def test_citizen_of_a_ticket_can_be_hidden_by_whoever_may_correct_it(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.dispatched())
    await desk.act("3001", "amend", reason="诉求人要求保密", confidential=True)
    assert (await desk.look("5001"))["citizen"] is None


async def test_citizen_can_be_hidden_when_all_is_done_and_nothing_else_is_put_right(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.in_hand())
    await desk.act("5001", "assignments/1/reply", text="已核查处理", contacted=True)
    await desk.act("3001", "audit", accept=True)
    closed_at = (await city.ticket(desk.seen["id"])).closed_at
    city.clock.advance(60)

    status, problem = await desk.try_to("3001", "amend", title="另一标题", reason="登记有误")
    assert (status, "身份保密" in problem["detail_zh"]) == (409, True)
    assert "amend" in desk.seen["actions"]
    seen = await desk.act("3001", "amend", confidential=True, reason="诉求人要求保密")

    assert "amend" not in seen["actions"]
    assert (await desk.look("5001"))["citizen"] is None
    assert (await city.ticket(seen["id"])).closed_at == closed_at
    assert await city.is_whole()


async def test_words_that_were_taken_out_are_not_shown_to_whom_the_citizen_is_hidden_from(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.dispatched(type=TicketType.report, title="张三举报违建"))
    await desk.act("3001", "amend", reason="标题不得写姓名", title="李四举报违建")
    await desk.act("3001", "amend", reason="标题不得写姓名", title="违建", category="2001")
    grant = {"user_number": "3001", "hours": 2, "reason": "核实登记"}
    await ask(client, "POST", f"{desk.path}/grants", grant, who="3002")
    for unit in ("5001", "5002"):
        first, last = [
            one["detail"] for one in (await desk.look(unit))["events"] if one["event"] == "amended"
        ]
        assert (first["changes"], first["was"]) == ({}, {})
        assert last["changes"] == {"title": "违建", "category": "2001"}
        assert last["was"] == {"category": "2005"}
    shown = [
        one["detail"]["was"].get("title")
        for one in (await desk.look("3001"))["events"]
        if one["event"] == "amended"
    ]
    assert shown == ["张三举报违建", "李四举报违建"]


async def test_grant_that_is_sent_twice_is_one(city: City, client: Client) -> None:
    path = f"/tickets/{await city.dispatched(confidential=True)}/grants"
    grant = {"user_number": "3001", "hours": 2, "reason": "核实线索"}
    first = await ask(client, "POST", path, grant, who="3002", key="k-1")
    city.clock.advance(60)
    assert await ask(client, "POST", path, grant, who="3002", key="k-1") == first
    assert len(await audited(city)) == 1


async def test_unit_is_shown_the_number_only_while_it_has_the_ticket(
    city: City, client: Client
) -> None:
    ticket_id = await city.dispatched()
    path, purpose = f"/tickets/{ticket_id}/reveal-number", {"purpose": "约定上门时间"}
    assert await ask(client, "POST", path, purpose, who="5001") == (200, {"number": MOBILE.digits})
    assert (await ask(client, "POST", path, purpose, who="5003"))[0] == 403
    assert (await ask(client, "POST", path, purpose, who="1001"))[0] == 403
    assert await audited(city) == [("5001", "ticket.number_revealed", {"purpose": "约定上门时间"})]
    desk = Desk(client, ticket_id)
    await desk.act("5001", "assignments/1/return", grounds="not_ours", text="不属本单位职责")
    await desk.act("3001", "assignments/1/return/decision", approve=True)
    assert (await ask(client, "POST", path, purpose, who="5001"))[0] == 403


async def test_number_to_call_back_is_shown_before_the_one_that_called(
    city: City, client: Client
) -> None:
    other = PhoneNumber("13900016666")
    ticket_id = await city.dispatched(callback_phone=other)
    path = f"/tickets/{ticket_id}/reveal-number"
    _, shown = await ask(client, "POST", path, {"purpose": "回访"}, who="3001")
    assert shown == {"number": other.digits}


async def test_anonymous_citizen_has_no_number_to_show(city: City, client: Client) -> None:
    ticket_id = await city.tickets.register(LI, replace(FORM, answer=None))
    path = f"/tickets/{ticket_id}/reveal-number"
    assert (await ask(client, "POST", path, {"purpose": "回访"}, who="3001"))[0] == 403


async def test_actions_are_what_this_very_person_can_do(city: City, client: Client) -> None:
    desk = Desk(client, await city.left_open())
    centre = ["dispatch", "not_accepted", "pass_on", "join", "stop", "amend", "told"]
    assert (await desk.look("3001"))["actions"] == [*centre, "answer", "reveal_number"]
    agent = ["dispatch", "not_accepted", "pass_on", "join"]
    assert (await desk.look("1001"))["actions"] == [*agent, "answer"]
    assert (await desk.look("9001"))["actions"] == ["instruct"]
    await desk.act("3001", "dispatch", lead=CGJ, helpers=[GRGS])
    assert (await desk.look("5001"))["actions"] == ["sign:1", "return:1", "stop", "reveal_number"]
    assert (await desk.look("5003"))["actions"] == ["sign:2", "return:2", "reveal_number"]
    await desk.act("5001", "assignments/1/sign")
    assert (await desk.look("5001"))["actions"] == [
        "reply:1",
        "return:1",
        "extension:1",
        "help:1",
        "lane:1",
        "stop",
        "reveal_number",
    ]
    await desk.act("5003", "assignments/2/return", grounds="not_ours", text="不属本单位")
    await desk.act("5001", "assignments/1/extension", days=2, reason="材料未到")
    assert {"return_decision:2", "extension_decision"} <= set((await desk.look("3001"))["actions"])
    await desk.act("5001", "stop", reason="诉求人撤回")
    assert "stop_decision" in (await desk.look("3001"))["actions"]


FORWARD = [
    ("dispatch", {"lead": CGJ}),
    ("not-accepted", {"grounds": "涉法涉诉", "where_to_turn": "人民法院"}),
    ("pass-on", {"platform": "110"}),
]


@pytest.mark.parametrize(("what", "said"), FORWARD, ids=[what for what, _ in FORWARD])
async def test_agent_says_where_a_ticket_goes_that_he_wrote_and_no_other(
    city: City, client: Client, what: str, said: dict[str, Any]
) -> None:
    desk = Desk(client, await city.left_open())
    # He is talking to the same citizen, and so sees what was reported before.
    await city.ring(agent="1002")
    seen = await desk.look("1002")
    assert (seen["agent"], seen["actions"]) == ("1001", [])
    status, problem = await desk.try_to("1002", what, **said)
    assert (status, problem["detail_zh"]) == (403, "这是其他话务员的工单")
    assert (await desk.look("1001"))["state"] == "to_dispatch"
    assert (await desk.act("1001", what, **said))["state"] != "to_dispatch"


@pytest.mark.parametrize("more", [{"designated": True}, {"limit": "15wd"}])
async def test_agent_neither_designates_a_unit_nor_sets_a_limit(
    city: City, client: Client, more: dict[str, Any]
) -> None:
    desk = Desk(client, await city.left_open())
    await desk.look("1001")
    status, problem = await desk.try_to("1001", "dispatch", lead=CGJ, **more)
    assert (status, problem["type"]) == (403, "urn:lianxin:problem:forbidden")
    assert (await desk.look("1001"))["state"] == "to_dispatch"


async def test_agent_joins_a_ticket_that_he_wrote_and_no_other(city: City, client: Client) -> None:
    main, desk = await city.dispatched(), Desk(client, await city.left_open())
    await desk.look("1001")
    assert (await desk.try_to("1002", "join", main_id=main))[0] == 403
    assert (await desk.act("1001", "join", main_id=main))["state"] == "joined"


async def test_agent_neither_decides_nor_audits_nor_corrects(city: City, client: Client) -> None:
    desk = Desk(client, await city.in_hand())
    await desk.act("5001", "assignments/1/extension", days=2, reason="材料未到")
    for what, said in (
        ("extension/decision", {"approve": True}),
        ("helpers", {"units": [GRGS]}),
        ("amend", {"title": "另一标题", "reason": "登记有误"}),
        ("passing", {"confirmed": True}),
        ("audit", {"accept": True}),
    ):
        assert (await desk.try_to("1001", what, **said))[0] == 403, what


async def test_what_waits_is_shown_with_who_asked_and_why(city: City, client: Client) -> None:
    desk = Desk(client, await city.in_hand(GRGS))
    await desk.act("5003", "assignments/2/return", grounds="wrong_place", text="不在辖区")
    await desk.act("5001", "assignments/1/extension", days=2, reason="材料未到")
    await desk.act("5001", "assignments/1/help", units=["QXJD"], reason="需街道配合")
    await desk.act("5001", "assignments/1/lane", lane="unreasonable", text="于法无据")
    seen = await desk.act("5001", "stop", reason="诉求人撤回")
    assert {
        kind: (asked["n"], asked["actor"], asked["unit_name"], asked["text"])
        for kind, asked in seen["pending"].items()
    } == {
        "return": (2, "5003", "供热公司", "不在辖区"),
        "extension": (1, "5001", "城管执法局", "材料未到"),
        "help": (1, "5001", "城管执法局", "需街道配合"),
        "lane": (1, "5001", "城管执法局", "于法无据"),
        "stop": (0, "5001", None, "诉求人撤回"),
    }
    assert seen["pending"]["extension"]["days"] == 2
    assert seen["pending"]["help"]["units"] == ["QXJD"]
    assert seen["pending"]["return"]["grounds"] == "wrong_place"
    assert seen["lane"] == "unreasonable"


async def test_people_of_the_unit_and_the_centre_are_told(city: City) -> None:
    ticket_id = await city.left_open()
    await city.dispatching.dispatch(
        HE, await city.now(ticket_id), lead=CGJ, helpers=[GRGS], note=""
    )
    assert [body["agents"] for body in await city.outbox("ticket.assigned")] == [
        ["5001", "5002"],
        ["5003"],
    ]
    await city.work.sign(CHEN, await city.now(ticket_id), 1)
    await city.closing.ask_stop(CHEN, await city.now(ticket_id), "诉求人撤回")
    changed = [body["agents"] for body in await city.outbox("ticket.changed")]
    assert changed == [
        ["1001"],
        ["1001"],
        ["1001", "5001", "5002", "5003"],
        ["1001", "5001", "5002", "5003", "3001", "3002"],
    ]
