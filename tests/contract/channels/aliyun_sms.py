"""What the channel of Alibaba Cloud's short messages is tried with: the lists that it pushes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from channels.aliyun_sms.carrier import AliyunCarrier
from channels.aliyun_sms.channel import AliyunSmsChannel
from channels.aliyun_sms.settings import AliyunSmsSettings
from channels.protocol import Delivery
from infra.kit.clock import ManualClock
from tests.contract.channels.samples import PostedSample

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
TOKEN = "a-secret-of-the-city"
SETTINGS = AliyunSmsSettings(
    enabled=True,
    access_key_id="LTAI-1",
    access_key_secret=SecretStr("secret"),
    report_token=SecretStr(TOKEN),
)
ANSWER = {
    "phone_number": "13800015121",
    "send_time": "2026-03-02 09:30:00",
    "content": "滨江路路灯不亮",
    "sign_name": "12345热线",
    "dest_code": "1069",
    "sequence_id": 1234567890,
}
REPORT = {
    "phone_number": "13800015121",
    "send_time": "2026-03-02 09:30:00",
    "report_time": "2026-03-02 09:30:02",
    "success": True,
    "err_code": "DELIVERED",
    "err_msg": "用户接收成功",
    "sms_size": "1",
    "biz_id": "932702304080415357^0",
    "out_id": "reply:7",
}


def pushed(body: Any, *, token: str = TOKEN) -> Delivery:
    """Return what the service pushes."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    query = f"?token={token}" if token else ""
    return Delivery(
        method="POST",
        url=f"https://12345.example.gov.cn/channels/aliyun-sms{query}",
        query={"token": [token]} if token else {},
        headers={"content-type": "application/json"},
        body=raw,
        received_at=NOW,
        remote="203.0.113.9",
    )


def _nested(size: int) -> Delivery:
    depth = max(1, size // 2 - 8)
    return pushed(b"[" * depth + b"]" * depth)


SAMPLE = PostedSample(
    channel=AliyunSmsChannel(SETTINGS, AliyunCarrier(SETTINGS, "12345热线", ManualClock(NOW))),
    contact=pushed([ANSWER, {**ANSWER, "sequence_id": 1234567891, "content": "第二件事"}]),
    something_else=pushed([REPORT]),
    forged=[pushed([ANSWER], token=""), pushed([ANSWER], token="another")],
    garbage=[
        pushed(b"\xff"),
        pushed({"phone_number": "13800015121"}),
        pushed([ANSWER, 7]),
        pushed([{**ANSWER, "content": 7}]),
        pushed([{**ANSWER, "sequence_id": None}]),
    ],
    unknown=pushed([{**ANSWER, "traffic_light": "绿灯"}]),
    unknown_value="绿灯",
    nested=_nested,
)
