from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_console.accounts.rules import PERMISSIONS
from agent_console.keys.rules import (
    SCOPES,
    UNIT_SCOPES,
    Allowance,
    Key,
    key_id_of,
    token_of,
    wrong_scopes,
)
from infra.kit.identity import Role

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def key(*, expires_at: datetime | None = None, revoked_at: datetime | None = None) -> Key:
    return Key(
        id=7,
        name="province",
        scopes=frozenset({"ticket.read"}),
        unit="CGJ",
        per_minute=60,
        created_at=NOW,
        created_by="9001",
        expires_at=expires_at,
        revoked_at=revoked_at,
        last_used_at=None,
    )


@given(st.integers(1, 2**31 - 1))
def test_a_token_names_its_key(key_id: int) -> None:
    assert key_id_of(token_of(key_id, secrets.token_urlsafe(32))) == key_id


@pytest.mark.parametrize(
    "token",
    [
        "",
        "lx_1_",
        "lx_0_" + "a" * 43,
        "lx_01_" + "a" * 43,
        "lx_9999999999_" + "a" * 43,
        "lx_1_" + "a" * 44,
        "ly_1_" + "a" * 43,
        "lx_1_" + "á" * 43,
        " lx_1_" + "a" * 43,
        "lx_1_" + "a" * 43 + "\n",
        "lx_１_" + "a" * 43,
    ],
)
def test_what_does_not_look_like_a_token_names_no_key(token: str) -> None:
    assert key_id_of(token) is None


@given(st.text(max_size=60))
def test_no_text_makes_a_token_fail_otherwise(text: str) -> None:
    assert key_id_of(text) is None or text.startswith("lx_")


def test_a_key_holds_until_it_ends_or_is_taken_back() -> None:
    assert key().holds(NOW)
    assert key(expires_at=NOW + timedelta(seconds=1)).holds(NOW)
    assert not key(expires_at=NOW).holds(NOW)
    assert not key(revoked_at=NOW).holds(NOW)


def test_who_comes_with_a_key_is_a_machine_that_may_what_the_key_names() -> None:
    who = key().principal()
    assert (who.role, who.number, who.unit) == (Role.MACHINE, "key:7", "CGJ")
    assert who.permissions == {"ticket.read"}


def test_no_key_decides_reveals_or_manages() -> None:
    forbidden = {name for name in SCOPES | UNIT_SCOPES if name.endswith((".manage", ".approve"))}
    assert not forbidden
    assert not {
        "number.reveal",
        "ticket.reveal_number",
        "ticket.grant_confidential",
        "audit.read",
    } & (SCOPES | UNIT_SCOPES)


def test_a_unit_s_key_carries_only_what_the_unit_may() -> None:
    assert PERMISSIONS[Role.UNIT_CLERK] >= UNIT_SCOPES
    assert wrong_scopes(frozenset({"ticket.read_any", "unit.work"}), "CGJ") == {"ticket.read_any"}
    assert wrong_scopes(frozenset({"ticket.read_any", "unit.work"}), None) == {"unit.work"}
    assert wrong_scopes(frozenset({"user.manage"}), None) == {"user.manage"}


def test_a_minute_s_worth_may_come_at_once_and_then_evenly() -> None:
    allowance = Allowance(60, 0.0)
    assert [allowance.take(0.0) for _ in range(60)] == [0.0] * 60
    assert allowance.take(0.0) == pytest.approx(1.0)
    assert allowance.take(1.0) == 0.0
    assert allowance.take(1.5) == pytest.approx(0.5)


@given(st.integers(1, 100), st.lists(st.floats(0, 5), max_size=300))
def test_no_more_than_the_rate_is_ever_borne(per_minute: int, pauses: list[float]) -> None:
    allowance, now, borne = Allowance(per_minute, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        borne += allowance.take(now) == 0
    assert borne <= per_minute + now * per_minute / 60 + 1e-6
