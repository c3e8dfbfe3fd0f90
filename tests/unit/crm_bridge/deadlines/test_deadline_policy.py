"""Which limit applies, how far it can be extended, and what the settings refuse."""

from __future__ import annotations

from datetime import datetime, timedelta

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_bridge.deadlines.policy import extended, most_days
from crm_bridge.deadlines.rules import Limit, LimitKind, due
from crm_bridge.deadlines.settings import DeadlineSettings
from crm_bridge.supervision.rules import Rung
from crm_bridge.tickets.vocabulary import TicketType, Urgency
from infra.kit.errors import Invalid
from tests.unit.crm_bridge.deadlines.calendars import calendar, local

POLICY = DeadlineSettings().policy()
WORK = calendar()


@pytest.mark.parametrize(
    ("type", "urgency", "redo", "given_by_centre", "limit"),
    [
        (TicketType.inquiry, Urgency.normal, False, None, "1wd"),
        (TicketType.help, Urgency.normal, False, None, "5wd"),
        (TicketType.suggestion, Urgency.normal, False, None, "5wd"),
        (TicketType.praise, Urgency.normal, False, None, "5wd"),
        (TicketType.complaint, Urgency.normal, False, None, "10wd"),
        (TicketType.report, Urgency.normal, False, None, "10wd"),
        (TicketType.inquiry, Urgency.urgent, False, None, "24h"),
        (TicketType.report, Urgency.critical, False, None, "2h"),
        (TicketType.complaint, Urgency.normal, True, None, "5wd"),
        (TicketType.complaint, Urgency.urgent, True, None, "24h"),
        (TicketType.complaint, Urgency.normal, False, "hard", "15wd"),
        (TicketType.help, Urgency.critical, True, "3wd", "3wd"),
    ],
)
def test_the_limit_is_the_domains(
    type: TicketType, urgency: Urgency, redo: bool, given_by_centre: str | None, limit: str
) -> None:
    found = POLICY.limit(type=type, urgency=urgency, redo=redo, given=given_by_centre)

    assert str(found) == limit


@pytest.mark.parametrize("text", ["", "soon", "0wd", "5", "1000wd", "5wd; DROP TABLE"])
def test_a_limit_that_nobody_can_read_is_a_field_error(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        POLICY.limit(type=TicketType.help, urgency=Urgency.normal, given=text)

    assert [field.pointer for field in refused.value.fields] == ["/limit"]


@pytest.mark.parametrize(
    ("urgency", "limit"),
    [(Urgency.normal, "2wh"), (Urgency.urgent, "2h"), (Urgency.critical, "2h")],
)
def test_what_is_urgent_is_signed_around_the_clock(urgency: Urgency, limit: str) -> None:
    assert str(POLICY.sign_limit(urgency)) == limit


def test_a_complex_matters_return_may_be_thought_over_for_longer() -> None:
    assert str(POLICY.return_limit(complex_lane=False)) == "1wd"
    assert str(POLICY.return_limit(complex_lane=True)) == "2wd"


def test_each_rung_comes_so_long_after_the_one_before_that_they_add_up() -> None:
    gaps = {rung: POLICY.rung_gap(rung) for rung in Rung}

    assert {rung: str(gap) for rung, gap in gaps.items()} == {
        Rung.reminder: "None",
        Rung.order: "2wd",
        Rung.meeting: "3wd",
        Rung.listed: "5wd",
    }


@pytest.mark.parametrize(
    ("start", "limit", "days", "end"),
    [
        ("2026-03-02 09:00", "5wd", 5, "2026-03-16 17:30"),
        ("2026-03-02 09:00", "5wd", 1, "2026-03-10 17:30"),
        ("2026-02-06 09:00", "5wd", 5, "2026-02-27 17:30"),
        ("2026-03-02 09:00", "24h", 1, "2026-03-04 09:00"),
        ("2026-03-02 08:30", "14wh", 2, "2026-03-05 17:30"),
    ],
)
def test_an_extension_counts_what_the_limit_counts(
    start: str, limit: str, days: int, end: str
) -> None:
    original = due(local(start), Limit.parse(limit), WORK)

    assert extended(original.at, days, Limit.parse(limit), WORK).at == local(end)


@pytest.mark.parametrize(
    ("limit", "days", "most"),
    [
        ("5wd", 6, "最多 5 天"),
        ("5wd", 0, "最多 5 天"),
        ("5wd", -3, "最多 5 天"),
        ("24h", 2, "最多 1 天"),
        ("2h", 1, "不足一天"),
        ("2wh", 1, "不足一天"),
    ],
)
def test_an_extension_is_no_longer_than_the_limit_was(limit: str, days: int, most: str) -> None:
    with pytest.raises(Invalid) as refused:
        extended(local("2026-03-02 17:30"), days, Limit.parse(limit), WORK)

    [field] = refused.value.fields
    assert field.pointer == "/days"
    assert most in field.message_zh


starts = st.integers(0, 10 * 365 * 1440).map(
    lambda minutes: local("2015-01-01") + timedelta(minutes=minutes)
)


@settings(deadline=None)
@given(
    start=starts,
    limit=st.builds(Limit, st.integers(1, 60), st.sampled_from(LimitKind)),
    days=st.integers(1, 60),
)
def test_extended_it_is_due_later_and_at_most_twice_as_late(
    start: datetime, limit: Limit, days: int
) -> None:
    original = due(start, limit, WORK).at
    if days > most_days(limit, WORK):
        with pytest.raises(Invalid):
            extended(original, days, limit, WORK)
    else:
        assert original < extended(original, days, limit, WORK).at <= due(original, limit, WORK).at


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sign": "2 hours"}, "24h, 2wh or 5wd"),
        ({"working_hours": ()}, "working hours"),
        ({"working_hours": ("08:30–12:00",)}, "part of a day"),
        ({"working_hours": ("14:00-17:30", "08:30-12:00")}, "in order"),
        ({"working_hours": ("12:00-08:30",)}, "end after"),
        ({"warning_hours": (24, 48)}, "longest first"),
        ({"warning_hours": (24, 24)}, "none twice"),
        ({"warning_hours": (0,)}, "longest first"),
        ({"order_working_days": 5}, "must rise"),
        ({"look_seconds": 0}, "greater than 0"),
        ({"sing": "2h"}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=told):
        DeadlineSettings.model_validate(wrong)
