"""What a paper must not say: who the citizen is, and what breaks a document. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from crm_bridge.supervision.letter import HIDDEN

_LONG_NUMBER = re.compile(r"(?<![\d-])\d[\d\- ]{5,}[\dXx](?![\d-])")
_TICKET_NUMBER = re.compile(r"\d{8}-\d{6}")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
# From the entrance on an address tells who lives there: 2单元, 3层, 12楼, 402室; the building, 5号楼, stays.
_DOOR = re.compile(r"[\dA-Za-z一二三四五六七八九十]+(?:单元|层|楼|室|户|房(?!产)).*$")
_LONE_ROOM = re.compile(r"(?<=[栋幢座楼号])[\s\-#]*\d{1,4}(?:[\-#]\d{1,4})*号?$")
_RUN = 4
_NUMBER_MARK = "〔号码略〕"
_CITIZEN = "诉求人"
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def plain(text: str) -> str:
    """Return a text of one line that a document can hold.

    Control characters, marks that turn the direction of writing, lone surrogates and code points that XML does not know
    are taken out; new lines and tabs become blanks.
    """
    seen = (sign for sign in text if sign.isspace() or unicodedata.category(sign) not in _UNSEEN)
    return " ".join("".join(seen).split())


def turns_writing(text: str) -> bool:
    """Return whether a text has marks that turn the direction of writing: it would say something else than it holds."""
    return any(sign in _TURNING for sign in text)


def discreet(text: str, names: Collection[str]) -> str:
    """Return a text of one line without the citizen: no name, no telephone or identity number, no mail address.

    Numbers of tickets stay.

    Args:
        text: What an agent or dispatcher wrote.
        names: The citizen's names, as far as they are known.
    """
    said = plain(text)
    for name in sorted(names, key=len, reverse=True):
        if len(name) > 1:
            said = said.replace(name, _CITIZEN)
    said = _MAIL.sub(_NUMBER_MARK, said)
    return _LONG_NUMBER.sub(
        lambda found: found[0] if _TICKET_NUMBER.fullmatch(found[0]) else _NUMBER_MARK, said
    )


def public_place(address: str, names: Collection[str]) -> str:
    """Return the place of a matter down to the building: the door would tell who lives behind it."""
    place = discreet(address, names)
    place = _DOOR.sub("", place)
    return _LONE_ROOM.sub("", place).strip(" ，,、-")


def door_of(address: str, names: Collection[str]) -> str:
    """Return the part of an address that `public_place` leaves out; empty where it is too short to tell anything."""
    whole, place = discreet(address, names), public_place(address, names)
    door = whole.removeprefix(place).strip(" ，,、-")
    return door if whole.startswith(place) and len(door) > 2 else ""


def silenced(text: str, secrets: Collection[str]) -> str:
    """Return a text in which whatever it has in common with a hidden matter is replaced.

    In common are four signs in a row that are not all digits, or a shorter secret as a whole.

    Args:
        text: What somebody wrote about a ticket that hides its citizen.
        secrets: The ticket's title, place and text, and whatever else must not appear.
    """
    said = plain(text)
    covered = [False] * len(said)
    for secret in map(plain, secrets):
        size = min(len(secret), _RUN)
        if size < 2:
            continue
        runs = {secret[at : at + size] for at in range(len(secret) - size + 1)}
        for at in range(len(said) - size + 1):
            run = said[at : at + size]
            if run in runs and not run.isdecimal():
                covered[at : at + size] = [True] * size
    shown = "".join("\0" if hidden else sign for sign, hidden in zip(said, covered, strict=True))
    return re.sub("\0+", f"（{HIDDEN}）", shown)
