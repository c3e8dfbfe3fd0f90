"""What of a text is counted: words and pieces of words, without figures. Pure.

A server answers from a vocabulary that training has chosen, by looking up every piece of two to six signs in it; no
segmenter is needed then, and a wrongly written word is still known by its pieces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

SHORTEST, LONGEST = 2, 6
_BETWEEN = re.compile(r"[^a-z\u3400-\u9fff]+")


def runs(text: str) -> Sequence[str]:
    """Return the runs of Chinese signs and Latin letters; figures are dropped, and with them telephone numbers."""
    return _BETWEEN.sub(" ", unicodedata.normalize("NFKC", text).lower()).split()


def runs_of(title: str, text: str) -> Sequence[str]:
    """Return the runs of a ticket; the title counts twice, as it says what matters."""
    of_title = runs(title)
    return [*of_title, *of_title, *runs(text)]


def pairs(texts: Iterable[str]) -> Iterable[str]:
    """Yield every two signs that stand beside each other."""
    for run in texts:
        for start in range(len(run) - 1):
            yield run[start : start + 2]


class Vocabulary:
    """The terms that are counted.

    Args:
        terms: Two to six signs each; their order is their number.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        self.terms = terms
        self._number: Mapping[str, int] = {term: number for number, term in enumerate(terms)}
        # How far it is worth looking from here: most pairs begin no longer word.
        reach: dict[str, int] = {}
        for term in terms:
            head = term[:SHORTEST]
            reach[head] = max(reach.get(head, 0), len(term))
        self._reach = reach

    def __len__(self) -> int:
        return len(self.terms)

    def count(self, texts: Iterable[str]) -> dict[int, int]:
        """Return how often each term stands in the runs, by its number."""
        number, reach = self._number, self._reach
        counts: dict[int, int] = {}
        for run in texts:
            length = len(run)
            for start in range(length - 1):
                furthest = reach.get(run[start : start + SHORTEST])
                if furthest is None:
                    continue
                for end in range(start + SHORTEST, min(start + furthest, length) + 1):
                    found = number.get(run[start:end])
                    if found is not None:
                        counts[found] = counts.get(found, 0) + 1
        return counts
