"""What lies at a unit's desk and at the centre's, and in which order."""

from datetime import timedelta

import pytest

from crm_bridge.tickets.desk_views import UnitBox
from crm_bridge.tickets.unit_desk import UnitDesk
from telephony.dialer.memory import Reply
from telephony.dialer.rules import Question
from tests.integration.crm_bridge.house import CGJ, GRGS, MOBILE, ZONE
from tests.integration.crm_bridge.test_api import ask
from tests.integration.crm_bridge.tickets.city import CHEN, HE, City
from tests.integration.crm_bridge.tickets.desk import Client, Desk

DAY = timedelta(days=1).total_seconds()


async def boxes(client: Client, who: str = "5001") -> dict[str, int]:
    status, summary = await ask(client, "GET", "/desk/summary", who=who)
    assert status == 200
    return {box: count for box, count in summary["boxes"].items() if count}


async def listed(client: Client, box: str, who: str = "5001") -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    cursor = ""
    while cursor is not None:
        status, page = await ask(
            client, "GET", f"/desk/assignments?box={box}&limit=2{cursor}", who=who
        )
        assert status == 200, page
        seen += [(item["ticket_id"], item["n"]) for item in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return seen


async def waiting(client: Client, box: str) -> list[int]:
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        status, page = await ask(
            client, "GET", f"/dispatch/tickets?box={box}&limit=2{cursor}", who="3001"
        )
        assert status == 200, page
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return seen


async def test_unit_desk_counts_each_box_and_lists_what_is_due_next_first(
    city: City, client: Client
) -> None:
    hasty = await city.left_open()
    await city.dispatching.dispatch(HE, await city.now(hasty), lead=CGJ, limit="1wd")
    to_sign = [await city.dispatched() for _ in range(2)]
    signed = await city.in_hand()
    helping = await city.dispatched(CGJ, lead=GRGS)
    assert await boxes(client) == {"to_sign": 4, "in_hand": 1, "due_soon": 1, "helping": 1}
    assert await listed(client, "to_sign") == [
        (hasty, 1),
        (to_sign[0], 1),
        (to_sign[1], 1),
        (helping, 2),
    ]
    assert await listed(client, "helping") == [(helping, 2)]
    city.clock.advance(DAY + 1)
    assert await listed(client, "overdue") == [(hasty, 1)]
    assert await listed(client, "in_hand") == [(signed, 1)]
    assert (await boxes(client))["overdue"] == 1


async def test_returned_and_redone_assignments_have_their_boxes(city: City, client: Client) -> None:
    desk = Desk(client, await city.dispatched())
    await desk.act("5001", "assignments/1/return", grounds="not_ours", text="不属本单位")
    _, page = await ask(client, "GET", "/desk/assignments?box=to_sign", who="5001")
    assert [item["return_pending"] for item in page["items"]] == [True]
    await desk.act("3001", "assignments/1/return/decision", approve=True)
    assert await boxes(client) == {"returned": 1}
    assert await listed(client, "returned") == [(desk.seen["id"], 1)]
    city.clock.advance(31 * DAY)
    assert await boxes(client) == {}


async def test_desk_item_holds_what_the_table_shows(city: City, client: Client) -> None:
    ticket_id = await city.in_hand()
    _, page = await ask(client, "GET", "/desk/assignments?box=in_hand", who="5001")
    (item,) = page["items"]
    assert item["ticket_id"] == ticket_id
    assert {
        name: item[name]
        for name in ("unit_name", "role", "state_zh", "ticket_state", "category_name", "address")
    } == {
        "unit_name": "城管执法局",
        "role": "lead",
        "state_zh": "办理中",
        "ticket_state": "in_hand",
        "category_name": "噪声扰民",
        "address": "临江市滨江路 18 号",
    }
    assert not any(item[name] for name in ("overdue", "sign_overdue", "extended", "instructed"))


async def test_head_sees_the_unit_s_day_and_each_clerk_s(city: City, client: Client) -> None:
    desk = Desk(client, await city.in_hand())
    await desk.act("5002", "assignments/1/reply", text="已责令整改", contacted=True)
    await city.dispatched()
    city.clock.advance(3 * 3600)
    _, summary = await ask(client, "GET", "/desk/summary", who="5002")
    assert summary["head"] == {
        "dispatched_today": 2,
        "replied_today": 1,
        "finished_today": 0,
        "open": 2,
        "overdue": 0,
        "sign_overdue": 1,
        "clerks": [
            {"number": "5001", "name": "陈立", "signed": 1, "replied": 0},
            {"number": "5002", "name": "邓敏", "signed": 0, "replied": 1},
        ],
    }
    assert (await ask(client, "GET", "/desk/summary", who="5001"))[1]["head"] is None


async def test_centre_sees_what_waits_longest_first(city: City, client: Client) -> None:
    opened = []
    for _ in range(5):
        opened.append(await city.left_open())
        city.clock.advance(60)
    assert await waiting(client, "to_dispatch") == opened
    desk = Desk(client, opened[2])
    await desk.act("3001", "dispatch", lead=CGJ, helpers=[GRGS])
    await desk.act("5003", "assignments/2/return", grounds="not_ours", text="不属本单位")
    city.clock.advance(60)
    await desk.act("5001", "assignments/1/return", grounds="not_ours", text="不属本单位")
    _, summary = await ask(client, "GET", "/dispatch/summary", who="3001")
    assert {box: count for box, count in summary["boxes"].items() if count} == {
        "to_dispatch": 4,
        "returns": 2,
    }
    _, page = await ask(client, "GET", "/dispatch/tickets?box=returns", who="3001")
    assert [(item["id"], item["n"], item["unit_name"]) for item in page["items"]] == [
        (opened[2], 2, "供热公司"),
        (opened[2], 1, "城管执法局"),
    ]


async def test_dissatisfied_citizen_waits_for_the_centre(city: City, client: Client) -> None:
    city.dialer.script(MOBILE, Reply(answers={Question.satisfied: 4}))
    ticket_id = await city.close_a_ticket()
    await city.runner.run_once()
    assert await waiting(client, "dissatisfied") == [ticket_id]
    await Desk(client, ticket_id).act("3001", "explain", reason="已依规答复")
    assert await waiting(client, "dissatisfied") == []


async def test_a_leader_sees_the_stops_that_wait_for_him_and_nothing_else(
    city: City, client: Client
) -> None:
    await city.left_open()
    desk = Desk(client, await city.in_hand())
    await desk.act("5001", "stop", reason="诉求人已自行解决")
    _, summary = await ask(client, "GET", "/dispatch/summary", who="9001")
    assert summary["boxes"] == {"stops": 1}
    for path in ("/dispatch/tickets", "/dispatch/tickets?box=stops"):
        _, page = await ask(client, "GET", path, who="9001")
        assert [item["id"] for item in page["items"]] == [desk.seen["id"]]
    await desk.act("9001", "stop/decision", approve=True)
    assert (await ask(client, "GET", "/dispatch/summary", who="9001"))[1]["boxes"] == {"stops": 0}


async def test_a_city_says_what_is_due_soon(city: City, client: Client) -> None:
    await city.dispatched()
    assert "due_soon" not in await boxes(client)
    city.unit_desk = UnitDesk(city.database, city.clock, ZONE, timedelta(days=6))
    summary = await city.unit_desk.summary(CHEN)
    assert summary.boxes[UnitBox.due_soon] == 1


async def test_a_ticket_names_everybody_who_had_to_do_with_it(city: City, client: Client) -> None:
    desk = Desk(client, await city.in_hand())
    assert (await desk.look("9001"))["people"] == {"1001": "李静", "3001": "何芳", "5001": "陈立"}


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("3001", "/desk/summary", 403),
        ("1001", "/desk/assignments", 403),
        ("5001", "/dispatch/summary", 403),
        ("5001", "/dispatch/tickets", 403),
        ("5001", "/desk/assignments?box=nonsense", 422),
        ("5001", "/desk/assignments?limit=0", 422),
        ("5001", "/desk/assignments?cursor=MQ", 422),
        ("5001", "/desk/assignments?cursor=!!", 422),
        ("5001", "/desk/assignments?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkuMQ", 422),
        ("3001", "/dispatch/tickets?box=in_hand", 422),
        ("9001", "/dispatch/tickets?box=returns", 403),
        ("9001", "/dispatch/tickets?box=audit", 403),
    ],
)
async def test_desk_of_others_and_malformed_questions_are_refused(
    client: Client, who: str, path: str, status: int
) -> None:
    assert (await ask(client, "GET", path, who=who))[0] == status
