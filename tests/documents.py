"""Reads back what documents say, from their bytes."""

from __future__ import annotations

import base64
import io
import re
import zipfile
import zlib


def text_of(content: bytes) -> str:
    """Everything that a .docx says, headers and footers too, without the blanks."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [
            archive.read(name).decode()
            for name in archive.namelist()
            if name.endswith(".xml") and "styles" not in name
        ]
    texts = re.findall(r"<w:t(?: [^>]*)?>([^<]*)</w:t>", "".join(parts))
    return "".join(texts).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def pages_of(content: bytes) -> list[str]:
    """The text of each page of a PDF whose font is not embedded, without blanks.

    Its strings are UTF-16 then; those of an embedded font are numbers of glyphs.
    """
    pages = []
    for stream in re.findall(rb"stream\n(.*?)endstream", content, re.DOTALL):
        drawn = zlib.decompress(base64.a85decode(b"<~" + stream.strip(), adobe=True))
        if b" Tj" in drawn:
            strings = re.findall(rb"\(((?:[^\\()]|\\.)*)\) Tj", drawn, re.DOTALL)
            text = b"".join(map(_unescaped, strings)).decode("utf-16-be")
            pages.append(re.sub(r"\s", "", text))
    return pages


def _unescaped(string: bytes) -> bytes:
    return re.sub(
        rb"\\(\d{3}|.)",
        lambda found: (
            bytes([int(found[1], 8)])
            if len(found[1]) == 3
            else {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}.get(
                found[1], found[1]
            )
        ),
        string,
        flags=re.DOTALL,
    )
