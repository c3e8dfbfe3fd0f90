"""The process that learns: `python -m crm_bridge.suggestions.training`.

On its input a first line says what there is (`Task`), every further line is one confirmed dispatch: title, text,
address, category, unit. On its output it says in one line of JSON what became of it. It opens no database and knows no
key: a process that reads citizens' texts for a minute should have nothing else.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_bridge.catalogue.rules import Exemption, Matter
from crm_bridge.suggestions.rules import Question
from crm_bridge.suggestions.shipped import examples_to_learn

_NICE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the process is told first.

    Attributes:
        out: Where the model goes.
        at: The moment that stands in it.
        least: In how many tickets a term of citizens' texts must be.
        units: Codes of the units that can be given tickets.
        areas: Those of them that are subdistricts.
        matters: The catalogue.
        catalogue: Which version of it.
    """

    out: str
    at: str
    least: int
    units: Sequence[str]
    areas: Sequence[str]
    matters: Sequence[Mapping[str, Any]]
    catalogue: int

    def line(self) -> bytes:
        """Return it as the first line of the input."""
        return _line(asdict(self))


def example_line(question: Question, unit: str) -> bytes:
    """Return a confirmed dispatch as a line of the input."""
    return _line([question.title, question.text, question.address, question.category, unit])


def matter_as_json(matter: Matter) -> Mapping[str, Any]:
    """Return what is learned from of a matter."""
    return asdict(matter)


def train(lines: Iterable[str]) -> dict[str, Any]:
    """Learn from the lines of an input, write the model, and return what is said of it."""
    from crm_bridge.suggestions.learning import Example, Lessons, learn

    begun = time.monotonic()
    incoming = iter(lines)
    task = Task(**json.loads(next(incoming)))
    units = set(task.units)
    examples = [
        Example(question=question, unit=unit, shipped=True)
        for question, unit in examples_to_learn()
        if unit in units
    ]
    for line in incoming:
        title, text, address, category, unit = json.loads(line)
        if unit in units:
            question = Question(title=title, text=text, address=address, category=category)
            examples.append(Example(question=question, unit=unit))
    lessons = Lessons(
        areas=set(task.areas),
        matters=[_matter(one) for one in task.matters if one["unit"] in units],
        examples=examples,
        least=task.least,
        catalogue=task.catalogue,
    )
    with tempfile.TemporaryDirectory(prefix="lianxin-training-") as scratch:
        model = learn(lessons, datetime.fromisoformat(task.at), Path(scratch))
    model.save(Path(task.out))
    return {
        "version": model.version,
        "confirmed": model.learned.confirmed,
        "shipped": model.learned.shipped,
        "terms": len(model.vocabulary),
        "seconds": round(time.monotonic() - begun, 1),
    }


def _matter(told: Mapping[str, Any]) -> Matter:
    lists = {name: tuple(told[name]) for name in ("helpers", "keywords", "places")}
    exemptions = tuple(
        Exemption(words=tuple(one["words"]), unit=one["unit"]) for one in told["exemptions"]
    )
    return Matter(**{**told, **lists, "exemptions": exemptions})


def _line(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def main() -> None:
    """Learn what the input tells, politely: whoever answers calls goes first."""
    os.nice(_NICE)
    print(json.dumps(train(sys.stdin)))


if __name__ == "__main__":
    main()
