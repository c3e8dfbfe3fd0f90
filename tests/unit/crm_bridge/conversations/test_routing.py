from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.conversations.routing import Attendant, RoutingPlan, Waiting, allot

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PLAN = RoutingPlan(most=3, again=timedelta(seconds=60), widen=timedelta(seconds=90))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def waiting(id: int = 1, *, skill: str = "", wait: float = 10, **more: object) -> Waiting:
    return Waiting(id=id, skill=skill, since=ago(wait), **more)  # type: ignore[arg-type]  # a test's short form


def pairs(waits: list[Waiting], agents: list[Attendant], plan: RoutingPlan = PLAN) -> list[object]:
    return [(offer.conversation_id, offer.agent) for offer in allot(waits, agents, plan, NOW)]


def test_who_has_fewest_conversations_is_asked() -> None:
    agents = [Attendant(number="1001", load=2), Attendant(number="1002", load=1)]
    assert pairs([waiting()], agents) == [(1, "1002")]


def test_of_equals_who_got_none_for_longest_is_asked() -> None:
    agents = [
        Attendant(number="1001", free_since=ago(5)),
        Attendant(number="1002", free_since=ago(50)),
    ]
    assert pairs([waiting()], agents) == [(1, "1002")]
    assert pairs([waiting()], [*agents, Attendant(number="1003")]) == [(1, "1003")]


def test_who_waits_longest_is_served_first_and_nobody_is_asked_about_two() -> None:
    waits = [waiting(1, wait=5), waiting(2, wait=50), waiting(3, wait=20)]
    agents = [Attendant(number="1001"), Attendant(number="1002")]
    assert pairs(waits, agents) == [(2, "1001"), (3, "1002")]


@pytest.mark.parametrize(
    "agent", [Attendant(number="1001", load=3), Attendant(number="1001", asked=True)]
)
def test_who_is_full_or_being_asked_is_not_asked(agent: Attendant) -> None:
    assert pairs([waiting()], [agent]) == []


def test_skill_is_needed_until_the_citizen_has_waited_too_long() -> None:
    agents = [Attendant(number="1001"), Attendant(number="1002", skills=frozenset({"en"}), load=2)]
    assert pairs([waiting(skill="en")], agents) == [(1, "1002")]
    assert pairs([waiting(skill="en")], agents[:1]) == []
    assert pairs([waiting(skill="en", wait=90)], agents[:1]) == [(1, "1001")]
    # Who has the skill still comes first.
    assert pairs([waiting(skill="en", wait=90)], agents) == [(1, "1002")]


def test_city_that_never_widens_waits_for_the_skill() -> None:
    narrow = RoutingPlan(most=3, again=timedelta(seconds=60), widen=None)
    assert pairs([waiting(skill="en", wait=9999)], [Attendant(number="1001")], narrow) == []


def test_who_has_declined_is_passed_over_for_a_while() -> None:
    agents = [Attendant(number="1001"), Attendant(number="1002", load=2)]
    assert pairs([waiting(refused={"1001": ago(59)})], agents) == [(1, "1002")]
    assert pairs([waiting(refused={"1001": ago(60)})], agents) == [(1, "1001")]


def test_who_spoke_with_the_citizen_before_comes_first() -> None:
    agents = [Attendant(number="1001"), Attendant(number="1002", load=2)]
    assert pairs([waiting(last_agent="1002")], agents) == [(1, "1002")]


def test_one_whom_nobody_can_serve_holds_up_no_other() -> None:
    waits = [waiting(1, skill="en", wait=50), waiting(2, wait=5)]
    assert pairs(waits, [Attendant(number="1001")]) == [(2, "1001")]


NUMBERS = st.sampled_from([f"10{n:02}" for n in range(8)])
SKILLS = st.sampled_from(["", "en", "elder"])
WAITS = st.lists(
    st.builds(
        Waiting,
        id=st.integers(1, 50),
        skill=SKILLS,
        since=st.floats(0, 200).map(ago),
        last_agent=st.none() | NUMBERS,
        refused=st.dictionaries(NUMBERS, st.floats(0, 120).map(ago), max_size=4),
    ),
    max_size=20,
    unique_by=lambda one: one.id,
)
AGENTS = st.lists(
    st.builds(
        Attendant,
        number=NUMBERS,
        skills=st.frozensets(SKILLS, max_size=2),
        load=st.integers(0, 4),
        asked=st.booleans(),
        free_since=st.none() | st.floats(0, 9999).map(ago),
    ),
    max_size=8,
    unique_by=lambda one: one.number,
)


@given(waits=WAITS, agents=AGENTS)
def test_whoever_is_asked_may_be_asked_and_nobody_waits_whom_somebody_could_serve(
    waits: list[Waiting], agents: list[Attendant]
) -> None:
    offers = allot(waits, agents, PLAN, NOW)
    by_id = {one.id: one for one in waits}
    by_number = {one.number: one for one in agents}
    assert max(Counter(offer.agent for offer in offers).values(), default=0) <= 1
    assert max(Counter(offer.conversation_id for offer in offers).values(), default=0) <= 1
    for offer in offers:
        agent, wait = by_number[offer.agent], by_id[offer.conversation_id]
        assert agent.load < PLAN.most
        assert not agent.asked
        assert may_take(wait, agent)
    idle = [
        one
        for one in agents
        if one.load < PLAN.most and not one.asked and one.number not in {o.agent for o in offers}
    ]
    left = [one for one in waits if one.id not in {o.conversation_id for o in offers}]
    assert not [1 for wait in left for agent in idle if may_take(wait, agent)]


def may_take(wait: Waiting, agent: Attendant) -> bool:
    refused = wait.refused.get(agent.number)
    able = not wait.skill or wait.skill in agent.skills or wait.since <= ago(90)
    return able and (refused is None or refused <= ago(60))
