"""Texts, and the tokens that they are split into."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Analyzer = Callable[[str], Sequence[str]]


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

    def __getitem__(self, rows: Any) -> Corpus:
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

    def _ids(self, analyzer: Analyzer, vocabulary: Mapping[str, int]) -> Iterator[Any]:
        if analyzer is not self._analyzer:
            for text in self.texts:
                yield array("i", (vocabulary[t] for t in analyzer(text) if t in vocabulary))
            return
        id_of = np.array([vocabulary.get(name, 0) for name in self._names], dtype=np.int32)
        for tokens in self._tokens:
            ids = id_of[np.frombuffer(tokens, dtype=np.intc)]
            yield ids[ids > 0]
