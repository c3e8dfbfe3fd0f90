"""Fuzzes what strangers can send to WeChat's channels: `python -m tests.fuzz.wechat -max_total_time=600`.

Whatever the bytes are, they are read or refused: nothing else may be raised, and what was read can be stored.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime

import atheris  # type: ignore[import-untyped]  # ships no types

with atheris.instrument_imports(include=["channels"]):
    from channels.contacts.storable import storable
    from channels.wechat.document import fields_of, text_of, xml_of
    from channels.wechat.envelope import Envelope
    from channels.wechat.rules import Account, contact_of, is_greeted, news_of
    from channels.wechat.templates import pieces
    from infra.kit.errors import Invalid, NotAuthenticated

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
ACCOUNT = Account(channel="wechat", appid="wxba5fad812f8e6fb9", words={"report": "我要反映"})
ENVELOPE = Envelope("A" * 43, ACCOUNT.appid)


def one(data: bytes) -> None:
    """Try one input."""
    try:
        fields = fields_of(data)
    except Invalid:
        return
    json.dumps(fields, ensure_ascii=False).encode()
    with suppress(NotAuthenticated):
        ENVELOPE.open(text_of(fields, "Encrypt"))
    news_of(fields)
    is_greeted(ACCOUNT, fields)
    try:
        contact = contact_of(ACCOUNT, fields, NOW)
    except Invalid:
        return
    if contact is not None and contact.message is not None:
        contact = storable(contact)
        json.dumps(asdict(contact), default=str, ensure_ascii=False).encode()
        assert contact.message is not None
        pieces(contact.message.text)
        fields_of(xml_of({"Content": contact.message.text}))


def main() -> None:
    """Run until told otherwise; a crash leaves its input in the working folder."""
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
