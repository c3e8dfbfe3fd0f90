"""What the web form is tried with: what a city's web site posts."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.protocol import Delivery
from channels.web_form.channel import WebFormChannel, WebFormSettings
from tests.contract.channels.samples import PostedSample

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
KEY = "a-secret-of-the-site"
LAMP = {
    "id": "site-form-20260302-0001",
    "type": "complaint",
    "title": "路灯不亮",
    "text": "滨江路 18 号门前路灯三天不亮。",
    "address": "滨江路 18 号",
    "latitude": 30.27415,
    "longitude": 120.15515,
    "name": "李明",
    "phone": "+86 138 0001 5121",
}


def signed(body: bytes, *, key: str = KEY, at: datetime = NOW) -> Delivery:
    """Return a delivery that is signed as the site signs."""
    moment = str(int(at.timestamp()))
    digest = hmac.new(key.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return Delivery(
        method="POST",
        headers={
            "content-type": "application/json",
            "lianxin-signature": f"t={moment},v1={digest}",
        },
        body=body,
        received_at=NOW,
        remote="203.0.113.7",
    )


def form(**changes: Any) -> bytes:
    """Return the body of a form."""
    return json.dumps({**LAMP, **changes}, ensure_ascii=False).encode()


def _nested(size: int) -> Delivery:
    depth = max(1, size // 2 - 100)
    return signed(
        b'{"id":"site-form-20260302-0001","text":"x","more":' + b"[" * depth + b"]" * depth + b"}"
    )


SAMPLE = PostedSample(
    channel=WebFormChannel(WebFormSettings(key=KEY)),
    contact=signed(form()),
    something_else=signed(b""),
    forged=(
        Delivery(method="POST", body=form(), received_at=NOW),
        signed(form(), key="another-secret-of-theirs"),
        signed(form(), at=NOW - timedelta(minutes=6)),
        signed(form(), at=NOW + timedelta(minutes=6)),
    ),
    garbage=(
        signed(b"{"),
        signed(b"[]"),
        signed(b"\xff\xfe\x00"),
        signed(form(id="short")),
        signed(form(text=" ")),
        signed(form(text="\u202e\u200b")),
        signed(form(phone="not a number")),
        signed(form(longitude=None)),
        signed(form(latitude=91)),
    ),
    unknown=signed(form(weather="暴雨")),
    unknown_value="暴雨",
    nested=_nested,
)
