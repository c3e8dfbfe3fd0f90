"""Open311 GeoReport v2: what is asked for, and what is shown of a ticket. Pure.

See http://wiki.open311.org/GeoReport_v2 and, for service request updates, FixMyStreet's extension of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from channels.open311.rules import problem
from crm_bridge.tickets.vocabulary import STATE_WORDS, TicketState
from infra.kit.errors import Invalid

LONGEST_SPAN = timedelta(days=90)
MOST = 1000
"""The specification's limits of a list."""

_NO_PLUS = re.compile(r"(.*T.*) (\d\d:\d\d)")
_CLOSED = frozenset(
    state
    for state in TicketState
    if state.value in ("closed", "done", "callback", "archived", "stopped")
)


class Status(StrEnum):
    """The two states that the specification knows."""

    open = "open"
    closed = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which requests are asked for.

    Attributes:
        numbers: Exactly these, and nothing else counts; empty: all in the range.
        services: Codes; empty: all.
        statuses: Empty: both.
        page: From 1.
    """

    numbers: Sequence[str]
    services: Sequence[str]
    statuses: Sequence[Status]
    start: datetime
    end: datetime
    page: int
    page_size: int


def status_of(state: TicketState) -> Status:
    """Return what the public is shown of a state: closed once the city has answered."""
    return Status.closed if state in _CLOSED else Status.open


def states_of(statuses: Sequence[Status]) -> Sequence[TicketState]:
    """Return the states that are shown as one of these."""
    return [state for state in TicketState if status_of(state) in statuses]


def state_words(state: TicketState, *, english: bool) -> str:
    """Return a state in words, as a status note."""
    words = STATE_WORDS[state]
    return words.en if english else words.zh


def search_of(query: Mapping[str, str], now: datetime) -> Search:
    """Return what a query asks for.

    Raises:
        Invalid: A parameter is wrong; it is named.
    """
    statuses = _comma(query.get("status", ""))
    known = {status.value for status in Status}
    if not known.issuperset(statuses):
        raise _wrong("status", "只能是 open 或 closed", "must be open or closed")
    numbers = _comma(query.get("service_request_id", ""))
    if len(numbers) > MOST:
        raise _wrong("service_request_id", f"最多 {MOST} 个", f"at most {MOST}")
    start, end = span_of(query, now)
    return Search(
        numbers=numbers,
        services=_comma(query.get("service_code", "")),
        statuses=[Status(status) for status in statuses],
        start=start,
        end=end,
        page=_count(query, "page", 1, 10**6),
        page_size=_count(query, "page_size", MOST, MOST),
    )


def span_of(query: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """Return the span of time that a query asks for; without one, the last 90 days.

    Raises:
        Invalid: A date is none, or the span is longer than the specification allows.
    """
    start, end = moment_of(query, "start_date"), moment_of(query, "end_date")
    if start is None:
        end = end or now
        start = end - LONGEST_SPAN
    elif end is None:
        end = min(start + LONGEST_SPAN, max(now, start))
    if end < start:
        raise _wrong("end_date", "不能早于 start_date", "must not be before start_date")
    if end - start > LONGEST_SPAN:
        raise _wrong("end_date", "时间跨度不能超过 90 天", "the span may not exceed 90 days")
    return start, end


def moment_of(query: Mapping[str, str], name: str) -> datetime | None:
    """Return a moment in W3C format, e.g. `2010-01-01T00:00:00Z`; None if it is not given.

    Raises:
        Invalid: It is something else, or lacks its offset.
    """
    text = query.get(name, "").strip()
    if not text:
        return None
    # A client that does not escape the plus of its offset sends a blank.
    found = _NO_PLUS.fullmatch(text)
    try:
        moment = datetime.fromisoformat(f"{found[1]}+{found[2]}" if found else text)
        if moment.tzinfo is not None and 1970 <= moment.year < 9000:
            return moment
    except ValueError:
        pass
    raise _wrong(
        name,
        "格式应为 2010-01-01T00:00:00Z，须带时区",
        "must look like 2010-01-01T00:00:00Z, with its time zone",
    )


def _comma(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _count(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 7 or not 1 <= int(text) <= most:
        raise _wrong(name, f"应为 1 至 {most} 的整数", f"must be a whole number from 1 to {most}")
    return int(text)


def _wrong(name: str, zh: str, en: str) -> Invalid:
    return Invalid(fields=[problem(name, zh, en)])
