"""Reads a mail: what its parts say, and what its headers tell; whatever the bytes are, it is read. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from channels.attachments.rules import ENDINGS, clean_name, type_of
from channels.mailbox import winmail
from channels.mailbox.encodings import decode, decode_words
from channels.mailbox.mime import Headers, Part, split
from channels.mailbox.plain_text import of_html, tidy, without_quotes
from channels.mailbox.reports import bounces_in
from channels.mailbox.rules import FetchedMail, File, Mail, identity_of, message_ids

MOST_FILES = 20
_SMALLEST_PICTURE = 1024  # what is smaller is a spacer or counts who reads
_LONGEST_ATTACHED_TEXT = 5_000
_SAME_ON_EVERY_WAY = 64 * 1024

_ADDRESS = r"([^\s@<>()\[\],;:\\\"]{1,64}@[^\s@<>()\[\],;:\\\"]{1,190})"
_NAMED = re.compile(rf'("(?:[^"\\]|\\.){{0,400}}" ?|[^<"]{{0,400}})< ?{_ADDRESS} ?>')
_BARE = re.compile(_ADDRESS)
_NOBODY = re.compile(r"(?:no|do-?not)[-_.]?reply", re.IGNORECASE)
_SIGNATURES = frozenset(
    {
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-signature",
        "application/pgp-encrypted",
    }
)
_SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_NOT_TO_READ = frozenset({"text/calendar", "text/rfc822-headers", "text/vcard", "text/x-vcard"})
_SIGNS = (
    "auto-submitted",
    "content-type",
    "list-id",
    "precedence",
    "return-path",
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-auto-reply-from",
)
_UNDERSTOOD = frozenset(
    {
        *_SIGNS,
        "authentication-results",
        "content-disposition",
        "content-transfer-encoding",
        "from",
        "in-reply-to",
        "message-id",
        "mime-version",
        "references",
        "reply-to",
        "subject",
    }
)
# What servers put in for each other on the way; some of it tells where somebody was.
_OF_THE_WAY = re.compile(
    r"(?:x-)?(?:received(?:-.*)?|arc-.*|(?:.*-)?dkim-.*|domainkey-.*|authentication-.*|delivered-to|envelope-.*"
    r"|(?:.*-)?(?:client|originating|sender)-ip)"
)


@dataclass(slots=True)
class _Read:
    """What has been read so far."""

    texts: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(raw: FetchedMail, authserv: str = "") -> Mail:
    """Return a mail.

    Args:
        raw: As it was fetched.
        authserv: What the city's own mail server calls itself in `Authentication-Results` (RFC 8601); empty: nobody is
            believed about whether the sender is genuine.
    """
    complete = len(raw.content) >= raw.size
    headers, parts, all_parts = split(raw.content, complete=complete)
    message_id = next(iter(message_ids(headers.get("message-id"))), "")
    answered = message_ids(headers.get("in-reply-to"))
    references = message_ids(headers.get("references"))
    name, sender = sender_of(headers)
    got = _read(parts)
    if not complete or not all_parts:
        got.notes.append("（邮件过大，仅接收了前一部分，完整内容请查看邮箱）")
    text = "\n\n".join(filter(None, (*got.texts, *got.notes)))
    if references or answered:
        text = without_quotes(text)
    return Mail(
        identity=identity_of(message_id, _said(raw.content, headers)),
        message_id=message_id,
        references=tuple(dict.fromkeys((*references, *answered))),
        sender=sender,
        name=name,
        subject=" ".join(headers.get("subject").split()),
        text=tidy(text),
        files=tuple(got.files),
        signs={sign: headers.get(sign) for sign in _SIGNS if sign in headers},
        genuine=_is_genuine(headers, authserv),
        extra=_extra(headers),
        report=bounces_in(headers, parts),
    )


def sender_of(headers: Headers) -> tuple[str, str]:
    """Return the name and the address, in lower case, of the one who is to be answered; empty when not to be told.

    That is who the mail is from. Only for a mail from nobody (`noreply@`) it is the one to whom it asks to reply:
    anybody can ask for replies to somebody else.
    """
    name, sender = _address(headers.raw("from"))
    if not sender or _NOBODY.match(sender):
        other_name, other = _address(headers.raw("reply-to"))
        if other:
            return other_name or name, other
    return name, sender


def _address(raw: bytes) -> tuple[str, str]:
    # The address is looked for before words are decoded: what is in them is a name, whatever it looks like.
    # Runs of blanks are one, and no two pieces of the pattern may match it: time would grow with the run's cube.
    text = " ".join(decode(raw).split())[:2000]
    found = _NAMED.match(text)
    if found:
        name = decode_words(found[1].strip().strip('"').replace('\\"', '"'))
        return " ".join(name.split()), found[2].lower()
    bare = _BARE.search(text)
    return "", bare[1].lower() if bare else ""


def _read(parts: Sequence[Part]) -> _Read:
    got = _Read()
    for within, of_one in groupby(parts, lambda part: part.within):
        if within is not None:
            got.texts.append(f"〔转发的邮件：{' '.join(within.get('subject').split())[:100]}〕")
        for group, alike in groupby(of_one, lambda part: part.alternatives):
            _read_group(list(alike), got, one_of_them=bool(group))
    return got


def _read_group(parts: Sequence[Part], got: _Read, *, one_of_them: bool) -> None:
    plain = [part for part in parts if _is_text(part) and part.type != "text/html"]
    pages = [part for part in parts if _is_text(part) and part.type == "text/html"]
    texts = [tidy(part.text) for part in plain]
    if not one_of_them or not any(texts):
        texts += [of_html(part.text) for part in pages]
    got.texts += filter(None, texts)
    for part in parts:
        if not _is_text(part):
            _read_file(part, got)


def _is_text(part: Part) -> bool:
    if part.is_attached or part.type in _NOT_TO_READ:
        return False
    return part.type.startswith(("text/", "multipart/"))


def _read_file(part: Part, got: _Read) -> None:
    kind, name = part.type, part.name
    if kind in _SIGNATURES or kind in _NOT_TO_READ or kind.startswith("message/"):
        return
    if kind in winmail.TYPES or name.lower() == "winmail.dat":
        _unwrap(part.body, got)
    elif kind in _SEALED and part.parameter("smime-type") != "signed-data":
        got.notes.append("（邮件已加密，系统无法读取，请查看邮箱原件）")
    elif kind.startswith("text/"):
        text = of_html(part.text) if kind == "text/html" else tidy(part.text)
        got.texts.append(f"〔附件 {clean_name(name)}〕\n{text[:_LONGEST_ATTACHED_TEXT]}")
    elif not part.whole:
        got.notes.append(f"（附件 {clean_name(name)} 未完整接收，请查看邮箱原件）")
    else:
        content = part.body
        spacer = kind.startswith("image/") and len(content) < _SMALLEST_PICTURE
        if content and not (spacer and "content-id" in part.headers):
            _add_file(name, content, got)


def _unwrap(content: bytes, got: _Read) -> None:
    wrapped = winmail.unwrap(content)
    if wrapped is None:
        return
    if not got.texts:
        got.texts += filter(None, [tidy(wrapped.text) or of_html(wrapped.html)])
    for name, inner in wrapped.files:
        _add_file(name, inner, got)


def _add_file(name: str, content: bytes, got: _Read) -> None:
    if len(got.files) >= MOST_FILES:
        note = f"（附件超过 {MOST_FILES} 个，其余请查看邮箱原件）"
        if note not in got.notes:
            got.notes.append(note)
        return
    kind = type_of(content)
    name = clean_name(name) if name else f"附件{len(got.files) + 1}"
    # Telephones name pictures as they like; a name that does not fit its content would be refused.
    if kind is not None and not name.lower().endswith(ENDINGS[kind]):
        name = clean_name(f"{name}{ENDINGS[kind][0]}")
    got.files.append(File(name=name, content=content))


def _said(content: bytes, headers: Headers) -> bytes:
    body = content.replace(b"\r\n", b"\n").partition(b"\n\n")[2][:_SAME_ON_EVERY_WAY]
    written = [b" ".join(headers.raw(name).split()) for name in ("from", "date", "subject")]
    return b"\n".join((*written, body.rstrip()))


def _is_genuine(headers: Headers, authserv: str) -> bool:
    if not authserv:
        return True
    for result in headers.all("authentication-results"):
        server, _, methods = result.partition(";")
        if server.split(" ")[0].strip().lower() == authserv.lower():
            return re.search(r"\bdmarc\s*=\s*fail\b", methods.lower()) is None
    return True


def _extra(headers: Headers) -> dict[str, object]:
    kept: dict[str, str | list[str]] = {}
    for name in dict.fromkeys(headers):
        if name not in _UNDERSTOOD and not _OF_THE_WAY.fullmatch(name):
            values = headers.all(name)
            kept[name] = values if len(values) > 1 else values[0]
    return {"headers": kept} if kept else {}
