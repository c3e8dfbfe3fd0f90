from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agent_console.presence.calls import CallPresence
from agent_console.presence.rules import Event
from agent_console.screen_pop import ScreenPop
from telephony.calls.rules import Call, CallChange, CallState, ChangeKind, Direction
from telephony.numbers import PhoneNumber
from telephony.three_way.rules import Third, ThirdState

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
CALL = Call(
    pbx="main",
    linkedid="1772415000.1",
    direction=Direction.inbound,
    state=CallState.ringing,
    caller=PhoneNumber("13800015678"),
    queue="hotline",
    agent="1001",
    offered_at=AT,
)


def change(kind: ChangeKind, agent: str | None = "1001", **facts: Any) -> CallChange:
    return CallChange(kind=kind, call=replace(CALL, **facts), at=AT, agent=agent)


class Sent(list[tuple[str, str, str, dict[str, Any]]]):
    def __call__(self, agent: str, kind: str, at: str, data: dict[str, Any]) -> None:
        self.append((agent, kind, at, data))


@pytest.mark.parametrize(
    ("kind", "direction", "hint"),
    [
        (ChangeKind.ringing, Direction.inbound, "call.ringing"),
        (ChangeKind.answered, Direction.inbound, "call.answered"),
        (ChangeKind.held, Direction.inbound, "call.held"),
        (ChangeKind.ended, Direction.inbound, "call.ended"),
        (ChangeKind.abandoned, Direction.inbound, "call.ended"),
        (ChangeKind.offered, Direction.inbound, "call.missed"),
        (ChangeKind.offered, Direction.callback, "call.missed"),
        (ChangeKind.offered, Direction.outbound, "call.offered"),
    ],
)
def test_a_change_is_hinted_to_its_agent(kind: ChangeKind, direction: Direction, hint: str) -> None:
    sent = Sent()
    ScreenPop(sent).on_change(change(kind, direction=direction))
    assert [(agent, kind) for agent, kind, _, _ in sent] == [("1001", hint)]


def test_a_call_that_concerns_no_agent_pops_nowhere() -> None:
    sent = Sent()
    ScreenPop(sent).on_change(change(ChangeKind.offered, agent=None))
    assert sent == []


def test_the_pop_shows_the_caller_masked() -> None:
    sent = Sent()
    ScreenPop(sent).on_change(change(ChangeKind.ringing))
    data = sent[0][3]
    assert data["caller_masked"] == "138****5678"
    assert "13800015678" not in str(sent)
    assert (data["call_id"], data["linkedid"], data["state"]) == (None, "1772415000.1", "ringing")


def waiting(*changes: CallChange | Third) -> list[tuple[str, Event]]:
    async def nobody() -> list[str]:
        return []

    presence = CallPresence(None, nobody)  # type: ignore[arg-type]  # nothing is written here
    for one in changes:
        if isinstance(one, Third):
            presence.on_third(one)
        else:
            presence.on_change(one)
    return [presence._waiting.get_nowait() for _ in range(presence._waiting.qsize())]


async def test_a_call_moves_presence_in_order() -> None:
    events = waiting(
        change(ChangeKind.offered, agent=None),
        change(ChangeKind.ringing),
        change(ChangeKind.answered),
        change(ChangeKind.ended),
    )
    assert events == [("1001", Event.ring), ("1001", Event.answer), ("1001", Event.hang_up)]


async def test_an_agent_who_does_not_answer_has_missed_it() -> None:
    events = waiting(change(ChangeKind.ringing), change(ChangeKind.offered))
    assert events == [("1001", Event.ring), ("1001", Event.miss)]


async def test_an_agent_who_dials_is_busy_from_the_start() -> None:
    assert waiting(change(ChangeKind.offered, direction=Direction.outbound)) == [
        ("1001", Event.answer)
    ]


async def test_the_end_of_an_earlier_call_does_not_end_the_present_one() -> None:
    events = waiting(
        change(ChangeKind.ringing),
        change(ChangeKind.answered, linkedid="1772415099.9"),
        change(ChangeKind.abandoned),
    )
    assert events == [("1001", Event.ring), ("1001", Event.answer)]


def third(state: ThirdState) -> Third:
    return Third(
        id="lx3-0011223344556677",
        pbx="main",
        linkedid="1772415000.1",
        agent="1001",
        number=PhoneNumber("110"),
        state=state,
        at=AT,
    )


async def test_an_agent_who_talks_on_with_a_third_is_busy_until_that_is_over() -> None:
    events = waiting(
        third(ThirdState.joined),
        change(ChangeKind.ended),
        third(ThirdState.without_citizen),
        third(ThirdState.left),
    )
    assert events == [("1001", Event.hang_up), ("1001", Event.answer), ("1001", Event.hang_up)]


async def test_a_third_who_leaves_before_the_citizen_ends_nobodys_call() -> None:
    assert waiting(third(ThirdState.joined), third(ThirdState.left)) == []
