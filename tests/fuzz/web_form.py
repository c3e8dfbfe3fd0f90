"""Fuzzes what strangers can send to the web form and the pages: `python -m tests.fuzz.web_form -max_total_time=600`.

Whatever the bytes are, they are read or refused: nothing else may be raised, and what was read can be stored.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime

import atheris  # type: ignore[import-untyped]  # ships no types

with atheris.instrument_imports(include=["channels", "crm_bridge.citizen_pages"]):
    from channels.contacts.storable import storable
    from channels.web_form.rules import contact_of, require_signature
    from channels.web_form.site import form_of
    from crm_bridge.citizen_pages.rules import (
        PassRefused,
        ProofRefused,
        Purpose,
        fits_query_code,
        require_work,
        shows_phone,
        ticket_of_pass,
    )
    from infra.kit.errors import Invalid, NotAuthenticated
    from infra.kit.vault import Vault
    from telephony.numbers import PhoneNumber

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SEAL = Vault(bytes(range(32))).seal
PHONE = PhoneNumber("13800015121")


def one(data: bytes) -> None:
    """Try one input as a body, as the fields of a form, as a signature, and as what the pages get back."""
    read(data)
    given = atheris.FuzzedDataProvider(data)
    form = {"id": "site-form-20260302-0001", "text": given.ConsumeUnicode(200)}
    form["type"] = given.PickValueInList(["help", "report", ""])
    for name in ("title", "address", "name", "phone", given.ConsumeUnicode(8)):
        if given.ConsumeBool():
            form[name] = given.ConsumeUnicode(60)
    for name in ("latitude", "longitude"):
        if given.ConsumeBool():
            form[name] = given.ConsumeRegularFloat()
    read(json.dumps(form).encode())
    text = given.ConsumeUnicode(300)
    with suppress(NotAuthenticated):
        require_signature(text, data, "a-secret-of-the-site", NOW)
    with suppress(NotAuthenticated):
        require_signature(f"t=1772415000,v1={text}", data, "a-secret-of-the-site", NOW)
    with suppress(ProofRefused):
        require_work(Purpose.report, text, given.ConsumeUnicode(30), NOW, SEAL)
    with suppress(PassRefused):
        ticket_of_pass(text, NOW, SEAL)
    shows_phone(text, PHONE, NOW, SEAL)
    fits_query_code(text, "20260302-000001", SEAL)


def read(body: bytes) -> None:
    """Read a body as a form, and write what was read as it would be stored."""
    with suppress(Invalid):
        contact = storable(contact_of(form_of(body), NOW))
        if contact.message is not None:
            json.dumps(asdict(contact.message) | dict(contact.extra), ensure_ascii=False).encode()


def main() -> None:
    """Run until told otherwise; a crash leaves its input in the working folder."""
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
