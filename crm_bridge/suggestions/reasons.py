"""Why a unit is suggested, in words that a dispatcher understands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crm_bridge.suggestions.duties import Duty
from crm_bridge.suggestions.rules import Reason, ReasonKind

_FEWEST = 5
_LEAST_SHARE = 0.1
_LEAST_TELLING = 0.05
_SHOWN = 3


def of_duty(duty: Duty) -> Reason:
    """Return what the catalogue says."""
    matter = duty.matter
    name_zh, name_en = matter.name_zh.rpartition("：")[2], matter.name_en.rpartition(": ")[2]
    zh, en = _quoted(duty.words, "、"), _quoted(duty.words, ", ")
    if duty.taken:
        text_zh = f"职责目录“{name_zh}”的例外：提到{zh}，由该单位负责"
        text_en = f"Exception to “{name_en}” in the catalogue: {en} makes it this unit's"
    elif duty.words:
        text_zh = f"职责目录“{name_zh}”：提到{zh}"
        text_en = f"“{name_en}” in the catalogue: {en} is mentioned"
    else:
        text_zh = f"该分类下的职责目录事项“{name_zh}”由该单位负责"
        text_en = f"“{name_en}”, of this category, is this unit's in the catalogue"
    return Reason(kind=ReasonKind.catalogue, text_zh=text_zh, text_en=text_en)


def of_place(names: Sequence[str], area: str, area_en: str) -> Reason:
    """Return where it is."""
    shown = names[:_SHOWN]
    return Reason(
        kind=ReasonKind.place,
        text_zh=f"地点{_quoted(shown, '、')}在{area}辖区内",
        text_en=f"{_quoted(shown, ', ')} lies in the area of {area_en}",
    )


def of_history(
    counts: Mapping[str, int], unit: str, name_zh: str, name_en: str
) -> Iterable[Reason]:
    """Yield what became of confirmed dispatches of the same category, if there were enough to say so."""
    whole, own = sum(counts.values()), counts.get(unit, 0)
    if own >= _FEWEST and own / whole >= _LEAST_SHARE:
        yield Reason(
            kind=ReasonKind.history,
            text_zh=f"“{name_zh}”类以往 {whole} 件工单中，{own} 件由该单位承办且未退单",
            text_en=f"Of {whole} earlier tickets about “{name_en}”, {own} were this unit's and not returned",
        )


def of_words(told: Sequence[tuple[str, float]], quoted: Iterable[str]) -> Iterable[Reason]:
    """Yield the words that are typical of the unit's tickets, without those that were quoted already."""
    shown: list[str] = []
    known = list(quoted)
    for word, strength in told:
        if strength < _LEAST_TELLING or len(shown) == _SHOWN:
            break
        if not any(word in other or other in word for other in (*known, *shown)):
            shown.append(word)
    if shown:
        yield Reason(
            kind=ReasonKind.words,
            text_zh=f"用词{_quoted(shown, '、')}常见于该单位承办的工单",
            text_en=f"{_quoted(shown, ', ')} is typical of tickets that were this unit's",
        )


def _quoted(words: Sequence[str], between: str) -> str:
    return between.join(f"“{word}”" for word in words)
