"""Fuzzes what providers of short messages post: `python -m tests.fuzz.short_messages -max_total_time=600`.

Whatever the bytes are, a delivery is verified or turned away, understood or refused: nothing else may be raised.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import atheris  # type: ignore[import-untyped]  # ships no types

with atheris.instrument_imports(include=["channels"]):
    from channels.aliyun_sms.carrier import AliyunCarrier
    from channels.aliyun_sms.channel import AliyunSmsChannel
    from channels.contacts.storable import storable
    from channels.protocol import Delivery
    from infra.kit.clock import SystemClock
    from infra.kit.errors import Invalid, NotAuthenticated
    from tests.contract.channels import aliyun_sms, twilio

TWILIO = twilio.channel()
ALIYUN = AliyunSmsChannel(
    aliyun_sms.SETTINGS, AliyunCarrier(aliyun_sms.SETTINGS, "12345", SystemClock())
)
NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
FIELDS = (
    *("MessageSid", "CallSid", "From", "Body", "MessageStatus", "CallStatus", "RecordingUrl"),
    *("RecordingDuration", "MediaUrl0", "ErrorCode", "DialCallStatus", "New"),
)
ITEMS = ("phone_number", "send_time", "content", "sequence_id", "biz_id", "out_id", "err_code")
PATHS = ("sms", "status", "voice", "voice-after", "voice-recorded", "voice-status", "")


def _body(provider: atheris.FuzzedDataProvider) -> bytes:
    """Return anything, a form of Twilio's with anything in it, or a list of reports with anything in it."""
    way = provider.ConsumeIntInRange(0, 2)
    if way == 0:
        return bytes(provider.ConsumeBytes(8192))
    values = {
        name: provider.ConsumeUnicodeNoSurrogates(20)
        for name in (FIELDS if way == 1 else ITEMS)
        if provider.ConsumeBool()
    }
    if way == 1:
        return urlencode(values).encode()
    success = {"success": provider.ConsumeBool()} if provider.ConsumeBool() else {}
    return json.dumps([values | success]).encode()


def one(data: bytes) -> None:
    """Try one input with both providers, as a stranger and as if it were genuine."""
    provider = atheris.FuzzedDataProvider(data)
    path = provider.PickValueInList(list(PATHS))
    key = provider.ConsumeUnicodeNoSurrogates(12)
    raw = Delivery(
        method=provider.PickValueInList(["GET", "POST"]),
        path=path,
        url=f"https://12345.example.gov.cn/channels/twilio/{path}",
        query={"key": [key], "token": [key]},
        headers={"x-twilio-signature": key},
        body=_body(provider),
        received_at=NOW,
    )
    for channel in (TWILIO, ALIYUN):
        with suppress(NotAuthenticated, Invalid):
            channel.verify(raw)
        with suppress(Invalid):
            channel.news(raw)
        with suppress(Invalid):
            for contact in channel.parse(raw):
                stored = asdict(storable(contact))
                json.dumps(stored, default=str, ensure_ascii=False).encode()
    with suppress(Invalid):
        TWILIO.greet(replace(raw, method="POST"))


def main() -> None:
    """Run until told to stop."""
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
