"""How requests to Alibaba Cloud are signed, what its codes mean, and what its reports say. Pure.

Signature version 1.0 of the RPC style: https://help.aliyun.com/zh/sdk/product-overview/rpc-mechanism
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from channels.contacts.rules import Contact, Message, Purpose
from channels.protocol import Delivery, DeliveryNews, DeliveryState
from infra.kit.errors import Invalid
from telephony.numbers import PhoneNumber

NAME = "aliyun-sms"
"""The channel's name; part of the address that reports are pushed to."""

VERSION = "2017-05-25"
LARGEST_BODY = 256 * 1024
_MOST_AT_ONCE = 1_000

_LATER = ("Throttling", "ServiceUnavailable", "isv.BUSINESS_LIMIT_CONTROL")
_IN_DOUBT = ("isp.", "InternalError", "ServiceTimeout")
_OURS_TO_MEND = (
    "SignatureDoesNotMatch",
    "InvalidAccessKey",
    "InvalidTimeStamp",
    "Forbidden",
    "isp.RAM_PERMISSION_DENY",
    "isv.AMOUNT_NOT_ENOUGH",
    "isv.OUT_OF_SERVICE",
    "isv.ACCOUNT",
    "isv.PRODUCT",
    "isv.SMS_SIGNATURE",
    "isv.SMS_SIGN_ILLEGAL",
    "isv.SMS_TEMPLATE_ILLEGAL",
    "isv.DAY_LIMIT_CONTROL",
)


class Meaning(StrEnum):
    """What an answer of the service means for a message."""

    taken = "taken"
    later = "later"
    """Not taken, for certain; it may be later."""
    in_doubt = "in_doubt"
    """Nobody can tell."""
    account = "account"
    """Not taken until an operator mends account, signature or template."""
    rejected = "rejected"
    """Not taken, and never will be."""


def meaning(code: str) -> Meaning:
    """Return what a `Code` means."""
    if code == "OK":
        return Meaning.taken
    if code.startswith(_OURS_TO_MEND):
        return Meaning.account
    if code.startswith(_LATER):
        return Meaning.later
    if code.startswith(_IN_DOUBT):
        return Meaning.in_doubt
    return Meaning.rejected


def signature(method: str, parameters: Mapping[str, str], secret: str) -> str:
    """Return the signature of a request: HMAC-SHA1 over its method and its sorted parameters, in base64."""
    query = "&".join(
        f"{_escaped(name)}={_escaped(parameters[name])}" for name in sorted(parameters)
    )
    text = f"{method}&{_escaped('/')}&{_escaped(query)}"
    digest = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def common(access_key_id: str, action: str, at: datetime, nonce: str) -> dict[str, str]:
    """Return the parameters that every request has, but for its signature."""
    return {
        "AccessKeyId": access_key_id,
        "Action": action,
        "Format": "JSON",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": nonce,
        "SignatureVersion": "1.0",
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Version": VERSION,
    }


def reported(raw: Delivery) -> Sequence[Mapping[str, Any]]:
    """Return the items of what was pushed; each is a report (`biz_id`, `success`) or an answer (`content`).

    Raises:
        Invalid: It is no list of such items.
    """
    if len(raw.body) > LARGEST_BODY:
        raise Invalid("too large for a push of reports", "超出回执推送的大小")
    try:
        items = json.loads(raw.body)
    except (ValueError, RecursionError) as error:
        raise Invalid("the body is no JSON", "请求体不是 JSON") from error
    if not isinstance(items, list) or len(items) > _MOST_AT_ONCE:
        raise Invalid("the body is no list of reports", "请求体不是回执列表")
    if not all(isinstance(item, dict) for item in items):
        raise Invalid("a report is an object", "回执应为对象")
    return items


def news_of(items: Sequence[Mapping[str, Any]]) -> Sequence[DeliveryNews]:
    """Return what became of our messages; nothing of what citizens wrote."""
    return tuple(
        DeliveryNews(
            provider_id=str(item.get("biz_id", "")),
            state=DeliveryState.delivered if item["success"] is True else DeliveryState.failed,
            key=str(item.get("out_id") or ""),
            error_code="" if item["success"] is True else str(item.get("err_code", ""))[:40],
        )
        for item in items
        if "success" in item
    )


def contacts_of(items: Sequence[Mapping[str, Any]], at: datetime) -> Sequence[Contact]:
    """Return what citizens wrote (短信上行) as contacts.

    Raises:
        Invalid: One does not say what was written.
    """
    return tuple(_contact(item, at) for item in items if "success" not in item)


def _contact(item: Mapping[str, Any], at: datetime) -> Contact:
    number, text = str(item.get("phone_number") or ""), item.get("content")
    sequence = str(item.get("sequence_id") or "")
    if not isinstance(text, str) or not sequence:
        raise Invalid(
            "an answer has content and sequence_id", "上行短信缺少 content 或 sequence_id"
        )
    phone = _phone(number)
    known = {"content", "sequence_id", "send_time"} | ({"phone_number"} if phone else set())
    # The sequence is unique within a day; the moment of sending tells the days apart.
    identity = f"{sequence[:80]}/{str(item.get('send_time', ''))[:40]}"
    return Contact(
        channel=NAME,
        external_id=identity,
        received_at=at,
        phone=phone,
        message=Message(text=text.strip() or "（空短信）"),
        purpose=Purpose.talk,
        # Numbers that cannot be read may be alike (138****1234) and of many: none of them shares a conversation.
        thread=phone.digits if phone else identity,
        extra={name: value for name, value in item.items() if name not in known},
    )


def _phone(text: str) -> PhoneNumber | None:
    """Return the number; None for what is none: neither the message nor the others beside it are lost for it."""
    try:
        return PhoneNumber.parse(text)
    except Invalid:
        return None


def _escaped(text: str) -> str:
    return quote(text, safe="~")
