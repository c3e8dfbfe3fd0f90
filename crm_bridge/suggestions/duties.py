"""What the responsibility catalogue says to a text: whose keywords are in it, and what takes a matter away. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from crm_bridge.catalogue.rules import Exemption, Matter
from crm_bridge.suggestions.rules import AREA, Question

_SAME_CATEGORY = 1.5
_TAKEN_AWAY = 0.3
_CATEGORY_ALONE = 0.6
_LONG_ENOUGH = 4
_HEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What speaks in the catalogue for one unit, or for the subdistrict of the place.

    Attributes:
        strength: How much; about 1 for one word of two signs that only this unit has.
        matter: The row.
        words: Its keywords, or the exemption's, that are in the text; none when only the category is the row's.
        taken: Whether an exemption of the row made it this unit's.
    """

    strength: float
    matter: Matter
    words: tuple[str, ...]
    taken: bool = False


class Duties:
    """The catalogue, made ready to be asked.

    Args:
        matters: Its rows.
        areas: Codes of the units that are subdistricts: their rows speak for the subdistrict of the place.
    """

    def __init__(self, matters: Sequence[Matter], areas: Collection[str]) -> None:
        self._areas = areas
        rows: dict[tuple[str, str, tuple[str, ...]], Matter] = {}
        for matter in matters:
            # The same row for every subdistrict is one row here.
            rows.setdefault(
                (self._who(matter.unit), _bare(matter.name_zh), matter.keywords), matter
            )
        self._matters = list(rows.values())
        self._by_word: dict[str, list[int]] = {}
        for number, matter in enumerate(self._matters):
            for keyword in {_plain(keyword) for keyword in matter.keywords}:
                if keyword:
                    self._by_word.setdefault(keyword, []).append(number)
        self._short = [word for word in self._by_word if len(word) < _HEAD]
        self._by_head: dict[str, list[str]] = {}
        for word in self._by_word:
            if len(word) >= _HEAD:
                self._by_head.setdefault(word[:_HEAD], []).append(word)
        self._worth = {
            word: min(len(word), _LONG_ENOUGH)
            / 2
            / len({self._who(self._matters[number].unit) for number in numbers})
            for word, numbers in self._by_word.items()
        }

    def matters(self, title: str, text: str) -> frozenset[str]:
        """Return the codes of the matters that have a keyword in a text."""
        said = _plain(f"{title}\n{text}")
        return frozenset(
            self._matters[number].code
            for word in self._words_in(said)
            for number in self._by_word[word]
        )

    def _words_in(self, said: str) -> Iterable[str]:
        """Return the keywords in a text; each place is asked only for the words that begin as it does."""
        found = {word: None for word in self._short if word in said}
        for start in range(len(said) - 1):
            for word in self._by_head.get(said[start : start + _HEAD], ()):
                if said.startswith(word, start):
                    found[word] = None
        return found

    def of(self, question: Question) -> Mapping[str, Duty]:
        """Return the strongest duty of each unit that has one; `AREA` stands for the subdistrict of the place."""
        said = _plain(f"{question.title}\n{question.text}")
        found: dict[int, list[str]] = {}
        for word in self._words_in(said):
            for number in self._by_word[word]:
                found.setdefault(number, []).append(word)
        duties: dict[str, Duty] = {}
        for number, words in found.items():
            matter = self._matters[number]
            if self._holds(matter, question):
                for unit, duty in self._judge(matter, words, question, said):
                    _put(duties, unit, duty)
        return duties or self._by_category(question)

    def _judge(
        self, matter: Matter, words: Sequence[str], question: Question, said: str
    ) -> Iterable[tuple[str, Duty]]:
        longest = [word for word in words if not any(word != o and word in o for o in words)]
        strength = sum(self._worth[word] for word in longest)
        if matter.category == question.category:
            strength *= _SAME_CATEGORY
        left = strength
        for exemption in matter.exemptions:
            hit = _hit(exemption, said)
            if hit:
                left = strength * _TAKEN_AWAY
                taken = Duty(strength=strength + 1, matter=matter, words=hit, taken=True)
                yield self._who(exemption.unit), taken
        yield self._who(matter.unit), Duty(strength=left, matter=matter, words=tuple(longest))

    def _holds(self, matter: Matter, question: Question) -> bool:
        if not matter.places or matter.unit in self._areas:
            return True
        return any(place in question.everything for place in matter.places)

    def _by_category(self, question: Question) -> Mapping[str, Duty]:
        """Return, when no word is known, what is registered under the category."""
        duties: dict[str, Duty] = {}
        for matter in self._matters:
            if matter.category == question.category and self._holds(matter, question):
                duty = Duty(strength=_CATEGORY_ALONE, matter=matter, words=())
                _put(duties, self._who(matter.unit), duty)
        return duties

    def _who(self, unit: str) -> str:
        return AREA if unit in self._areas else unit


def _put(duties: dict[str, Duty], unit: str, duty: Duty) -> None:
    known = duties.get(unit)
    if known is None or duty.strength > known.strength:
        duties[unit] = duty


def _hit(exemption: Exemption, said: str) -> tuple[str, ...]:
    return tuple(word for word in exemption.words if _plain(word) in said)


def _bare(name: str) -> str:
    return name.rpartition("：")[2]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower().strip()
