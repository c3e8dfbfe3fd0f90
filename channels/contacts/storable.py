"""Makes of what a stranger sent something that every database keeps and that can be handed on. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from enum import Enum
from typing import Any, TypeVar

from channels.contacts.rules import Address, Contact, Enclosure, Message

T = TypeVar("T", bound=Address | Enclosure | Message)

DEEPEST = 40
"""How deep what nobody knows may be nested; what lies deeper is cut off."""

_CUT = "…"
# PostgreSQL refuses NUL, and halves of surrogate pairs are no UTF-8; the other controls do mischief in terminals, and
# neither our own forms nor other platforms take them.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def storable(contact: Contact) -> Contact:
    """Return the contact without signs that cannot be kept; each is replaced by U+FFFD, so that nothing runs together.

    A contact without any comes back as it is.
    """
    if _is_plain(contact):
        return contact
    changes: dict[str, Any] = {}
    for field in fields(contact):
        value = getattr(contact, field.name)
        clean = _clean(value)
        if clean is not value:
            changes[field.name] = clean
    return replace(contact, **changes) if changes else contact


def _is_plain(contact: Contact) -> bool:
    """Return whether nothing has to be looked at more closely; nearly all there is passes here, in one search."""
    texts = [contact.channel, contact.external_id, contact.name, contact.thread]
    if contact.message is not None:
        said = contact.message
        texts += (said.text, said.title, said.address, said.type, said.category, said.media)
        if said.latitude is not None:
            return False
    for address in (contact.sender, *contact.aliases):
        if address is not None:
            texts += (address.value, address.scope)
    texts += [one.name + one.media_id for one in contact.enclosures]
    return _UNFIT.search("".join(texts)) is None and _is_fit(contact.extra, DEEPEST)


def _clean(value: Any) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return _text(value)
        case Message() | Address() | Enclosure():
            return _parts(value)
        case tuple():
            cleaned = tuple(_clean(one) for one in value)
            return value if all(a is b for a, b in zip(cleaned, value, strict=True)) else cleaned
        case Mapping():
            return value if _is_fit(value, DEEPEST) else _json(value, DEEPEST)
        case _:
            return value


def _text(text: str) -> str:
    return _UNFIT.sub("\ufffd", text) if _UNFIT.search(text) else text


def _parts(value: T) -> T:
    changes: dict[str, Any] = {
        field.name: clean
        for field in fields(value)
        if (clean := _clean(old := getattr(value, field.name))) is not old
    }
    if isinstance(value, Message) and not (
        _is_number(value.latitude) and _is_number(value.longitude)
    ):
        changes |= {"latitude": None, "longitude": None}
    return replace(value, **changes) if changes else value


def _is_number(degrees: float | None) -> bool:
    return degrees is None or math.isfinite(degrees)


def _is_fit(value: Any, depth: int) -> bool:
    if depth == 0 and isinstance(value, (Mapping, list, tuple)):
        return False
    match value:
        case str():
            return _UNFIT.search(value) is None
        case Mapping():
            return all(
                _is_fit(key, depth) and _is_fit(one, depth - 1) for key, one in value.items()
            )
        case list() | tuple():
            return all(_is_fit(one, depth - 1) for one in value)
        case float():
            return math.isfinite(value)  # the others are no JSON, whatever Python reads
        case _:
            return True


def _json(value: Any, depth: int) -> Any:
    match value:
        case str():
            return _text(value)
        case Mapping() | list() | tuple() if depth == 0:
            return _CUT
        case Mapping():
            return {_text(str(key)): _json(one, depth - 1) for key, one in value.items()}
        case list() | tuple():
            return [_json(one, depth - 1) for one in value]
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value
