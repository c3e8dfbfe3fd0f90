from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from openpyxl import load_workbook

from crm_bridge.rates.exclusions import Exclusions
from crm_bridge.rates.tables import ExclusionRow
from crm_bridge.rates.vocabulary import EXCLUDABLE, Figure
from crm_bridge.tickets.vocabulary import AssignmentState
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from tests.integration.crm_bridge.rates.conftest import Client
from tests.integration.crm_bridge.rates.history import History

PERIOD = {"from": "2026-02-20", "to": "2026-03-20"}
ALL = ",".join(Figure)


async def ask(
    client: Client, path: str = "", *, who: str = "4001", status: int = 200, **query: Any
) -> Any:
    answer = await client.get(
        f"/api/v1/rates{path}", params=PERIOD | query, headers={"X-Agent": who}
    )
    assert answer.status == status, await answer.text()
    return await answer.json()


async def post(
    client: Client, path: str, body: dict[str, Any], *, who: str, status: int, key: str = ""
) -> Any:
    headers = {"X-Agent": who} | ({"Idempotency-Key": key} if key else {})
    answer = await client.post(f"/api/v1/rates{path}", json=body, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def behind(client: Client, figure: str, part: str, **query: Any) -> list[dict[str, Any]]:
    """The whole list, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await ask(client, "/tickets", figure=figure, part=part, limit="7", **cursor, **query)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def test_rows_by_unit_add_up_to_the_total(client: Client) -> None:
    table = await ask(client, figures=ALL, group="unit")
    for figure in EXCLUDABLE:
        cells = [row["cells"][figure]["raw"] for row in table["rows"]]
        total = table["total"]["cells"][figure]["raw"]
        assert total["numerator"] == sum(cell["numerator"] for cell in cells)
        assert total["denominator"] == sum(cell["denominator"] for cell in cells) > 0


async def test_calls_and_tickets_have_no_unit_and_say_so(client: Client) -> None:
    table = await ask(client, figures="answer,direct_answer,response", group="unit")
    assert table["total"]["cells"]["answer"] is None
    assert table["rows"][0]["cells"]["direct_answer"] is None
    assert table["rows"][0]["cells"]["response"] is not None


async def test_parent_category_holds_all_below_it_and_its_list_too(client: Client) -> None:
    table = await ask(client, figures="completion", group="category")
    rows = {row["key"]["category"]: row["cells"]["completion"]["raw"] for row in table["rows"]}
    only = await ask(client, figures="completion", category="1")
    assert rows["1"] == only["total"]["cells"]["completion"]["raw"]
    assert rows["1"]["denominator"] > rows["11"]["denominator"] >= rows["111"]["denominator"] > 0
    listed = await behind(client, "completion", "denominator", category="1")
    assert len(listed) == rows["1"]["denominator"]
    assert {item["category"] for item in listed} == {"1", "11", "111", "12"}


async def test_areas_are_their_units_together(client: Client) -> None:
    areas = await ask(client, figures="response", group="area")
    rows = {row["key"]["area"]: row["cells"]["response"]["raw"] for row in areas["rows"]}
    named = await ask(client, figures="response", unit="GRGS,JTYS")
    assert rows["桥西街道"] == named["total"]["cells"]["response"]["raw"]
    filtered = await ask(client, figures="response", area="桥西街道")
    assert filtered["total"]["cells"]["response"]["raw"] == rows["桥西街道"]


@pytest.mark.parametrize("figure", Figure)
async def test_every_number_opens_into_as_many_tickets(client: Client, figure: Figure) -> None:
    cell = (await ask(client, figures=figure.value))["total"]["cells"][figure]["raw"]
    for part in ("numerator", "denominator"):
        listed = await behind(client, figure, part)
        assert len(listed) == cell[part] > 0
        assert [item["id"] for item in listed] == sorted(
            {item["id"] for item in listed}, reverse=True
        )


async def test_as_of_tells_of_a_moment_long_past(client: Client) -> None:
    early = await ask(client, as_of="2026-03-01T08:00:00+08:00")
    late = await ask(client)
    raw = {
        name: table["total"]["cells"]["completion"]["raw"]["numerator"]
        for name, table in (("early", early), ("late", late))
    }
    assert 0 < raw["early"] < raw["late"]
    assert early["cohort"]["as_of"] == "2026-03-01T08:00:00+08:00"


async def test_of_a_moment_to_come_no_more_is_told_than_of_now(client: Client) -> None:
    assert await ask(client, as_of="2100-01-01T00:00:00+08:00") == await ask(client)


async def test_comparison_is_in_points_and_an_empty_period_shows_a_dash(client: Client) -> None:
    table = await ask(client, compare="previous", figures="response")
    compared = table["total"]["cells"]["response"]["compared"]
    assert compared["raw"] == {"numerator": 0, "denominator": 0, "shown": "—"}
    assert compared["points"] is None
    assert compared["growth"] is None
    assert table["compared"]["last"] == "2026-02-19"
    two_days: dict[str, Any] = {"from": "2026-02-27", "to": "2026-02-28"}
    one_day: dict[str, Any] = {"from": "2026-02-25", "to": "2026-02-25"}
    days = await ask(client, **two_days, compare="previous", group="day")
    first = days["rows"][0]
    assert first["key"] == {"day": "2026-02-27"}
    before = await ask(client, **one_day)
    cell = first["cells"]["response"]["compared"]["raw"]
    assert cell["denominator"] == before["total"]["cells"]["response"]["raw"]["denominator"] > 0
    assert first["cells"]["response"]["compared"]["points"][0] in "+-0"


async def test_satisfaction_is_told_pooled_and_by_the_mean_of_units(client: Client) -> None:
    table = await ask(client, figures="satisfaction,satisfaction_strict", group="unit")
    with_unit = [
        row["cells"]["satisfaction"]["raw"]
        for row in table["rows"]
        if row["key"]["unit"] and row["cells"]["satisfaction"]["raw"]["denominator"]
    ]
    assert table["mean_of_units"]["satisfaction"]["units"] == len(with_unit)
    mean = sum(cell["numerator"] / cell["denominator"] for cell in with_unit) / len(with_unit)
    assert table["mean_of_units"]["satisfaction"]["raw"] == f"{mean * 100:.1f}%"
    nobody = [row for row in table["rows"] if row["key"]["unit"] is None]
    assert nobody[0]["name_zh"] == "未经承办单位"


async def test_ranking_is_only_made_when_asked_for_and_shows_the_sample(client: Client) -> None:
    plain = await ask(client, group="unit")
    assert {row["rank"] for row in plain["rows"]} == {None}
    ranked = (await ask(client, group="unit", rank="response"))["rows"]
    rates = [
        cell["numerator"] / cell["denominator"]
        for row in ranked
        if (cell := row["cells"]["response"]["adjusted"])["denominator"]
    ]
    assert rates == sorted(rates, reverse=True)
    assert ranked[0]["rank"] == 1


async def test_a_unit_sees_only_its_own_figures_and_tickets(client: Client) -> None:
    whole = await ask(client, group="unit", figures="completion")
    own = await ask(client, group="unit", figures="completion,answer", who="5001")
    assert [row["key"]["unit"] for row in own["rows"]] == ["CGJ"]
    assert own["total"]["cells"]["answer"] is None
    theirs = {row["key"]["unit"]: row["cells"]["completion"]["raw"] for row in whole["rows"]}
    assert own["total"]["cells"]["completion"]["raw"] == theirs["CGJ"]
    listed = await ask(client, "/tickets", figure="completion", part="denominator", who="5001")
    assert {item["unit"] for item in listed["items"]} == {"CGJ"}
    await ask(client, unit="GRGS", who="5001", status=403)
    await ask(client, "/tickets", figure="response", part="numerator", unit="JTYS", who="5001", status=403)  # fmt: skip
    await ask(client, "/tickets", figure="answer", part="numerator", who="5001", status=422)


async def test_worst_24_hours_stand_beside_the_whole_period_with_their_target(
    client: Client,
) -> None:
    table = await ask(client, figures="service_level,response")
    worst = table["worst_day"]["service_level"]
    assert list(table["worst_day"]) == ["service_level"]
    whole = table["total"]["cells"]["service_level"]["raw"]
    rates = [one["numerator"] / one["denominator"] for one in (worst["rate"], whole)]
    assert rates[0] <= rates[1]
    assert (worst["target"], worst["met"]) == (95, False)
    one_morning: dict[str, Any] = {"as_of": "2026-02-20T11:00:00+08:00"}
    early = await ask(client, figures="service_level", **one_morning)
    assert early["worst_day"] == {"service_level": None}
    assert (await ask(client, figures="answer", who="5001"))["worst_day"] == {}


async def test_who_may_see_no_figures_is_refused(client: Client) -> None:
    await ask(client, who="1001", status=403)
    await ask(client, "/tickets", figure="response", part="numerator", who="1001", status=403)


async def test_titles_are_for_those_who_may_read_tickets(client: Client) -> None:
    listed = {
        who: (await ask(client, "/tickets", figure="response", part="denominator", who=who))[
            "items"
        ]
        for who in ("4001", "3001", "5001")
    }
    assert {item["title"] for item in listed["4001"]} == {None}
    assert {item["title"] for item in listed["3001"]} == {"路灯不亮"}
    assert {item["title"] for item in listed["5001"]} == {"路灯不亮"}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"figures": "response,nonsense"}, "/figures"),
        ({"figures": "response,response"}, "/figures"),
        ({"figures": ""}, "/figures"),
        ({"group": "unit,unit"}, "/group"),
        ({"group": "unit,day,channel"}, "/group"),
        ({"group": "day", "from": "2020-01-01"}, "/group"),
        ({"from": "2026-04-01"}, "/to"),
        ({"from": "1999-01-01"}, "/from"),
        ({"to": "yesterday"}, "/to"),
        ({"as_of": "2026-03-01T00:00:00"}, "/as_of"),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "/as_of"),
        ({"as_of": "9999-12-31T23:59:59-12:00"}, "/as_of"),
        ({"rank": "answer"}, "/rank"),
        ({"type": "noise"}, "/type"),
        ({"role": "boss"}, "/role"),
        ({"surprise": "1"}, "/surprise"),
    ],
)
async def test_question_that_makes_no_sense_is_a_field_error(
    client: Client, query: dict[str, Any], pointer: str
) -> None:
    problem = await ask(client, status=422, **query)
    assert [error["pointer"] for error in problem["fields"]] == [pointer]


@pytest.mark.parametrize("value", ["'; DROP TABLE tickets;--", "％", "😀", "x" * 1000, "-", ","])
async def test_odd_filter_values_find_nothing_and_break_nothing(client: Client, value: str) -> None:
    for name in ("unit", "category", "channel", "agent", "area"):
        query: dict[str, Any] = {name: value}
        table = await ask(client, figures="response", **query)
        assert table["total"]["cells"]["response"]["raw"]["denominator"] >= 0


async def test_definitions_say_what_stands_above_and_below_the_line(client: Client) -> None:
    items = {item["figure"]: item for item in (await ask(client, "/definitions"))["items"]}
    assert set(items) == set(Figure)
    assert items["on_time"]["numerator_zh"] == "已办结且在时限内回复的派单"
    assert all(item["denominator_en"] for item in items.values())


async def test_table_can_be_taken_out_as_a_file(client: Client) -> None:
    table = await ask(client, group="unit", figures="completion")
    total = table["total"]["cells"]["completion"]["raw"]
    for kind in ("xlsx", "csv"):
        answer = await client.get(
            "/api/v1/rates/export",
            params=PERIOD | {"group": "unit", "figures": "completion", "format": kind},
            headers={"X-Agent": "4001"},
        )
        assert answer.status == 200
        content = await answer.read()
        if kind == "xlsx":
            sheet = load_workbook(io.BytesIO(content)).active
            assert sheet is not None
            rows: list[list[Any]] = [[cell.value for cell in row] for row in sheet.iter_rows()]
        else:
            rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        assert rows[0][:3] == ["分组", "办结率分子", "办结率分母"]
        found = next(row for row in rows if row and row[0] == "合计")
        assert [int(str(found[1])), int(str(found[2]))] == [
            total["numerator"],
            total["denominator"],
        ]


def of_unit(made: History, unit: str, state: AssignmentState) -> dict[str, int]:
    row = next(a for a in made.assignments if a.unit == unit and a.state is state)
    return {"ticket_id": row.ticket_id, "n": row.n}


async def test_approved_exclusion_changes_the_adjusted_figure_and_leaves_the_raw(
    client: Client, made: History
) -> None:
    before = (await ask(client))["total"]["cells"]["completion"]
    assert before["raw"] == before["adjusted"]
    which = of_unit(made, "CGJ", AssignmentState.stopped)
    body = which | {"figures": ["completion"], "reason": "道路封闭施工，无法办理"}
    made_row = await post(client, "/exclusions", body, who="5001", status=201, key="k1")
    again = await post(client, "/exclusions", body, who="5001", status=201, key="k1")
    assert again["id"] == made_row["id"]
    assert (await ask(client))["total"]["cells"]["completion"] == before  # only proposed
    path = f"/exclusions/{made_row['id']}/decision"
    decided = await post(client, path, {"approve": True}, who="3002", status=200)
    assert decided["state"] == "approved"
    cell = (await ask(client))["total"]["cells"]["completion"]
    assert cell["raw"] == before["raw"]
    assert cell["adjusted"]["denominator"] == before["raw"]["denominator"] - 1
    assert cell["adjusted"]["numerator"] == before["raw"]["numerator"]
    assert cell["excluded"] == [
        {"reason": "道路封闭施工，无法办理", "approved_by": "3002", "count": 1}
    ]
    assert len(await behind(client, "completion", "denominator")) == cell["raw"]["denominator"]
    for part in ("numerator", "denominator"):
        kept = await behind(client, "completion", part, adjusted="true")
        assert len(kept) == cell["adjusted"][part]
    (listed,) = await behind(client, "completion", "excluded")
    assert (listed["ticket_id"], listed["n"]) == (which["ticket_id"], which["n"])
    assert (listed["reason"], listed["approved_by"]) == ("道路封闭施工，无法办理", "3002")
    response = (await ask(client))["total"]["cells"]["response"]
    assert response["excluded"] == []
    earlier = await ask(client, as_of="2026-03-20T00:00:00+08:00")
    assert earlier["total"]["cells"]["completion"]["excluded"] == []  # not yet decided then


async def test_nobody_decides_about_his_own_proposal_nor_twice(
    client: Client, made: History
) -> None:
    which = of_unit(made, "CGJ", AssignmentState.finished)
    body = which | {"figures": ["response", "on_time"], "reason": "系统故障"}
    row = await post(client, "/exclusions", body, who="3001", status=201)
    path = f"/exclusions/{row['id']}/decision"
    await post(client, path, {"approve": True}, who="3001", status=403)
    await post(client, path, {"approve": False}, who="3002", status=422)
    refusal = {"approve": False, "reason": "理由不足"}
    refused = await post(client, path, refusal, who="3002", status=200)
    assert {refused[f"decision_reason{end}"] for end in ("", "_zh", "_en")} == {"理由不足"}
    problem = await post(client, path, {"approve": True}, who="3002", status=409)
    assert problem["type"].endswith("exclusion-decided")
    await post(client, "/exclusions/999/decision", {"approve": True}, who="3002", status=404)
    await post(client, path, {"approve": True}, who="5001", status=403)


async def test_what_the_system_has_decided_is_told_in_both_languages(
    client: Client, made: History, database: Database, clock: ManualClock
) -> None:
    which = of_unit(made, "CGJ", AssignmentState.finished)
    body = which | {"figures": ["response"], "reason": "系统故障"}
    row = await post(client, "/exclusions", body, who="3001", status=201)
    async with database.transaction() as session:
        proposal = await session.get_one(ExclusionRow, row["id"])
        await Exclusions(database, clock).stopped(
            session,
            assignment_id=proposal.assignment_id,
            reason="诉求人撤回",
            asked_by="3001",
            approved_by="3002",
        )
    answer = await client.get("/api/v1/rates/exclusions", headers={"X-Agent": "3001"})
    listed = (await answer.json())["items"]
    (overtaken,) = [one for one in listed if one["id"] == row["id"]]
    assert (overtaken["state"], overtaken["decided_by"]) == ("refused", None)
    assert overtaken["decision_reason"] == "ticket_stopped"
    assert overtaken["decision_reason_zh"] == "工单已终止，各项指标随之剔除"
    assert overtaken["decision_reason_en"].startswith("The ticket was stopped")


async def test_same_figure_is_not_excluded_twice_but_a_refused_one_may_come_again(
    client: Client, made: History
) -> None:
    which = of_unit(made, "CGJ", AssignmentState.finished)
    body = which | {"figures": ["response"], "reason": "系统故障"}
    row = await post(client, "/exclusions", body, who="3001", status=201)
    problem = await post(client, "/exclusions", body, who="3001", status=409)
    assert "响应率" in problem["detail_zh"]
    path = f"/exclusions/{row['id']}/decision"
    await post(client, path, {"approve": False, "reason": "理由不足"}, who="3002", status=200)
    await post(client, "/exclusions", body, who="3001", status=201)


async def test_proposal_about_what_is_not_there_or_not_ones_own_is_refused(
    client: Client, made: History
) -> None:
    own = of_unit(made, "CGJ", AssignmentState.finished)
    foreign = of_unit(made, "GRGS", AssignmentState.finished)
    reason = {"figures": ["response"], "reason": "系统故障"}
    await post(client, "/exclusions", foreign | reason, who="5001", status=403)
    await post(client, "/exclusions", {"ticket_id": 9999, "n": 1} | reason, who="3001", status=404)
    await post(client, "/exclusions", own | reason, who="4001", status=403)
    problem = await post(
        client, "/exclusions", own | reason | {"figures": ["answer"]}, who="3001", status=422
    )
    assert problem["fields"][0]["pointer"] == "/figures"


async def test_proposals_are_listed_and_a_unit_sees_its_own(client: Client, made: History) -> None:
    for unit in ("CGJ", "GRGS"):
        which = of_unit(made, unit, AssignmentState.finished)
        body = which | {"figures": ["response"], "reason": "系统故障"}
        await post(client, "/exclusions", body, who="3001", status=201)
    for who, units in (("3001", ["GRGS", "CGJ"]), ("5001", ["CGJ"]), ("1001", [])):
        answer = await client.get("/api/v1/rates/exclusions", headers={"X-Agent": who})
        assert [item["unit"] for item in (await answer.json())["items"]] == units
