from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from infra.kit.clock import SystemClock
from telephony.agents.rules import AgentPhone, Availability
from telephony.agents.service import AgentPhones
from telephony.ami.actions import MAX_LINE_BYTES, encode
from telephony.ami.errors import AmiInjection
from telephony.ami.link import AmiLink
from telephony.ami.lists import tree
from tests.unit.telephony.fake_pbx import FakePbx
from tests.unit.telephony.links import running, settings

BREAKS = ["\r\n", "\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\ud800"]


def fields_with(text: str) -> list[dict[str, object]]:
    return [
        {"Key": text},
        {"Key": f"x{text}"},
        {"Key": f"{text}Action: Hangup"},
        {"Variable": ["a=1", f"b={text}"]},
        {f"Key{text}": "1"},
    ]


@pytest.mark.parametrize("text", BREAKS)
def test_a_control_character_anywhere_in_an_action_is_refused(text: str) -> None:
    for fields in fields_with(text):
        with pytest.raises(AmiInjection):
            encode("DBPut", fields)


@given(st.dictionaries(st.from_regex(r"[A-Za-z]{1,9}", fullmatch=True), st.text(max_size=50)))
def test_an_action_is_one_line_a_header_or_it_is_refused(fields: dict[str, str]) -> None:
    try:
        wire = encode("DBPut", fields)
    except AmiInjection:
        return
    assert wire.endswith(b"\r\n")
    assert wire.count(b"\r") == wire.count(b"\n") == len(fields) + 1
    assert wire.decode().split("\r\n")[:-2] == [f"{k}: {v}" for k, v in fields.items()]


def test_chinese_goes_out_as_utf8() -> None:
    assert encode("UserEvent", {"Name": "张伟"}) == "Name: 张伟\r\n\r\n".encode()


def test_a_line_that_asterisk_would_throw_away_is_refused() -> None:
    longest = MAX_LINE_BYTES - len(b"Val: \r\n")
    assert encode("DBPut", {"Val": "x" * longest})
    with pytest.raises(AmiInjection):
        encode("DBPut", {"Val": "x" * (longest + 1)})


async def test_an_injection_raises_at_the_sender_and_nothing_of_it_leaves(
    pbx: FakePbx, link: AmiLink
) -> None:
    async with running(link):
        with pytest.raises(AmiInjection):
            await link.send("DBPut", {"Family": "x", "Key": "k", "Val": "1\r\n\r\nAction: Hangup"})
        await link.send("Ping")
    assert pbx.names() == []


class OneAgent:
    def __init__(self, phone: AgentPhone) -> None:
        self.phone = phone

    async def phones(self) -> list[AgentPhone]:
        return [self.phone]


def phone(**changes: str) -> AgentPhone:
    known = {"number": "1001", "name": "李静", "secret": "s", "reason": "lunch", **changes}
    return AgentPhone(availability=Availability.paused, **known)


@examples(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(field=st.sampled_from(["name", "secret", "reason"]), text=st.text(min_size=1, max_size=20))
async def test_whatever_an_agents_fields_hold_only_our_actions_reach_the_pbx(
    pbx: FakePbx, field: str, text: str
) -> None:
    link = AmiLink(settings(pbx), SystemClock())
    pbx.actions.clear()
    async with running(link):
        await AgentPhones(
            link, OneAgent(phone(**{field: f"a{text}\r\nAction: Hangup"}))
        ).reconcile()
    allowed = {"DBGetTree", "QueueStatus", "DBPut", "QueueAdd", "QueuePause", "Reload"}
    assert set(pbx.names()) <= allowed


CRLF = "x\r\nAction: Hangup"
READS: list[Callable[[AmiLink], Awaitable[object]]] = [
    lambda link: tree(link, CRLF),
    lambda link: link.send("QueuePause", {"Queue": CRLF}),
    lambda link: link.send("Originate", {"Variable": [f"__LX_NUMBER={CRLF}"]}),
]


@pytest.mark.parametrize("act", READS)
async def test_cr_lf_is_refused_on_every_way_out(
    pbx: FakePbx, link: AmiLink, act: Callable[[AmiLink], Awaitable[object]]
) -> None:
    async with running(link):
        with pytest.raises(AmiInjection):
            await act(link)
    assert pbx.names() == []
