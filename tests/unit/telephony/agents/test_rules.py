from __future__ import annotations

import json

import pytest

from telephony.agents.rules import (
    AgentPhone,
    Availability,
    Membership,
    Step,
    accounts,
    steps_away,
    steps_for,
)


def phone(number: str = "1001", **changes: object) -> AgentPhone:
    known: dict[str, object] = {
        "name": "李静",
        "secret": "s3cret",
        "availability": Availability.available,
        **changes,
    }
    return AgentPhone(number=number, **known)  # type: ignore[arg-type]  # a table of fields


def stored(*phones: AgentPhone) -> dict[str, str]:
    return {f"{a.family}/{a.key}": a.value for p in phones for a in accounts(p)}


def steps(
    phones: list[AgentPhone], stored: dict[str, str], members: dict[str, Membership], queue: str
) -> list[Step]:
    plan = steps_away(phones, stored, members, queue)
    for one in phones:
        plan += steps_for(one, stored, members, queue)
    return plan


def briefly(plan: list[Step]) -> list[tuple[str, ...]]:
    return [
        (step.action, step.agent, *(step.fields.get(f, "") for f in ("Paused", "Reason")))
        for step in plan
    ]


HERE = Membership(paused=False, reason="")
AT_LUNCH = Membership(paused=True, reason="lunch")
PAUSED = phone(availability=Availability.paused, reason="lunch")
ABSENT = phone(availability=Availability.absent)


@pytest.mark.parametrize(
    ("wanted", "member", "expected"),
    [
        (phone(), None, [("QueueAdd", "1001", "false", "")]),
        (phone(), HERE, []),
        (phone(), AT_LUNCH, [("QueuePause", "1001", "false", "")]),
        (PAUSED, None, [("QueueAdd", "1001", "true", ""), ("QueuePause", "1001", "true", "lunch")]),
        (PAUSED, HERE, [("QueuePause", "1001", "true", "lunch")]),
        (PAUSED, AT_LUNCH, []),
        (PAUSED, Membership(paused=True, reason="tea"), [("QueuePause", "1001", "true", "lunch")]),
        (ABSENT, None, []),
        (ABSENT, HERE, [("QueueRemove", "1001", "", "")]),
    ],
)
def test_the_queue_is_brought_to_what_the_roster_says(
    wanted: AgentPhone, member: Membership | None, expected: list[tuple[str, ...]]
) -> None:
    members = {"1001": member} if member else {}
    assert briefly(steps([wanted], stored(wanted), members, "hotline")) == expected


def test_a_new_telephone_is_three_entries_with_the_endpoint_last() -> None:
    plan = steps([ABSENT], {}, {}, "hotline")
    assert [step.fields["Family"] for step in plan] == ["ps/auth", "ps/aor", "ps/endpoint"]
    endpoint = json.loads(plan[2].fields["Val"])
    assert (endpoint["webrtc"], endpoint["aors"], endpoint["context"]) == (
        "yes",
        "agent-1001",
        "from-agent",
    )
    assert json.loads(plan[0].fields["Val"])["password"] == "s3cret"


def test_a_new_secret_changes_one_entry() -> None:
    plan = steps([phone(secret="new")], stored(phone()), {"1001": HERE}, "hotline")
    assert [(step.action, step.fields["Family"]) for step in plan] == [("DBPut", "ps/auth")]


def test_who_logged_out_leaves_the_queue_first_and_loses_the_telephone() -> None:
    plan = steps([], stored(phone()), {"1001": HERE}, "hotline")
    assert [step.action for step in plan] == ["QueueRemove", "DBDel", "DBDel", "DBDel"]
    assert [step.fields.get("Family") for step in plan[1:]] == ["ps/endpoint", "ps/aor", "ps/auth"]


def test_endpoints_that_are_not_agents_are_left_alone() -> None:
    assert (
        steps([], {"ps/endpoint/trunk": "{}", "ps/contact/agent-1001": "{}"}, {}, "hotline") == []
    )


def test_a_name_cannot_break_out_of_the_caller_id() -> None:
    endpoint = json.loads(accounts(phone(name='李"静" <999>\\'))[2].value)
    assert endpoint["callerid"] == '"李静 999" <1001>'


@pytest.mark.parametrize("number", ["", "10a1", "1001\r\n", "１００１", "agent-1001"])
def test_an_agents_number_is_digits(number: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        phone(number)


def test_neither_name_nor_secret_shows() -> None:
    shown = f"{phone()} {accounts(phone())} {steps([phone()], {}, {}, 'hotline')}"
    assert "s3cret" not in shown
    assert "李静" not in shown
