from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_bridge.tickets.assignment import ASSIGNMENT_TRANSITIONS
from crm_bridge.tickets.details import LaneChosen
from crm_bridge.tickets.fitting import require_talked
from crm_bridge.tickets.happenings import DETAILS, Happening, as_json, detail_of
from crm_bridge.tickets.life import UNBORN, Life
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.rules import TRANSITIONS, check, follow, life_of, ticket_number
from crm_bridge.tickets.vocabulary import (
    ASSIGNMENT_EVENT_WORDS,
    ASSIGNMENT_WORDS,
    EVENT_WORDS,
    GROUNDS_WORDS,
    LANE_WORDS,
    ROLE_WORDS,
    STATE_WORDS,
    AssignmentEvent,
    AssignmentRole,
    AssignmentState,
    Lane,
    ReturnGrounds,
    TicketEvent,
    TicketState,
    Wait,
)
from infra.kit.errors import Invalid, Refused
from tests.unit.crm_bridge.stories import START, Step, happening, log, told

E = TicketEvent
S = TicketState
A = AssignmentState

TO_A_UNIT: list[Step] = [E.registered, E.left_open, E.dispatched]
WITH_HELPER: list[Step] = [E.registered, E.left_open, (E.dispatched, {"helpers": ("H",)})]
HOMEWARD: list[Step] = [E.signed, E.replied, E.accepted, E.callback_due]
RETURNED: list[Step] = [E.return_asked, E.return_approved]
COMPLEX = (E.lane_chosen, {"lane": Lane.complex, "text": "方案", "talk_by": START + timedelta(1)})
UNREASONABLE = (E.lane_chosen, {"lane": Lane.unreasonable, "text": "无法律依据"})
HIDDEN = (E.amended, {"changes": {"confidential": True}, "was": {"confidential": False}})
SECOND = {"actor": "6001"}
STOPPED: list[Step] = [E.stop_asked, (E.stop_approved, SECOND)]
EXTENDED: list[Step] = [*TO_A_UNIT, E.signed, E.extension_asked, E.extension_approved]


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([E.registered], S.registered),
        ([E.registered, E.answered], S.closed),
        ([E.registered, E.not_accepted], S.closed),
        ([E.registered, E.passed_on], S.passed_on),
        ([E.registered, E.passed_on, E.passing_confirmed], S.closed),
        ([E.registered, E.passed_on, E.passing_refused], S.to_dispatch),
        ([E.registered, E.joined], S.joined),
        ([E.registered, E.joined, E.separated], S.to_dispatch),
        ([E.registered, E.joined, E.main_finished], S.closed),
        ([E.registered, E.left_open], S.to_dispatch),
        ([E.registered, E.left_open, E.answered], S.closed),
        (TO_A_UNIT, S.dispatched),
        ([*TO_A_UNIT, E.signed], S.in_hand),
        ([*TO_A_UNIT, E.return_asked], S.dispatched),
        ([*TO_A_UNIT, E.return_asked, E.return_refused], S.dispatched),
        ([*TO_A_UNIT, *RETURNED], S.to_dispatch),
        ([*TO_A_UNIT, E.signed, *RETURNED], S.to_dispatch),
        ([*TO_A_UNIT, E.signed, E.extension_asked, E.extension_approved], S.in_hand),
        ([*TO_A_UNIT, E.signed, E.replied], S.replied),
        ([*TO_A_UNIT, E.signed, E.replied, E.sent_back], S.in_hand),
        ([*TO_A_UNIT, E.signed, E.dissatisfied], S.in_hand),
        ([*TO_A_UNIT, E.joined], S.joined),
        ([*TO_A_UNIT, E.signed, E.joined], S.joined),
        ([*TO_A_UNIT, E.signed, E.joined, E.main_finished], S.closed),
        ([*WITH_HELPER, E.helper_signed, E.helper_replied], S.dispatched),
        ([*WITH_HELPER, E.helper_return_asked, E.helper_return_approved], S.dispatched),
        ([*TO_A_UNIT, E.signed, E.helper_added], S.in_hand),
        ([*TO_A_UNIT, E.signed, E.help_asked, E.help_refused], S.in_hand),
        ([*TO_A_UNIT, E.signed, COMPLEX, E.talk_recorded, E.replied], S.replied),
        ([*TO_A_UNIT, E.signed, UNREASONABLE, E.lane_approved, E.replied], S.replied),
        ([*TO_A_UNIT, E.stop_asked, (E.stop_refused, SECOND)], S.dispatched),
        ([*TO_A_UNIT, E.stop_asked, (E.stop_approved, SECOND)], S.stopped),
        ([*TO_A_UNIT, E.instructed, E.amended, E.told, E.rescheduled], S.dispatched),
        ([*TO_A_UNIT, *HOMEWARD], S.callback),
        ([*TO_A_UNIT, *HOMEWARD, E.not_rated, HIDDEN], S.archived),
        ([*TO_A_UNIT, E.signed, E.replied, E.accepted, HIDDEN], S.done),
        ([E.registered, E.answered, HIDDEN], S.closed),
        ([*TO_A_UNIT, E.joined, HIDDEN], S.joined),
        ([*TO_A_UNIT, E.stop_asked, (E.stop_approved, SECOND), HIDDEN], S.stopped),
        ([*TO_A_UNIT, *HOMEWARD, E.satisfied], S.archived),
        ([*TO_A_UNIT, *HOMEWARD, E.not_rated], S.archived),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied], S.callback),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied, E.explained], S.archived),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied, E.redone], S.dispatched),
        ([E.registered, E.answered, E.callback_due, E.satisfied], S.archived),
        ([E.registered, E.answered, E.callback_due, E.dissatisfied, E.reopened], S.to_dispatch),
        ([E.registered, E.answered, E.archived], S.archived),
        ([E.registered, E.answered, E.callback_due, E.not_rated, E.satisfied], S.archived),
        ([E.registered, E.answered, E.callback_due, E.not_rated, E.dissatisfied], S.callback),
    ],
)
def test_log_leads_to_state(steps: list[Step], state: TicketState) -> None:
    assert told(*steps).state is state


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        ([], E.answered),
        ([E.registered], E.registered),
        ([E.registered], E.dispatched),
        ([E.registered, E.answered], E.answered),
        ([E.registered, E.answered], E.amended),
        ([*TO_A_UNIT, *HOMEWARD], E.amended),
        ([*TO_A_UNIT, *HOMEWARD], (E.amended, {"changes": {"confidential": False}})),
        ([E.registered, E.answered], E.left_open),
        (TO_A_UNIT, E.return_approved),
        (TO_A_UNIT, E.replied),
        (TO_A_UNIT, (E.signed, {"n": 2})),
        ([*TO_A_UNIT, E.return_asked], E.return_asked),
        ([*TO_A_UNIT, E.return_asked], E.signed),
        ([*TO_A_UNIT, E.signed, E.return_asked], E.replied),
        ([*TO_A_UNIT, E.signed, E.return_asked], E.extension_asked),
        ([*TO_A_UNIT, E.signed], E.extension_approved),
        ([*TO_A_UNIT, E.signed, E.extension_asked], E.extension_asked),
        ([*TO_A_UNIT, E.signed, E.extension_asked, E.extension_approved], E.extension_asked),
        ([*TO_A_UNIT, E.signed], E.help_refused),
        ([*TO_A_UNIT, E.signed, E.help_asked], E.help_asked),
        ([*TO_A_UNIT, E.signed], E.talk_recorded),
        ([*TO_A_UNIT, E.signed], E.lane_approved),
        ([*TO_A_UNIT, E.signed, COMPLEX], E.replied),
        ([*TO_A_UNIT, E.signed, UNREASONABLE], E.replied),
        ([*TO_A_UNIT, E.signed, UNREASONABLE], E.lane_chosen),
        ([*TO_A_UNIT, E.signed, UNREASONABLE, E.lane_refused], E.replied),
        ([*TO_A_UNIT, E.signed, UNREASONABLE, E.lane_refused], E.lane_approved),
        (WITH_HELPER, E.helper_replied),
        (WITH_HELPER, (E.helper_signed, {"n": 1})),
        (WITH_HELPER, (E.signed, {"n": 2})),
        ([*WITH_HELPER, E.helper_signed], (E.helper_signed, {"n": 2})),
        ([*WITH_HELPER, E.helper_signed, E.helper_replied], (E.helper_replied, {"n": 2})),
        ([*WITH_HELPER, E.helper_return_asked], E.helper_signed),
        (WITH_HELPER, E.helper_return_approved),
        (TO_A_UNIT, E.stop_approved),
        ([*TO_A_UNIT, E.stop_asked], E.stop_asked),
        ([*TO_A_UNIT, E.stop_asked], E.stop_approved),
        ([*TO_A_UNIT, E.stop_asked], E.stop_refused),
        ([*TO_A_UNIT, E.stop_asked, (E.stop_approved, SECOND)], E.signed),
        ([*TO_A_UNIT, *HOMEWARD], E.redone),
        ([*TO_A_UNIT, *HOMEWARD], E.explained),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied], E.reopened),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied], E.not_rated),
        ([E.registered, E.answered, E.callback_due, E.dissatisfied], E.redone),
        ([E.registered, E.left_open, E.designated], E.return_asked),
    ],
)
def test_impossible_event_is_refused_in_both_languages(steps: list[Step], refused: Step) -> None:
    life = told(*steps)
    with pytest.raises(TransitionRefused) as caught:
        told(refused, life=life)
    assert caught.value.detail_zh
    assert caught.value.detail_en


@pytest.mark.parametrize(
    ("steps", "unfit", "pointer"),
    [
        (TO_A_UNIT[:2], (E.dispatched, {"helpers": ("B", "A")}), "/helpers/1"),
        (TO_A_UNIT[:2], (E.dispatched, {"helpers": ("B", "B")}), "/helpers/1"),
        (WITH_HELPER, (E.helper_added, {"units": ("A",)}), "/units/0"),
        (WITH_HELPER, (E.helper_added, {"units": ("B", "H")}), "/units/1"),
        ([*TO_A_UNIT, E.signed], (E.help_asked, {"units": ("A",)}), "/units/0"),
        ([*TO_A_UNIT, E.signed], (E.extension_asked, {"days": 6}), "/days"),
        ([*TO_A_UNIT, E.signed], (E.extension_asked, {"days": 0}), "/days"),
        (
            [*TO_A_UNIT, E.signed, E.extension_asked],
            (E.extension_approved, {"due_at": START}),
            "/days",
        ),
        ([*TO_A_UNIT, E.signed], (E.lane_chosen, {"lane": Lane.complex}), "/text"),
        ([*TO_A_UNIT, E.signed], (E.lane_chosen, {"lane": Lane.unreasonable}), "/text"),
        ([*TO_A_UNIT, E.signed], (E.lane_chosen, COMPLEX[1] | {"talk_by": None}), "/talk_by"),
        ([*TO_A_UNIT, E.signed], (E.lane_chosen, COMPLEX[1] | {"talk_by": START}), "/talk_by"),
        (
            [*TO_A_UNIT, E.signed],
            (E.lane_chosen, COMPLEX[1] | {"talk_by": START + timedelta(8)}),
            "/talk_by",
        ),
        (
            [*TO_A_UNIT, E.signed, COMPLEX],
            (E.talk_recorded, {"talked_at": START + timedelta(1)}),
            "/talked_at",
        ),
        ([*WITH_HELPER, E.signed], E.replied, "/without_helpers"),
    ],
)
def test_detail_that_does_not_fit_names_its_field_in_both_languages(
    steps: list[Step], unfit: Step, pointer: str
) -> None:
    life = told(*steps)
    with pytest.raises(Invalid) as caught:
        told(unfit, life=life)
    (field,) = caught.value.fields
    assert field.pointer == pointer
    assert field.message_zh
    assert field.message_en


def test_unknown_pair_names_state_and_event() -> None:
    with pytest.raises(TransitionRefused) as caught:
        told(E.signed, life=told(E.registered, E.answered))
    assert caught.value.detail_zh == "“已答复”的工单不能“签收”。"
    assert caught.value.detail_en == "A ticket that is 'closed' cannot be 'signed'."


def test_third_dispatch_of_a_round_cannot_be_returned() -> None:
    again: list[Step] = [*RETURNED, (E.dispatched, {"lead": "B"})]
    third = told(*TO_A_UNIT, *again, *RETURNED, E.dispatched)
    assert (third.dispatches, third.transfers) == (3, 2)
    with pytest.raises(TransitionRefused, match="3 times"):
        check(third, E.return_asked, n=3, at=START, actor="5001", returnable=2)
    assert check(third, E.return_asked, n=3, at=START, actor="5001", returnable=3) is third.state


def test_how_many_returns_a_city_allows_today_does_not_change_the_past() -> None:
    again: list[Step] = [*RETURNED, (E.dispatched, {"lead": "B"})]
    assert told(*TO_A_UNIT, *again, *again, *RETURNED).dispatches == 3


def test_refused_return_does_not_reset_the_clock() -> None:
    before = told(*TO_A_UNIT)
    after = told(E.return_asked, E.return_refused, life=before)
    assert after.assignments == before.assignments


def test_extension_is_refused_after_the_assignment_is_due() -> None:
    life = told(*TO_A_UNIT, E.signed)
    assert life.lead is not None
    asked = happening(life, E.extension_asked, life.lead.due_at)
    with pytest.raises(TransitionRefused, match="before the limit"):
        follow(life, asked)
    just_before = happening(life, E.extension_asked, life.lead.due_at - timedelta(seconds=1))
    assert follow(life, just_before).extension is not None


def test_limit_of_hours_cannot_be_extended_by_days() -> None:
    short = happening(UNBORN, E.dispatched, START).detail
    terms = short.terms  # type: ignore[attr-defined]  # the detail of a dispatch
    hours = {"terms": type(terms)(sign_due_at=START, due_at=START + timedelta(1), limit="2h")}
    life = told(E.registered, E.left_open, (E.dispatched, hours), E.signed)
    with pytest.raises(TransitionRefused, match="hours"):
        told((E.extension_asked, {"days": 1}), life=life)


def test_extension_moves_the_due_date_and_the_citizen_is_to_be_told() -> None:
    before = told(*TO_A_UNIT, E.signed, E.extension_asked)
    after = told(E.extension_approved, life=before)
    assert before.lead is not None
    assert after.lead is not None
    assert after.lead.due_before_extension == before.lead.due_at
    assert after.lead.due_at == before.lead.due_at + timedelta(days=3)
    assert set(after.waits()) == {(Wait.to_tell, 0)}
    assert told(E.told, life=after).waits() == {}


def test_redo_begins_a_round_with_the_same_lead_that_may_be_extended_and_returned_again() -> None:
    life = told(
        *TO_A_UNIT, E.signed, E.extension_asked, E.extension_approved, E.replied, E.accepted,
        E.callback_due, E.dissatisfied, E.redone,
    )  # fmt: skip
    assert (life.round, life.dispatches, life.extended, life.redos) == (2, 1, False, 1)
    assert [(a.n, a.unit, a.round, a.state) for a in life.assignments] == [
        (1, "A", 1, A.finished),
        (2, "A", 2, A.dispatched),
    ]
    assert told(E.return_asked, life=life).returns


def test_unit_that_is_gone_is_not_redone_but_reopened() -> None:
    life = told(*TO_A_UNIT, *HOMEWARD, E.dissatisfied)
    assert told((E.reopened, {"unit_gone": True}), life=life).state is S.to_dispatch


def test_returned_and_then_answered_by_the_centre_is_reopened_and_not_redone() -> None:
    life = told(*TO_A_UNIT, *RETURNED, E.answered, E.callback_due, E.dissatisfied)
    assert told(E.reopened, life=life).state is S.to_dispatch


def test_lead_replies_without_its_helpers_for_a_reason_and_they_are_released() -> None:
    life = told(
        *WITH_HELPER, E.signed, (E.replied, {"without_helpers": "协办部分已并入"}), E.accepted
    )
    assert [a.state for a in life.assignments] == [A.finished, A.released]


def test_helper_that_has_replied_is_finished_without_audit() -> None:
    life = told(*WITH_HELPER, E.helper_signed, E.helper_replied)
    helper = life.assignments[1]
    assert (helper.role, helper.state) == (AssignmentRole.helper, A.finished)
    assert helper.replied_at == helper.finished_at == helper.ended_at


def test_sent_back_reply_does_not_stand_any_more() -> None:
    life = told(*TO_A_UNIT, E.signed, E.replied, E.sent_back)
    assert (life.assignments[0].state, life.assignments[0].replied_at) == (A.in_hand, None)


def test_return_of_the_lead_releases_its_helpers_and_its_wishes() -> None:
    life = told(
        *WITH_HELPER, E.signed, E.extension_asked, (E.help_asked, {"units": ("B",)}), *RETURNED
    )
    assert [a.state for a in life.assignments] == [A.returned, A.released]
    assert set(life.waits()) == {(Wait.to_dispatch, 0)}


def test_stopped_ticket_ends_its_assignments_and_waits_for_nothing() -> None:
    life = told(*WITH_HELPER, E.signed, E.extension_asked, E.stop_asked, (E.stop_approved, SECOND))
    assert {a.state for a in life.assignments} == {A.stopped}
    assert life.waits() == {}


def test_promised_talk_is_owed_until_it_is_recorded_or_the_centre_says_it_need_not_be() -> None:
    turned = told(*TO_A_UNIT, E.signed, COMPLEX, UNREASONABLE)
    assert turned.lane is not None
    assert turned.lane.owed_talk == COMPLEX[1]["talk_by"]
    approved = told(E.lane_approved, E.replied, life=turned)
    assert (approved.state, approved.lane and approved.lane.owed_talk) == (S.replied, None)
    talked = told(E.lane_refused, E.talk_recorded, E.lane_chosen, E.replied, life=turned)
    assert talked.state is S.replied


@pytest.mark.parametrize(
    ("steps", "chosen"),
    [
        ([COMPLEX], E.lane_chosen),
        ([COMPLEX], COMPLEX),
        ([COMPLEX, UNREASONABLE, E.lane_refused], E.lane_chosen),
    ],
)
def test_lane_is_not_chosen_anew_while_a_talk_is_owed(steps: list[Step], chosen: Step) -> None:
    life = told(*TO_A_UNIT, E.signed, *steps)
    said = happening(life, chosen, START).detail
    assert isinstance(said, LaneChosen)
    with pytest.raises(TransitionRefused, match="still owed"):
        require_talked(life, said)
    require_talked(told(E.talk_recorded, life=life), said)


LATER = (E.lane_chosen, COMPLEX[1] | {"talk_by": START + timedelta(2)})
GIVEN_BACK: list[Step] = [*TO_A_UNIT[:2], E.stop_asked, E.passed_on, E.passing_refused]


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([*TO_A_UNIT, E.signed, COMPLEX, E.lane_chosen, E.replied, E.accepted], S.done),
        ([*TO_A_UNIT, E.signed, COMPLEX, LATER, E.talk_recorded, E.replied], S.replied),
        (
            [*TO_A_UNIT, E.signed, COMPLEX, UNREASONABLE, E.lane_refused, E.lane_chosen, E.replied],
            S.replied,
        ),
        (GIVEN_BACK, S.to_dispatch),
        ([*GIVEN_BACK, (E.stop_approved, SECOND)], S.stopped),
        ([*GIVEN_BACK, (E.stop_refused, SECOND), E.dispatched], S.dispatched),
        ([*EXTENDED, *RETURNED, E.passed_on, E.passing_refused, E.told], S.to_dispatch),
    ],
)
def test_log_written_before_a_use_case_asked_for_more_is_still_read(
    steps: list[Step], state: TicketState
) -> None:
    written, _ = log(*steps)
    assert life_of(written).state is state


def test_lane_that_nobody_has_decided_ends_with_the_stop() -> None:
    life = told(*TO_A_UNIT, E.signed, UNREASONABLE, *STOPPED)
    assert (life.lane, life.waits()) == (None, {})


def test_who_was_not_satisfied_before_the_stop_is_decided_on() -> None:
    life = told(*TO_A_UNIT, E.signed, E.dissatisfied, *STOPPED)
    assert life.waits() == {(Wait.dissatisfied, 0): life.since}
    explained = told(E.explained, life=life)
    assert (explained.state, explained.waits()) == (S.stopped, {})
    again = told(E.reopened, life=life)
    assert (again.state, again.round, set(again.waits())) == (
        S.to_dispatch,
        2,
        {(Wait.to_dispatch, 0)},
    )


def test_who_says_after_the_stop_that_he_is_not_satisfied_is_decided_on() -> None:
    assert set(told(*TO_A_UNIT, *STOPPED, E.dissatisfied).waits()) == {(Wait.dissatisfied, 0)}


@pytest.mark.parametrize(
    "end",
    [
        [E.replied, E.accepted],
        [*RETURNED, E.answered],
        [*RETURNED, E.not_accepted],
        [*RETURNED, E.passed_on],
        [E.joined],
        STOPPED,
    ],
    ids=["finished", "answered", "not accepted", "passed on", "joined", "stopped"],
)
def test_nothing_is_told_any_more_of_an_extension_when_the_ticket_has_gone_on(
    end: list[Step],
) -> None:
    assert (Wait.to_tell, 0) in told(*EXTENDED).waits()
    assert (Wait.to_tell, 0) not in told(*EXTENDED, *end).waits()


def test_stop_that_nobody_has_decided_waits_again_when_the_other_platform_gives_it_back() -> None:
    passed = told(*TO_A_UNIT[:2], E.stop_asked, E.passed_on)
    assert set(passed.waits()) == {(Wait.passing, 0)}
    back = told(E.passing_refused, life=passed)
    assert set(back.waits()) == {(Wait.to_dispatch, 0), (Wait.stops, 0)}
    assert told(E.passing_confirmed, life=passed).stop is None


def test_joined_ticket_ends_its_assignments_and_can_be_dispatched_anew_when_separated() -> None:
    life = told(*WITH_HELPER, E.signed, E.joined)
    assert {a.state for a in life.assignments} == {A.joined}
    assert life.main_id == 1
    again = told(E.separated, E.dispatched, life=life)
    assert (again.main_id, again.state, again.assignments[-1].n) == (None, S.dispatched, 3)


def test_early_rating_waits_for_the_centre_only_when_the_unit_has_finished() -> None:
    early = told(*TO_A_UNIT, E.signed, E.dissatisfied)
    assert early.waits() == {}
    done = told(E.replied, E.accepted, E.callback_due, life=early)
    assert set(done.waits()) == {(Wait.dissatisfied, 0)}
    assert told(E.redone, life=done).asked is None


@pytest.mark.parametrize(
    ("steps", "waits"),
    [
        ([E.registered], {Wait.to_dispatch}),
        ([E.registered, E.answered], set()),
        (TO_A_UNIT[:2], {Wait.to_dispatch}),
        (TO_A_UNIT, set()),
        ([*TO_A_UNIT, E.return_asked], {Wait.returns}),
        ([*TO_A_UNIT, E.signed, E.extension_asked], {Wait.extensions}),
        ([*TO_A_UNIT, E.signed, E.help_asked], {Wait.helps}),
        ([*TO_A_UNIT, E.signed, E.help_asked, E.helper_added], set()),
        ([*TO_A_UNIT, E.signed, UNREASONABLE], {Wait.lanes}),
        ([*TO_A_UNIT, E.signed, E.replied], {Wait.audit}),
        ([*TO_A_UNIT, E.stop_asked], {Wait.stops}),
        ([E.registered, E.passed_on], {Wait.passing}),
        ([E.registered, E.passed_on, E.passing_confirmed], set()),
        ([E.registered, E.passed_on, E.passing_refused], {Wait.to_dispatch}),
        ([*WITH_HELPER, E.helper_return_asked], {Wait.returns}),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied], {Wait.dissatisfied}),
        ([*TO_A_UNIT, *HOMEWARD, E.dissatisfied, E.explained], set()),
    ],
)
def test_what_waits_for_the_centre(steps: list[Step], waits: set[Wait]) -> None:
    assert {kind for kind, _ in told(*steps).waits()} == waits


def test_every_state_is_reached_and_every_event_is_used() -> None:
    assert set(TRANSITIONS.values()) == set(TicketState)
    assert {event for _, event in TRANSITIONS} == set(TicketEvent)
    assert set(ASSIGNMENT_TRANSITIONS.values()) == set(AssignmentState)
    assert {event for _, event in ASSIGNMENT_TRANSITIONS} == set(AssignmentEvent)


def test_every_state_leads_to_an_end() -> None:
    home = {S.archived, S.stopped}
    while True:
        before = {state for (state, _), after in TRANSITIONS.items() if state and after in home}
        if before <= home:
            break
        home |= before
    assert home == set(TicketState)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (STATE_WORDS, TicketState),
        (EVENT_WORDS, TicketEvent),
        (ASSIGNMENT_WORDS, AssignmentState),
        (ASSIGNMENT_EVENT_WORDS, AssignmentEvent),
        (ROLE_WORDS, AssignmentRole),
        (LANE_WORDS, Lane),
        (GROUNDS_WORDS, ReturnGrounds),
    ],
)
def test_every_word_has_both_languages(words: Any, kind: Any) -> None:
    assert set(words) == set(kind)
    assert all(word.zh and word.en for word in words.values())


def test_every_event_has_a_detail() -> None:
    assert set(DETAILS) == set(TicketEvent)


UNITS = st.sampled_from("ABCH")
SAID: dict[TicketEvent, st.SearchStrategy[dict[str, Any]]] = {
    E.dispatched: st.fixed_dictionaries({"lead": UNITS, "helpers": st.lists(UNITS, max_size=2).map(tuple)}),
    E.designated: st.fixed_dictionaries({"lead": UNITS}),
    E.helper_added: st.fixed_dictionaries({"units": st.lists(UNITS, min_size=1, max_size=2).map(tuple)}),
    E.help_asked: st.fixed_dictionaries({"units": st.lists(UNITS, min_size=1, max_size=2).map(tuple)}),
    E.extension_asked: st.fixed_dictionaries({"days": st.integers(0, 7)}),
    E.replied: st.sampled_from([{}, {"without_helpers": "已催办"}]),
    E.lane_chosen: st.sampled_from([{}, COMPLEX[1], UNREASONABLE[1]]),
    E.stop_approved: st.sampled_from([{}, SECOND]),
    E.reopened: st.sampled_from([{}, {"unit_gone": True}]),
    **dict.fromkeys(
        (E.signed, E.helper_signed, E.helper_replied, E.helper_return_asked, E.return_approved),
        st.sampled_from([{}, {}, {"n": 1}, {"n": 2}, {"n": 3}, {"n": 9}]),
    ),
}  # fmt: skip
STEPS = st.sampled_from(TicketEvent).flatmap(
    lambda event: st.tuples(st.just(event), SAID.get(event, st.just({})))
)


def lived(steps: list[Step]) -> tuple[list[Happening], Life]:
    """The possible ones of the steps, in order, as a ticket would take them; it begins at a unit with a helper."""
    entries, life = log(*WITH_HELPER)
    written, at = list(entries), life.since or START
    for step in steps:
        at += timedelta(minutes=7)
        try:
            entry = happening(life, step, at)
            life = follow(life, entry)
        except Refused:
            continue
        written.append(entry)
    return written, life


@given(st.lists(STEPS, max_size=60))
def test_whatever_happens_the_invariants_hold(steps: list[Step]) -> None:
    _, life = lived(steps)
    leads = [a for a in life.assignments if a.open and a.role is AssignmentRole.lead]
    assert [a.n for a in life.assignments] == list(range(1, len(life.assignments) + 1))
    assert len(leads) <= 1
    assert all(a.open == (a.ended_at is None) for a in life.assignments)
    assert all((a.state is A.finished) == (a.finished_at is not None) for a in life.assignments)
    assert bool(leads) == (life.state in (S.dispatched, S.in_hand, S.replied))
    assert leads or not life.open_helpers
    units = [a.unit for a in life.assignments if a.open]
    assert len(units) == len(set(units))
    lead_state = {A.dispatched: S.dispatched, A.in_hand: S.in_hand, A.replied: S.replied}
    assert all(lead_state[a.state] is life.state for a in leads)
    assert all(life.assignments[pending.n - 1].open for pending in life.returns)
    assert life.extension is None or life.state is S.in_hand
    assert life.stop is None or life.state in (
        S.to_dispatch,
        S.passed_on,
        S.dispatched,
        S.in_hand,
        S.replied,
    )
    assert (life.main_id is None) or life.state is not S.to_dispatch
    assert not (life.extended and life.extension)


ENDS: dict[Wait, tuple[TicketEvent, ...]] = {
    Wait.to_dispatch: (E.dispatched, E.left_open),
    Wait.returns: (E.return_approved, E.helper_return_approved),
    Wait.extensions: (E.extension_refused,),
    Wait.helps: (E.help_refused,),
    Wait.lanes: (E.lane_refused,),
    Wait.audit: (E.accepted,),
    Wait.dissatisfied: (E.explained,),
    Wait.stops: (E.stop_refused,),
    Wait.passing: (E.passing_confirmed,),
    Wait.to_tell: (E.told,),
}


@given(st.lists(STEPS, max_size=60))
@example([E.signed, E.extension_asked, E.extension_approved, E.joined])
@example([E.signed, UNREASONABLE, *STOPPED])
@example([E.return_asked, E.return_approved, E.stop_asked, E.passed_on])
def test_whatever_waits_can_be_ended_by_who_decides(steps: list[Step]) -> None:
    _, life = lived(steps)
    for kind, n in life.waits():
        assert any(can_end(life, event, kind, n) for event in ENDS[kind]), (life.state, kind)


def can_end(life: Life, event: TicketEvent, kind: Wait, n: int) -> bool:
    said: dict[str, Any] = SECOND | ({"n": n} if kind is Wait.returns else {})
    try:
        return (kind, n) not in told((event, said), life=life).waits()
    except TransitionRefused:
        return False


@given(st.lists(STEPS, max_size=30), STEPS)
def test_event_is_followed_by_the_table_or_refused(steps: list[Step], step: Step) -> None:
    _, before = lived(steps)
    entry = happening(before, step, START + timedelta(days=1))
    try:
        after = follow(before, entry)
    except Refused:
        return
    assert after.state is TRANSITIONS[before.state, entry.event]


@given(st.lists(STEPS, max_size=40), st.integers(0, 40))
def test_log_that_was_kept_tells_the_same_life_whole_or_in_two_parts(
    steps: list[Step], cut: int
) -> None:
    written, life = lived(steps)
    kept = [
        Happening(
            event=entry.event,
            at=entry.at,
            actor=entry.actor,
            detail=detail_of(entry.event, as_json(entry.detail)),
        )
        for entry in written
    ]
    middle = life_of(kept[:cut])
    for entry in kept[cut:]:
        middle = follow(middle, entry)
    assert middle == life == life_of(kept)


@given(st.dates(min_value=date(2000, 1, 1)), st.integers(1, 999_999))
def test_number_holds_day_and_serial_and_sorts_with_them(day: date, serial: int) -> None:
    number = ticket_number(day, serial)
    assert len(number) == 15
    assert number < ticket_number(day, 999_999) or serial == 999_999
    assert (number[:8], int(number[9:])) == (day.strftime("%Y%m%d"), serial)


@pytest.mark.parametrize("serial", [0, -1, 1_000_000])
def test_serial_that_does_not_fit_is_refused(serial: int) -> None:
    with pytest.raises(ValueError, match="six digits"):
        ticket_number(date(2026, 3, 2), serial)
