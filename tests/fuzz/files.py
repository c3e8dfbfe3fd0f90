"""Fuzzes what strangers can send as files: `python -m tests.fuzz.files -max_total_time=600`.

Whatever the bytes are, a file is taken or refused: nothing else may be raised, and a picture is drawn anew or refused.
"""

from __future__ import annotations

import io
import sys
from contextlib import suppress

import atheris  # type: ignore[import-untyped]  # ships no types
from PIL import Image

with atheris.instrument_imports(include=["channels", "PIL"]):
    from channels.attachments.pictures import redrawn
    from channels.attachments.rules import ENDINGS, PICTURES, check, clean_name, named, type_of
    from infra.kit.errors import Invalid, TooLarge

LIMIT = 1024 * 1024
HEADS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RIFF\x10\0\0\0WEBP",
    b"PK\x03\x04",
    b"",
)


def _seeds() -> tuple[bytes, ...]:
    made = []
    for form in ("JPEG", "PNG", "GIF", "WEBP"):
        out = io.BytesIO()
        Image.new("RGB", (9, 7), "teal").save(out, form)
        made.append(out.getvalue())
    return tuple(made)


SEEDS = _seeds()


def one(data: bytes) -> None:
    """Try one input: raw, behind the head of a known type, and as a change of a real picture."""
    provider = atheris.FuzzedDataProvider(data)
    name = provider.ConsumeUnicode(20)
    way = provider.ConsumeIntInRange(0, 2)
    if way == 0:
        content = provider.PickValueInList(list(HEADS)) + provider.ConsumeBytes(4096)
    elif way == 1:
        content = provider.ConsumeBytes(4096)
    else:
        changed = bytearray(provider.PickValueInList(list(SEEDS)))
        for _ in range(provider.ConsumeIntInRange(0, 12)):
            changed[provider.ConsumeIntInRange(0, len(changed) - 1)] = provider.ConsumeInt(1) & 0xFF
        content = bytes(changed)
    clean_name(name).encode()
    kind = type_of(content)
    if kind is None:
        return
    called = named(name, kind)
    assert called.lower().endswith(ENDINGS[kind]), called
    with suppress(Invalid, TooLarge):
        assert check(called, content, limit=LIMIT) == kind
        if kind in PICTURES:
            drawn = redrawn(kind, content)
            assert type_of(drawn) == kind


def main() -> None:
    """Run until told otherwise; a crash leaves its input in the working folder."""
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
