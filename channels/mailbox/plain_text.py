"""What a person reads of a mail: HTML made plain, and the mail that is quoted below told from what is new. Pure.

The standard library's HTML parser takes quadratic time on some broken input, which a stranger may send; here every
sign is looked at a bounded number of times.
"""

from __future__ import annotations

import html
import re

LONGEST_HTML = 1024 * 1024

_TAG_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]*)")
_HREF = re.compile(r"""href\s*=\s*["']?(https?://[^"'\s>]{1,500})""", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\n\f\xa0]+")
_EMPTY_LINES = re.compile(r"\n{3,}")
_LONG_REFERENCE = re.compile(r"&#[0-9]{100,};?")
_LONGEST_LINE_OF_QUOTE = 400
_WITH_A_LINK = 600
"""Characters at the end of a piece of text in which a link is looked for; one has hardly more than 500."""

_UNREAD = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "object"})
"""Elements whose content nobody is shown."""
_LINES = frozenset({"br", "tr", "li", "dd", "dt", "hr", "option", "pre"})
_BLOCKS = frozenset(
    {"p", "div", "table", "ul", "ol", "dl", "blockquote", "section", "article", "center"}
    | {f"h{level}" for level in range(1, 7)}
)

# How the programs that are common in China begin the mail that they quote, in a line of its own; asked of short lines
# only, one by one, so that no text takes long.
_QUOTE = re.compile(
    r"""(?:
        [-_\s]{2,40}(?:原始邮件|原始信件|回复的原邮件|转发的邮件|转发邮件信息|邮件原件
            |Original\ Message|Original|Forwarded\ message|Begin\ forwarded\ message)[-_\s:：]{2,40}
      | (?:在|于)?\s?\d{4}\s?[-/年]\s?\d{1,2}\s?[-/月]\s?\d{1,2}\s?日?.{0,160}(?:写道|寫道)\s?[:：]
      | 在.{1,200}(?:写道|寫道)\s?[:：]
      | (?:On|At|Le|Am)\s.{4,240}\s(?:wrote|schrieb|écrit)\s?:
      | >?\s?发件人\s?[:：].{1,200}
      | >?\s?From:\s.{1,200}@.{1,200}
      | _{20,80}
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_QUOTED_LINE = re.compile(r"^[>＞]")


def of_html(source: str) -> str:
    """Return what a person reads of a page: its text in lines, with the addresses of links in brackets."""
    source = source[:LONGEST_HTML]
    small = source.lower() if source.isascii() else _lowered(source)
    out: list[str] = []
    link = ""
    place = 0
    while place < len(source):
        start = source.find("<", place)
        if start < 0:
            _add_text(out, source[place:])
            break
        _add_text(out, source[place:start])
        name, place = _tag(source, small, start, out)
        if name == "a":
            found = _HREF.search(source, start, place)
            link = found[1] if found else ""
        elif name == "/a":
            if link and link not in "".join(piece[-_WITH_A_LINK:] for piece in out[-4:]):
                out.append(f"（{link}）")
            link = ""
    return tidy("".join(out))


def tidy(text: str) -> str:
    """Return a text without blanks at the ends of lines, and with one empty line at most between two others."""
    lines = (line.rstrip(" \t\xa0\u3000") for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


def without_quotes(text: str) -> str:
    """Return what is new in a reply: the mail that it quotes below is left out; all of it if nothing else is left."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        # Some programs break the line in which they say who wrote.
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if _begins_quote(line) or _begins_quote(f"{line} {following}"):
            lines = lines[:number]
            break
    while lines and (not lines[-1].strip() or _QUOTED_LINE.match(lines[-1])):
        lines.pop()
    return "\n".join(lines).strip() or text.strip()


def _begins_quote(line: str) -> bool:
    return len(line) <= _LONGEST_LINE_OF_QUOTE and _QUOTE.fullmatch(line.strip()) is not None


def _lowered(source: str) -> str:
    # `str.lower` changes the length of some letters, and places in both texts must be the same.
    return source.translate({code: code + 32 for code in range(ord("A"), ord("Z") + 1)})


def _add_text(out: list[str], text: str) -> None:
    if not text:
        return
    # The standard library raises for a number that long; there is no such sign.
    plain = _BLANKS.sub(" ", html.unescape(_LONG_REFERENCE.sub("\ufffd", text)))
    if plain == " " and (not out or out[-1].endswith(("\n", " "))):
        return
    out.append(plain.lstrip(" ") if out and out[-1].endswith("\n") else plain)


def _tag(source: str, small: str, start: int, out: list[str]) -> tuple[str, int]:
    """Return the name of the tag at `start` (empty for none) and where to read on; breaks lines where it does."""
    if source.startswith("<!--", start):
        return "", _behind(source, "-->", start + 4)
    named = _TAG_NAME.match(source, start + 1)
    if named is None:
        if source.startswith(("<!", "<?"), start):
            return "", _behind(source, ">", start)
        out.append("<")
        return "", start + 1
    end = _behind(source, ">", start)
    name = named[1].lower()
    closing = source[start + 1] == "/"
    if name in _UNREAD and not closing:
        if source[end - 2 : end] == "/>":
            return name, end
        return name, _behind(small, ">", _behind(small, f"</{name}", end))
    if name in _LINES and not closing:
        out.append("\n")
    elif name in _BLOCKS:
        out.append("\n" if out and not out[-1].endswith("\n") else "")
    elif name in ("td", "th") and closing:
        out.append(" ")
    return f"/{name}" if closing else name, end


def _behind(source: str, end: str, start: int) -> int:
    """Return the place behind the next `end`; the end of everything when there is none, so that nobody looks again."""
    found = source.find(end, start)
    return len(source) if found < 0 else found + len(end)
