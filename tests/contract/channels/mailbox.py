"""The sample of the mayor's mailbox: a citizen's mail, and the answer of a machine."""

from __future__ import annotations

from datetime import UTC, datetime

from channels.mailbox.channel import MailboxChannel
from channels.mailbox.rules import FetchedMail
from channels.mailbox.settings import MailboxSettings
from channels.marks.memory import MemoryMarks
from infra.kit.clock import ManualClock
from tests.contract.channels.samples import Sample

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
MAIL = (
    "From: 李明 <liming@citizen.example>\r\nTo: mayor@linjiang.example\r\nSubject: 路灯不亮\r\n"
    "Message-ID: <1@citizen.example>\r\nWeather: 暴雨\r\n\r\n滨江路 18 号的路灯不亮。\r\n"
).encode()
AUTOMATIC = b"From: a@b.example\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n"

MAILBOX = Sample(
    channel=MailboxChannel(
        MailboxSettings(address="mayor@linjiang.example"),
        MemoryMarks(ManualClock(NOW)),
        ManualClock(NOW),
    ),
    contact=FetchedMail(content=MAIL, size=len(MAIL), received_at=NOW),
    something_else=FetchedMail(content=AUTOMATIC, size=len(AUTOMATIC), received_at=NOW),
    unknown=FetchedMail(content=MAIL, size=len(MAIL), received_at=NOW),
    unknown_value="暴雨",
)
