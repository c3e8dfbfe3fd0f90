"""Which files are taken, and how a file's type is told from its bytes. Pure."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Mapping
from types import MappingProxyType

from infra.kit.errors import FieldError, Invalid, TooLarge

NAME_LENGTH = 120
_LONGEST_ENDING = 10

ENDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "image/jpeg": (".jpg", ".jpeg"),
        "image/png": (".png",),
        "image/gif": (".gif",),
        "image/webp": (".webp",),
        "application/pdf": (".pdf",),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
        "video/mp4": (".mp4", ".m4v"),
        "video/quicktime": (".mov",),
        "audio/mpeg": (".mp3",),
        "audio/amr": (".amr",),
    }
)
"""Types that are taken, and how their names may end. None of them can hold a script that a browser would run."""

PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
VIDEOS = frozenset({"video/mp4", "video/quicktime"})

_OFFICE = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_MACROS = re.compile(r"vbaProject\.bin$", re.IGNORECASE)
_NOT_IN_A_NAME = re.compile(r'[\\/:*?"<>|]')


def type_of(content: bytes) -> str | None:
    """Return the media type that the bytes themselves show; None for one that is not taken.

    What the sender calls it is not asked. Office files with macros are not taken.
    """
    head = content[:16]
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if head[4:8] == b"ftyp":
        return _of_brand(head[8:12])
    if head.startswith((b"#!AMR\n", b"#!AMR-WB\n")):
        return "audio/amr"
    # Frames of layer 3 begin with eleven set bits; a tag may stand before them.
    if head.startswith((b"ID3", b"\xff\xfa", b"\xff\xfb", b"\xff\xf2", b"\xff\xf3")):
        return "audio/mpeg"
    return _office(content) if head.startswith(b"PK\x03\x04") else None


def _of_brand(brand: bytes) -> str | None:
    """Return the type of an ISO base media file (ISO/IEC 14496-12) by its major brand."""
    if brand == b"qt  ":
        return "video/quicktime"
    # Pictures and sound in the same box: HEIF and AVIF (ISO/IEC 23008-12), M4A.
    other = brand[:3] in (b"hei", b"hev", b"avi", b"M4A") or brand in (b"mif1", b"msf1")
    return None if other else "video/mp4"


def named(name: str, kind: str) -> str:
    """Return the name of a file with an ending of its type: providers send files without, or with any."""
    clean = clean_name(name) if name else kind.partition("/")[0]
    if clean.lower().endswith(ENDINGS[kind]):
        return clean
    stem, dot, ending = clean.rpartition(".")
    known = dot and stem and len(ending) <= _LONGEST_ENDING
    return clean_name(f"{stem if known else clean}{ENDINGS[kind][0]}")


def check(name: str, content: bytes, *, limit: int) -> str:
    """Return the media type of a file that may be taken.

    Args:
        name: What the sender calls it.
        content: Its bytes.
        limit: The most bytes that are taken.

    Raises:
        TooLarge: It is larger.
        Invalid: It is empty, of a type that is not taken, or called by the ending of another.
    """
    if len(content) > limit:
        raise too_large(limit)
    if not content:
        raise _refused("文件是空的，请重新选择", "The file is empty, choose another")
    kind = type_of(content)
    if kind is None or not name.lower().endswith(ENDINGS[kind]):
        endings = "、".join(ending[1:] for endings in ENDINGS.values() for ending in endings)
        raise _refused(
            f"不支持此类文件，请上传 {endings}",
            f"Not a kind of file that is taken; send one of: {endings.replace('、', ', ')}",
        )
    return kind


def too_large(limit: int) -> TooLarge:
    """Return the error of a file with more bytes than are taken."""
    megabytes = limit // 1024 // 1024
    return TooLarge(
        f"a file may have {megabytes} MB at most", f"文件不能超过 {megabytes} MB，请压缩后重试"
    )


def clean_name(name: str) -> str:
    """Return a name that every system can keep a file under; its ending stays."""
    plain = "".join(sign for sign in name if unicodedata.category(sign)[0] != "C")
    plain = _NOT_IN_A_NAME.sub("_", plain).strip(" .")
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending) > _LONGEST_ENDING:
        return plain[:NAME_LENGTH] or "file"
    return f"{stem[: NAME_LENGTH - len(ending) - 1] or 'file'}.{ending}"


def _office(content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    if any(_MACROS.search(name) for name in names):
        return None
    return next((kind for part, kind in _OFFICE.items() if part in names), None)


def _refused(zh: str, en: str) -> Invalid:
    return Invalid(en, zh, fields=[FieldError(pointer="/file", message_zh=zh, message_en=en)])
