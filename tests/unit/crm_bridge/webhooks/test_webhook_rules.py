"""What may be told, to whom, and when it is tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.webhooks.rules import (
    Failure,
    Outcome,
    facts,
    is_public,
    next_attempt,
    origin_of,
    signature,
    wants,
)
from infra.kit.errors import Invalid

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
DAY = timedelta(days=1)
DOWN = Outcome(status=None, failure=Failure.refused, milliseconds=1)


def genuine(header: str, body: bytes, secret: str, now: float) -> bool:
    """The receiver's check as the documentation has it."""
    parts = [part.split("=", 1) for part in header.split(",")]
    moment = next(value for name, value in parts if name == "t")
    wanted = hmac.new(secret.encode(), moment.encode() + b"." + body, "sha256").hexdigest()
    fresh = abs(now - int(moment)) <= 300
    return fresh and any(
        name == "v1" and hmac.compare_digest(value, wanted) for name, value in parts
    )


def test_signature_has_a_known_value() -> None:
    digest = hmac.new(b"whsec_1", b"1772415000.{}", hashlib.sha256).hexdigest()
    assert signature(["whsec_1"], b"{}", NOW) == f"t=1772415000,v1={digest}"


def test_both_secrets_open_what_was_signed_with_both() -> None:
    header = signature(["new", "old"], b'{"id":"1"}', NOW)
    now = NOW.timestamp()
    assert genuine(header, b'{"id":"1"}', "new", now)
    assert genuine(header, b'{"id":"1"}', "old", now)
    assert not genuine(header, b'{"id":"1"}', "other", now)


@pytest.mark.parametrize("altered", [b'{"id":"2"}', b'{"id":"1"} ', b""])
def test_altered_body_is_not_genuine(altered: bytes) -> None:
    header = signature(["secret"], b'{"id":"1"}', NOW)
    assert not genuine(header, altered, "secret", NOW.timestamp())


def test_request_sent_again_an_hour_later_is_not_genuine() -> None:
    header = signature(["secret"], b"{}", NOW)
    assert not genuine(header, b"{}", "secret", NOW.timestamp() + 3600)


@pytest.mark.parametrize(
    ("types", "kind", "wanted"),
    [
        (["ticket.changed"], "ticket.changed", True),
        (["ticket.created"], "ticket.changed", False),
        (["*"], "supervision.issued", True),
        ([], "ticket.changed", False),
    ],
)
def test_subscription_is_told_of_its_types(types: list[str], kind: str, wanted: bool) -> None:
    assert wants(types, kind) is wanted


def test_facts_of_a_ticket_pass() -> None:
    told = {
        "ticket_id": 7,
        "number": "20260302-000001",
        "state": "in_hand",
        "unit": "CG01",
        "units": ["CG01", "HW02"],
        "due_at": "2026-03-09T10:00:00+00:00",
        "rating": None,
    }
    assert facts(told) == told


@pytest.mark.parametrize(
    "secret",
    [
        {"phone": "13800015121"},
        {"title": "noise"},
        {"text": "at night"},
        {"citizen_name": "李明"},
        {"number": "李明的工单"},
        {"state": "a text with blanks"},
        {"unit": {"name": "城管局"}},
        {"units": ["城管局"]},
        {"agents": ["1001"]},
    ],
)
def test_what_is_no_fact_stays(secret: dict[str, object]) -> None:
    assert facts(secret) == {}


@given(st.dictionaries(st.text(max_size=12), st.text() | st.integers() | st.lists(st.text())))
def test_facts_hold_codes_and_figures_only(data: dict[str, object]) -> None:
    allowed = set(string.ascii_letters + string.digits + "_.:+/-")
    for value in facts(data).values():
        text = value if isinstance(value, str) else json.dumps(value)
        assert isinstance(value, int) or set(text) <= allowed | set('[], "')


@given(attempts=st.integers(1, 60), jitter=st.floats(0, 1), late=st.integers(0, 86_399))
def test_failed_delivery_is_tried_again_within_its_day(
    attempts: int, jitter: float, late: int
) -> None:
    now = NOW + timedelta(seconds=late)
    at = next_attempt(attempts, now, NOW + DAY, DOWN, jitter)
    assert at is not None
    assert now < at <= NOW + DAY
    assert at - now <= timedelta(hours=2)


def test_day_of_failures_makes_some_twenty_attempts_and_one_at_its_very_end() -> None:
    at: datetime | None = NOW
    moments = []
    while at is not None:
        moments.append(at)
        at = next_attempt(len(moments), at, NOW + DAY, DOWN, 1)
    assert 15 <= len(moments) <= 25
    assert moments[1] - moments[0] == timedelta(seconds=5)
    assert moments[-1] == NOW + DAY


def test_receiver_that_is_gone_for_good_is_given_up_at_once() -> None:
    gone = Outcome(status=410, failure=Failure.status, milliseconds=1)
    assert next_attempt(1, NOW, NOW + DAY, gone, 0.5) is None


@pytest.mark.parametrize(
    ("status", "asked", "least", "most"),
    [(503, 600.0, 600, 600), (429, 7200.0, 3600, 3600), (500, 600.0, 2, 5), (503, 0.0, 2, 5)],
)
def test_retry_after_is_kept_up_to_an_hour(
    status: int, asked: float, least: int, most: int
) -> None:
    busy = Outcome(status=status, failure=Failure.status, retry_after=asked, milliseconds=1)
    at = next_attempt(1, NOW, NOW + DAY, busy, 0.5)
    assert at is not None
    assert timedelta(seconds=least) <= at - NOW <= timedelta(seconds=most)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://example.com/hook?a=1", "example.com:443"),
        ("https://EXAMPLE.com:8443/", "example.com:8443"),
        ("https://[2606:4700::1]/", "2606:4700::1:443"),
    ],
)
def test_public_address_is_taken(url: str, origin: str) -> None:
    assert origin_of(url, allow_http=False, allow_private=False) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "http://example.com/",
        "https://",
        "https://user:word@example.com/",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\r\nX-Header: 1",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://" + "a" * 500 + ".example.com/",
    ],
)
def test_other_address_is_refused_in_both_languages(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        origin_of(url, allow_http=False, allow_private=False)
    assert refused.value.detail_zh
    assert refused.value.detail_en


def test_closed_network_may_allow_both() -> None:
    url = "http://127.0.0.1:9000/hook"
    assert origin_of(url, allow_http=True, allow_private=True) == "127.0.0.1:9000"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("0.0.0.0", False),
        ("100.64.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_only_the_internets_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
