"""What the message board is tried with: what a program that reads one posts."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from channels.message_board.channel import MessageBoardChannel, MessageBoardSettings
from channels.protocol import Delivery
from tests.contract.channels.samples import PostedSample

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
KEY = "a-secret-of-the-board"
POST = {"编号": "7", "标题": "路灯不亮", "内容": "滨江路路灯不亮", "领域": "城建"}


def signed(body: bytes, *, key: str = KEY, at: datetime = NOW) -> Delivery:
    """Return a delivery that is signed as a program signs."""
    moment = str(int(at.timestamp()))
    digest = hmac.new(key.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return Delivery(
        method="POST",
        headers={"lianxin-signature": f"t={moment},v1={digest}"},
        body=body,
        received_at=NOW,
        remote="203.0.113.8",
    )


def posts(*items: object, board: object = "people.cn") -> bytes:
    """Return the body of some posts."""
    return json.dumps({"board": board, "items": items}, ensure_ascii=False).encode()


def _nested(size: int) -> Delivery:
    depth = max(1, size // 2 - 50)
    return signed(b'{"board":"people.cn","items":' + b"[" * depth + b"]" * depth + b"}")


SAMPLE = PostedSample(
    channel=MessageBoardChannel(
        MessageBoardSettings.model_validate({"key": KEY}), ZoneInfo("Asia/Shanghai")
    ),
    contact=signed(posts(POST)),
    something_else=signed(posts()),
    forged=(
        Delivery(method="POST", body=posts(POST), received_at=NOW),
        signed(posts(POST), key="another-secret-of-somebody"),
        signed(posts(POST), at=NOW - timedelta(hours=1)),
    ),
    garbage=(
        signed(b"{"),
        signed(b"[7]"),
        signed(posts({"标题": ""}, board="people.cn")),
        signed(posts(POST, board="../x")),
        signed(posts(POST, {"编号": "8", "内容": ""})),
    ),
    unknown=signed(posts(POST)),
    unknown_value="城建",
    nested=_nested,
)
