from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.protocol import ReplyKind
from crm_bridge.replies import wording
from crm_bridge.replies.rules import (
    KEY_LENGTH,
    OPEN,
    TOLD,
    TRANSITIONS,
    ReplyEvent,
    ReplyRefused,
    ReplyState,
    next_state,
    retry_at,
)
from crm_bridge.replies.settings import ReplySettings

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
UNTIL = NOW + timedelta(days=1)


@given(st.lists(st.sampled_from(ReplyEvent), max_size=30))
def test_no_order_of_events_lets_a_machine_send_twice(events: list[ReplyEvent]) -> None:
    """Between two claims the provider has said no, or has told that it failed, or a person has decided."""
    state, may_send = ReplyState.queued, True
    for event in events:
        try:
            after = next_state(state, event)
        except ReplyRefused:
            continue
        if after is None:
            continue
        if event is ReplyEvent.claimed:
            assert may_send
            may_send = False
        elif event in (ReplyEvent.put_off, ReplyEvent.rerouted, ReplyEvent.sent_again):
            may_send = True
        state = after


@given(st.sampled_from(ReplyState), st.sampled_from(sorted(TOLD)))
def test_news_never_raises_and_never_opens_what_has_ended(
    state: ReplyState, event: ReplyEvent
) -> None:
    assert next_state(state, event) not in OPEN


def test_what_nobody_knows_of_an_unknown_reply_leads_nowhere_by_machine() -> None:
    leads = {event for state, event in TRANSITIONS if state is ReplyState.unknown}
    machines = leads - {ReplyEvent.sent_again, ReplyEvent.dropped}
    assert all(TRANSITIONS[ReplyState.unknown, event] not in OPEN for event in machines)


@pytest.mark.parametrize("state", [ReplyState.read, ReplyState.delivered, ReplyState.sent])
def test_what_arrived_is_not_sent_again(state: ReplyState) -> None:
    with pytest.raises(ReplyRefused):
        next_state(state, ReplyEvent.sent_again)


@given(
    tries=st.integers(0, 1000),
    after=st.floats(0, 1e9, allow_nan=False),
    jitter=st.floats(0, 1, allow_nan=False),
)
def test_retries_come_later_and_later_and_end(tries: int, after: float, jitter: float) -> None:
    at = retry_at(tries, NOW, UNTIL, after, jitter)
    assert at is None or NOW < at <= UNTIL
    assert at is None or (at - NOW) >= timedelta(seconds=min(after, 86_400))


def test_last_retry_is_not_after_the_end() -> None:
    assert retry_at(3, NOW, NOW + timedelta(seconds=1), 5.0, 0.5) is None


@given(st.integers(1, 2**31 - 1), st.integers(1, 1000))
def test_keys_fit_and_differ_by_kind(ticket_id: int, round_: int) -> None:
    settings = ReplySettings()
    replies = [
        wording.receipt(settings, ticket_id, "20260302-000001"),
        wording.progress(settings, ticket_id, round_, "20260302-000001"),
        wording.answer(settings, ticket_id, round_, "20260302-000001", "已修复"),
        wording.rating(settings, ticket_id, round_, "20260302-000001", "https://x.example/r"),
    ]
    assert len({reply.key for reply in replies}) == 4
    assert all(len(reply.key) <= KEY_LENGTH for reply in replies)
    assert {reply.kind for reply in replies} == set(ReplyKind) - {ReplyKind.message}


def test_answer_holds_braces_as_they_were_written() -> None:
    answer = wording.answer(ReplySettings(), 7, 1, "20260302-000001", "见 {number} 与 {")
    assert "见 {number} 与 {" in answer.text


@pytest.mark.parametrize(
    "text",
    ["您好 {name}", "您好 {number", "您好 {0}", "您好 {number.__class__}", "{number!r:>{x}}"],
)
def test_text_with_a_place_that_nobody_fills_stops_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="receipt_text"):
        ReplySettings(receipt_text=text)
