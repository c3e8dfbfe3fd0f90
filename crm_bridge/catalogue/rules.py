"""The responsibility catalogue (职责权属目录): which unit answers for which matter. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

MOST_WORDS = 200
LONGEST_WORD = 40

_PARTING = (";", "；", "、", "→", "->", "=>")
"""What parts words in a file, of exemptions all, of other lists the first two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """Words or places with which a matter is not its unit's after all.

    Attributes:
        words: Any of them takes the matter away.
        unit: Code of the unit that answers then.
    """

    words: tuple[str, ...]
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One row of the catalogue.

    Attributes:
        code: The city's own code.
        name_zh: On a Chinese screen, e.g. 占道经营与流动摊贩.
        name_en: On an English screen.
        category: Code of its category.
        unit: Code of the unit that answers for it.
        helpers: Codes of units that help.
        keywords: Words by which citizens tell of it.
        places: Where the row holds; empty everywhere.
        exemptions: What takes it away.
        basis: The legal ground.
        remarks: For colleagues.
        contact: Who at the unit knows about it.
    """

    code: str
    name_zh: str
    name_en: str
    category: str
    unit: str
    helpers: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    basis: str = ""
    remarks: str = ""
    contact: str = ""

    def units(self) -> frozenset[str]:
        """Return the codes of every unit that the row names."""
        return frozenset({self.unit, *self.helpers, *(e.unit for e in self.exemptions)})

    def matches(self, text: str) -> bool:
        """Return whether a text that somebody looks for is in its code, names, keywords or places."""
        wanted = text.casefold()
        told = (self.code, self.name_zh, self.name_en, *self.keywords, *self.places)
        return any(wanted in one.casefold() for one in told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a matter differs between two versions.

    Attributes:
        before: None: it is new.
        after: None: it is gone.
    """

    before: Matter | None
    after: Matter | None

    @property
    def code(self) -> str:
        """Code of the matter."""
        found = self.after or self.before
        return found.code if found else ""

    def fields(self) -> Sequence[str]:
        """Return the names of what is different, of a matter that is in both."""
        if self.before is None or self.after is None:
            return ()
        return [
            one.name
            for one in fields(Matter)
            if getattr(self.before, one.name) != getattr(self.after, one.name)
        ]


def differences(before: Iterable[Matter], after: Iterable[Matter]) -> Sequence[Change]:
    """Return what became of the matters from one version to another, in the order of the codes."""
    old = {matter.code: matter for matter in before}
    new = {matter.code: matter for matter in after}
    return [
        Change(before=old.get(code), after=new.get(code))
        for code in sorted(old.keys() | new.keys())
        if old.get(code) != new.get(code)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the catalogue refers to.

    Attributes:
        categories: The codes that there are.
        units: Whether it can be given tickets, for each unit that there is.
    """

    categories: frozenset[str]
    units: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What is wrong with one field of a matter."""

    field: str
    message_zh: str
    message_en: str


def wrongs(matter: Matter, around: Surroundings) -> Iterable[Wrong]:
    """Yield what hinders that a matter stands in the catalogue."""
    if matter.category and matter.category not in around.categories:
        yield Wrong(
            field="category",
            message_zh=f"没有分类 {matter.category}",
            message_en=f"There is no category {matter.category}",
        )
    named = [("unit", matter.unit)]
    named += [("helpers", code) for code in matter.helpers]
    named += [("exceptions", exemption.unit) for exemption in matter.exemptions]
    for field, code in dict.fromkeys(named):
        if code and code not in around.units:
            yield Wrong(
                field=field,
                message_zh=f"没有承办单位 {code}",
                message_en=f"There is no unit {code}",
            )
        elif code and not around.units[code]:
            yield Wrong(
                field=field,
                message_zh=f"承办单位 {code} 已停用",
                message_en=f"The unit {code} is closed",
            )
    if matter.unit in matter.helpers:
        yield Wrong(
            field="helpers",
            message_zh="配合单位不能是牵头单位",
            message_en="A helper cannot be the lead as well",
        )
    yield from _wrong_words(matter)


def _wrong_words(matter: Matter) -> Iterable[Wrong]:
    lists = {
        "keywords": matter.keywords,
        "places": matter.places,
        "exceptions": [word for exemption in matter.exemptions for word in exemption.words],
    }
    for field, words in lists.items():
        parting = _PARTING if field == "exceptions" else _PARTING[:2]
        for sign in parting:
            if any(sign in word for word in words):
                yield Wrong(
                    field=field,
                    message_zh=f"词语中不能有“{sign}”",
                    message_en=f"No word may have “{sign}” in it",
                )
        if len(words) > MOST_WORDS or any(len(word) > LONGEST_WORD for word in words):
            yield Wrong(
                field=field,
                message_zh=f"最多 {MOST_WORDS} 个词，每个最多 {LONGEST_WORD} 个字",
                message_en=f"At most {MOST_WORDS} words of at most {LONGEST_WORD} characters",
            )
