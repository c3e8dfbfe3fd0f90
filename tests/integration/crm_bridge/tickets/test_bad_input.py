"""Everything that people can get wrong about a ticket: a clear answer in both languages, and nothing half-written."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import SQLModel, func, select

from crm_bridge.tickets.details import ReturnAsked
from crm_bridge.tickets.tables import (
    AssignmentRow,
    TicketEventRow,
    TicketGrantRow,
    TicketWaitRow,
)
from crm_bridge.tickets.vocabulary import ReturnGrounds, Urgency
from infra.kit.audit import AuditRow
from infra.kit.outbox import OutboxRow
from tests.integration.crm_bridge.house import CGJ, CLOSED, GRGS, QXJD
from tests.integration.crm_bridge.tickets.city import CHEN, FENG, HE, City
from tests.integration.crm_bridge.tickets.desk import Client, Desk

Stage = Callable[[City], Awaitable[int]]
TABLES: tuple[type[SQLModel], ...] = (
    AssignmentRow,
    AuditRow,
    OutboxRow,
    TicketEventRow,
    TicketGrantRow,
    TicketWaitRow,
)
REPLY = {"text": "已办理", "contacted": True}


async def open_(city: City) -> int:
    return await city.left_open()


async def dispatched(city: City) -> int:
    return await city.dispatched(GRGS)


async def in_hand(city: City) -> int:
    return await city.in_hand(GRGS)


async def in_hand_alone(city: City) -> int:
    return await city.in_hand()


async def urgent_in_hand(city: City) -> int:
    ticket_id = await city.left_open(urgency=Urgency.urgent)
    await city.dispatching.dispatch(HE, await city.now(ticket_id), lead=CGJ, limit="2h")
    await city.work.sign(CHEN, await city.now(ticket_id), 1)
    return ticket_id


async def overdue(city: City) -> int:
    ticket_id = await city.in_hand()
    city.clock.advance(timedelta(days=5).total_seconds())
    return ticket_id


async def third_dispatch(city: City) -> int:
    ticket_id = await city.dispatched(lead=CGJ)
    for n, (who, unit) in enumerate(((CHEN, GRGS), (FENG, CGJ)), 1):
        asked = ReturnAsked(n=n, grounds=ReturnGrounds.not_ours, text="不属本单位职责")
        await city.work.ask_return(who, await city.now(ticket_id), asked)
        await city.dispatching.decide_return(
            HE, await city.now(ticket_id), n, approve=True, reason=""
        )
        await city.dispatching.dispatch(HE, await city.now(ticket_id), lead=unit)
    return ticket_id


async def designated(city: City) -> int:
    ticket_id = await city.left_open()
    await city.dispatching.dispatch(HE, await city.now(ticket_id), lead=CGJ, designated=True)
    return ticket_id


async def answered(city: City) -> int:
    return await city.close_a_ticket()


async def stop_asked(city: City) -> int:
    ticket_id = await city.dispatched()
    await city.closing.ask_stop(HE, await city.now(ticket_id), "诉求人撤回")
    return ticket_id


REFUSED: list[tuple[Stage, str, str, dict[str, Any], str]] = [
    (open_, "3001", "audit", {"accept": True}, "“待派单”的工单不能“审核通过”。"),
    (open_, "3001", "helpers", {"units": [GRGS]}, "“待派单”的工单不能“增派协办”。"),
    (answered, "3001", "dispatch", {"lead": CGJ}, "“已答复”的工单不能“派单”。"),
    (dispatched, "3001", "dispatch", {"lead": CGJ}, "“待签收”的工单不能“派单”。"),
    (dispatched, "5001", "assignments/1/reply", REPLY, "“待签收”的工单不能“回复”。"),
    (dispatched, "5003", "assignments/2/reply", REPLY, "请先签收再回复。"),
    (in_hand, "5001", "assignments/1/sign", {}, "“办理中”的工单不能“签收”。"),
    (
        overdue,
        "5001",
        "assignments/1/extension",
        {"days": 1, "reason": "材料未到"},
        "已超过办理期限，不能再申请延期；请尽快办理并回复。",
    ),
    (
        urgent_in_hand,
        "5001",
        "assignments/1/extension",
        {"days": 1, "reason": "材料未到"},
        "以小时计的办理期限不能延期。",
    ),
    (
        third_dispatch,
        "5001",
        "assignments/3/return",
        {"grounds": "not_ours", "text": "不属本单位"},
        "本轮已第 3 次派单，不得退单。",
    ),
    (
        designated,
        "5001",
        "assignments/1/return",
        {"grounds": "other", "text": "不属本单位"},
        "中心已指定承办，不得退单。",
    ),
    (dispatched, "3001", "assignments/1/return/decision", {"approve": True}, "没有待审核的退单申请。"),
    (in_hand, "3001", "extension/decision", {"approve": True}, "没有待审核的延期申请。"),
    (in_hand, "3001", "help/decision", {"approve": True}, "没有待审核的协办申请。"),
    (in_hand, "3001", "lane/decision", {"approve": True}, "没有待认定的办理方式。"),
    (in_hand, "3001", "stop/decision", {"approve": True}, "没有待审批的终止申请。"),
    (stop_asked, "3001", "stop/decision", {"approve": True}, "终止须由申请人以外的人员审批。"),
    (
        in_hand,
        "5001",
        "assignments/1/talk",
        {"text": "已沟通", "talked_at": "2026-03-01T09:00:00+08:00"},
        "只有“情况复杂”的工单记录沟通，请先选择该办理方式。",
    ),
    (in_hand, "3001", "redo", {"reason": "未解决"}, "“办理中”的工单不能“重办”。"),
    (answered, "3001", "stop", {"reason": "诉求人撤回"}, "“已答复”的工单不能“申请终止”。"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "who", "what", "said", "told"), REFUSED)
async def test_what_the_state_does_not_allow_is_refused_and_nothing_is_written(
    city: City,
    client: Client,
    stage: Stage,
    who: str,
    what: str,
    said: dict[str, Any],
    told: str,
) -> None:
    desk = Desk(client, await stage(city))
    await desk.look(who)
    before = await counted(city)
    status, problem = await desk.try_to(who, what, **said)
    assert (status, problem["type"]) == (409, "urn:lianxin:problem:transition-refused")
    assert problem["detail_zh"] == told
    assert problem["detail_en"].isascii()
    assert await counted(city) == before


WRONG: list[tuple[Stage, str, str, dict[str, Any], str]] = [
    (open_, "3001", "dispatch", {"lead": "NOBODY"}, "/lead"),
    (open_, "3001", "dispatch", {"lead": CLOSED}, "/lead"),
    (open_, "3001", "dispatch", {"lead": CGJ, "helpers": [GRGS, "NOBODY"]}, "/helpers/1"),
    (open_, "3001", "dispatch", {"lead": CGJ, "helpers": [CGJ]}, "/helpers/0"),
    (open_, "3001", "dispatch", {"lead": CGJ, "helpers": [GRGS, GRGS]}, "/helpers/1"),
    (open_, "3001", "dispatch", {"lead": CGJ, "limit": "soon"}, "/limit"),
    (open_, "3001", "dispatch", {"lead": ""}, "/lead"),
    (open_, "3001", "dispatch", {"lead": CGJ, "helpers": [GRGS] * 11}, "/helpers"),
    (in_hand, "3001", "helpers", {"units": [CGJ]}, "/units/0"),
    (in_hand, "3001", "helpers", {"units": [GRGS]}, "/units/0"),
    (in_hand, "3001", "helpers", {"units": [QXJD, CLOSED]}, "/units/1"),
    (in_hand, "3001", "helpers", {"units": []}, "/units"),
    (in_hand, "5001", "assignments/1/help", {"units": ["NOBODY"], "reason": "需要"}, "/units/0"),
    (in_hand, "5001", "assignments/1/help", {"units": [CGJ], "reason": "需要"}, "/units/0"),
    (in_hand, "5001", "assignments/1/extension", {"days": 6, "reason": "需要"}, "/days"),
    (in_hand, "5001", "assignments/1/extension", {"days": 0, "reason": "需要"}, "/days"),
    (in_hand, "5001", "assignments/1/reply", REPLY, "/without_helpers"),
    (in_hand_alone, "5001", "assignments/1/reply", REPLY | {"attachments": [7]}, "/attachments/0"),
    (in_hand_alone, "5001", "assignments/1/reply", {"text": "好", "contacted": True}, "/text"),
    (in_hand_alone, "5001", "assignments/1/reply", {"text": "已办理"}, "/contacted"),
    (in_hand, "5001", "assignments/1/lane", {"lane": "complex"}, "/text"),
    (in_hand, "5001", "assignments/1/lane", {"lane": "complex", "text": "方案"}, "/talk_by"),
    (
        in_hand,
        "5001",
        "assignments/1/lane",
        {"lane": "complex", "text": "方案", "talk_by": "2026-03-01T09:00:00+08:00"},
        "/talk_by",
    ),
    (
        in_hand,
        "5001",
        "assignments/1/lane",
        {"lane": "complex", "text": "方案", "talk_by": "2026-03-04T09:00:00"},
        "/talk_by",
    ),
    (in_hand, "5001", "assignments/1/lane", {"lane": "unreasonable"}, "/text"),
    (in_hand, "5001", "assignments/1/lane", {"lane": "later"}, "/lane"),
    (
        dispatched,
        "5001",
        "assignments/1/return",
        {"grounds": "not_ours", "text": "不属", "suggested_unit": "NOBODY"},
        "/suggested_unit",
    ),
    (dispatched, "5001", "assignments/1/return", {"grounds": "why", "text": "不属"}, "/grounds"),
    (dispatched, "3001", "extension/decision", {"approve": False}, "/reason"),
    (dispatched, "3001", "audit", {"accept": False}, "/reason"),
    (open_, "3001", "join", {"main_id": 99}, "/main_id"),
    (open_, "3001", "join", {"main_id": 1}, "/main_id"),
    (open_, "3001", "amend", {"category": "nonsense", "reason": "归类有误"}, "/category"),
    (open_, "3001", "amend", {"reason": "归类有误"}, ""),
    (open_, "3001", "amend", {"title": "夜间施工噪声", "reason": "归类有误"}, ""),
    (open_, "3001", "not-accepted", {"grounds": "涉诉"}, "/where_to_turn"),
    (open_, "3001", "pass-on", {"platform": ""}, "/platform"),
    (open_, "9001", "instructions", {"text": "请\x00阅"}, "/text"),
    (open_, "3001", "dispatch", {"lead": CGJ, "version": None}, "/version"),
    (open_, "3001", "dispatch", {"lead": CGJ, "unit": CGJ}, "/unit"),
    (open_, "3001", "dispatch", {"lead": CGJ, "version": 2**31}, "/version"),
    (open_, "3001", "dispatch", {"lead": CGJ, "version": 10**20}, "/version"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "who", "what", "said", "pointer"), WRONG)
async def test_field_that_is_wrong_is_named_in_both_languages_and_nothing_is_written(
    city: City,
    client: Client,
    stage: Stage,
    who: str,
    what: str,
    said: dict[str, Any],
    pointer: str,
) -> None:
    desk = Desk(client, await stage(city))
    await desk.look(who)
    before = await counted(city)
    status, problem = await desk.try_to(who, what, **said)
    assert (status, problem["type"]) == (422, "urn:lianxin:problem:invalid"), problem
    assert [field["pointer"] for field in problem["fields"]] == [pointer]
    assert all(field["message_zh"] and field["message_en"] for field in problem["fields"])
    assert await counted(city) == before


async def counted(city: City) -> list[int]:
    """How many rows there are of everything that an act can write."""
    async with city.database.reading() as session:
        return [
            (await session.exec(select(func.count()).select_from(table))).one() for table in TABLES
        ]
