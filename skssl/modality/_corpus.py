"""Texts, and the tokens that they are split into."""

from __future__ import annotations

import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np

Analyzer = Callable[[str], Sequence[str]]

# From the first combining mark to the variation selectors, without what has no marks between.
_CODES_WITH_MARKS = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))


@cache
def word_pattern() -> str:
    r"""Return the regular expression of a word: that of scikit-learn, with marks inside.

    Python's ``\w`` has no vowel signs of Indic scripts, no vowel points and no accents that stand
    apart from their letter, so that words would be cut at each of them. The joiners of these
    scripts are no end of a word either.
    """
    marks = [code for code in _CODES_WITH_MARKS if unicodedata.category(chr(code))[0] == "M"]
    runs: list[list[int]] = []
    for code in marks:
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    allowed = "".join(f"{chr(first)}-{chr(last)}" for first, last in runs)
    return rf"(?u)\b\w[\w{allowed}\u200c\u200d]+"


class Corpus:
    """Texts that are split into tokens once, for ``fit`` and for ``prepare``.

    Parameters
    ----------
    texts : ndarray of shape (n,), object
        Each a str.
    """

    def __init__(self, texts: np.ndarray):
        self.texts = texts
        # As numbers: so many strings would take too much memory.
        self._tokens: list[array[int]] = []
        self._names: list[str] = []
        self._analyzer: Analyzer | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, rows: slice | list[int] | np.ndarray) -> Corpus:
        return Corpus(self.texts[rows])

    def split(self, analyzer: Analyzer) -> Iterator[Sequence[str]]:
        """Go through the tokens of every text, and keep them for :meth:`padded_ids`."""
        places: defaultdict[str, int] = defaultdict()
        places.default_factory = places.__len__
        self._tokens = []
        for text in self.texts:
            tokens = analyzer(text)
            self._tokens.append(array("i", map(places.__getitem__, tokens)))
            yield tokens
        self._names, self._analyzer = list(places), analyzer

    def padded_ids(
        self, analyzer: Analyzer, vocabulary: Mapping[str, int], max_length: int
    ) -> np.ndarray:
        """Return the ids of the first known tokens of every text, and 0 after the last.

        Parameters
        ----------
        analyzer : callable
            Splits a text into tokens; not called if :meth:`split` has called it.
        vocabulary : dict of str to int
            The ids, from 1.
        max_length : int
            Largest number of ids.

        Returns
        -------
        ndarray of shape (n, length), int32
        """
        ids = [row[:max_length] for row in self._ids(analyzer, vocabulary)]
        padded = np.zeros((len(ids), max(1, *map(len, ids))), dtype=np.int32)
        for row, known in zip(padded, ids, strict=True):
            row[: len(known)] = known
        return padded

    def _ids(
        self, analyzer: Analyzer, vocabulary: Mapping[str, int]
    ) -> Iterator[array[int] | np.ndarray]:
        if analyzer is not self._analyzer:
            for text in self.texts:
                yield array("i", (vocabulary[t] for t in analyzer(text) if t in vocabulary))
            return
        id_of = np.array([vocabulary.get(name, 0) for name in self._names], dtype=np.int32)
        for tokens in self._tokens:
            ids = id_of[np.frombuffer(tokens, dtype=np.intc)]
            yield ids[ids > 0]
