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
        """Go through the tokens of every text, and keep them for :meth:`ids`."""
        places: defaultdict[str, int] = defaultdict()
        places.default_factory = places.__len__
        self._tokens = []
        for text in self.texts:
            tokens = analyzer(text)
            self._tokens.append(array("i", map(places.__getitem__, tokens)))
            yield tokens
        self._names, self._analyzer = list(places), analyzer

    def document_frequency(self) -> dict[str, int]:
        """Return in how many texts each token is, after all were split."""
        counts = np.zeros(len(self._names), dtype=np.int64)
        for tokens in self._tokens:
            counts[np.unique(np.frombuffer(tokens, dtype=np.intc))] += 1
        return dict(zip(self._names, counts.tolist(), strict=True))

    def ids(
        self, analyzer: Analyzer, vocabulary: Mapping[str, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the row and the id of every token of all texts in their order.

        Parameters
        ----------
        analyzer : callable
            Splits a text into tokens; not called if :meth:`split` has called it.
        vocabulary : dict of str to int
            The ids, from 1; what has none gets 0.

        Returns
        -------
        rows, ids : ndarray of shape (n_tokens,), int
        """
        if analyzer is self._analyzer:
            id_of = np.array([vocabulary.get(name, 0) for name in self._names], dtype=np.int32)
            found = [id_of[np.frombuffer(tokens, dtype=np.intc)] for tokens in self._tokens]
        else:
            found = [
                np.array([vocabulary.get(token, 0) for token in analyzer(text)], dtype=np.int32)
                for text in self.texts
            ]
        lengths = list(map(len, found))
        return np.repeat(np.arange(len(found)), lengths), np.concatenate(found)


def padded(rows: np.ndarray, values: np.ndarray, n_rows: int, *, most: int) -> np.ndarray:
    """Return values as rows that end with zeros, in an array as wide as the longest of them.

    Parameters
    ----------
    rows : ndarray of int
        The row of each value, rising.
    values : ndarray of int
    n_rows : int
    most : int
        Largest number of values in a row; those after it are left out.

    Returns
    -------
    ndarray of shape (n_rows, width), int32
        At least 1 wide.
    """
    lengths = np.bincount(rows, minlength=n_rows)
    places = np.arange(len(rows)) - np.repeat(lengths.cumsum() - lengths, lengths)
    inside = places < most
    array = np.zeros((n_rows, max(1, min(most, lengths.max(initial=0)))), dtype=np.int32)
    array[rows[inside], places[inside]] = values[inside]
    return array
