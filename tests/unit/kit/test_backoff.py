"""Waits before what failed is tried again."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from infra.kit.backoff import Backoff

BACKOFF = Backoff(first=timedelta(seconds=2), longest=timedelta(minutes=10))


def test_wait_doubles_from_failure_to_failure() -> None:
    waits = [BACKOFF.after(tries, jitter=1).total_seconds() for tries in (1, 2, 3, 4)]
    assert waits == [2, 4, 8, 16]


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_wait_never_shrinks_and_ends_at_the_longest(tries: int, jitter: float) -> None:
    wait = BACKOFF.after(tries, jitter)
    assert wait <= BACKOFF.after(tries + 1, jitter) <= timedelta(minutes=10)


@given(st.integers(1, 30))
def test_wait_lies_between_half_and_the_whole(tries: int) -> None:
    whole = BACKOFF.after(tries, jitter=1)
    assert BACKOFF.after(tries, jitter=0) == whole / 2
    assert whole / 2 <= BACKOFF.after(tries) <= whole
