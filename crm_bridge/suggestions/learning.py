"""Learns from the catalogue, from examples and from confirmed dispatches: heavy, only run in a process of its own.

What is private stays out of the model: figures are dropped from texts, and a term enters the vocabulary only if it is
in the catalogue or the shipped examples, or in at least a set number of different tickets.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_bridge.catalogue.rules import Matter
from crm_bridge.suggestions.calibration import temperature_for
from crm_bridge.suggestions.duties import Duties
from crm_bridge.suggestions.features import LONGEST, SHORTEST, Vocabulary, pairs, runs, runs_of
from crm_bridge.suggestions.model import CATEGORY_WEIGHT, Floats, Learned, Model, weigh
from crm_bridge.suggestions.places import names_in
from crm_bridge.suggestions.rules import AREA, Question
from crm_bridge.suggestions.segmenter import Segmenter

_MOST_TERMS = 60_000
_SEGMENTED, _LOOKED_AT = 5_000, 20_000
_STEPS = 300_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 40
_HELD_BACK = 2_000
_FEW = 5_000
_WITHOUT_CATEGORY = 0.3
_LEAST_PLACE = 3
_MOST_PLACES = 20_000
_SEED = 12345


Counted = tuple[NDArray[np.int32], Floats]
"""The numbers of the terms of one text, and how often each stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A ticket and the unit that was right for it."""

    question: Question
    unit: str
    shipped: bool = field(default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """All that there is to learn from.

    Attributes:
        areas: Codes of the units that are subdistricts.
        matters: The catalogue.
        examples: Shipped ones and confirmed dispatches.
        least: In how many different tickets a term must be, if nothing public has it.
        catalogue: Which version of the catalogue it is.
    """

    areas: Collection[str]
    matters: Sequence[Matter]
    examples: Sequence[Example]
    least: int = 5
    catalogue: int = 0


def learn(lessons: Lessons, at: datetime, scratch: Path) -> Model:
    """Return a model of all that there is to learn from.

    Args:
        lessons: What to learn from.
        at: The present moment, kept in the model.
        scratch: A private folder, where the segmenter may keep its dictionary.
    """
    taught = [*_of_catalogue(lessons), *lessons.examples]
    texts = [runs_of(one.question.title, one.question.text) for one in taught]
    public = [_is_public(one) for one in taught]
    words, vocabulary = _vocabulary(lessons, texts, public, scratch)
    counts = [_counted(vocabulary, text) for text in texts]
    rarity = _rarity(counts, len(vocabulary))
    table = _Table(lessons, taught, counts, rarity)
    classes, weights, bias, temperature = table.fit(lessons)
    confirmed = [one for one in lessons.examples if not one.shipped]
    learned = Learned(
        trained_at=at,
        catalogue=lessons.catalogue,
        confirmed=len(confirmed),
        shipped=len(lessons.examples) - len(confirmed),
        classes=classes,
        categories=table.categories,
        words=words,
        temperature=temperature,
        by_category=_by_category(confirmed),
        places=_places(confirmed, lessons),
    )
    return Model(learned, vocabulary, rarity, weights, bias)


def _of_catalogue(lessons: Lessons) -> Iterable[Example]:
    """Yield each matter as if it were a ticket; what every subdistrict has is one."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for matter in lessons.matters:
        name = matter.name_zh.rpartition("：")[2]
        if matter.unit in lessons.areas:
            if (name, matter.keywords) in seen:
                continue
            seen.add((name, matter.keywords))
        question = Question(title=name, text=" ".join(matter.keywords), category=matter.category)
        yield Example(question=question, unit=matter.unit, shipped=True)


def _is_public(example: Example) -> bool:
    return example.shipped


def _vocabulary(
    lessons: Lessons, texts: Sequence[Sequence[str]], public: Sequence[bool], scratch: Path
) -> tuple[int, Vocabulary]:
    """Return the vocabulary, words first, and how many of its terms are words."""
    told = {term for matter in lessons.matters for word in matter.keywords for term in runs(word)}
    told = {term for term in told if SHORTEST <= len(term) <= LONGEST}
    segmenter = Segmenter(told, scratch)
    open_texts = [text for text, is_public in zip(texts, public, strict=True) if is_public]
    others = [text for text, is_public in zip(texts, public, strict=True) if not is_public]
    words = told | {
        word
        for text in [*open_texts, *_some(others, _SEGMENTED)]
        for run in text
        for word in segmenter.cut(run)
        if SHORTEST <= len(word) <= LONGEST
    }
    rough = Vocabulary(sorted(words))
    open_terms = told.union(*(_terms(rough, text) for text in open_texts))
    # What is in enough of some of the tickets is in enough of all of them.
    private = Counter(term for text in _some(others, _LOOKED_AT) for term in _terms(rough, text))
    kept = open_terms | {term for term, count in private.items() if count >= lessons.least}
    by_worth = sorted(kept, key=lambda term: (term not in open_terms, -private[term], term))
    kept = set(by_worth[:_MOST_TERMS])
    first = sorted(term for term in kept if term in words)
    rest = sorted(kept.difference(first))
    return len(first), Vocabulary((*first, *rest))


def _terms(words: Vocabulary, text: Sequence[str]) -> set[str]:
    """Return the words of a text, and its pairs of signs."""
    return {words.terms[number] for number in words.count(text)} | set(pairs(text))


def _some(texts: Sequence[Sequence[str]], most: int) -> Sequence[Sequence[str]]:
    """Return the texts, or a sample of so many."""
    if len(texts) <= most:
        return texts
    return random.Random(_SEED).sample(texts, most)  # noqa: S311  # a sample, not a secret


def _counted(vocabulary: Vocabulary, text: Sequence[str]) -> Counted:
    found = vocabulary.count(text)
    rows = np.fromiter(found.keys(), dtype=np.int32, count=len(found))
    return rows, np.fromiter(found.values(), dtype=np.float32, count=len(found))


def _rarity(counts: Sequence[Counted], size: int) -> Floats:
    every = np.concatenate([rows for rows, _ in counts])
    often = np.bincount(every, minlength=size).astype(np.float32)
    return np.log((1 + len(counts)) / (1 + often)) + 1


class _Table:
    """The examples as a sparse table, and what is fitted to it."""

    def __init__(
        self,
        lessons: Lessons,
        taught: Sequence[Example],
        counts: Sequence[Counted],
        rarity: Floats,
    ) -> None:
        self._taught = taught
        self._size = len(rarity)
        self.categories = sorted({one.question.category for one in taught} - {""})
        self._answers = np.array(
            [AREA if one.unit in lessons.areas else one.unit for one in taught]
        )
        number = {code: place for place, code in enumerate(self.categories)}
        self._category = np.array([number.get(one.question.category, -1) for one in taught])
        self._starts = np.concatenate([[0], np.cumsum([len(rows) for rows, _ in counts])])
        self._rows = np.concatenate([rows for rows, _ in counts])
        self._values = np.concatenate([weigh(often, rarity[rows]) for rows, often in counts])

    def fit(self, lessons: Lessons) -> tuple[list[str], Floats, Floats, float]:
        """Return the classes, their weights and biases, and the temperature that makes scores honest."""
        chance = np.random.default_rng(_SEED)
        everyone = np.arange(len(self._taught))
        real = np.flatnonzero([bool(one.question.text) for one in self._taught])
        held = chance.permutation(real)[: min(len(real) // 10, _HELD_BACK)]
        rest = np.setdiff1d(everyone, held)
        classes, weights, bias = self._linear(rest, chance)
        duties = Duties(lessons.matters, lessons.areas)
        temperature = temperature_for(
            [
                (self._logits(one, classes, weights, bias), duties.of(self._taught[one].question))
                for one in held
            ],
            [str(self._answers[one]) for one in held],
            sum(not one.shipped for one in lessons.examples),
        )
        if len(self._taught) < _FEW:
            # Of few examples none is to be spared for long.
            classes, weights, bias = self._linear(everyone, chance)
        return classes, weights, bias, temperature

    def _logits(
        self, one: int, classes: Sequence[str], weights: Floats, bias: Floats
    ) -> dict[str, float]:
        row, values = self._line(one, with_category=True)
        sums = values @ weights[row] + bias
        return dict(zip(classes, map(float, sums), strict=True))

    def _line(self, one: int, *, with_category: bool) -> tuple[NDArray[Any], Floats]:
        begin, end = self._starts[one], self._starts[one + 1]
        rows, values = self._rows[begin:end], self._values[begin:end]
        if with_category and self._category[one] >= 0:
            rows = np.append(rows, self._size + self._category[one])
            values = np.append(values, np.float32(CATEGORY_WEIGHT))
        return rows, values

    def _linear(
        self, chosen: NDArray[Any], chance: np.random.Generator
    ) -> tuple[list[str], Floats, Floats]:
        # Loaded here: it is slow to load, and a server never needs it.
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # ships no types
        from sklearn.linear_model import SGDClassifier  # type: ignore[import-untyped]  # ships no types

        # Some lines lose their category, so that the words learn to stand alone; of few examples each comes both ways.
        few = len(chosen) < _FEW
        if few:
            lines = [(int(one), keep) for one in chosen for keep in (True, False)]
        else:
            keep = chance.random(len(chosen)) >= _WITHOUT_CATEGORY
            lines = [(int(one), bool(k)) for one, k in zip(chosen, keep, strict=True)]
        parts = [self._line(one, with_category=kept) for one, kept in lines]
        starts = np.concatenate([[0], np.cumsum([len(rows) for rows, _ in parts])])
        table = csr_matrix(
            (
                np.concatenate([values for _, values in parts]),
                np.concatenate([rows for rows, _ in parts]),
                starts,
            ),
            shape=(len(parts), self._size + len(self.categories)),
        )
        answers = self._answers[[one for one, _ in lines]]
        epochs = math.ceil(_STEPS / max(1, len(parts)))
        classifier = SGDClassifier(
            loss="log_loss",
            alpha=1e-5 if few else 2e-6,
            average=True,
            max_iter=min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, epochs)),
            tol=None,
            random_state=_SEED,
        )
        classifier.fit(table, answers)
        weights, bias = classifier.coef_, classifier.intercept_
        if len(classifier.classes_) == 2:  # of two classes scikit-learn keeps one line
            weights, bias = np.vstack([-weights, weights]), np.concatenate([-bias, bias])
        classes = [str(one) for one in classifier.classes_]
        return classes, weights.T.astype(np.float32), bias.astype(np.float32)


def _by_category(confirmed: Iterable[Example]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for one in confirmed:
        of = counts.setdefault(one.question.category, {})
        of[one.unit] = of.get(one.unit, 0) + 1
    return counts


def _places(confirmed: Iterable[Example], lessons: Lessons) -> dict[str, dict[str, int]]:
    """Return which subdistrict each place was confirmed for; a name that few tickets have is left out."""
    counts: dict[str, dict[str, int]] = {}
    for one in confirmed:
        if one.unit in lessons.areas:
            for name in set(names_in(one.question.address)):
                of = counts.setdefault(name, {})
                of[one.unit] = of.get(one.unit, 0) + 1
    least = max(_LEAST_PLACE, lessons.least)
    often = {name: of for name, of in counts.items() if sum(of.values()) >= least}
    most = sorted(often, key=lambda name: (-sum(often[name].values()), name))[:_MOST_PLACES]
    return {name: often[name] for name in most}
