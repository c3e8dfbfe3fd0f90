"""How good suggestions are on questions whose answer is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crm_bridge.sheets.columns import Column, RowError, Sheet, in_order, refuse
from crm_bridge.suggestions.adviser import Adviser
from crm_bridge.suggestions.rules import SHOWN, Question
from infra.kit.errors import Invalid

COLUMNS = (
    Column(name="title", title="标题", longest=200),
    Column(name="text", title="内容", longest=4000),
    Column(name="address", title="地址", longest=200),
    Column(name="category", title="分类", longest=20),
    Column(name="unit", title="承办单位", required=True, longest=20),
)

Labelled = Sequence[tuple[Question, str]]


@dataclass(slots=True, kw_only=True)
class OfUnit:
    """What became of the questions that are one unit's.

    Attributes:
        asked: How many there are.
        first: For how many the unit was suggested first.
        shown: For how many it was suggested at all.
        mistaken: How often which other unit was suggested first.
    """

    asked: int = 0
    first: int = 0
    shown: int = 0
    mistaken: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What became of all questions.

    Attributes:
        asked: How many there are.
        first: For how many the right unit was suggested first.
        shown: For how many it was among the suggestions.
        by_unit: The same by the right unit.
    """

    asked: int
    first: int
    shown: int
    by_unit: Mapping[str, OfUnit]


def labelled(sheet: Sheet, units: Sequence[str]) -> Labelled:
    """Return the questions of a file with the unit that is right for each.

    Raises:
        Invalid: A row is wrong or names a unit that there is not, or there is no row.
    """
    errors = list(sheet.errors)
    known = set(units)
    for row in sheet.rows:
        if row["unit"] and row["unit"] not in known:
            code = row["unit"]
            errors.append(
                RowError(
                    row=row.number,
                    column="unit",
                    message_zh=f"没有承办单位 {code}，或已停用",
                    message_en=f"There is no unit {code}, or it is closed",
                )
            )
    refuse(in_order(errors))
    if not sheet.rows:
        raise Invalid("the file has no row", "文件中没有数据行")
    return [
        (
            Question(
                title=row["title"],
                text=row["text"],
                address=row["address"],
                category=row["category"],
            ),
            row["unit"],
        )
        for row in sheet.rows
    ]


def evaluate(adviser: Adviser, questions: Labelled) -> Evaluation:
    """Return how often the right unit was suggested."""
    by_unit: dict[str, OfUnit] = {}
    for question, unit in questions:
        suggested = [one.unit for one in adviser.suggest(question, count=SHOWN)]
        of = by_unit.setdefault(unit, OfUnit())
        of.asked += 1
        of.shown += unit in suggested
        if suggested[:1] == [unit]:
            of.first += 1
        elif suggested:
            of.mistaken[suggested[0]] += 1
    return Evaluation(
        asked=len(questions),
        first=sum(of.first for of in by_unit.values()),
        shown=sum(of.shown for of in by_unit.values()),
        by_unit=by_unit,
    )
