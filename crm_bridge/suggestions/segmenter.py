"""jieba at arm's length: its own folder, no word on the logs, loaded only when texts are to be cut."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

_FREQUENT = 2_000


class Segmenter:
    """Cuts Chinese texts into words.

    Args:
        words: What counts as a word in this city, beside the dictionary.
        folder: A private folder for the cache: in the shared one, that jieba takes by itself, others could plant one.
    """

    def __init__(self, words: Iterable[str], folder: Path) -> None:
        with warnings.catch_warnings():
            # Its last release calls pkg_resources and has escapes that newer Pythons complain of.
            warnings.simplefilter("ignore")
            import jieba  # type: ignore[import-untyped]  # ships no types
        jieba.setLogLevel(logging.ERROR)
        self._tokenizer = jieba.Tokenizer()
        self._tokenizer.tmp_dir = str(folder)
        self._tokenizer.initialize()
        for word in sorted(words):
            self._tokenizer.add_word(word, freq=_FREQUENT)

    def cut(self, run: str) -> Sequence[str]:
        """Return the words of a run of signs, without guessing at unknown ones."""
        return list(self._tokenizer.cut(run, HMM=False))
