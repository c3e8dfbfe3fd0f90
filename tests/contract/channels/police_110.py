"""What the police-110 channel is tried with: what a city's 110 platform posts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.police_110.channel import Police110Channel
from channels.police_110.settings import Police110Settings, SignatureMethod
from channels.police_110.signing import HmacSigner, seal
from channels.protocol import Delivery
from infra.kit.clock import ManualClock
from tests.contract.channels.samples import PostedSample

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SECRET = "a-secret-of-both-sides"
NOISE: dict[str, Any] = {
    "message_id": "jj-20260302-000001",
    "kind": "transfer",
    "transfer_id": "JJ20260302000017",
    "sent_at": "2026-03-02T09:30:00+08:00",
    "number": "J20260302000017",
    "matter": {
        "title": "邻里噪声",
        "text": "楼上装修，晚上十点还在施工。",
        "address": "江滨路 8 号",
        "longitude": 120.15515,
        "latitude": 30.27415,
        "caller_phone": "+86 138 0001 5121",
        "caller_name": "李明",
    },
}


def signed(
    body: bytes, *, secret: str = SECRET, at: datetime = NOW, platform: str = "110"
) -> Delivery:
    """Return a delivery that is signed as the 110 platform signs."""
    signer = HmacSigner(secret, SignatureMethod.hmac_sha256)
    headers = seal(signer, platform, body, at).headers()
    return Delivery(
        method="POST",
        headers={
            "content-type": "application/json",
            **{name.lower(): value for name, value in headers.items()},
        },
        body=body,
        received_at=NOW,
        remote="203.0.113.110",
    )


def transfer(**changes: Any) -> bytes:
    """Return the body of a transfer."""
    return json.dumps({**NOISE, **changes}, ensure_ascii=False).encode()


def _matter(**changes: Any) -> bytes:
    return transfer(matter={**NOISE["matter"], **changes})


def _nested(size: int) -> Delivery:
    depth = max(1, (size - len(transfer()) - 20) // 2)
    head = transfer()[:-1] + b',"more":'
    return signed(head + b"[" * depth + b"]" * depth + b"}")


SAMPLE = PostedSample(
    channel=Police110Channel(Police110Settings(secret=SECRET), ManualClock(NOW)),
    contact=signed(transfer()),
    something_else=signed(
        b'{"message_id":"jj-ping-1","kind":"ping","sent_at":"2026-03-02T09:30:00+08:00"}'
    ),
    forged=(
        Delivery(method="POST", body=transfer(), received_at=NOW),
        signed(transfer(), secret="another-secret-of-theirs"),
        signed(transfer(), at=NOW - timedelta(minutes=6)),
        signed(transfer(), at=NOW + timedelta(minutes=6)),
        signed(transfer(), platform="12345"),
    ),
    garbage=(
        signed(b""),
        signed(b"{"),
        signed(b"[]"),
        signed(b"\xff\xfe\x00"),
        signed(transfer(kind="arrest")),
        signed(transfer(kind="accepted")),
        signed(transfer(matter=None)),
        signed(transfer(sent_at="yesterday")),
        signed(_matter(text=" ")),
        signed(_matter(text="a\x00b")),
        signed(_matter(latitude=None)),
        signed(_matter(latitude=91)),
    ),
    unknown=signed(_matter(police_station="江滨派出所")),
    unknown_value="江滨派出所",
    nested=_nested,
)
