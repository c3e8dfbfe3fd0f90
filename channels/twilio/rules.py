"""What Twilio's forms say (https://www.twilio.com/docs/usage/webhooks). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from channels.contacts.rules import Contact, Enclosure, Message, Purpose
from channels.protocol import Delivery, DeliveryNews, DeliveryState
from infra.kit.errors import Invalid
from telephony.numbers import PhoneNumber

NAME = "twilio"
"""The channel's name; part of the addresses that Twilio posts to."""

LARGEST_BODY = 64 * 1024
"""The most bytes that a form of Twilio's has; what citizens write is far shorter."""

_MOST_FIELDS = 200
_MOST_MEDIA = 10

_OF_MESSAGE = {
    "sent": DeliveryState.sent,
    "delivered": DeliveryState.delivered,
    "read": DeliveryState.read,
    "undelivered": DeliveryState.failed,
    "failed": DeliveryState.failed,
    "canceled": DeliveryState.failed,
}
"""MessageStatus → what has become of it; the others (accepted, queued, sending …) are on the way."""

_OF_CALL = {
    "completed": DeliveryState.delivered,
    "busy": DeliveryState.failed,
    "no-answer": DeliveryState.failed,
    "failed": DeliveryState.failed,
    "canceled": DeliveryState.failed,
}
"""CallStatus → what has become of a call that reads a message out."""

_KNOWN = frozenset(
    {
        "MessageSid",
        "SmsSid",
        "SmsMessageSid",
        "SmsStatus",
        "AccountSid",
        "ApiVersion",
        "From",
        "To",
        "Body",
        "NumMedia",
        "NumSegments",
        "CallSid",
        "CallStatus",
        "Caller",
        "Called",
        "Direction",
        "RecordingUrl",
        "RecordingSid",
        "RecordingDuration",
    }
)
"""Fields that are understood, or repeat one that is; all others are kept with the contact."""


def news_of(raw: Delivery) -> Sequence[DeliveryNews]:
    """Return what a status callback says; nothing for one that says nothing yet.

    Raises:
        Invalid: It does not say of what.
    """
    fields = fields_of(raw)
    written = raw.path == "status"
    states = _OF_MESSAGE if written else _OF_CALL
    status = fields.get("MessageStatus" if written else "CallStatus", "")
    provider_id = fields.get("MessageSid" if written else "CallSid", "")
    if not provider_id:
        raise Invalid("there is no MessageSid or CallSid", "缺少 MessageSid 或 CallSid")
    state = states.get(status)
    if state is None:
        return ()
    failed = state is DeliveryState.failed
    return (
        DeliveryNews(
            provider_id=provider_id,
            state=state,
            key=raw.parameter("key"),
            error_code=(fields.get("ErrorCode") or status)[:40] if failed else "",
        ),
    )


def written(raw: Delivery) -> Contact:
    """Return the contact that a message to our number is.

    Raises:
        Invalid: A field is missing.
    """
    fields = fields_of(raw)
    sender, sid = fields.get("From", ""), fields.get("MessageSid", "")
    if not sender or not sid:
        raise Invalid("a message has MessageSid and From", "短信缺少 MessageSid 或 From")
    enclosures = _enclosures(fields)
    text = fields.get("Body", "").strip()
    return Contact(
        channel=NAME,
        external_id=sid[:100],
        received_at=raw.received_at,
        phone=_number(sender),
        message=Message(text=text or ("（图片）" if enclosures else "（空短信）")),
        purpose=Purpose.talk,
        thread=sender[:100],
        enclosures=enclosures,
        extra=_unknown(fields),
    )


def left(raw: Delivery) -> Contact:
    """Return the contact that a message is which a caller has spoken.

    Raises:
        Invalid: A field is missing.
    """
    fields = fields_of(raw)
    sid, recording = fields.get("CallSid", ""), fields.get("RecordingUrl", "")
    if not sid or not recording:
        raise Invalid(
            "a recording has CallSid and RecordingUrl", "录音缺少 CallSid 或 RecordingUrl"
        )
    seconds = fields.get("RecordingDuration", "")
    length = f"，时长 {seconds} 秒" if seconds.isascii() and seconds.isdigit() else ""
    return Contact(
        channel=NAME,
        external_id=f"call/{sid[:100]}",
        received_at=raw.received_at,
        phone=_number(fields.get("From", "")),
        message=Message(title="语音留言", text=f"线路繁忙时的语音留言{length}，请收听录音后回电。"),
        enclosures=(Enclosure(name="语音留言.mp3", media_id=f"{recording}.mp3"),),
        extra=_unknown(fields),
    )


def _enclosures(fields: Mapping[str, str]) -> tuple[Enclosure, ...]:
    urls = (fields.get(f"MediaUrl{n}", "") for n in range(_MOST_MEDIA))
    return tuple(Enclosure(media_id=url) for url in urls if url)


def _unknown(fields: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in fields.items()
        if name not in _KNOWN and not name.startswith("MediaUrl")
    }


def _number(text: str) -> PhoneNumber | None:
    try:
        return PhoneNumber.parse(text)
    except Invalid:
        return None  # a name instead of a number, or withheld: +266696687 is how Twilio writes "anonymous"


def form_of(raw: Delivery) -> list[tuple[str, str]]:
    """Return the fields that were posted, which are signed; none of a delivery in whose address all stands.

    Raises:
        Invalid: It is no form of Twilio's.
    """
    if raw.method == "GET":
        return []  # what is in the address is signed with it
    if len(raw.body) > LARGEST_BODY:
        raise Invalid("too large for a form of Twilio's", "超出 Twilio 表单的大小")
    try:
        return parse_qsl(raw.body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:  # and UnicodeDecodeError with it
        raise Invalid("not a form of Twilio's", "不是 Twilio 的表单") from error


def fields_of(raw: Delivery) -> dict[str, str]:
    """Return the fields of a delivery by their names."""
    if raw.method == "GET":
        return {name: values[0] for name, values in raw.query.items() if values}
    return dict(form_of(raw))
