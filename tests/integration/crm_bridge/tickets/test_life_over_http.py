"""One ticket's whole life, told over the API as the desks would."""

from telephony.dialer.memory import Reply
from telephony.dialer.rules import Question
from tests.integration.crm_bridge.house import CGJ, GRGS, MOBILE
from tests.integration.crm_bridge.tickets.city import City
from tests.integration.crm_bridge.tickets.desk import Client, Desk


async def test_ticket_lives_from_dispatch_over_redo_to_the_archive(
    city: City, client: Client
) -> None:
    desk = Desk(client, await city.left_open())
    assert "dispatch" in (await desk.look("3001"))["actions"]
    await desk.act("3001", "dispatch", lead=CGJ, helpers=[GRGS], note="请现场核实")
    assert (await desk.look("5001"))["actions"] == ["sign:1", "return:1", "stop", "reveal_number"]
    await desk.act("5001", "assignments/1/sign")
    await desk.act("5003", "assignments/2/sign")
    await desk.act("5003", "assignments/2/reply", text="已停供检修", contacted=False)
    seen = await desk.act(
        "5001", "assignments/1/reply", text="已责令停工", measures="立案", contacted=True
    )
    assert (seen["state"], seen["actions"]) == ("replied", ["stop", "reveal_number"])
    assert "audit" in (await desk.look("3001"))["actions"]
    city.dialer.script(MOBILE, Reply(answers={Question.satisfied: 5}))
    await desk.act("3001", "audit", accept=True)
    await city.runner.run_once()
    seen = await desk.look("3001")
    assert (seen["state"], seen["rating"]) == ("callback", 5)
    assert {"redo", "explain"} <= set(seen["actions"])
    seen = await desk.act("3001", "redo", reason="夜间仍在施工")
    assert (seen["state"], seen["round"], seen["redos"]) == ("dispatched", 2, 1)
    assert [(a["n"], a["unit_name"], a["state"], a["round"]) for a in seen["assignments"]] == [
        (1, "城管执法局", "finished", 1),
        (2, "供热公司", "finished", 1),
        (3, "城管执法局", "dispatched", 2),
    ]
    await desk.act("5001", "assignments/3/sign")
    await desk.act("5001", "assignments/3/reply", text="已全面停工", contacted=True)
    city.dialer.script(MOBILE, Reply(answers={Question.satisfied: 1}))
    await desk.act("3001", "audit", accept=True)
    city.clock.advance(24 * 3600)
    await city.runner.run_once()
    seen = await desk.look("3001")
    assert (seen["state"], seen["rating"]) == ("archived", 1)
    assert [callback["state"] for callback in seen["callbacks"]] == ["rated", "rated"]
    assert await city.is_whole()
