"""What a message of WeChat is: a contact, news of something that was sent, or a reason to greet. Pure.

Names of fields are WeChat's own, see 接收普通消息 and 接收事件推送 in its documentation.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from channels.contacts.rules import Address, AddressKind, Contact, Enclosure, Message, Purpose
from channels.gcj02 import to_wgs84
from channels.protocol import DeliveryNews, DeliveryState
from channels.wechat.document import Fields, text_of
from infra.kit.errors import Invalid

TEXT_LENGTH = 4000
ADDRESS_LENGTH = 200
_LONGEST_OPENID = 64

_ENVELOPE = frozenset(
    {"ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "Encrypt", "URL"}
)
_OF_KIND: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "text": frozenset({"Content"}),
        "image": frozenset({"MediaId"}),
        "voice": frozenset({"MediaId", "Recognition"}),
        "video": frozenset({"MediaId"}),
        "shortvideo": frozenset({"MediaId"}),
        "location": frozenset({"Location_X", "Location_Y", "Label"}),
        "link": frozenset({"Title", "Description", "Url"}),
        "event": frozenset({"Event", "EventKey"}),
    }
)
"""The fields that are read of each kind; every other is kept beside the contact as it came."""

_FILES = frozenset({"image", "voice", "video", "shortvideo"})
"""Kinds of messages that are a file, and say nothing beside."""

_CLICKS = frozenset({"CLICK", "SCAN", "subscribe"})
_SCANS = frozenset({"scancode_push", "scancode_waitmsg"})
_SCENE = "qrscene_"
GREETED: Final = frozenset({"subscribe", "SCAN"})
"""Events that are answered with the greeting, unless they mean something that is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account of WeChat, as its messages are read.

    Attributes:
        channel: Name of its channel.
        appid: Its AppID: within it an openid names a person.
        original_id: Its 原始 ID, which messages are addressed to; empty takes any.
        words: What a click on a menu's button, or the scene of a scanned code, means that the citizen says.
    """

    channel: str
    appid: str
    original_id: str = ""
    words: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def contact_of(account: Account, fields: Fields, received_at: datetime) -> Contact | None:
    """Return the contact that a message is; None for an event that says nothing.

    The same message gives the same one, however often it comes.

    Raises:
        Invalid: It lacks a sender, a time or a kind, or is for another account.
    """
    openid, kind = text_of(fields, "FromUserName"), text_of(fields, "MsgType")
    if not 1 <= len(openid) <= _LONGEST_OPENID or not kind:
        raise _lacking("FromUserName、MsgType", "FromUserName and MsgType")
    if not text_of(fields, "CreateTime").isdecimal():
        raise _lacking("CreateTime", "CreateTime")
    if account.original_id and text_of(fields, "ToUserName") != account.original_id:
        raise Invalid(
            "the message is for another account: compare wechat original_id with ToUserName",
            "消息的接收账号不是本账号，请核对 original_id（原始 ID）",
        )
    message = _said(account, kind, fields)
    if message is None:
        return None
    known = _ENVELOPE | _OF_KIND.get(kind, frozenset())
    return Contact(
        channel=account.channel,
        external_id=identity_of(fields),
        received_at=received_at,
        purpose=Purpose.talk,
        message=message,
        sender=Address(kind=AddressKind.openid, value=openid, scope=account.appid),
        aliases=_aliases(fields),
        thread=openid,
        enclosures=_enclosures(kind, fields),
        extra={name: value for name, value in fields.items() if name not in known},
    )


def identity_of(fields: Fields) -> str:
    """Return what a message is known by, which shows nothing of its sender.

    Messages are known by MsgId, events by FromUserName, CreateTime and Event; a MsgId alone has been seen twice, so all
    of it counts.
    """
    names = ("ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "Event", "EventKey")
    parts = "\n".join(text_of(fields, name) for name in names)
    return hashlib.sha256(parts.encode(errors="replace")).hexdigest()[:40]


def news_of(fields: Fields) -> tuple[DeliveryNews, ...]:
    """Return what WeChat tells of messages by template or subscription; nothing for any other event."""
    event = text_of(fields, "Event")
    if event == "TEMPLATESENDJOBFINISH":
        status = text_of(fields, "Status")
        return _news(text_of(fields, "MsgID"), "" if status == "success" else status or "unknown")
    if event != "subscribe_msg_sent_event":
        return ()
    told = fields.get("SubscribeMsgSentEvent", fields)
    listed = told.get("List", ()) if isinstance(told, Mapping) else ()
    found: list[DeliveryNews] = []
    for one in listed if isinstance(listed, list) else [listed]:
        if isinstance(one, Mapping):
            code = text_of(one, "ErrorCode")
            found += _news(text_of(one, "MsgID"), "" if code == "0" else code or "unknown")
    return tuple(found)


def is_greeted(account: Account, fields: Fields) -> bool:
    """Return whether a message is an event that is answered with the greeting: a new follower, a scanned code."""
    event = text_of(fields, "Event")
    return (
        text_of(fields, "MsgType") == "event"
        and event in GREETED
        and not account.words.get(_key_of(fields))
    )


def _news(provider_id: str, error_code: str) -> tuple[DeliveryNews, ...]:
    if not provider_id:
        return ()
    state = DeliveryState.failed if error_code else DeliveryState.delivered
    return (DeliveryNews(provider_id=provider_id, state=state, error_code=error_code[:40]),)


def _said(account: Account, kind: str, fields: Fields) -> Message | None:
    match kind:
        case "text":
            return Message(text=text_of(fields, "Content")[:TEXT_LENGTH])
        case "location":
            return _place(fields)
        case "link":
            parts = (text_of(fields, name) for name in ("Title", "Description", "Url"))
            return Message(text="\n".join(part for part in parts if part)[:TEXT_LENGTH])
        case "event":
            said = _event(account, fields)
            return Message(text=said[:TEXT_LENGTH]) if said else None
        case "voice":
            return Message(text=text_of(fields, "Recognition")[:TEXT_LENGTH])
        case "image" | "video" | "shortvideo":
            return Message(text="")
        case _:
            # A kind that nobody knows yet is somebody who says something all the same.
            return Message(text="[暂不支持查看的消息]")


def _event(account: Account, fields: Fields) -> str:
    event = text_of(fields, "Event")
    if event in _CLICKS:
        return account.words.get(_key_of(fields), "")
    if event in _SCANS:
        scanned = fields.get("ScanCodeInfo", {})
        return text_of(scanned, "ScanResult") if isinstance(scanned, Mapping) else ""
    return ""


def _key_of(fields: Fields) -> str:
    return text_of(fields, "EventKey").removeprefix(_SCENE)


def _place(fields: Fields) -> Message:
    # WeChat's X is the latitude and its Y the longitude, as Chinese maps have them.
    found = (
        _degrees(text_of(fields, "Location_X"), 90),
        _degrees(text_of(fields, "Location_Y"), 180),
    )
    label = text_of(fields, "Label")[:ADDRESS_LENGTH]
    if found[0] is None or found[1] is None:
        return Message(text="" if label else "[位置]", address=label)
    latitude, longitude = to_wgs84(found[0], found[1])
    return Message(text="", address=label, latitude=latitude, longitude=longitude)


def _degrees(text: str, most: int) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= most else None


def _aliases(fields: Fields) -> tuple[Address, ...]:
    unionid = text_of(fields, "UnionId")[:_LONGEST_OPENID]
    return (Address(kind=AddressKind.unionid, value=unionid),) if unionid else ()


def _enclosures(kind: str, fields: Fields) -> tuple[Enclosure, ...]:
    media_id = text_of(fields, "MediaId")
    if kind not in _FILES or not media_id:
        return ()
    return (Enclosure(media_id=media_id),)


def _lacking(zh: str, en: str) -> Invalid:
    return Invalid(f"not a message of WeChat: without {en}", f"不是微信推送的消息：缺少 {zh}")
