import hashlib
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.callbacks.rules import (
    FINISHED,
    TRANSITIONS,
    Bar,
    CallbackEvent,
    CallbackRefused,
    CallbackState,
    CallingPlan,
    PastAttempt,
    Window,
    conclude,
    is_sampled,
    next_attempt,
    next_opening,
    next_state,
    window_end,
)
from crm_bridge.callbacks.settings import CallbackSettings
from telephony.dialer.rules import Result

ZONE = ZoneInfo("Asia/Shanghai")
PLAN = CallbackSettings().plan(ZONE)
MOMENTS = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001  # Hypothesis wants naive bounds
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001  # the same
    timezones=st.just(UTC),
)
DELAYS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=20))


def local(day: int, clock: str) -> datetime:
    return datetime.combine(datetime(2026, 3, day), time.fromisoformat(clock), ZONE)  # noqa: DTZ001  # combine adds it


def is_open(moment: datetime) -> bool:
    clock = moment.astimezone(ZONE).time()
    return time(9) <= clock < time(12) or time(14, 30) <= clock < time(20)


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        (local(2, "08:00"), local(2, "09:00")),
        (local(2, "09:00"), local(2, "09:00")),
        (local(2, "11:59:59"), local(2, "11:59:59")),
        (local(2, "12:00"), local(2, "14:30")),
        (local(2, "19:59"), local(2, "19:59")),
        (local(2, "20:00"), local(3, "09:00")),
        (local(2, "23:30"), local(3, "09:00")),
    ],
)
def test_first_attempt_waits_for_the_next_window(now: datetime, opening: datetime) -> None:
    assert next_attempt(now, PLAN, []) == opening
    assert next_opening(now, PLAN) == opening


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (local(2, "09:00"), local(2, "12:00")),
        (local(2, "11:59:59"), local(2, "12:00")),
        (local(2, "12:00"), None),
        (local(2, "15:00"), local(2, "20:00")),
        (local(2, "03:00"), None),
    ],
)
def test_window_that_is_open_tells_when_it_closes(now: datetime, end: datetime | None) -> None:
    assert window_end(now, PLAN) == end


@given(MOMENTS, DELAYS, DELAYS)
def test_three_attempts_are_in_windows_over_two_days_and_at_different_hours(
    now: datetime, first_delay: timedelta, second_delay: timedelta
) -> None:
    first = next_attempt(now, PLAN, [])
    assert first is not None
    second = next_attempt(first + first_delay, PLAN, [first])
    assert second is not None
    third = next_attempt(second + second_delay, PLAN, [first, second])
    assert third is not None
    assert now <= first < second < third
    assert all(is_open(moment) for moment in (first, second, third))
    assert third - first >= timedelta(days=2)
    assert len({moment.astimezone(ZONE).hour for moment in (first, second, third)}) == 3
    assert next_attempt(third, PLAN, [first, second, third]) is None


@given(MOMENTS, st.lists(MOMENTS, max_size=2))
def test_attempt_is_never_in_the_past_nor_outside_the_windows(
    now: datetime, rung: list[datetime]
) -> None:
    moment = next_attempt(now, PLAN, rung)
    assert moment is not None
    assert moment >= now
    assert is_open(moment)


def test_hours_repeat_only_where_the_windows_have_no_other() -> None:
    plan = CallingPlan(zone=ZONE, windows=(Window(start=time(9), end=time(10)),))
    first = local(2, "09:10")
    second = next_attempt(first, plan, [first])
    assert second == local(4, "09:00")


def test_windows_all_day_and_no_gap_ring_at_once() -> None:
    settings = CallbackSettings(windows=("00:00-24:00",), gap_seconds=0, different_hours=False)
    now = local(2, "03:21")
    assert next_attempt(now, settings.plan(ZONE), [now, now]) == now


@pytest.mark.parametrize(
    "text", ["9:00-12:00", "09:00", "12:00-09:00", "09:00-09:00", "09:00-25:00", ""]
)
def test_window_that_is_none_stops_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="window"):
        CallbackSettings(windows=(text,))


def attempts(*results: Result) -> list[PastAttempt]:
    start = local(2, "09:00")
    return [
        PastAttempt(started_at=start + timedelta(hours=26 * n), result=result)
        for n, result in enumerate(results)
    ]


R = Result
CE = CallbackEvent


@pytest.mark.parametrize(
    ("results", "event"),
    [
        ([R.answered], CE.not_rated),
        ([R.wants_person], CE.not_rated),
        ([R.unknown], CE.uncertain),
        ([R.no_such_number], CE.barred),
        ([R.busy], CE.postponed),
        ([R.no_answer], CE.postponed),
        ([R.silent], CE.postponed),
        ([R.hung_up], CE.postponed),
        ([R.machine], CE.postponed),
        ([R.busy, R.no_answer], CE.postponed),
        ([R.busy, R.no_answer, R.machine], CE.not_rated),
        ([R.carrier_failure], CE.postponed),
        ([R.refused_late], CE.postponed),
        ([R.busy, R.carrier_failure, R.busy, R.carrier_failure], CE.postponed),
        ([R.carrier_failure] * 5, CE.postponed),
        ([R.carrier_failure] * 6, CE.barred),
        ([R.refused_late] * 20, CE.postponed),
        ([R.refused_late] * 20 + [R.carrier_failure] * 5, CE.postponed),
        ([R.carrier_failure, R.busy, R.busy], CE.postponed),
        ([R.carrier_failure, R.busy, R.busy, R.busy], CE.not_rated),
    ],
)
def test_result_without_a_rating_is_concluded(results: list[Result], event: CallbackEvent) -> None:
    assert conclude(local(9, "10:00"), PLAN, attempts(*results), rated=False).event is event


@pytest.mark.parametrize("result", Result)
def test_rating_counts_however_the_call_ended(result: Result) -> None:
    assert conclude(local(9, "10:00"), PLAN, attempts(result), rated=True).event is CE.rated


def test_carrier_failure_is_tried_again_soon_and_then_less_soon() -> None:
    now = local(9, "10:00")
    first = conclude(now, PLAN, attempts(R.carrier_failure), rated=False)
    third = conclude(now, PLAN, attempts(*[R.carrier_failure] * 3), rated=False)
    assert first.due_at == local(9, "10:01")
    assert third.due_at == local(9, "10:04")


def test_carrier_failure_at_the_end_of_a_window_waits_for_the_next() -> None:
    verdict = conclude(local(9, "11:59:30"), PLAN, attempts(R.carrier_failure), rated=False)
    assert verdict.due_at == local(9, "14:30")


def test_number_that_does_not_exist_is_not_called_again_and_says_why() -> None:
    assert conclude(local(9, "10:00"), PLAN, attempts(R.no_such_number), rated=False).bar is (
        Bar.no_such_number
    )


@given(st.lists(st.sampled_from(Result), min_size=1, max_size=30))
def test_citizen_is_never_rung_more_often_than_the_plan_says(results: list[Result]) -> None:
    done: list[Result] = []
    for result in results:
        done.append(result)
        verdict = conclude(local(9, "10:00"), PLAN, attempts(*done), rated=False)
        if verdict.event is not CE.postponed:
            break
    assert sum(result not in (R.carrier_failure, R.refused_late) for result in done) <= 3


@pytest.mark.parametrize("state", CallbackState)
@pytest.mark.parametrize("event", CallbackEvent)
def test_pair_is_in_the_table_or_refused(state: CallbackState, event: CallbackEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(CallbackRefused):
            next_state(state, event)


def test_rating_is_never_taken_back() -> None:
    assert not [event for (state, event) in TRANSITIONS if state is CallbackState.rated]
    assert CallbackState.rated in FINISHED


@given(st.text("0123456789abcdef", min_size=64, max_size=64))
def test_whoever_is_in_a_sample_is_in_every_larger_one(digest: str) -> None:
    drawn = [is_sampled(digest, percent) for percent in range(101)]

    assert drawn == sorted(drawn)
    assert not drawn[0]
    assert drawn[100]


def test_a_sample_has_about_its_size() -> None:
    digests = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(10_000)]

    assert 900 < sum(is_sampled(digest, 10) for digest in digests) < 1_100


@pytest.mark.parametrize("percent", [0, 9, 101])
def test_a_sample_of_less_than_a_tenth_stops_the_start(percent: int) -> None:
    with pytest.raises(ValueError, match="sample_percent"):
        CallbackSettings(sample_percent=percent)
