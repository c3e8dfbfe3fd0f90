from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.sms.rules import (
    TRANSITIONS,
    MessageEvent,
    MessageKind,
    MessageRefused,
    MessageState,
    ShortMessage,
    fitted,
    next_state,
    parts,
    retry_after,
)
from telephony.numbers import PhoneNumber

MESSAGE = ShortMessage(
    key="reply:7",
    phone=PhoneNumber("13800005678"),
    kind=MessageKind.code,
    text="验证码 123456",
    parameters={"code": "123456"},
)


def test_no_printed_form_of_a_message_holds_number_or_text() -> None:
    printed = f"{MESSAGE} {MESSAGE!r}"

    assert "13800005678" not in printed
    assert "123456" not in printed


@pytest.mark.parametrize(("key", "text"), [("", "t"), ("x" * 81, "t"), ("k", "")])
def test_a_message_without_key_or_text_is_none(key: str, text: str) -> None:
    with pytest.raises(ValueError, match="a "):
        ShortMessage(key=key, phone=MESSAGE.phone, kind=MessageKind.notice, text=text)


@pytest.mark.parametrize(
    ("state", "event"),
    [pair for pair in product(MessageState, MessageEvent) if pair not in TRANSITIONS],
)
def test_what_the_table_does_not_know_is_refused(state: MessageState, event: MessageEvent) -> None:
    with pytest.raises(MessageRefused):
        next_state(state, event)


@pytest.mark.parametrize("state", [MessageState.sent, MessageState.delivered, MessageState.failed])
def test_nothing_sends_a_settled_message_again(state: MessageState) -> None:
    reachable = {
        next_state(state, event) for event in MessageEvent if (state, event) in TRANSITIONS
    }

    assert reachable.isdisjoint({MessageState.waiting, MessageState.sending})


@given(st.lists(st.sampled_from(list(MessageEvent)), max_size=30))
def test_a_message_on_the_telephone_stays_there_whatever_comes(events: list[MessageEvent]) -> None:
    state = MessageState.delivered
    for event in events:
        state = TRANSITIONS.get((state, event), state)

    assert state is MessageState.delivered


@given(st.text(min_size=1, max_size=900), st.integers(min_value=2, max_value=600))
def test_a_text_is_cut_to_what_fits(text: str, limit: int) -> None:
    assert len(fitted(text, limit)) <= limit
    assert fitted(text, max(limit, len(text))) == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("字" * 70, 1),
        ("字" * 71, 2),
        ("字" * 134, 2),
        ("字" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_parts_are_counted_as_carriers_do(text: str, count: int) -> None:
    assert parts(text) == count


@given(st.integers(min_value=1, max_value=100), st.floats(min_value=0, max_value=1))
def test_a_retry_waits_longer_each_time_but_no_more_than_ten_minutes(
    tries: int, jitter: float
) -> None:
    wait = retry_after(tries, jitter=jitter)

    assert timedelta(seconds=2) < wait <= timedelta(minutes=10)
    assert retry_after(tries + 1, jitter=jitter) >= wait


def test_a_retry_waits_as_long_as_the_provider_asks() -> None:
    assert retry_after(1, 90, jitter=0) == timedelta(seconds=90)
