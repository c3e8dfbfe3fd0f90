"""Who is right about a ticket that two systems share."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.tickets.vocabulary import TicketEvent, TicketState, TicketType, Urgency
from crm_bridge.upstream.rules import (
    Exchange,
    Known,
    Matter,
    Outcome,
    Side,
    digest_of,
    judge,
    outcome_of,
    wait_before,
)
from infra.kit.errors import Conflict, NotFound

e, s = TicketEvent, TicketState
MATTER = Matter(
    type=TicketType.complaint,
    category="2005",
    title="夜间施工噪声",
    text="小区旁工地夜间施工。",
    address="滨江路 18 号",
    urgency=Urgency.normal,
    confidential=False,
    created_at=datetime(2026, 3, 2, tzinfo=UTC),
)
GIVEN = Exchange(
    key="k", side=Side.giver, number="A-1", version=5, state="passed_on", matter=MATTER
)
ANSWERED = Exchange(
    key="k",
    side=Side.taker,
    number="B-1",
    version=5,
    state="done",
    outcome=Outcome.answered,
    answer="已整改",
)
WE_GAVE = Known(
    side=Side.giver,
    version=4,
    state="in_hand",
    outcome=Outcome.open,
    answer_digest=digest_of(""),
    matter_digest="",
    ours=s.passed_on,
    current=True,
)
WE_TOOK = Known(
    side=Side.taker,
    version=4,
    state="passed_on",
    outcome=Outcome.open,
    answer_digest=digest_of(""),
    matter_digest=MATTER.digest(),
    ours=s.in_hand,
    current=True,
)


def test_unknown_ticket_of_a_giver_is_opened() -> None:
    assert judge(None, GIVEN).opens


@pytest.mark.parametrize("exchange", [ANSWERED, replace(GIVEN, matter=None)])
def test_unknown_ticket_of_anybody_else_is_not(exchange: Exchange) -> None:
    with pytest.raises(NotFound):
        judge(None, exchange)


def test_two_givers_of_one_ticket_are_refused() -> None:
    with pytest.raises(Conflict):
        judge(WE_GAVE, GIVEN)


def test_answer_confirms_and_is_put_down() -> None:
    verdict = judge(WE_GAVE, ANSWERED)
    assert (verdict.event, verdict.remarks) == (e.passing_confirmed, ["承接方答复：已整改"])


def test_refusal_brings_it_back() -> None:
    refused = replace(ANSWERED, outcome=Outcome.refused, answer="非本市")
    assert judge(WE_GAVE, refused).event is e.passing_refused


@pytest.mark.parametrize(
    "known",
    [
        replace(WE_GAVE, ours=s.to_dispatch),
        replace(WE_GAVE, ours=s.closed),
        replace(WE_GAVE, current=False),
    ],
)
def test_answer_after_a_person_has_decided_is_a_note(known: Known) -> None:
    verdict = judge(known, ANSWERED)
    assert (verdict.event, verdict.remarks) == (None, ["承接方答复：已整改"])


def test_same_answer_under_a_new_version_is_no_news() -> None:
    known = replace(
        WE_GAVE, outcome=Outcome.answered, answer_digest=digest_of("已整改"), ours=s.closed
    )
    verdict = judge(known, ANSWERED)
    assert (verdict.echo, verdict.event, verdict.remarks) == (False, None, ())


def test_correction_by_the_giver_is_a_note() -> None:
    corrected = replace(GIVEN, matter=replace(MATTER, text="更正：上午施工。"))
    verdict = judge(WE_TOOK, corrected)
    assert verdict.event is None
    assert "更正：上午施工。" in verdict.remarks[0]


@pytest.mark.parametrize(
    ("ours", "remarks"), [(s.in_hand, 1), (s.to_dispatch, 1), (s.done, 0), (s.archived, 0)]
)
def test_giver_that_moves_is_remarked_as_long_as_we_have_not_replied(
    ours: TicketState, remarks: int
) -> None:
    verdict = judge(replace(WE_TOOK, ours=ours), replace(GIVEN, state="closed"))
    assert len(verdict.remarks) == remarks


@given(
    exchange=st.sampled_from([GIVEN, ANSWERED]),
    version=st.integers(1, 10),
    seen=st.integers(0, 10),
    ours=st.sampled_from(list(TicketState)),
)
def test_version_that_is_not_higher_is_an_echo(
    exchange: Exchange, version: int, seen: int, ours: TicketState
) -> None:
    known = WE_TOOK if exchange.side is Side.giver else WE_GAVE
    verdict = judge(replace(known, version=seen, ours=ours), replace(exchange, version=version))
    assert verdict.echo is (version <= seen)
    if verdict.echo:
        assert (verdict.event, list(verdict.remarks), verdict.opens) == (None, [], False)


@given(st.sampled_from(list(TicketState)), st.text(max_size=5))
def test_giver_never_moves_the_takers_ticket(ours: TicketState, state: str) -> None:
    verdict = judge(replace(WE_TOOK, ours=ours), replace(GIVEN, state=state))
    assert verdict.event is None


@given(st.integers(0, 2**32), st.integers(2, 8))
def test_order_and_number_of_deliveries_do_not_matter(seed: int, count: int) -> None:
    """Whatever is lost, doubled or late: the last version is what stays, and the ticket moves once."""
    chance = random.Random(seed)
    said = [
        replace(
            ANSWERED,
            version=n,
            outcome=chance.choice(list(Outcome)) if n < count else Outcome.answered,
            answer=f"第 {n} 次",
        )
        for n in range(1, count + 1)
    ]
    delivered = [chance.choice(said) for _ in range(count * 2)] + [said[-1]]
    known, moved = replace(WE_GAVE, version=0), 0
    for exchange in delivered:
        verdict = judge(known, exchange)
        if verdict.echo:
            continue
        moved += verdict.event is not None
        known = replace(
            known,
            version=exchange.version,
            outcome=exchange.outcome,
            answer_digest=digest_of(exchange.answer),
            ours=s.closed if verdict.event else known.ours,
        )
    assert known.version == count
    assert moved == 1


@pytest.mark.parametrize(
    ("log", "outcome", "answer", "turn"),
    [
        ([(e.registered, {})], Outcome.open, "", ""),
        ([(e.answered, {"text": "已告知"})], Outcome.answered, "已告知", ""),
        ([(e.replied, {"text": "已修"}), (e.accepted, {})], Outcome.answered, "已修", ""),
        ([(e.replied, {"text": "已修"})], Outcome.open, "", ""),
        (
            [
                (e.replied, {"text": "一"}),
                (e.sent_back, {}),
                (e.replied, {"text": "二"}),
                (e.accepted, {}),
            ],
            Outcome.answered,
            "二",
            "",
        ),
        ([(e.replied, {"text": "一"}), (e.accepted, {}), (e.redone, {})], Outcome.open, "", ""),
        (
            [(e.not_accepted, {"grounds": "非本市", "where_to_turn": "铁路"})],
            Outcome.refused,
            "非本市",
            "铁路",
        ),
        (
            [(e.not_accepted, {"grounds": "非本市", "where_to_turn": "铁路"}), (e.reopened, {})],
            Outcome.open,
            "",
            "",
        ),
        ([(e.stop_approved, {})], Outcome.refused, "已终止办理", ""),
    ],
)
def test_outcome_is_read_off_the_log(
    log: list[tuple[TicketEvent, dict[str, Any]]], outcome: Outcome, answer: str, turn: str
) -> None:
    assert outcome_of(log) == (outcome, answer, turn)


def test_number_is_no_part_of_what_is_compared() -> None:
    assert MATTER.digest() == replace(MATTER, phone="13800015121").digest()
    assert "13800015121" not in repr(replace(MATTER, phone="13800015121"))


@given(st.integers(0, 10_000))
def test_waiting_grows_to_five_minutes(attempts: int) -> None:
    assert 1 <= wait_before(attempts) <= 300
    assert wait_before(attempts) <= wait_before(attempts + 1)
