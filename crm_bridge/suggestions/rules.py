"""What a suggestion is, and how what speaks for a unit is put together. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

AREA = "*"
"""Stands for "the subdistrict of the place": what is asked decides for it, where decides for which."""

SHOWN = 3
_UNKNOWN_PLACE = 0.04
_CATALOGUE_ALONE = 0.2
_CATALOGUE_AT_FIRST = 0.3
_CATALOGUE_FADES = 5_000


class ReasonKind(StrEnum):
    """What speaks for a unit."""

    catalogue = "catalogue"
    place = "place"
    history = "history"
    words = "words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be dispatched, as far as it is written. `repr()` hides what the citizen said."""

    title: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    category: str = ""

    @property
    def everything(self) -> str:
        """Title, text and address as one text; a word never spans two of them."""
        return f"{self.title}\n{self.text}\n{self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a unit is suggested, in words that a dispatcher understands."""

    kind: ReasonKind
    text_zh: str
    text_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A unit that may be the right one.

    Attributes:
        unit: Its code.
        score: How sure this is, from 0 to 1; of all units together 1.
        reasons: What speaks for it, the strongest first.
    """

    unit: str
    score: float
    reasons: Sequence[Reason]


def catalogue_weight(confirmed: int) -> float:
    """Return how much a word of the catalogue counts beside what was learned.

    It fades as confirmed dispatches grow in number, but never to nothing: a duty that was given to another unit
    yesterday stands in the catalogue today and in the history in a year.
    """
    fading = _CATALOGUE_FADES / (_CATALOGUE_FADES + confirmed)
    return _CATALOGUE_ALONE + _CATALOGUE_AT_FIRST * fading


def shares(logits: Mapping[str, float], temperature: float = 1.0) -> dict[str, float]:
    """Return how 1 is shared out among what has these logits (softmax)."""
    if not logits:
        return {}
    highest = max(logits.values())
    powers = {key: math.exp((value - highest) / temperature) for key, value in logits.items()}
    whole = sum(powers.values())
    return {key: power / whole for key, power in powers.items()}


def among_areas(
    scores: Mapping[str, float], areas: Iterable[str], here: Mapping[str, float]
) -> dict[str, float]:
    """Return the scores with that of "the subdistrict of the place" given out to the subdistricts.

    Args:
        scores: By unit, and `AREA`.
        areas: Codes of the subdistricts.
        here: How surely the place lies in each; empty when nobody knows.
    """
    codes = list(areas)
    whole = scores.get(AREA, 0.0)
    found = {unit: score for unit, score in scores.items() if unit != AREA}
    known = sum(here.get(code, 0.0) for code in codes)
    for code in codes:
        even = 1 / len(codes)
        sure = here.get(code, 0.0) / known if known else even
        found[code] = whole * ((1 - _UNKNOWN_PLACE) * sure + _UNKNOWN_PLACE * even)
    return found


def best(scores: Mapping[str, float], units: Iterable[str], count: int = SHOWN) -> Sequence[str]:
    """Return the codes of the units with the highest scores, of equal ones the first by code."""
    open_units = [unit for unit in units if scores.get(unit, 0.0) > 0]
    return sorted(open_units, key=lambda unit: (-scores[unit], unit))[:count]
