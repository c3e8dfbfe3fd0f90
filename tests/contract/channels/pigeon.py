"""The smallest webhook there can be, signed by HMAC: shows that the contract can be kept, and how."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from channels.contacts.rules import Contact, Message, Received
from channels.protocol import (
    Acknowledgement,
    ChannelSettings,
    Delivery,
    DeliveryNews,
    DeliveryState,
    Mode,
    Reply,
    Sent,
)
from infra.kit.errors import Invalid, NotAuthenticated
from tests.contract.channels.samples import PostedSample

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SECRET = b"pigeons come home"
MATTER = {"id": "7", "text": "路灯不亮"}


class PigeonChannel:
    """Makes contacts of what pigeons bring, and keeps what it was given to send."""

    name: ClassVar[str] = "pigeon"
    mode: ClassVar[Mode] = Mode.webhook
    Settings: ClassVar[type[ChannelSettings]] = ChannelSettings

    def __init__(self) -> None:
        self.sent: list[Reply] = []

    def verify(self, raw: Delivery) -> None:
        given = raw.headers.get("x-signature", "")
        if not hmac.compare_digest(given.encode(), signature(raw.body).encode()):
            raise NotAuthenticated

    def greet(self, raw: Delivery) -> Acknowledgement | None:
        return Acknowledgement(body=b"coo") if raw.method == "GET" else None

    def parse(self, raw: Delivery) -> Sequence[Contact]:
        said = _said(raw.body)
        if "text" not in said:
            return ()
        known = {"id", "text"}
        return (
            Contact(
                channel=self.name,
                external_id=str(said["id"])[:200],
                received_at=raw.received_at,
                message=Message(text=str(said["text"])),
                extra={name: value for name, value in said.items() if name not in known},
            ),
        )

    def news(self, raw: Delivery) -> Sequence[DeliveryNews]:
        said = _said(raw.body)
        if "came" not in said:
            return ()
        return (DeliveryNews(provider_id=str(said["came"]), state=DeliveryState.delivered),)

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        return Acknowledgement(body=b"ok")

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        self.sent.append(reply)
        return Sent(provider_id=f"pigeon-{len(self.sent)}")


def _said(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid("not JSON", "不是 JSON") from None
    if not isinstance(said, dict):
        raise Invalid("no object", "不是对象")
    if "text" in said and not said.get("id"):
        raise Invalid("without an id", "缺少 id")
    return said


def signature(body: bytes) -> str:
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def delivery(said: object, **changes: Any) -> Delivery:
    """Return what a pigeon brings."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    told = {"body": body, "headers": {"x-signature": signature(body)}} | changes
    return Delivery(method="POST", received_at=NOW, **told)


def nested(size: int) -> Delivery:
    depth = size // 2
    return delivery(b"[" * depth + b"]" * depth)


PIGEON = PostedSample(
    channel=PigeonChannel(),
    contact=delivery(MATTER),
    something_else=delivery({"weather": "fine"}),
    forged=(
        delivery(MATTER, headers={}),
        delivery(MATTER, headers={"x-signature": "00" * 32}),
        delivery(MATTER, headers={"x-signature": "签名"}),
    ),
    garbage=(delivery(b"\xff\xfe"), delivery([1]), delivery({"text": "who?"})),
    unknown=delivery({**MATTER, "weather": "fine over the river"}),
    unknown_value="fine over the river",
    nested=nested,
)
