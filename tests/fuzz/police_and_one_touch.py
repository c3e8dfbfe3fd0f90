"""Fuzzes what strangers can send as 110, as a device or as a guest: `python -m tests.fuzz.police_and_one_touch`.

Whatever the bytes are, they are read or refused: nothing else may be raised, and what was read can be stored.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import atheris  # type: ignore[import-untyped]  # ships no types

with atheris.instrument_imports(include=["channels", "crm_bridge.one_touch", "agent_console"]):
    from agent_console.guest_sip import of_guest
    from channels.contacts.storable import storable
    from channels.one_touch import OneTouchChannel, OneTouchSettings
    from channels.police_110.channel import Police110Channel
    from channels.police_110.settings import Police110Settings, SignatureMethod
    from channels.police_110.signing import HmacSigner, Seal, Sm2Signer, require_genuine
    from channels.protocol import Delivery
    from crm_bridge.one_touch.rules import guest_of_pass
    from infra.kit.clock import ManualClock
    from infra.kit.errors import Invalid, NotAuthenticated
    from infra.kit.vault import Vault

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
VAULT = Vault(bytes(range(32)))
POLICE = Police110Channel(Police110Settings(), ManualClock(NOW))
DEVICES = OneTouchChannel(OneTouchSettings(), VAULT.seal)
SIGNERS = (
    HmacSigner("a-secret-of-both-sides", SignatureMethod.hmac_sm3),
    Sm2Signer(
        f"{0x1234567890ABCDEF:064x}",
        "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
        "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13",
    ),
)
HEADERS = ("x-platform", "x-timestamp", "x-nonce", "x-signature-method", "x-signature", "x-device")


def one(data: bytes) -> None:
    """Try one input: as a body, as the fields of a message, as headers, or as a pass and as SIP."""
    given = atheris.FuzzedDataProvider(data)
    way = given.ConsumeIntInRange(0, 3)
    if way == 0:
        parsed(given.ConsumeBytes(8192), {})
    elif way == 1:
        parsed(json.dumps(_message(given)).encode(), {})
    elif way == 2:
        headers = {name: given.ConsumeUnicode(140) for name in HEADERS}
        body = given.ConsumeBytes(200)
        parsed(body, headers)
        for signer in SIGNERS:
            with suppress(NotAuthenticated):
                require_genuine(signer, "110", Seal.of(headers), body, NOW, 300)
    else:
        text = given.ConsumeUnicode(200)
        with suppress(NotAuthenticated):
            guest_of_pass(text, NOW, VAULT.seal)
        of_guest(text, "guest-0011223344556677")


def _message(given: atheris.FuzzedDataProvider) -> dict[str, Any]:
    """Return a message as 110 or a device might send it, with anything in its fields."""
    matter = {"text": given.ConsumeUnicode(60), given.ConsumeUnicode(8): given.ConsumeUnicode(20)}
    matter["caller_phone"] = given.ConsumeUnicode(20)
    return {
        "message_id": "jj-0001",
        "kind": given.PickValueInList(
            ["transfer", "supplement", "refused", "ping", "help", "test"]
        ),
        "transfer_id": "JJ0001",
        "sent_at": "2026-03-02T09:30:00+08:00",
        "matter": matter,
        given.ConsumeUnicode(8): [{given.ConsumeUnicode(4): given.ConsumeUnicode(12)}],
        "press_id": "a81f",
        "text": given.ConsumeUnicode(60),
        "handled_by": given.ConsumeUnicode(20),
    }


def parsed(body: bytes, headers: dict[str, str]) -> None:
    """Read a body as both channels do; what was read is stored as the intake stores it."""
    raw = Delivery(method="POST", headers=headers, body=body, received_at=NOW)
    known = Delivery(
        method="POST", headers={**headers, "x-device": "7.1"}, body=body, received_at=NOW
    )
    for channel in (POLICE, DEVICES):
        with suppress(NotAuthenticated):
            channel.verify(raw)
        with suppress(Invalid):
            for contact in channel.parse(known):
                kept = storable(contact)
                stored = json.dumps([kept.extra, asdict(kept)], default=str)
                assert "\\u0000" not in stored
                stored.encode()


def main() -> None:
    """Fuzz until told to stop."""
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
