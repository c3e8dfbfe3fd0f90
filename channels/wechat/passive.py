"""Passive replies (被动回复): what WeChat is answered at once, in the form in which it asked. Pure."""

from __future__ import annotations

import json

from channels.protocol import Acknowledgement
from channels.wechat.document import Fields, text_of, xml_of
from channels.wechat.envelope import Envelope, signature


def text_reply(fields: Fields, text: str, at: int) -> Fields:
    """Return the fields of a text that answers a message.

    Args:
        fields: The message.
        text: What the citizen reads.
        at: Seconds since 1970.
    """
    return {
        "ToUserName": text_of(fields, "FromUserName"),
        "FromUserName": text_of(fields, "ToUserName"),
        "CreateTime": at,
        "MsgType": "text",
        "Content": text,
    }


def acknowledged(said: Fields, *, as_json: bool) -> Acknowledgement:
    """Return the answer to WeChat that says this, unencrypted."""
    if as_json:
        body = json.dumps(said, ensure_ascii=False).encode()
        return Acknowledgement(content_type="application/json", body=body)
    return Acknowledgement(content_type="application/xml", body=xml_of(said))


def sealed(
    said: Acknowledgement, envelope: Envelope, token: str, *, at: int, nonce: str, random: bytes
) -> Acknowledgement:
    """Return an answer encrypted and signed.

    Args:
        said: The answer.
        envelope: Seals it.
        token: Signs it.
        at: Seconds since 1970.
        nonce: That of the message which is answered.
        random: 16 bytes that nobody can guess.
    """
    encrypted = envelope.seal(said.body, random)
    outside: Fields = {
        "Encrypt": encrypted,
        "MsgSignature": signature(token, str(at), nonce, encrypted),
        "TimeStamp": at,
        "Nonce": nonce,
    }
    return acknowledged(outside, as_json=said.content_type == "application/json")
