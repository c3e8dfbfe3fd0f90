"""What the one-touch channel is tried with: what a button at somebody's home posts."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.one_touch import Device, OneTouchChannel, OneTouchSettings, signature
from channels.protocol import Delivery
from tests.contract.channels.samples import PostedSample

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
PRESS: dict[str, Any] = {
    "press_id": "a81f-0001",
    "kind": "help",
    "latitude": 30.27415,
    "longitude": 120.15515,
}
CHANNEL = OneTouchChannel(OneTouchSettings(), lambda content: hashlib.sha256(content).hexdigest())


def signed(
    body: bytes, *, device: str = "7.1", key_of: Device | None = None, at: datetime = NOW
) -> Delivery:
    """Return a delivery that is signed as the device signs."""
    headers = {"x-device": device, "x-timestamp": str(int(at.timestamp()))}
    key = CHANNEL.key_of(key_of or Device(id=7, generation=1))
    headers["x-signature"] = signature(key, headers, body)
    return Delivery(method="POST", headers=headers, body=body, received_at=NOW, remote="10.0.0.7")


def press(**changes: Any) -> bytes:
    """Return the body of a press."""
    return json.dumps({**PRESS, **changes}, ensure_ascii=False).encode()


def _nested(size: int) -> Delivery:
    depth = max(1, (size - len(press()) - 20) // 2)
    return signed(press()[:-1] + b',"more":' + b"[" * depth + b"]" * depth + b"}")


SAMPLE = PostedSample(
    channel=CHANNEL,
    contact=signed(press()),
    something_else=signed(press(kind="test")),
    forged=(
        Delivery(method="POST", body=press(), received_at=NOW),
        signed(press(), key_of=Device(id=8, generation=1)),
        signed(press(), device="8.1"),
        signed(press(), key_of=Device(id=7, generation=2)),
        signed(press(), at=NOW - timedelta(minutes=6)),
        signed(press(), at=NOW + timedelta(minutes=6)),
    ),
    garbage=(
        signed(b""),
        signed(b"{"),
        signed(b"[]"),
        signed(b"\xff\xfe\x00"),
        signed(press(press_id="")),
        signed(press(kind="scream")),
        signed(press(latitude=None)),
        signed(press(longitude=181)),
    ),
    unknown=signed(press(battery="低电量")),
    unknown_value="低电量",
    nested=_nested,
)
