"""How Chinese text is made findable: overlapping pairs of characters, the same for what is kept and what is asked.

Most Chinese words have two characters, and nothing stands between them. A text is therefore cut into every two
neighbouring characters (停水三天 → 停水 水三 三天); a word is in it only if all its pairs are. What is found by pairs
is then looked at once more, so that pairs from different places do not pass for a word.

Pure: no I/O.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from operator import add

from crm_bridge.tickets.vocabulary import TicketType, Urgency

MOST_TERMS = 40
"""So many pairs of a long question are looked up; the rest is seen to when the texts are looked at."""

BLOCK = 16_384
"""Tickets are numbered in blocks of this many, so that an index without an order can be asked for the newest first."""

_NUMBER = re.compile(r"([0-9]{8})-?([0-9]{6})")
_BLANK_BESIDE_CHINESE = re.compile(r"(?<=[^\x00-\x7f]) | (?=[^\x00-\x7f])")
_NEITHER_LETTER_NOR_DIGIT = re.compile(r"[\W_]+")
_SERIAL = re.compile(r"[0-9]{1,6}")


def normal(text: str) -> str:
    """Return a text as it is compared: full-width signs as ordinary ones, no capitals, one blank for all else."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NEITHER_LETTER_NOR_DIGIT.sub(" ", folded).strip()


def written(text: str) -> str:
    """Return a text of a ticket in normal form; blanks beside a Chinese character mean nothing (滨江路 18 号)."""
    words = unicodedata.normalize("NFKC", text).split()
    folded = " ".join(words)
    return normal(_BLANK_BESIDE_CHINESE.sub("", folded) if len(words) > 1 else folded)


def pairs(text: str) -> Iterator[str]:
    """Yield every two neighbouring characters of a normal text."""
    for run in text.split():
        yield from map(add, run, run[1:])


def block_term(ticket_id: int) -> str:
    """Return the term of the block of tickets that this one belongs to."""
    return f"block{ticket_id // BLOCK}"


def type_term(kind: TicketType) -> str:
    """Return the term of a ticket's type."""
    return f"type{kind.value}"


def category_term(code: str) -> str:
    """Return the term of a category; one whose code has other signs than letters and digits is written in hex."""
    return f"category{code}" if code.isalnum() else f"category{code.encode().hex()}"


def urgency_term(urgency: Urgency) -> str:
    """Return the term of a ticket's urgency."""
    return f"urgency{urgency.value}"


def serial_term(serial: int) -> str:
    """Return the term of the last six digits of a ticket's number."""
    return f"serial{serial:06d}"


def index_terms(title: str, text: str, address: str, number: str) -> str:
    """Return what a ticket's words are found by: each term once, blanks between.

    Pairs have two characters; terms of three and more are what we know of the ticket besides, and no text can be
    mistaken for them.
    """
    found = dict.fromkeys(
        pair for field in (title, text, address) for pair in pairs(written(field))
    )
    serial = number.rpartition("-")[2]
    if _SERIAL.fullmatch(serial):
        found[serial_term(int(serial))] = None
    return " ".join(found)


def ticket_terms(
    ticket_id: int,
    *,
    title: str,
    text: str,
    address: str,
    number: str,
    type: TicketType,  # the ticket's own word
    category: str,
    urgency: Urgency,
) -> str:
    """Return all the terms of a ticket: its words, and what lists are narrowed by."""
    return " ".join(
        (
            index_terms(title, text, address, number),
            type_term(type),
            category_term(category),
            urgency_term(urgency),
            block_term(ticket_id),
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody typed.

    Attributes:
        parts: The words between blanks, in normal form; all must be there.
        number: The ticket's number, if that is what was typed.
        serial: The last digits of one, if it may be that.
    """

    parts: tuple[str, ...]
    number: str | None = None
    serial: int | None = None

    @property
    def terms(self) -> tuple[str, ...]:
        """The pairs to look up; empty when there is nothing long enough."""
        found = dict.fromkeys(pair for part in self.parts for pair in pairs(part))
        return tuple(found)[:MOST_TERMS]

    def fits(self, title: str, text: str, address: str, number: str) -> bool:
        """Return whether every word stands in title, text or address as it was typed, or the number ends so."""
        if self.serial is not None and number.endswith(f"-{self.serial:06d}"):
            return True
        whole = [written(field) for field in (title, text, address)]
        return all(any(part in field for field in whole) for part in self.parts)


def wanted(question: str) -> Wanted | None:
    """Return what a question asks for; None if it holds neither a number nor two letters that belong together."""
    plain = normal(question)
    number = _NUMBER.fullmatch(plain.replace(" ", ""))
    if number is not None and len(plain.split()) <= 2:
        return Wanted(parts=(plain,), number=f"{number[1]}-{number[2]}")
    serial = int(plain) if _SERIAL.fullmatch(plain) else None
    found = Wanted(parts=tuple(plain.split()), serial=serial or None)
    return found if found.terms or found.serial is not None else None
