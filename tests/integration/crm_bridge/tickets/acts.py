"""What anybody may try to do to a ticket, one act after the other."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from crm_bridge.tickets.casebook import Command
from crm_bridge.tickets.details import (
    ExtensionAsked,
    HelpAsked,
    LaneChosen,
    Replied,
    ReturnAsked,
    TalkRecorded,
)
from crm_bridge.tickets.vocabulary import Lane, ReturnGrounds
from infra.kit.identity import Principal
from telephony.dialer.memory import Reply
from telephony.dialer.rules import Question
from tests.integration.crm_bridge.house import CGJ, CLOSED, GRGS, MOBILE, QXJD
from tests.integration.crm_bridge.tickets.city import CHEN, FENG, GU, HE, MAYOR, QIN, City


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


async def join(city: City, act: Act, seen: Command) -> None:
    main_id = await city.left_open() if act.yes else seen.ticket_id
    await city.joining.join(act.who, seen, main_id)


async def main_finishes(city: City, act: Act, seen: Command) -> None:
    main_id = (await city.ticket(seen.ticket_id)).main_id
    if main_id is None:
        return
    await city.tickets.answer(act.who, main_id, "已答复")
    relay = city.relay()
    while await relay.run_once():
        pass


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
    "answer": lambda c, a, s: c.tickets.answer(a.who, s.ticket_id, "已答复", version=s.version),
    "not_accepted": lambda c, a, s: c.closing.refuse(
        a.who, s, grounds="涉法涉诉", where_to_turn="人民法院"
    ),
    "pass_on": lambda c, a, s: c.closing.pass_on(a.who, s, platform="110", reference="A-17"),
    "passing": lambda c, a, s: c.closing.passing(
        a.who, s, confirmed=a.yes, reference="A-17", reason="不属受理范围"
    ),
    "join": join,
    "separate": lambda c, a, s: c.joining.separate(a.who, s, "并非同一事项"),
    "main_finishes": main_finishes,
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
AT_THE_CENTRE: list[Act] = []
WAYS_OUT = [
    Act(name="pass_on", who=HE),
    Act(name="passing", who=HE, yes=False),
    Act(name="join", who=HE),
    Act(name="separate", who=HE),
    Act(name="join", who=HE),
    Act(name="main_finishes", who=HE),
    Act(name="rate", who=HE, yes=False),
    Act(name="redo", who=HE),
    Act(name="not_accepted", who=HE),
]
ANSWERED = [Act(name="answer", who=HE)]
