"""Finds the Chinese fonts that a PDF embeds.

Official documents are set in 仿宋, 小标宋, 黑体 and 楷体 (GB/T 9704-2012 5.2.2). None of them may be shipped with a
program, so they are looked for on the machine. Without any, a PDF names STSong-Light, which is not embedded: the
reader's program supplies a Song of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from infra.kit.errors import Misconfigured

NOT_EMBEDDED = "STSong-Light"
_MISSING = "〓"
"""What printers set for a sign that they do not have."""

_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "C:/Windows/Fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
)


class Face(StrEnum):
    """What a part of a document is set in; a headline is head or title."""

    body = "body"
    headline = "headline"
    heading = "heading"
    subheading = "subheading"


_SONG = ("uming.ttc", "gbsn00lp.ttf", "simsun.ttc", "NotoSerifSC-Regular.ttf", "wqy-zenhei.ttc")
_FILES: Mapping[Face, Sequence[str]] = MappingProxyType(
    {
        Face.body: ("simfang.ttf", "FangSong_GB2312.ttf", "FangSong.ttf", "STFANGSO.TTF", *_SONG),
        Face.headline: ("FZXBSJW.TTF", "FZXBSJW--GB1-0.ttf", "STZHONGS.TTF"),
        Face.heading: ("simhei.ttf", "STHeiti Medium.ttc", "wqy-zenhei.ttc", "wqy-microhei.ttc"),
        Face.subheading: (
            "simkai.ttf",
            "KaiTi_GB2312.ttf",
            "STKAITI.TTF",
            "gkai00mp.ttf",
            "ukai.ttc",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Type:
    """A font as it is used.

    Attributes:
        name: As it is registered.
        bold: Whether it is drawn bolder than it is, as it stands in for a heavier one.
        embedded: Whether the document contains it.
        file: Name of its file; empty when it is not embedded.
    """

    name: str
    bold: bool
    embedded: bool
    file: str = ""

    def has(self, sign: str) -> bool:
        """Return whether the font has a sign."""
        if not self.embedded:
            return _in_gb1(sign)
        font = pdfmetrics.getFont(self.name)
        return isinstance(font, TTFont) and ord(sign) in font.face.charToGlyph


class Fonts:
    """The fonts of one installation, looked for once.

    Args:
        body: The file that is to be used for the body; None looks for one.
        title: The same for head and title.

    Raises:
        Misconfigured: A file that is named is not a TrueType font.
    """

    def __init__(self, body: Path | None = None, title: Path | None = None) -> None:
        pdfmetrics.registerFont(UnicodeCIDFont(NOT_EMBEDDED))
        self._fallback = Type(NOT_EMBEDDED, bold=False, embedded=False)
        named = {Face.body: body, Face.headline: title}
        installed = {path.name.lower(): path for path in _installed()}
        self.types: dict[Face, Type] = {}
        for face in Face:
            self.types[face] = self._find(face, named.get(face), installed)

    @property
    def embeds(self) -> bool:
        """Whether the body's font is embedded."""
        return self.types[Face.body].embedded

    def runs(self, text: str, face: Face) -> Iterator[tuple[str, Type]]:
        """Yield the parts of a text, each with a font that has its signs; a sign that none has becomes 〓."""
        own, run, of = self.types[face], "", None
        for sign in text:
            found = next((kind for kind in (own, self._fallback) if kind.has(sign)), None)
            if found is None:
                found, sign = (own if own.has(_MISSING) else self._fallback), _MISSING
            if of is not None and found != of:
                yield run, of
                run = ""
            run, of = run + sign, found
        if of is not None:
            yield run, of

    def width(self, text: str, face: Face, size: float) -> float:
        """Return the width of a text, in points."""
        return sum(
            float(pdfmetrics.stringWidth(run, kind.name, size))
            for run, kind in self.runs(text, face)
        )

    def _find(self, face: Face, named: Path | None, installed: Mapping[str, Path]) -> Type:
        if named is not None:
            name = _registered(face, named)
            if name is None:
                setting = "supervision.font" if face is Face.body else "supervision.title_font"
                raise Misconfigured(
                    f"{setting}: {named} is not a TrueType font that can be embedded",
                    f"{setting}：{named} 不是可嵌入的 TrueType 字体文件",
                )
            return Type(name, bold=False, embedded=True, file=named.name)
        for file in _FILES[face]:
            path = installed.get(file.lower())
            name = _registered(face, path) if path is not None else None
            if path is not None and name is not None:
                return Type(name, bold=False, embedded=True, file=path.name)
        if face is Face.body:
            return self._fallback
        body = self.types[Face.body]
        return replace(body, bold=face is not Face.subheading)


def _registered(face: Face, path: Path) -> str | None:
    name = f"lianxin-{face.value}-{path.stem}"
    if name in pdfmetrics.getRegisteredFontNames():
        return name
    try:
        pdfmetrics.registerFont(TTFont(name, str(path)))
    except (TTFError, OSError):
        # PostScript outlines (most .otf files) are not embedded by the library.
        return None
    return name


def _installed() -> Iterable[Path]:
    for folder in _FOLDERS:
        root = Path(folder).expanduser()
        if root.is_dir():
            yield from (path for path in root.rglob("*") if path.suffix.lower() in (".ttf", ".ttc"))


def _in_gb1(sign: str) -> bool:
    try:
        sign.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True
