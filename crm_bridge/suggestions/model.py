"""What was learned from past dispatches: numbers and a vocabulary, in a file that cannot hold code.

The file is a NumPy archive read with `allow_pickle=False`, its names a JSON text: reading a foreign one runs nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_bridge.suggestions.features import Vocabulary, runs_of
from crm_bridge.suggestions.rules import Question
from infra.kit.errors import Misconfigured

FORMAT = 1
CATEGORY_WEIGHT = 0.5
_LARGEST = 128 * 1024 * 1024
_NOT_OURS = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading stumbles over in a file that is broken or another's."""

Floats = NDArray[np.floating[Any]]


class ModelUnreadable(Misconfigured):
    """The model file is not one of ours, or of another format; training makes a new one."""

    slug = "model-unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What is known of a model beside its weights.

    Attributes:
        trained_at: When.
        catalogue: Which version of the catalogue it was trained on.
        confirmed: How many confirmed dispatches it was trained on.
        shipped: How many examples that ship.
        classes: Codes of units, and `AREA`, in the order of the weights' columns.
        categories: Codes of categories, in the order of the weights' last rows.
        words: How many of the terms, which come first, are words that can be shown to people.
        temperature: By what the logits are divided to make scores that are as sure as they are right.
        by_category: For each category how many confirmed dispatches went to each unit.
        places: For each place how often each subdistrict was confirmed.
    """

    trained_at: datetime
    catalogue: int
    confirmed: int
    shipped: int
    classes: Sequence[str]
    categories: Sequence[str]
    words: int
    temperature: float
    by_category: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    places: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Model:
    """A trained model.

    Args:
        learned: What is known of it.
        vocabulary: The terms.
        rarity: How rare each term is (inverse document frequency).
        weights: A row for each term and then each category, a column for each class.
        bias: One for each class.
    """

    def __init__(
        self,
        learned: Learned,
        vocabulary: Vocabulary,
        rarity: Floats,
        weights: Floats,
        bias: Floats,
    ) -> None:
        rows = len(vocabulary) + len(learned.categories)
        if weights.shape != (rows, len(learned.classes)) or bias.shape != (len(learned.classes),):
            raise ValueError("the weights do not fit the vocabulary")
        if rarity.shape != (len(vocabulary),):
            raise ValueError("the rarities do not fit the vocabulary")
        self.learned = learned
        self.vocabulary = vocabulary
        self.rarity = rarity.astype(np.float32)
        self.weights = weights.astype(np.float16)
        self.bias = bias.astype(np.float32)
        self._category = {code: number for number, code in enumerate(learned.categories)}
        self.version = self._digest()

    def features(self, question: Question) -> tuple[NDArray[np.int64], Floats]:
        """Return the rows of the weights that a question touches, and how much of each."""
        counts = self.vocabulary.count(runs_of(question.title, question.text))
        rows = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
        often = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        values = weigh(often, self.rarity[rows])
        category = self._category.get(question.category)
        if category is not None:
            rows = np.append(rows, len(self.vocabulary) + category)
            values = np.append(values, np.float32(CATEGORY_WEIGHT))
        return rows, values

    def logits(self, question: Question) -> dict[str, float]:
        """Return how much speaks for each class; nothing at all when no word and no category is known."""
        rows, values = self.features(question)
        if not len(rows):
            return {}
        sums = values @ self.weights[rows].astype(np.float32) + self.bias
        return dict(zip(self.learned.classes, map(float, sums), strict=True))

    def telling(self, question: Question, unit: str) -> Sequence[tuple[str, float]]:
        """Return the words of a question that speak for a class, beyond what they do for the others, best first."""
        if unit not in self.learned.classes:
            return ()
        rows, values = self.features(question)
        own = rows < self.learned.words
        rows, values = rows[own], values[own]
        weights = self.weights[rows].astype(np.float32)
        column = list(self.learned.classes).index(unit)
        told = values * (weights[:, column] - weights.mean(axis=1))
        order = np.argsort(-told)
        return [(self.vocabulary.terms[rows[i]], float(told[i])) for i in order if told[i] > 0]

    def save(self, path: Path) -> None:
        """Write the model, whole or not at all."""
        names = asdict(self.learned) | {
            "format": FORMAT,
            "trained_at": self.learned.trained_at.isoformat(),
            "terms": list(self.vocabulary.terms),
        }
        text = json.dumps(names, ensure_ascii=False).encode()
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            names=np.frombuffer(text, dtype=np.uint8),
            rarity=self.rarity,
            weights=self.weights,
            bias=self.bias,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with draft.open("wb") as file:
                file.write(buffer.getvalue())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def _digest(self) -> str:
        hashed = hashlib.sha256(self.learned.trained_at.isoformat().encode())
        hashed.update(self.weights.tobytes())
        return hashed.hexdigest()[:12]


def weigh(often: Floats, rarity: Floats) -> Floats:
    """Return the weight of each term of one text: often and rare counts more; the whole has length 1."""
    values = (1 + np.log(np.maximum(often, 1))) * rarity
    length = math.sqrt(float(values @ values))
    return values / np.float32(length) if length else values


def load(path: Path) -> Model:
    """Return the model in a file.

    Raises:
        ModelUnreadable: It is none of ours.
        OSError: There is no such file, or it cannot be read.
    """
    content = path.read_bytes()
    try:
        return _parsed(content)
    except _NOT_OURS as error:
        raise ModelUnreadable(
            f"{path} is no model of this version: train it anew (lianxin train dispatch)",
            f"{path} 不是本版本的派单模型，请重新训练（lianxin train dispatch）",
        ) from error


def _parsed(content: bytes) -> Model:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(part.file_size for part in archive.infolist()) > _LARGEST:
            raise ValueError("larger than any model")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        names = json.loads(arrays["names"].tobytes())
        if names.pop("format") != FORMAT:
            raise ValueError("another format")
        terms = tuple(names.pop("terms"))
        if not all(isinstance(term, str) for term in terms):
            raise TypeError("terms are texts")
        names["trained_at"] = datetime.fromisoformat(names["trained_at"])
        return Model(
            Learned(**names),
            Vocabulary(terms),
            arrays["rarity"],
            arrays["weights"],
            arrays["bias"],
        )
