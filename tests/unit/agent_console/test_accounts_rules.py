from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_console.accounts.rules import (
    PEOPLE_ROLES,
    PERMISSIONS,
    UNIT_ROLES,
    wait_before_next,
)
from agent_console.accounts.wrong import wrong_user
from infra.kit.identity import Role

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
WINDOW = timedelta(minutes=15)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_every_role_has_its_permissions() -> None:
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("role", [Role.UNIT_CLERK, Role.UNIT_HEAD, Role.ADMINISTRATOR])
def test_who_has_no_business_with_calls_hears_none(role: Role) -> None:
    assert not {"recording.listen", "number.reveal", "call.read"} & PERMISSIONS[role]


def test_a_clerk_and_a_head_have_a_unit_and_nobody_else_has() -> None:
    for role in PEOPLE_ROLES:
        without = [error.pointer for error in wrong_user("1", "李", "long-enough-1", role, None)]
        inside = [error.pointer for error in wrong_user("1", "李", "long-enough-1", role, "CGJ")]
        assert (without, inside) == ((["/unit"], []) if role in UNIT_ROLES else ([], ["/unit"]))


def test_nobody_is_a_machine() -> None:
    wrong = wrong_user("1", "李", "long-enough-1", Role.MACHINE, None)
    assert [error.pointer for error in wrong] == ["/role"]


def test_who_works_for_a_unit_and_who_does_not_is_told_by_what_he_may() -> None:
    assert {role for role in Role if "unit.work" in PERMISSIONS[role]} == UNIT_ROLES


def test_an_auditor_changes_nothing() -> None:
    changing = {"ticket.write", "file.send", "user.manage", "number.reveal"}
    assert not changing & PERMISSIONS[Role.AUDITOR]


def test_an_agent_hears_only_his_own_calls() -> None:
    assert "recording.listen" in PERMISSIONS[Role.AGENT]
    assert "recording.listen_any" not in PERMISSIONS[Role.AGENT]


@pytest.mark.parametrize(
    ("failures", "wait"),
    [
        ([], None),
        ([ago(10), ago(20)], None),
        ([ago(10), ago(20), ago(900)], None),
        ([ago(10), ago(20), ago(600)], timedelta(seconds=300)),
        ([ago(10), ago(20), ago(600), ago(800)], timedelta(seconds=300)),
    ],
)
def test_after_three_failures_the_next_waits_until_the_third_last_is_forgotten(
    failures: list[datetime], wait: timedelta | None
) -> None:
    assert wait_before_next(failures, 3, WINDOW, NOW) == wait


@given(st.lists(st.floats(min_value=0, max_value=3600)), st.integers(min_value=1, max_value=9))
def test_after_the_wait_the_next_attempt_is_heard(seconds: list[float], limit: int) -> None:
    failures = [ago(s) for s in seconds]
    wait = wait_before_next(failures, limit, WINDOW, NOW)
    if wait is not None:
        assert timedelta() < wait <= WINDOW
        assert wait_before_next(failures, limit, WINDOW, NOW + wait) is None
