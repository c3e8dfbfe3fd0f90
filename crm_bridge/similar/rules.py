"""When two tickets may be about one matter: alike in words, in place and in time. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from crm_bridge.suggestions.features import pairs, runs
from crm_bridge.suggestions.places import names_in

_STOCK = re.compile(
    "市民|来电人?|反映人?|反应|诉求人|请问|咨询|希望|要求|相关|有关|部门|尽快|处理|解决|核实|回复|请|我们|我家|家里|"
    "现在|已经|没有人?|怎么|什么时候|什么|一直|一个|这个|那个|还是|就是|问题|情况"
)
_BUILDING = re.compile(r"(\d{1,4})\s*(?:号楼|号院|栋|幢|座|号|-)")
_FEWEST = 2

_WORDS, _PLACE, _TIME = 0.5, 0.35, 0.15
_PLACE_UNKNOWN = 0.45
_OTHER_PLACE = 0.0
_OTHER_BUILDING = 0.75
_LEAST_ADDRESS = 0.4
_OTHER_CATEGORY = 0.08
_SAME_CALLER = 0.15
_LEAST_WORDS = 0.16
_SAME_MATTER = 0.3
_UNLIKELY = 0.6
_SHORT = timedelta(hours=6)


class ReasonKind(StrEnum):
    """What makes two tickets alike."""

    caller = "caller"
    place = "place"
    words = "words"
    time = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a ticket is suggested, in words that a dispatcher understands."""

    kind: ReasonKind
    text_zh: str
    text_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What of a ticket is compared. `repr()` hides what the citizen said.

    Attributes:
        words: Pairs of signs of title and text, without stock phrases.
        places: Streets, estates and villages that it names.
        address: Pairs of signs of the address, for places that have no name of the usual kind.
        matters: Codes of the catalogue's matters whose keywords are in it.
        building: Number of the house or building; None when it names none.
        citizen_id: None for an anonymous contact, and wherever nobody may know.
    """

    category: str
    words: frozenset[str] = field(repr=False)
    places: frozenset[str] = field(repr=False)
    address: frozenset[str] = field(repr=False)
    matters: frozenset[str]
    building: str | None = field(repr=False)
    citizen_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How alike two tickets are.

    Attributes:
        score: From 0 to 1.
        words: How alike their words are, from 0 to 1.
        same_matter: Whether words of one row of the catalogue are in both.
        places: What places both name.
        apart: How long after each other they came in.
        same_caller: Whether the same citizen brought both, as far as that may be known.
    """

    score: float
    words: float
    same_matter: bool
    places: Sequence[str]
    apart: timedelta
    same_caller: bool

    def reasons(self) -> Iterable[Reason]:
        """Yield why, the most telling first; who the caller is, is not said."""
        if self.same_caller:
            yield Reason(kind=ReasonKind.caller, text_zh="同一来电人", text_en="The same caller")
        if self.places:
            zh = "、".join(f"“{place}”" for place in self.places[:2])
            en = ", ".join(f"“{place}”" for place in self.places[:2])
            yield Reason(
                kind=ReasonKind.place,
                text_zh=f"相近地址：都提到{zh}",
                text_en=f"Nearby: both name {en}",
            )
        if self.words >= _LEAST_WORDS:
            percent = round(self.words * 100)
            yield Reason(
                kind=ReasonKind.words,
                text_zh=f"相似描述：用词相近度 {percent}%",
                text_en=f"Alike in words: {percent} %",
            )
        elif self.same_matter:
            yield Reason(
                kind=ReasonKind.words,
                text_zh="相似描述：同属职责目录的一个事项",
                text_en="Alike in words: of one matter in the catalogue",
            )
        if self.apart <= _SHORT:
            minutes = max(1, round(self.apart.total_seconds() / 60))
            yield Reason(
                kind=ReasonKind.time,
                text_zh=f"相隔 {minutes} 分钟来电"
                if minutes < 120
                else f"相隔 {minutes // 60} 小时来电",
                text_en=f"{minutes} minutes apart"
                if minutes < 120
                else f"{minutes // 60} hours apart",
            )


def traits_of(
    *,
    title: str,
    text: str,
    address: str,
    category: str,
    citizen_id: int | None,
    created_at: datetime,
    places: Iterable[str] = (),
    matters: Iterable[str] = (),
) -> Traits:
    """Return what of a ticket is compared.

    Args:
        title: As it is written.
        text: As it is written.
        address: As it is written.
        category: Its code.
        citizen_id: Who brought it, if that may be known.
        created_at: When it came in.
        places: Names in it that the city knows.
        matters: Codes of the catalogue's matters whose keywords are in it.
    """
    said = f"{title}\n{text}"
    named = frozenset({*names_in(address), *places})
    bare = _STOCK.sub(" ", said)
    for place in named:
        bare = bare.replace(place, " ")
    numbers = _BUILDING.search(unicodedata.normalize("NFKC", address))
    return Traits(
        category=category,
        words=frozenset(pairs(runs(bare))),
        places=named,
        address=frozenset(pairs(runs(address))),
        matters=frozenset(matters),
        building=numbers.group(1) if numbers else None,
        citizen_id=citizen_id,
        created_at=created_at,
    )


def likeness(one: Traits, other: Traits, within: timedelta) -> Likeness:
    """Return how alike two tickets are.

    Args:
        one: A ticket.
        other: Another.
        within: How far apart they may be to count as alike in time at all.
    """
    apart = abs(one.created_at - other.created_at)
    same_caller = one.citizen_id is not None and one.citizen_id == other.citizen_id
    words = _alike_words(one.words, other.words)
    same_matter = bool(one.matters & other.matters)
    shared = sorted(_shared(one.places, other.places), key=lambda name: (-len(name), name))
    place = _alike_places(one, other, shared)
    score = (
        _WORDS * max(words, _SAME_MATTER if same_matter else 0.0)
        + _PLACE * place
        + _TIME * max(0.0, 1 - apart / within)
        + (_SAME_CALLER if same_caller else 0.0)
        - (_OTHER_CATEGORY if one.category != other.category else 0.0)
    )
    if place == _OTHER_PLACE or (words < _LEAST_WORDS and not same_matter):
        score *= _UNLIKELY
    return Likeness(
        score=min(1.0, max(0.0, score)),
        words=words,
        same_matter=same_matter,
        places=shared,
        apart=apart,
        same_caller=same_caller,
    )


def _alike_words(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one & other)
    fewest = min(len(one), len(other))
    if fewest < _FEWEST:
        return 0.0
    # Who says little says the same with fewer words: half by what the shorter shares, half by what both share.
    return both / fewest * 0.5 + 2 * both / (len(one) + len(other)) * 0.5


def _alike_places(one: Traits, other: Traits, shared: Sequence[str]) -> float:
    if one.places and other.places:
        if not shared:
            return _OTHER_PLACE
    elif one.address and other.address:
        # A market hall has no street's name: what is written there may be the same all the same.
        both = 2 * len(one.address & other.address) / (len(one.address) + len(other.address))
        return both if both >= _LEAST_ADDRESS else _OTHER_PLACE
    else:
        return _PLACE_UNKNOWN
    numbers = {one.building, other.building}
    return _OTHER_BUILDING if len(numbers) == 2 and None not in numbers else 1.0


def _shared(one: frozenset[str], other: frozenset[str]) -> Iterable[str]:
    for name in one:
        if name in other or any(name.endswith(o) or o.endswith(name) for o in other):
            yield name
