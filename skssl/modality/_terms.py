"""The terms of texts: tokens, and pairs of neighbouring ones that several texts have."""

from __future__ import annotations

import numpy as np

from skssl.modality._corpus import padded

# A term and how often a text has it are one number, term * 64 + count, so that a text is a row of
# as many numbers as it has different terms. More often than 63 times counts as 63 times.
COUNTS = 64
# Texts in which a pair must be to be known.
_FEWEST_TEXTS = 2


class Terms:
    """Numbers the tokens and the pairs of neighbouring tokens of texts.

    Tokens have the numbers of their ids, from 1; pairs follow.

    Parameters
    ----------
    n_tokens : int
        Number of known tokens.
    keys : ndarray of int
        What :func:`learn_pairs` returns: each known pair in one number, rising.
    """

    def __init__(self, n_tokens: int, keys: np.ndarray):
        self.n_tokens = n_tokens
        self.keys = keys

    def __len__(self) -> int:
        return self.n_tokens + len(self.keys)

    def pairs(self) -> list[tuple[int, int]]:
        """Return the ids of each known pair."""
        first, second = np.divmod(self.keys, self.n_tokens + 1)
        return list(zip(first.tolist(), second.tolist(), strict=True))

    def codes(self, rows: np.ndarray, ids: np.ndarray, n_rows: int, *, most: int) -> np.ndarray:
        """Return the different terms of every text with their counts, of shape (n_rows, width).

        The most frequent come first; those after the first `most` are left out.
        """
        pair_rows, keys = _pairs(rows, ids, self.n_tokens)
        places = np.searchsorted(self.keys, keys)
        known = places < len(self.keys)
        known[known] = self.keys[places[known]] == keys[known]
        of_row = np.concatenate([rows[ids > 0], pair_rows[known]])
        terms = np.concatenate([ids[ids > 0], self.n_tokens + 1 + places[known]])
        size = len(self) + 1
        found, counts = np.unique(of_row.astype(np.int64) * size + terms, return_counts=True)
        of_row, terms = np.divmod(found, size)
        order = np.lexsort((terms, -counts, of_row))
        of_row, terms, counts = of_row[order], terms[order], counts[order]
        codes = terms * COUNTS + counts.clip(max=COUNTS - 1)
        return padded(of_row, codes, n_rows, most=most)


def learn_pairs(rows: np.ndarray, ids: np.ndarray, n_tokens: int, *, most: int) -> np.ndarray:
    """Return the keys of the pairs of neighbours that at least two training texts have.

    Parameters
    ----------
    rows, ids : ndarray of int
        The row and the id of each token of the texts in their order; 0 is not known.
    n_tokens : int
    most : int
        Largest number of pairs; those in most texts are kept.
    """
    pair_rows, keys = _pairs(rows, ids, n_tokens)
    # Each pair once for every text.
    order = np.lexsort((pair_rows, keys))
    keys, pair_rows = keys[order], pair_rows[order]
    first = np.ones(len(keys), dtype=bool)
    first[1:] = (keys[1:] != keys[:-1]) | (pair_rows[1:] != pair_rows[:-1])
    known, n_texts = np.unique(keys[first], return_counts=True)
    known, n_texts = known[n_texts >= _FEWEST_TEXTS], n_texts[n_texts >= _FEWEST_TEXTS]
    return np.sort(known[np.argsort(-n_texts, kind="stable")[:most]])


def _pairs(rows: np.ndarray, ids: np.ndarray, n_tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and the key of every pair of known neighbours."""
    both = (rows[:-1] == rows[1:]) & (ids[:-1] > 0) & (ids[1:] > 0)
    keys = ids[:-1].astype(np.int64) * (n_tokens + 1) + ids[1:]
    return rows[:-1][both], keys[both]
