"""The citizen's telephone is the fake dialplan below: it counts how often it rings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from infra.kit.clock import SystemClock
from infra.kit.errors import TryLater
from telephony.ami.link import AmiLink, LinkState
from telephony.dialer.asterisk import AsteriskDialer
from telephony.dialer.rules import Question, Result, Survey
from telephony.numbers import PhoneNumber
from tests.unit.telephony.fake_pbx import Action, FakePbx, message
from tests.unit.telephony.links import running, until

CITIZEN = PhoneNumber("13800011150")


def survey(valid_seconds: float = 30.0) -> Survey:
    return Survey(
        attempt_id="a1",
        questions=tuple(Question),
        ring_seconds=20,
        valid_until=SystemClock().now() + timedelta(seconds=valid_seconds),
    )


class Dialplan:
    """What the PBX does with an order: rings each attempt once, keeps the record.

    Attributes:
        rung: The attempts that rang.
        ends: Whether a call ends at once.
        loses: Cut the link "before" the order is taken, or "after" it was and before the answer.
    """

    def __init__(self, pbx: FakePbx) -> None:
        self.pbx = pbx
        self.rung: list[str] = []
        self.ends = True
        self.loses: str | None = None
        pbx.replies["Originate"] = self.take

    async def take(self, action: Action) -> bytes:
        loses, self.loses = self.loses, None
        if loses == "before":
            self.pbx.cut()
            return b""
        variables = dict(line.split("=", 1) for line in action["Variable"])
        attempt = variables["__LX_ATTEMPT"]
        if f"lianxin-rung/{attempt}" not in self.pbx.astdb:
            self.pbx.astdb[f"lianxin-rung/{attempt}"] = variables["__LX_UNTIL"]
            self.rung.append(attempt)
            self.write(attempt, "dialing")
            if self.ends:
                self.end(attempt)
        if loses == "after":
            self.pbx.cut()
            return b""
        return self.pbx.success(action)

    def write(self, attempt: str, state: str, result: str = "", at: float | None = None) -> None:
        at = time.time() if at is None else at
        self.pbx.astdb[f"lianxin/attempt/{attempt}"] = (
            f"state={state}&at={int(at)}&until=1&linkedid=1.0&dialstatus=&result={result}&reason="
        )

    def press(self, attempt: str, question: str, digit: int) -> None:
        self.pbx.astdb[f"lianxin/key/{attempt}/{question}"] = f"digit={digit}&at=1"

    def end(self, attempt: str, result: str = "answered") -> None:
        self.press(attempt, "solved", 1)
        self.write(attempt, "ended", result)
        self.pbx.say(
            message(Event="UserEvent", UserEvent="LianxinAttempt", Attempt=attempt, State="ended")
        )


@pytest.fixture
def dialplan(pbx: FakePbx) -> Dialplan:
    return Dialplan(pbx)


@pytest.fixture
async def dialer(link: AmiLink) -> AsyncIterator[AsteriskDialer]:
    dialer = AsteriskDialer(link, SystemClock(), look_seconds=0.5)
    async with running(link):
        yield dialer


async def test_an_answer_comes_back_with_its_keys(
    dialplan: Dialplan, dialer: AsteriskDialer
) -> None:
    outcome = await dialer.ask(CITIZEN, survey())
    assert (outcome.result, outcome.answers) == (Result.answered, {Question.solved: 1})
    assert outcome.reason_recording is None
    (order,) = dialplan.pbx.sent("Originate")
    assert "__LX_NUMBER=13800011150" in order["Variable"]
    assert "__LX_QUESTIONS=contacted-solved-satisfied" in order["Variable"]


@pytest.mark.parametrize("loses", ["before", "after"])
async def test_a_link_cut_around_the_answer_rings_the_citizen_once(
    dialplan: Dialplan, dialer: AsteriskDialer, loses: str
) -> None:
    dialplan.loses = loses
    outcome = await dialer.ask(CITIZEN, survey())
    assert outcome.result is Result.answered
    assert dialplan.rung == ["a1"]


async def test_a_link_cut_while_it_rings_is_waited_out(
    dialplan: Dialplan, dialer: AsteriskDialer
) -> None:
    dialplan.ends = False
    asking = asyncio.create_task(dialer.ask(CITIZEN, survey()))
    await until(lambda: dialplan.rung)
    dialplan.pbx.cut()
    dialplan.end("a1", "busy")
    outcome = await asking
    assert outcome.result is Result.busy
    assert dialplan.rung == ["a1"]


async def test_asking_again_joins_the_call_that_runs(
    dialplan: Dialplan, dialer: AsteriskDialer
) -> None:
    dialplan.ends = False
    order = survey()
    asking = [asyncio.create_task(dialer.ask(CITIZEN, order))]
    await until(lambda: dialplan.rung)
    asking.append(asyncio.create_task(dialer.ask(CITIZEN, order)))
    await until(lambda: len(dialplan.pbx.sent("DBGetTree")) >= 3)
    dialplan.end("a1")
    outcomes = await asyncio.gather(*asking)
    assert {outcome.result for outcome in outcomes} == {Result.answered}
    assert dialplan.rung == ["a1"]


async def test_a_pbx_that_restarted_without_a_record_is_not_given_the_order_again(
    pbx: FakePbx, dialplan: Dialplan, dialer: AsteriskDialer, link: AmiLink
) -> None:
    dialplan.loses = "before"
    asking = asyncio.create_task(dialer.ask(CITIZEN, survey()))
    await until(lambda: pbx.sent("Originate"))
    pbx.uptime = 0
    outcome = await asking
    assert outcome.result is Result.unknown
    assert link.state is LinkState.up
    assert dialplan.rung == []


async def test_an_order_that_is_too_late_is_not_sent(
    dialplan: Dialplan, dialer: AsteriskDialer
) -> None:
    outcome = await dialer.ask(CITIZEN, survey(valid_seconds=-1))
    assert outcome.result is Result.refused_late
    assert dialplan.pbx.sent("Originate") == []


async def test_an_attempt_that_rang_before_is_not_rung_though_its_record_is_gone(
    dialplan: Dialplan, dialer: AsteriskDialer
) -> None:
    await dialer.ask(CITIZEN, survey())
    await dialer.forget("a1")
    outcome = await dialer.ask(CITIZEN, survey(valid_seconds=0.3))
    assert outcome.result is Result.unknown
    assert dialplan.rung == ["a1"]


async def test_settling_tells_from_the_record_and_rings_nobody(
    dialplan: Dialplan, dialer: AsteriskDialer
) -> None:
    nothing = await dialer.settle("a1")
    dialplan.write("a1", "dialing")
    running_still = await dialer.settle("a1")
    dialplan.press("a1", "satisfied", 4)
    dialplan.write("a1", "ended", "answered")
    ended = await dialer.settle("a1")
    assert nothing is not None
    assert nothing.result is Result.unknown
    assert running_still is None
    assert ended is not None
    assert ended.answers == {Question.satisfied: 4}
    assert dialplan.pbx.sent("Originate") == []


@pytest.mark.parametrize(("keys", "result"), [([], Result.unknown), (["solved"], Result.answered)])
async def test_a_call_that_died_with_its_asterisk_is_settled_with_the_keys_that_were_pressed(
    dialplan: Dialplan, dialer: AsteriskDialer, keys: list[str], result: Result
) -> None:
    before_boot = time.time() - dialplan.pbx.uptime - 60
    dialplan.write("a1", "answered", at=before_boot)
    for question in keys:
        dialplan.press("a1", question, 2)
    outcome = await dialer.settle("a1")
    assert outcome is not None
    assert (outcome.result, list(outcome.answers)) == (result, [Question(key) for key in keys])


async def test_forgetting_leaves_nothing_but_the_note_that_it_rang(
    dialplan: Dialplan, dialer: AsteriskDialer
) -> None:
    await dialer.ask(CITIZEN, survey())
    await dialer.forget("a1")
    await dialer.forget("a1")
    assert list(dialplan.pbx.astdb) == ["lianxin-rung/a1"]


async def test_notes_of_long_ago_are_swept(pbx: FakePbx, link: AmiLink) -> None:
    pbx.astdb["lianxin-rung/old"] = str(int(time.time()) - 7200)
    pbx.astdb["lianxin-rung/new"] = str(int(time.time()) + 60)
    dialer = AsteriskDialer(link, SystemClock())
    sweeping = asyncio.create_task(dialer.run())
    async with running(link):
        await until(lambda: list(pbx.astdb) == ["lianxin-rung/new"])
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


async def test_without_a_link_nothing_rings_and_it_says_try_later(link: AmiLink) -> None:
    dialer = AsteriskDialer(link, SystemClock())
    with pytest.raises(TryLater):
        await dialer.ask(CITIZEN, survey())
    with pytest.raises(TryLater):
        await dialer.settle("a1")


async def test_an_order_that_asterisk_refuses_says_try_later(
    dialplan: Dialplan, dialer: AsteriskDialer
) -> None:
    del dialplan.pbx.replies["Originate"]
    dialplan.pbx.refused.add("Originate")
    with pytest.raises(TryLater):
        await dialer.ask(CITIZEN, survey())
