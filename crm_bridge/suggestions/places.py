"""Which subdistrict a place lies in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crm_bridge.catalogue.rules import Matter
from crm_bridge.suggestions.rules import Question

_TOLD = 5.0
_NAMED_OUTRIGHT = 4.0
_ADDRESS, _ELSEWHERE = 3.0, 1.0
_LONGEST = 12

_PREFIX = re.compile(r"^.{1,8}?省|^.{2,5}?市(?!场)|(?<=市).{1,4}?(?<![小社])区")
_BETWEEN = re.compile(r"[^\u3400-\u9fff]+(?:号楼|号院|号|栋|幢|座|单元|室|路|楼|期)?|[与至到]")
_NAME = re.compile(
    r"[\u3400-\u9fff]{1,7}?(?:"
    "大街|大道|街道|小区|社区|花园|家园|新村|宿舍|公寓|胡同|广场|公园|中学|小学|学校|学院|医院|市场|商城|大厦"
    "|[路街巷村镇苑庄]"
    # These end a name only where the name ends: 里 is also in 三里铺, 府 in 学府路, 城 in 新城大道.
    "|[里城府园](?=$|[一二三四五六七八九十]+期)"
    ")"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where a matter is.

    Attributes:
        shares: How surely in each subdistrict, by the code of its unit; empty when nobody knows.
        names: What told it, by unit.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def names_in(address: str) -> Iterable[str]:
    """Yield the streets, estates and villages that an address names."""
    for part in _BETWEEN.split(_PREFIX.sub("", address)):
        yield from (name for name in _NAME.findall(part) if 2 <= len(name) <= _LONGEST)


class Gazetteer:
    """Knows which names lie in which subdistrict.

    Args:
        areas: The name of the area of each subdistrict, by the code of its unit.
        matters: The catalogue; the places of a subdistrict's matters are its own.
        learned: For each name how often each subdistrict was confirmed for it.
    """

    def __init__(
        self,
        areas: Mapping[str, str],
        matters: Iterable[Matter] = (),
        learned: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self._units: dict[str, dict[str, float]] = {}
        self._outright = {area for area in areas.values() if area}
        for unit, area in areas.items():
            self._add(area, unit, _TOLD)
        told = {
            (place, matter.unit)
            for matter in matters
            if matter.unit in areas
            for place in matter.places
        }
        for place, unit in sorted(told):
            self._add(place, unit, _TOLD)
        for name, counts in (learned or {}).items():
            for unit, count in counts.items():
                if unit in areas:
                    self._add(name, unit, float(count))

    def _add(self, name: str, unit: str, weight: float) -> None:
        if 2 <= len(name) <= _LONGEST:
            units = self._units.setdefault(name, {})
            units[unit] = units.get(unit, 0.0) + weight

    def where(self, question: Question) -> Whereabouts:
        """Return where a matter is; the address says more than the text."""
        score: dict[str, float] = {}
        names: dict[str, list[str]] = {}
        for text, weight in (
            (question.address, _ADDRESS),
            (question.title, _ELSEWHERE),
            (question.text, _ELSEWHERE),
        ):
            for name in self._found(text):
                units = self._units[name]
                whole = sum(units.values())
                strength = weight * len(name) * (_NAMED_OUTRIGHT if name in self._outright else 1)
                for unit, told in units.items():
                    score[unit] = score.get(unit, 0.0) + strength * told / whole
                    if name not in names.setdefault(unit, []):
                        names[unit].append(name)
        whole = sum(score.values())
        return Whereabouts(
            shares={unit: value / whole for unit, value in score.items()},
            names={unit: tuple(found) for unit, found in names.items()},
        )

    def names(self, text: str) -> Iterable[str]:
        """Yield the known names in a text, in their order; of overlapping ones the longest."""
        return self._found(text)

    def _found(self, text: str) -> Iterable[str]:
        start = 0
        while start < len(text) - 1:
            for length in range(min(_LONGEST, len(text) - start), 1, -1):
                if text[start : start + length] in self._units:
                    yield text[start : start + length]
                    start += length
                    break
            else:
                start += 1
