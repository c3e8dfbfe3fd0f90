"""Text as Chinese mail encodes it: declared wrongly, not declared, or cut in the middle of a character. Pure.

Whatever the bytes are, there is an answer; nothing here raises for what a stranger sent, and nothing takes more than
linear time. See RFC 2047 (encoded words), GB 18030 (of which GB 2312 and GBK are parts).
"""

from __future__ import annotations

import binascii
import codecs
import re
from itertools import groupby

_UNSHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")
_WORD = re.compile(r"=\?([A-Za-z0-9_.:*+-]{1,40})\?([BbQq])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t\r\n]+(?==\?[A-Za-z0-9_.:*+-]{1,40}\?[BbQq]\?)")
_NOT_BASE64 = bytes(
    code
    for code in range(256)
    if not (chr(code).isascii() and chr(code).isalnum()) and code not in b"+/"
)
_HANZI = re.compile("[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]")

_FEW = 50

_CHINESE = frozenset(
    {
        "gb2312",
        "gb_2312-80",
        "gbk",
        "x-gbk",
        "cp936",
        "ms936",
        "windows-936",
        "csgb2312",
        "chinese",
        "euc-cn",
        "euc_cn",
        "gb18030",
        "gb-18030",
        "gb_18030",
    }
)
_ALIASES = {"unicode-1-1-utf-7": "utf-7", "hz-gb-2312": "hz", "big5": "big5hkscs"}

# The codecs that are taken. Others decode in more than linear time (punycode), or are no encodings of text at all.
_TAKEN = frozenset(
    {
        "big5hkscs",
        "cp949",
        "cp950",
        "euc_jp",
        "euc_kr",
        "gb18030",
        "hz",
        "iso2022_jp",
        "iso2022_kr",
        "koi8-r",
        "koi8-u",
        "shift_jis",
        "utf-16",
        "utf-16-be",
        "utf-16-le",
        "utf-7",
        "utf-8",
        *(f"cp{number}" for number in range(1250, 1259)),
    }
)
# What is declared by whoever does not know: it fits every byte, so it proves nothing.
_MEANINGLESS = re.compile(r"ascii|iso8859-\d+|cp1252|")


def decode(content: bytes, charset: str = "") -> str:
    """Return the text of some bytes.

    Args:
        content: As they came.
        charset: What they were declared as; a declaration that does not fit is not believed.
    """
    codec = _codec(charset)
    if _MEANINGLESS.fullmatch(codec) or (codec == "gb18030" and _is_unicode(content)):
        return clean(_guessed(content, codec))
    text = content.decode(codec, "replace")
    broken = text.count("\ufffd")
    # A text that was cut off has a broken sign at its end; a wrong declaration breaks many.
    if broken > 1 + len(text) // _FEW:
        text = _guessed(content, codec)
    return clean(text)


def decode_header(raw: bytes) -> str:
    """Return the text of a header's value: unfolded, its encoded words decoded, raw Chinese understood."""
    return decode_words(decode(raw.replace(b"\r", b"").replace(b"\n", b"")))


def decode_words(text: str) -> str:
    """Return a text with its encoded words decoded; what only looks like one stays as it is.

    A character may be cut in two between neighbouring words, as many programs do although RFC 2047 forbids it.
    """
    pieces: list[tuple[str, bytes | str]] = []
    last = 0
    joined = _BETWEEN_WORDS.sub(r"\1", text)
    for found in _WORD.finditer(joined):
        if found.start() > last:
            pieces.append(("", joined[last : found.start()]))
        charset = found[1].partition("*")[0].lower()  # RFC 2231 lets a language follow
        pieces.append((charset, _word(found[2], found[3])))
        last = found.end()
    if not pieces:
        return joined
    pieces.append(("", joined[last:]))
    return clean(
        "".join(_joined(charset, [part for _, part in parts]) for charset, parts in _runs(pieces))
    )


def clean(text: str) -> str:
    """Return a text without control characters, which no screen shows and PostgreSQL does not keep."""
    return _UNSHOWN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _runs(
    pieces: list[tuple[str, bytes | str]],
) -> list[tuple[str, list[tuple[str, bytes | str]]]]:
    return [(charset, list(parts)) for charset, parts in groupby(pieces, lambda piece: piece[0])]


def _joined(charset: str, parts: list[bytes | str]) -> str:
    if charset:
        return decode(b"".join(part for part in parts if isinstance(part, bytes)), charset)
    return "".join(part for part in parts if isinstance(part, str))


def _word(encoding: str, content: str) -> bytes:
    raw = content.encode("utf-8", "surrogateescape")
    if encoding in "Qq":
        return binascii.a2b_qp(raw, header=True)
    return from_base64(raw)


def from_base64(raw: bytes) -> bytes:
    """Return what was encoded, as far as it can be had: strange signs and missing padding are passed over."""
    signs = raw.translate(None, _NOT_BASE64)
    if len(signs) % 4 == 1:
        signs = signs[:-1]
    return binascii.a2b_base64(signs + b"=" * (-len(signs) % 4))


def _codec(charset: str) -> str:
    name = charset.strip().strip("\"'").lower()
    if name in _CHINESE:
        return "gb18030"
    try:
        codec = codecs.lookup(_ALIASES.get(name, name)).name
    except (LookupError, ValueError):
        return ""
    return codec if codec in _TAKEN or _MEANINGLESS.fullmatch(codec) else ""


def _guessed(content: bytes, codec: str) -> str:
    """Return the most likely text of bytes whose encoding nobody has told."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    chinese = content.decode("gb18030", "replace")
    if _MEANINGLESS.fullmatch(codec) and codec not in ("", "ascii") and not _is_chinese(chinese):
        return content.decode(codec, "replace")
    unicode = content.decode("utf-8", "replace")
    return min(chinese, unicode, key=lambda text: text.count("\ufffd"))


def _is_unicode(content: bytes) -> bool:
    """Return whether it is Chinese in UTF-8. That mostly passes for GBK too, while GBK hardly ever does for it."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(_HANZI.findall(text)) > 1 and _is_chinese(text)


def _is_chinese(text: str) -> bool:
    foreign = sum(1 for sign in text if sign > "\x7f")
    return len(_HANZI.findall(text)) * 10 >= foreign * 9
