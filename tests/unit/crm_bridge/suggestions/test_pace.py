import pytest

from crm_bridge.suggestions.pace import Pace
from infra.kit.clock import ManualClock
from infra.kit.errors import TooMany


def test_more_than_is_borne_in_a_minute_is_refused_with_when_to_come_again(
    clock: ManualClock,
) -> None:
    pace = Pace(clock, per_minute=2)
    pace.step("1001")
    clock.advance(20)
    pace.step("1001")
    with pytest.raises(TooMany) as refused:
        pace.step("1001")
    assert refused.value.retry_after == pytest.approx(40)
    pace.step("1002")
    clock.advance(40)
    pace.step("1001")


def test_those_who_are_long_gone_are_forgotten(clock: ManualClock) -> None:
    pace = Pace(clock, per_minute=1)
    for number in range(1_001):
        pace.step(str(number))
    clock.advance(60)
    pace.step("1001")
    pace.step("1002")
    assert len(pace._asked) <= 2
