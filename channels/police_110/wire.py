"""What the hotline and the 110 platform say to each other: one message a request, JSON, the same shapes both ways.

Whoever hands a matter over sends a `transfer`; the other answers, in messages of its own, `accepted`, `refused` (with
the reason, and where the citizen is to turn) and in the end `finished` (with what came of it). What becomes known later
is a `supplement`. A message is known by its `message_id` and may be sent again; a matter by the `transfer_id` that its
giver made. `ping` asks whether the other side is there and knows our key.

Fields that are not here are kept, never refused: the other side may be newer than we are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

import pydantic
from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from infra.kit.errors import FieldError, Invalid

LARGEST_BODY = 256 * 1024
TEXT_LENGTH = 8000
TITLE_LENGTH = 200
ADDRESS_LENGTH = 500
REASON_LENGTH = 2000
NUMBER_LENGTH = 60

# Unicode's category Cc, but for new lines and tabs: PostgreSQL refuses NUL, and the others do mischief on screens.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class Kind(StrEnum):
    """What a message says."""

    ping = "ping"
    transfer = "transfer"
    supplement = "supplement"
    accepted = "accepted"
    refused = "refused"
    finished = "finished"


ANSWERS = frozenset({Kind.supplement, Kind.accepted, Kind.refused, Kind.finished})
"""Messages about a matter that both sides know already."""


class Urgency(StrEnum):
    """How soon a matter is to be dealt with."""

    normal = "normal"
    urgent = "urgent"
    critical = "critical"


def _clean(text: str) -> str:
    if _CONTROLS.search(text):
        raise ValueError(
            "remove the invisible control characters; 含有不可见的控制字符，请删除后重试"
        )
    return text


Text = Annotated[str, AfterValidator(_clean)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{4,80}$")]


class Wire(pydantic.BaseModel):
    """The base of what is sent: unknown fields are kept."""

    model_config = pydantic.ConfigDict(extra="allow", frozen=True, str_strip_whitespace=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        # Nobody knows what the fields are that nobody knows.
        return [pair for pair in super().__repr_args__() if pair[0] in type(self).model_fields]

    def unknown(self) -> Mapping[str, Any]:
        """Return the fields that are not in this version, as they came."""
        return self.model_extra or {}


class MatterBody(Wire):
    """What a matter is about.

    Attributes:
        longitude: In degrees of WGS84, as is `latitude`; both or neither.
        caller_phone: Of the citizen, as the sender writes it; empty when withheld.
        call_started_at: When the citizen rang the sender; None for what came in writing.
    """

    title: Text = Field(default="", max_length=TITLE_LENGTH, repr=False)
    text: Text = Field(min_length=1, max_length=TEXT_LENGTH, repr=False)
    address: Text = Field(default="", max_length=ADDRESS_LENGTH, repr=False)
    longitude: float | None = Field(default=None, ge=-180, le=180, repr=False)
    latitude: float | None = Field(default=None, ge=-90, le=90, repr=False)
    caller_phone: Text = Field(default="", max_length=40, repr=False)
    caller_name: Text = Field(default="", max_length=100, repr=False)
    urgency: Urgency = Urgency.normal
    call_started_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _whole_place(self) -> Self:
        if (self.longitude is None) is not (self.latitude is None):
            raise ValueError(
                "a place has longitude and latitude; longitude 与 latitude 必须同时填写"
            )
        return self


class Message(Wire):
    """One message.

    Attributes:
        transfer_id: Of the matter, made by its giver; empty for a ping.
        number: The sender's own number of the matter, e.g. of its ticket.
        matter: What it is about; with `transfer` and `supplement`.
        text: What came of it; with `finished`.
        reason: Why it is not taken; with `refused`.
        where_to_turn: Whom the citizen is to ask instead; with `refused`.
        handled_by: Which office or person has it; may be empty.
    """

    message_id: Key
    kind: Kind
    transfer_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.:-]{4,80})?$")] = ""
    sent_at: AwareDatetime
    number: Text = Field(default="", max_length=NUMBER_LENGTH)
    matter: MatterBody | None = None
    text: Text = Field(default="", max_length=TEXT_LENGTH, repr=False)
    reason: Text = Field(default="", max_length=REASON_LENGTH, repr=False)
    where_to_turn: Text = Field(default="", max_length=REASON_LENGTH, repr=False)
    handled_by: Text = Field(default="", max_length=100, repr=False)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            Kind.transfer: ("transfer_id", "matter"),
            Kind.supplement: ("transfer_id", "matter"),
            Kind.accepted: ("transfer_id",),
            Kind.refused: ("transfer_id", "reason"),
            Kind.finished: ("transfer_id", "text"),
            Kind.ping: (),
        }[self.kind]
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            names = ", ".join(missing)
            raise ValueError(f"{self.kind} needs {names}; {self.kind} 须填写 {names}")
        return self

    def encoded(self) -> bytes:
        """Return it as it is sent."""
        return self.model_dump_json(exclude_none=True, exclude_defaults=True).encode()


class Receipt(Wire):
    """The answer to a message: the receiver has it on disk.

    Attributes:
        code: `ok`.
        number: The receiver's own number of the matter, where it has one by now.
    """

    code: str = "ok"
    number: Text = Field(default="", max_length=NUMBER_LENGTH)


def read(body: bytes) -> Message:
    """Return the message that a body is.

    Raises:
        Invalid: It is none; each wrong field is named.
    """
    try:
        message = Message.model_validate_json(body)
    except pydantic.ValidationError as error:
        raise Invalid(
            "not a message of this protocol",
            "报文不符合接口规范",
            fields=[_field(one) for one in error.errors(include_url=False, include_input=False)][
                :20
            ],
        ) from None
    if not datetime(2000, 1, 1, tzinfo=UTC) <= message.sent_at <= datetime(2200, 1, 1, tzinfo=UTC):
        raise Invalid("sent_at is out of range", "sent_at 超出范围")
    return message


def _field(error: Any) -> FieldError:
    place = "/".join(str(part) for part in error["loc"])
    said = error["msg"].removeprefix("Value error, ")
    english, _, chinese = said.partition("; ")
    return FieldError(
        pointer=f"/{place}" if place else "",
        message_zh=chinese or "此字段缺失或格式不正确，请对照接口文档",
        message_en=english,
    )
