"""The one-touch channel: the button at somebody's home is pressed, and that is a contact.

A device posts to `/channels/one-touch`, one JSON object a press, signed with its own key (HMAC-SHA-256, hexadecimal)
over what stands in `X-Device` and `X-Timestamp` and over the exact body, joined by line feeds:

    X-Device: 7.1                 its number here, and the generation of its key
    X-Timestamp: 1772415000       seconds since 1970
    X-Signature: 5f2c…
    {"press_id": "a81f…", "kind": "help", "latitude": 30.27, "longitude": 120.15}

`kind` is `help`, or `test` for a sign of life that calls nobody. Whose device it is, and how he is reached, the hotline
knows; so a lost message holds nothing about him. Calls from the citizen's page come by telephone and not through here.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

import pydantic
from pydantic import AwareDatetime, Field

from channels.contacts.rules import Address, AddressKind, Contact, Message, Received
from channels.protocol import (
    Acknowledgement,
    CannotReply,
    ChannelSettings,
    Delivery,
    Mode,
    Reply,
    Sent,
)
from infra.kit.errors import Invalid, NotAuthenticated

NAME = "one-touch"
LARGEST_BODY = 16 * 1024
_DEVICE = re.compile(r"([1-9][0-9]{0,8})\.([1-9][0-9]{0,5})")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class OneTouchSettings(ChannelSettings):
    """Calls at one touch: from the citizen's page, and from devices at people's homes."""

    window_seconds: int = Field(
        default=300, ge=10, le=3600, description="How wrong the clock of a device may be."
    )
    valid_seconds: int = Field(
        default=120,
        ge=15,
        le=600,
        description="How soon a call from the citizen's page must be begun.",
    )
    longest_minutes: int = Field(
        default=60, ge=1, le=240, description="How long such a call may last."
    )
    per_address: int = Field(
        default=10, ge=1, description="How many calls an hour one address may begin on the page."
    )
    per_device: int = Field(
        default=20, ge=1, description="How many presses an hour of one device are followed."
    )
    ring_seconds: int = Field(
        default=60, ge=10, le=180, description="How long the owner of a device is rung."
    )


class Kind(StrEnum):
    """What a press means."""

    help = "help"
    test = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Which device, and which of its keys."""

    id: int
    generation: int


class PressBody(pydantic.BaseModel):
    """A press; what is not here is kept."""

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)

    press_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{4,64}$")]
    kind: Kind = Kind.help
    pressed_at: AwareDatetime | None = None
    latitude: float | None = Field(default=None, ge=-90, le=90, repr=False)
    longitude: float | None = Field(default=None, ge=-180, le=180, repr=False)


class OneTouchChannel:
    """Makes contacts of presses.

    Args:
        settings: How wrong clocks may be.
        seal: Makes 64 hexadecimal digits of bytes that only this installation can make; the keys of devices are such.
    """

    name: ClassVar[str] = NAME
    mode: ClassVar[Mode] = Mode.webhook
    Settings: ClassVar[type[ChannelSettings]] = OneTouchSettings
    largest_body: ClassVar[int] = LARGEST_BODY

    def __init__(self, settings: OneTouchSettings, seal: Callable[[bytes], str]) -> None:
        self._settings = settings
        self._seal = seal

    def key_of(self, device: Device) -> str:
        """Return the key that a device signs with: 64 hexadecimal digits, taken as they stand."""
        return self._seal(f"one-touch device {device.id}.{device.generation}".encode())

    def verify(self, raw: Delivery) -> None:
        """Return if a device of ours has signed it; whether its key still holds is not known here.

        Raises:
            NotAuthenticated: None has, or not just now.
        """
        timestamp = raw.headers.get("x-timestamp", "")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise NotAuthenticated("X-Timestamp is missing", "缺少 X-Timestamp")
        signed = signature(self.key_of(device_of(raw)), raw.headers, raw.body)
        given = raw.headers.get("x-signature", "").lower().encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(signed.encode(), given):
            raise NotAuthenticated("X-Signature is wrong", "X-Signature 验证失败")
        if abs(raw.received_at.timestamp() - int(timestamp)) > self._settings.window_seconds:
            raise NotAuthenticated(
                "the device's clock is wrong: set it by NTP", "设备时钟偏差过大，请校时"
            )

    def parse(self, raw: Delivery) -> Sequence[Contact]:
        """Return the contact that a press is, and none of a test.

        Raises:
            Invalid: It cannot be understood.
        """
        body = press_in(raw)
        if body.kind is Kind.test:
            return ()
        return (contact_of(device_of(raw), body, raw.received_at),)

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return that the press is on disk, with the ticket's number for a display."""
        number = next((one.ticket_number for one in received if one.ticket_number), None)
        body = json.dumps({"taken": True, "number": number})
        return Acknowledgement(content_type="application/json", body=body.encode())

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Refuse: the owner is rung.

        Raises:
            CannotReply: Always.
        """
        raise CannotReply("a button cannot be answered in writing", "一键呼叫设备无法接收文字回复")


def device_of(raw: Delivery) -> Device:
    """Return which device a delivery says that it comes from.

    Raises:
        NotAuthenticated: It does not say.
    """
    found = _DEVICE.fullmatch(raw.headers.get("x-device", ""))
    if found is None:
        raise NotAuthenticated("X-Device is missing", "缺少 X-Device")
    return Device(id=int(found[1]), generation=int(found[2]))


def signature(key: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return how a device with this key signs; names of headers in lower case."""
    head = f"{headers.get('x-device', '')}\n{headers.get('x-timestamp', '')}\n"
    signed = head.encode("utf-8", "surrogateescape") + body
    return hmac.new(key.encode(), signed, "sha256").hexdigest()


def press_in(raw: Delivery) -> PressBody:
    """Return the press that a delivery is.

    Raises:
        Invalid: It is none.
    """
    try:
        body = PressBody.model_validate_json(raw.body)
    except pydantic.ValidationError:
        raise Invalid("not a press of a device", "不是有效的设备报文") from None
    if (body.latitude is None) is not (body.longitude is None):
        raise Invalid("a place has a latitude and a longitude", "latitude 与 longitude 须同时填写")
    return body


def contact_of(device: Device, body: PressBody, at: datetime) -> Contact:
    """Return the contact that a press is; the same when it comes again."""
    return Contact(
        channel=NAME,
        external_id=f"{device.id}/{body.press_id}",
        received_at=at,
        sender=Address(kind=AddressKind.device, value=str(device.id)),
        message=Message(
            title="一键呼叫求助",
            text=f"一键呼叫设备 {device.id} 按下求助键，请立即确认机主情况。",
            latitude=body.latitude,
            longitude=body.longitude,
        ),
        extra=dict(body.model_extra or {}),
    )
