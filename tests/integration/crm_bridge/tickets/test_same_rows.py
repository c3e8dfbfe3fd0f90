"""Random acts, valid and invalid: nothing illegal, nothing lost, and on both databases the same rows."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel, col, select

from crm_bridge.callbacks.tables import CallbackRow
from crm_bridge.tickets.casebook import Command
from crm_bridge.tickets.details import (
    ExtensionAsked,
    HelpAsked,
    LaneChosen,
    Replied,
    ReturnAsked,
    TalkRecorded,
)
from crm_bridge.tickets.tables import AssignmentRow, TicketEventRow, TicketRow, TicketWaitRow
from crm_bridge.tickets.vocabulary import AssignmentState, Lane, ReturnGrounds, TicketEvent
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Refused
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.dialer.memory import Reply
from telephony.dialer.rules import Question
from tests.conftest import postgres_database
from tests.integration.crm_bridge.house import CGJ, CLOSED, GRGS, MOBILE, QXJD
from tests.integration.crm_bridge.tickets.city import CHEN, FENG, GU, HE, MAYOR, QIN, City
from tests.parts import PostgresServer

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(180)]

START = datetime.fromisoformat("2026-03-02T09:30:00+08:00")
WITH_UNIT = (AssignmentState.dispatched, AssignmentState.in_hand, AssignmentState.replied)


@dataclass(frozen=True, kw_only=True)
class Act:
    """What somebody tries; `late` looks at an old screen."""

    name: str
    who: Principal
    n: int = 1
    unit: str = CGJ
    yes: bool = True
    late: bool = False


Try = Callable[[City, Act, Command], Awaitable[Any]]


async def rate(city: City, act: Act, seen: Command) -> None:
    city.dialer.script(MOBILE, Reply(answers={Question.satisfied: 1 if act.yes else 5}))
    city.clock.advance(timedelta(days=1).total_seconds())
    await city.runner.run_once()


async def limit_passes(city: City, act: Act, seen: Command) -> None:
    async with city.database.transaction() as session:
        await city.callbacks.owe(session, await city.ledger.ticket(session, seen.ticket_id))


async def talk(city: City, act: Act, seen: Command) -> None:
    recorded = TalkRecorded(n=act.n, text="已沟通", talked_at=city.clock.now())
    await city.work.record_talk(act.who, seen, recorded)


async def lane(city: City, act: Act, seen: Command) -> None:
    chosen = LaneChosen(
        n=act.n,
        lane=Lane.complex if act.yes else Lane.unreasonable,
        text="说明",
        talk_by=city.clock.now() + timedelta(hours=1),
    )
    await city.work.choose_lane(act.who, seen, chosen)


async def reply(city: City, act: Act, seen: Command) -> None:
    said = Replied(
        n=act.n, text="已办理", contacted=True, without_helpers="" if act.yes else "不再等待"
    )
    await city.work.reply(act.who, seen, said)


TRIES: dict[str, Try] = {
    "dispatch": lambda c, a, s: c.dispatching.dispatch(
        a.who, s, lead=a.unit, helpers=[GRGS] if a.yes else [], designated=a.n == 2
    ),
    "sign": lambda c, a, s: c.work.sign(a.who, s, a.n),
    "reply": reply,
    "return": lambda c, a, s: c.work.ask_return(
        a.who, s, ReturnAsked(n=a.n, grounds=ReturnGrounds.other, text="不属本单位")
    ),
    "decide_return": lambda c, a, s: c.dispatching.decide_return(
        a.who, s, a.n, approve=a.yes, reason="核实"
    ),
    "extension": lambda c, a, s: c.work.ask_extension(
        a.who, s, ExtensionAsked(n=a.n, days=2 if a.yes else 9, reason="材料未到")
    ),
    "decide_extension": lambda c, a, s: c.dispatching.decide_extension(
        a.who, s, approve=a.yes, reason="核实"
    ),
    "help": lambda c, a, s: c.work.ask_help(
        a.who, s, HelpAsked(n=a.n, units=(a.unit,), reason="需配合")
    ),
    "decide_help": lambda c, a, s: c.dispatching.decide_help(
        a.who, s, approve=a.yes, reason="核实"
    ),
    "lane": lane,
    "decide_lane": lambda c, a, s: c.dispatching.decide_lane(
        a.who, s, approve=a.yes, reason="核实"
    ),
    "talk": talk,
    "helpers": lambda c, a, s: c.dispatching.add_helpers(a.who, s, [a.unit]),
    "audit": lambda c, a, s: c.closing.audit(a.who, s, accept=a.yes, reason="核实"),
    "redo": lambda c, a, s: c.closing.redo(a.who, s, "未解决"),
    "explain": lambda c, a, s: c.closing.explain(a.who, s, "已依规答复"),
    "stop": lambda c, a, s: c.closing.ask_stop(a.who, s, "诉求人撤回"),
    "decide_stop": lambda c, a, s: c.closing.decide_stop(a.who, s, approve=a.yes, reason="核实"),
    "instruct": lambda c, a, s: c.notes.instruct(a.who, s, "请尽快办理"),
    "told": lambda c, a, s: c.notes.told(a.who, s, how="phone", text="已告知"),
    "amend": lambda c, a, s: c.notes.amend(
        a.who, s, {"category": "2001" if a.yes else "2005"}, "归类有误"
    ),
    "rate": rate,
    "limit_passes": limit_passes,
}

UNIT_ACTS = ("sign", "reply", "return", "extension", "help", "lane", "talk", "stop")
ACTS = st.one_of(
    st.builds(
        Act,
        name=st.sampled_from(UNIT_ACTS),
        who=st.sampled_from([CHEN, CHEN, FENG, GU]),
        n=st.integers(1, 4),
        unit=st.sampled_from([CGJ, GRGS, QXJD]),
        yes=st.booleans(),
        late=st.sampled_from([False] * 9 + [True]),
    ),
    st.builds(
        Act,
        name=st.sampled_from(sorted(TRIES.keys() - set(UNIT_ACTS))),
        who=st.sampled_from([HE, QIN, MAYOR]),
        n=st.integers(1, 3),
        unit=st.sampled_from([CGJ, GRGS, QXJD, CLOSED]),
        yes=st.booleans(),
        late=st.sampled_from([False] * 9 + [True]),
    ),
)
AT_A_UNIT = [Act(name="dispatch", who=HE), Act(name="sign", who=CHEN)]
HOMEWARD = [
    *AT_A_UNIT,
    Act(name="reply", who=CHEN, yes=False),
    Act(name="audit", who=HE),
    Act(name="rate", who=HE, yes=False),
    Act(name="redo", who=HE),
]


async def play(city: City, acts: list[Act]) -> tuple[list[str], dict[str, Any]]:
    """One more ticket to which this is done: what each try came to, and the rows that are there then."""
    ticket_id = await city.left_open()
    came: list[str] = []
    for act in acts:
        city.clock.advance(600)
        version = (await city.ticket(ticket_id)).version
        seen = Command(ticket_id=ticket_id, version=version - 1 if act.late else version)
        try:
            await TRIES[act.name](city, act, seen)
            came.append("done")
        except Refused as error:
            came.append(f"{error.slug} {error.detail_en} {[f.pointer for f in error.fields]}")
    assert await city.is_whole()
    return came, await rows(city, ticket_id)


async def rows(city: City, ticket_id: int) -> dict[str, Any]:
    tables: list[tuple[type[SQLModel], Any]] = [
        (TicketRow, TicketRow.id),
        (TicketEventRow, TicketEventRow.ticket_id),
        (AssignmentRow, AssignmentRow.ticket_id),
        (TicketWaitRow, TicketWaitRow.ticket_id),
        (CallbackRow, CallbackRow.ticket_id),
    ]
    found: dict[str, Any] = {}
    async with city.database.reading() as session:
        for table, key in tables:
            stored = (await session.exec(select(table).where(col(key) == ticket_id))).all()
            found[table.__name__] = sorted(
                # Ids are given out by the database, and what is sealed is sealed anew each time.
                str(row.model_dump(exclude={"id", "assignment_id", "phone_encrypted"}))
                for row in stored
            )
    return found


async def nothing_is_lost(city: City) -> None:
    """Whatever was dispatched has ended or is open, numbered without a gap, with one lead at most."""
    async with city.database.reading() as session:
        stored = (await session.exec(select(AssignmentRow).order_by(col(AssignmentRow.n)))).all()
        dispatched = select(TicketEventRow).where(
            col(TicketEventRow.event).in_(
                (
                    TicketEvent.dispatched,
                    TicketEvent.designated,
                    TicketEvent.helper_added,
                    TicketEvent.redone,
                )
            )
        )
        events = (await session.exec(dispatched)).all()
    given: dict[int, int] = {}
    for event in events:
        detail = event.detail
        many = len(detail.get("helpers", [])) + len(detail.get("units", []))
        alone = event.event is not TicketEvent.helper_added
        given[event.ticket_id] = given.get(event.ticket_id, 0) + many + alone
    by_ticket: dict[int, list[AssignmentRow]] = {}
    for row in stored:
        by_ticket.setdefault(row.ticket_id, []).append(row)
    assert {ticket: len(own) for ticket, own in by_ticket.items()} == given
    for own in by_ticket.values():
        assert [row.n for row in own] == list(range(1, len(own) + 1))
        assert all((row.state in WITH_UNIT) == (row.ended_at is None) for row in own)
        assert sum(row.role == "lead" and row.state in WITH_UNIT for row in own) <= 1


def test_same_acts_leave_the_same_rows_on_both_databases(
    sqlite_template: Path, postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "test.db")
    urls = [f"sqlite:///{tmp_path}/test.db", postgres_database(postgres, postgres_template)]
    with asyncio.Runner() as runner:
        cities = [runner.run(opened(url)) for url in urls]

        for city in cities:
            came, _ = runner.run(play(city, HOMEWARD))
            assert came == ["done"] * len(HOMEWARD)

        @settings(
            max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(st.lists(ACTS, max_size=14).map(lambda acts: [*AT_A_UNIT, *acts]))
        def leave_the_same(acts: list[Act]) -> None:
            (came, left), (other_came, other_left) = [
                runner.run(play(city, acts)) for city in cities
            ]
            assert came == other_came
            assert left == other_left

        leave_the_same()
        for city in cities:
            runner.run(nothing_is_lost(city))
            runner.run(city.database.close())


async def opened(url: str) -> City:
    # Each has its own clock: both stand at the same moment before every act.
    clock = ManualClock(START)
    city = City(database=Database(url), clock=clock, vault=Vault(bytes(range(32))))
    await city.open()
    return city
