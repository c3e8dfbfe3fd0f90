"""What units ask for, what the centre decides, and what must be recorded before a reply."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from crm_bridge.rates.tables import ExclusionRow
from crm_bridge.tickets.details import Decided
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.news import Destination, News
from crm_bridge.tickets.vocabulary import TicketEvent, Wait
from infra.kit.outbox import OutboxRow
from tests.integration.crm_bridge.house import CGJ, GRGS, QXJD, ZONE, written
from tests.integration.crm_bridge.tickets.city import HE, MAYOR, City
from tests.integration.crm_bridge.tickets.desk import Client, Desk

REPLY: dict[str, Any] = {"text": "已办理", "contacted": True}


async def test_complex_matter_needs_a_plan_and_a_recorded_talk_before_the_reply(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.in_hand())
    by = (city.clock.now() + timedelta(days=2)).isoformat()
    seen = await desk.act("5001", "assignments/1/lane", lane="complex", text="分三步", talk_by=by)
    assert (seen["lane"], "talk:1" in seen["actions"], "reply:1" in seen["actions"]) == (
        "complex",
        True,
        False,
    )
    status, problem = await desk.try_to("5001", "assignments/1/reply", **REPLY)
    assert (status, "先记录" in problem["detail_zh"]) == (409, True)
    at = city.clock.now().isoformat()
    await desk.act("5001", "assignments/1/talk", text="已说明安排", talked_at=at)
    assert (await desk.act("5001", "assignments/1/reply", **REPLY))["state"] == "replied"


async def test_promised_talk_is_recorded_before_another_lane_is_chosen(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.in_hand())
    by = (city.clock.now() + timedelta(days=2)).isoformat()
    await desk.act("5001", "assignments/1/lane", lane="complex", text="分三步", talk_by=by)
    status, problem = await desk.try_to("5001", "assignments/1/lane", lane="at_once")
    assert (status, "尚未记录" in problem["detail_zh"]) == (409, True)
    at = city.clock.now().isoformat()
    await desk.act("5001", "assignments/1/talk", text="已说明安排", talked_at=at)
    seen = await desk.act("5001", "assignments/1/lane", lane="at_once")
    assert seen["lane"] == "at_once"


async def test_unreasonable_demand_needs_the_centre_before_the_reply(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.in_hand())
    await desk.act("5001", "assignments/1/lane", lane="unreasonable", text="于法无据")
    await desk.look("5001")
    assert (await desk.try_to("5001", "assignments/1/reply", **REPLY))[0] == 409
    await desk.act("3001", "lane/decision", approve=False, reason="应予办理")
    await desk.look("5001")
    assert (await desk.try_to("5001", "assignments/1/reply", **REPLY))[0] == 409
    await desk.act("5001", "assignments/1/lane", lane="unreasonable", text="补充法律依据")
    await desk.act("3001", "lane/decision", approve=True)
    assert (await desk.act("5001", "assignments/1/reply", **REPLY))["state"] == "replied"


async def test_extension_moves_the_due_date_once_a_round_and_the_citizen_is_to_be_told(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.in_hand())
    await desk.act("5001", "assignments/1/extension", days=3, reason="材料未到")
    seen = await desk.act("3001", "extension/decision", approve=True)
    (one,) = await city.assignments(seen["id"])
    assert one.due_before_extension is not None
    assert one.due_at - one.due_before_extension == timedelta(days=3)
    assert one.extended_at == city.clock.now()
    assert "extension:1" not in (await desk.look("5001"))["actions"]
    assert await city.waiting(Wait.to_tell) == 1
    await desk.act("3001", "told", how="phone", text="已告知延期三天")
    assert await city.waiting(Wait.to_tell) == 0


async def test_refused_extension_can_be_asked_for_again(city: City, client: Client) -> None:
    desk = Desk(client, await city.in_hand())
    await desk.act("5001", "assignments/1/extension", days=3, reason="材料未到")
    await desk.act("3001", "extension/decision", approve=False, reason="请按期办结")
    assert "extension:1" in (await desk.look("5001"))["actions"]


async def test_refused_return_leaves_the_clock_as_it_was(city: City, client: Client) -> None:
    desk = Desk(client, await city.dispatched())
    (before,) = await city.assignments(1)
    city.clock.advance(3600)
    await desk.act("5001", "assignments/1/return", grounds="not_ours", text="不属本单位")
    await desk.act("3001", "assignments/1/return/decision", approve=False, reason="属你单位职责")
    (after,) = await city.assignments(1)
    assert (after.due_at, after.sign_due_at) == (before.due_at, before.sign_due_at)
    assert after.state == "dispatched"


async def test_granted_help_gives_the_units_that_were_asked_for_no_later_than_the_lead(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.in_hand())
    city.clock.advance(timedelta(days=1).total_seconds())
    await desk.act("5001", "assignments/1/help", units=[GRGS, QXJD], reason="需配合")
    seen = await desk.act("3001", "help/decision", approve=True)
    assert [(one["unit"], one["role"]) for one in seen["assignments"]] == [
        (CGJ, "lead"),
        (GRGS, "helper"),
        (QXJD, "helper"),
    ]
    assert {one["due_at"] for one in seen["assignments"]} == {seen["assignments"][0]["due_at"]}
    assert "help" not in seen["pending"]


async def test_refused_help_leaves_the_lead_alone(city: City, client: Client) -> None:
    desk = Desk(client, await city.in_hand())
    await desk.act("5001", "assignments/1/help", units=[GRGS], reason="需配合")
    seen = await desk.act("3001", "help/decision", approve=False, reason="可独立办理")
    assert (len(seen["assignments"]), seen["pending"]) == (1, {})


async def test_helper_gives_back_without_taking_the_ticket_from_the_lead(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.in_hand(GRGS))
    await desk.act("5003", "assignments/2/return", grounds="not_ours", text="不属本单位")
    seen = await desk.act("3001", "assignments/2/return/decision", approve=True)
    assert (seen["state"], [one["state"] for one in seen["assignments"]]) == (
        "in_hand",
        ["in_hand", "returned"],
    )


async def test_silence_of_the_centre_is_a_return_approved_by_rule(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.dispatched())
    await desk.act("5001", "assignments/1/return", grounds="not_ours", text="不属本单位")
    async with city.database.transaction() as session:
        await city.ledger.happen(
            session, desk.seen["id"], TicketEvent.return_approved, detail=Decided(n=1, by_rule=True)
        )
    seen = await desk.look("3001")
    assert (seen["state"], seen["events"][-1]["actor"]) == ("to_dispatch", None)
    assert seen["events"][-1]["detail"] == {"n": 1, "by_rule": True}


async def test_sent_back_reply_is_in_hand_again_with_its_clock_running(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.in_hand())
    await desk.act("5001", "assignments/1/reply", **REPLY)
    assert (await city.assignments(desk.seen["id"]))[0].replied_at == city.clock.now()
    seen = await desk.act("3001", "audit", accept=False, reason="未说明结果")
    assert (seen["state"], seen["assignments"][0]["replied_at"]) == ("in_hand", None)


async def test_stop_needs_another_person_and_ends_the_assignments(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.in_hand(GRGS))
    await desk.act("5001", "stop", reason="诉求人书面撤回")
    assert "stop_decision" in (await desk.look("9001"))["actions"]
    seen = await desk.act("9001", "stop/decision", approve=True)
    assert (seen["state"], {one["state"] for one in seen["assignments"]}) == (
        "stopped",
        {"stopped"},
    )
    assert seen["actions"] == []
    assert await city.waiting(Wait.stops) == 0
    async with city.database.reading() as session:
        excluded = (await session.exec(select(ExclusionRow))).all()
    assert [(row.proposed_by, row.decided_by, row.reason) for row in excluded] == [
        ("5001", "9001", "诉求人书面撤回")
    ] * 2


async def test_stopped_ticket_s_citizen_is_not_rung_any_more(city: City) -> None:
    ticket_id = await city.in_hand()
    async with city.database.transaction() as session:
        await city.callbacks.owe(session, await city.ledger.ticket(session, ticket_id))
    await city.closing.ask_stop(HE, await city.now(ticket_id), "诉求人撤回")
    await city.closing.decide_stop(MAYOR, await city.now(ticket_id), approve=True, reason="")
    await city.runner.run_once()
    assert city.dialer.rung == []
    assert (await city.callback(ticket_id)).state == "not_called"


@pytest.mark.parametrize(
    ("what", "said", "state"),
    [
        ("not-accepted", {"grounds": "涉法涉诉", "where_to_turn": "人民法院"}, "closed"),
        ("pass-on", {"platform": "110", "reference": "A-17"}, "passed_on"),
    ],
)
async def test_ways_out_without_a_unit(
    city: City, client: Client, what: str, said: dict[str, str], state: str
) -> None:
    desk = Desk(client, await city.left_open())
    seen = await desk.act("3001", what, **said)
    assert (seen["state"], seen["events"][2]["detail"]) == (state, said)


async def test_platform_confirms_or_gives_back(city: City, client: Client) -> None:
    desk = Desk(client, await city.left_open())
    await desk.act("3001", "pass-on", platform="信访")
    assert await city.waiting(Wait.passing) == 1
    seen = await desk.act("3001", "passing", confirmed=False, reason="不属受理范围")
    assert (seen["state"], await city.waiting(Wait.passing)) == ("to_dispatch", 0)
    await desk.act("3001", "pass-on", platform="110")
    seen = await desk.act("3001", "passing", confirmed=True, reference="B-9")
    assert (seen["state"], (await city.callback(seen["id"])).state) == ("closed", "due")
    assert await city.waiting(Wait.passing) == 0
    assert await city.is_whole()


async def test_instructions_and_corrections_stand_on_the_ticket_and_its_assignments(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.in_hand())
    seen = await desk.act("9001", "instructions", text="请三日内办结并回告")
    assert seen["instructed"]
    seen = await desk.act(
        "3001", "amend", category="2001", type="report", title="夜间施工扰民", reason="归类有误"
    )
    assert (seen["title"], seen["category"], seen["type"]) == ("夜间施工扰民", "2001", "report")
    (one,) = await city.assignments(seen["id"])
    assert (one.category, one.type) == ("2001", "report")
    assert seen["events"][-1]["detail"]["was"]["category"] == "2005"
    assert await city.is_whole()


async def test_ticket_of_a_written_matter_is_dispatched_from_its_registration(
    city: City, client: Client
) -> None:
    await city.intake.take(written())
    assert await city.waiting(Wait.to_dispatch) == 1
    desk = Desk(client, 1)
    assert "dispatch" in (await desk.look("3001"))["actions"]
    seen = await desk.act("3001", "dispatch", lead=CGJ)
    assert [event["event"] for event in seen["events"]] == [
        "registered",
        "left_open",
        "dispatched",
    ]
    (one,) = await city.assignments(1)
    assert (one.channel, one.agent) == ("letters", None)


async def test_every_event_is_told_to_other_systems_when_they_are_registered(city: City) -> None:
    ticket_id = await city.left_open()
    news = News(city.clock, None, (Destination(name="webhook"),))
    ledger = Ledger(city.clock, ZONE, city.vault, news)
    async with city.database.transaction() as session:
        await ledger.happen(session, ticket_id, TicketEvent.stop_asked, actor="3001")
    async with city.database.reading() as session:
        told = select(OutboxRow).where(OutboxRow.destination == "webhook")
        (entry,) = (await session.exec(told)).all()
    assert (entry.kind, entry.body["event"], entry.body["from_state"]) == (
        "ticket.changed",
        "stop_asked",
        "to_dispatch",
    )
