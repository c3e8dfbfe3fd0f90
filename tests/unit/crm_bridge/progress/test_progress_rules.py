"""What a citizen is told of a ticket, and what not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crm_bridge.progress.rules import STAGE_WORDS, Stage, answer_of, files_of, stage_of, steps_of
from crm_bridge.tickets.details import (
    NOTHING,
    Detail,
    Dispatched,
    NotAccepted,
    Noted,
    Passed,
    Reasoned,
    Redone,
    Replied,
    Terms,
    Told,
)
from crm_bridge.tickets.happenings import DETAILS, Happening
from crm_bridge.tickets.vocabulary import TicketEvent, TicketState, Words

E = TicketEvent
NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
TERMS = Terms(sign_due_at=NOW, due_at=NOW + timedelta(days=5), limit="5wd")
UNITS = {"CGJ": Words("城管执法局", "Urban Management")}
GIVEN = Dispatched(lead="CGJ", terms=TERMS, note="领导关注，尽快处理")
REPLY = Replied(n=1, text="路灯已修好", measures="更换整流器", contacted=True)


def log(*happened: tuple[TicketEvent, Detail]) -> list[Happening]:
    return [
        Happening(event=event, at=NOW + timedelta(hours=hour), actor="1001", detail=detail)
        for hour, (event, detail) in enumerate(happened)
    ]


def test_every_state_is_one_of_five_stages() -> None:
    assert {stage_of(state) for state in TicketState} == set(Stage)
    assert set(STAGE_WORDS) == set(Stage)


def test_steps_name_the_unit_and_no_person_and_no_note() -> None:
    steps = steps_of(log((E.registered, NOTHING), (E.dispatched, GIVEN)), UNITS)
    assert [step.zh for step in steps] == ["已收到您的诉求并登记", "已交城管执法局办理"]
    assert all("1001" not in step.zh and "领导" not in step.zh for step in steps)


def test_a_unit_without_a_name_is_not_named_by_its_code() -> None:
    (step,) = steps_of(log((E.dispatched, GIVEN)), {})
    assert (step.zh, step.en) == ("已交承办单位办理", "Given to a unit")


@pytest.mark.parametrize(
    "event",
    [E.instructed, E.amended, E.return_asked, E.extension_asked, E.help_asked, E.stop_asked],
)
def test_what_units_and_the_centre_say_to_each_other_is_no_step(event: TicketEvent) -> None:
    kind = DETAILS[event]
    assert kind not in (Dispatched, Passed, Told)
    assert steps_of(log((event, NOTHING)), UNITS) == []


def test_where_it_was_passed_and_what_the_hotline_says_is_told() -> None:
    happened = log(
        (E.passed_on, Passed(platform="110 报警服务台", reference="secret-1")),
        (E.told, Told(how="phone", text="周五上门查看")),
    )
    assert [step.zh for step in steps_of(happened, UNITS)] == [
        "已转交110 报警服务台",
        "热线告知：周五上门查看",
    ]


def test_a_reply_is_the_answer_only_once_it_was_accepted() -> None:
    replied = log((E.dispatched, GIVEN), (E.replied, REPLY))
    assert answer_of(replied) is None
    accepted = [*replied, *log((E.accepted, Reasoned()))]
    assert answer_of(accepted) == "路灯已修好"


def test_a_matter_that_is_done_anew_has_no_answer() -> None:
    happened = log(
        (E.replied, REPLY),
        (E.accepted, Reasoned()),
        (E.redone, Redone(terms=TERMS, reason="未修好")),
    )
    assert answer_of(happened) is None


def test_files_of_the_hotlines_answer_are_the_citizens_and_those_of_a_unit_are_not() -> None:
    answered = log((E.answered, Noted(text="请到窗口办理", attachments=(7, 8))))
    assert tuple(files_of(answered)) == (7, 8)
    assert tuple(files_of([*answered, *log((E.reopened, NOTHING))])) == ()
    with_files = replace(REPLY, attachments=(9,))
    assert tuple(files_of(log((E.replied, with_files), (E.accepted, Reasoned())))) == ()


def test_an_answer_on_the_spot_and_a_refusal_are_answers() -> None:
    assert answer_of(log((E.answered, Noted(text="请到窗口办理")))) == "请到窗口办理"
    refused = NotAccepted(grounds="属于诉讼事项", where_to_turn="请向人民法院提出")
    assert answer_of(log((E.not_accepted, refused))) == "属于诉讼事项\n请向人民法院提出"
