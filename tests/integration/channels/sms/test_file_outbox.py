from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

from channels.sms.file_outbox import FileOutbox
from channels.sms.rules import MessageKind, ShortMessage
from infra.kit.clock import ManualClock
from telephony.numbers import PhoneNumber


def message(n: int) -> ShortMessage:
    return ShortMessage(
        key=f"n:{n}",
        phone=PhoneNumber("13800005678"),
        kind=MessageKind.notice,
        text="您的工单已办结。" * 40,
    )


async def test_messages_are_lines_that_only_their_owner_may_read(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "new" / "sms.jsonl"
    outbox = FileOutbox(path, "临江12345", clock)

    await asyncio.gather(*(outbox.send(message(n)) for n in range(40)))

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["key"] for line in lines} == {f"n:{n}" for n in range(40)}
    assert lines[0]["to"] == "13800005678"
    assert lines[0]["text"].startswith("【临江12345】您的工单")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_it_says_plainly_that_nothing_is_sent(tmp_path: Path, clock: ManualClock) -> None:
    [finding] = await FileOutbox(tmp_path / "sms.jsonl", "12345", clock).check()

    assert not finding.fatal
    assert "none is sent" in finding.message_en
    assert "不会发出" in finding.message_zh
