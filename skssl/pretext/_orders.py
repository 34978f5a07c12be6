"""Samples in pieces, and pieces in the wrong order: what puzzles have in common."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from typing import Any, cast

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skssl._declare import AUTO, BELOW_ONE, param
from skssl._samples import in_all_rows
from skssl._types import Auto, Samples
from skssl.modality import Cutter, PieceCutter, Restorable, as_samples
from skssl.nn import Objective
from skssl.pretext._base import ROUNDS, Task, TaskObjective, _PretextTask, probabilities

# More permutations than those of 7 pieces are not listed, but drawn.
_MOST_LISTED = 5040
_CANDIDATES = 20_000


def distant_orders(n_pieces: int, n_orders: int, rng: np.random.Generator) -> np.ndarray:
    """Choose permutations that differ from each other in as many places as possible.

    The first is random; each of the others is, of all candidates, the one whose mean Hamming
    distance to those chosen before is greatest. Candidates are all permutations of up to 7 pieces,
    and 20,000 random ones of more.

    Returns
    -------
    ndarray of shape (n_orders, n_pieces), int64

    References
    ----------
    Noroozi and Favaro, "Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles",
    ECCV 2016, algorithm 1. https://arxiv.org/abs/1603.09246
    """
    if math.factorial(n_pieces) <= _MOST_LISTED:
        candidates = np.array(list(itertools.permutations(range(n_pieces))))
        if n_orders == len(candidates):
            return candidates
    else:
        n_drawn = max(_CANDIDATES, 10 * n_orders)
        drawn = rng.permuted(np.tile(np.arange(n_pieces), (n_drawn, 1)), axis=1)
        candidates = _different(drawn)
    # One row for each place, of small numbers: this is half of the time of a short training.
    places = np.ascontiguousarray(candidates.T, dtype=np.min_scalar_type(n_pieces))
    distance = np.zeros(len(candidates))
    chosen = [int(rng.integers(len(candidates)))]
    while len(chosen) < n_orders:
        distance += (places != places[:, chosen[-1:]]).sum(axis=0, dtype=np.int32)
        distance[chosen[-1]] = -np.inf
        chosen.append(int(distance.argmax()))
    return candidates[chosen]


def _different(orders: np.ndarray) -> np.ndarray:
    """Return the different rows in their order; ``np.unique(orders, axis=0)`` is much slower."""
    columns = orders.T.astype(np.min_scalar_type(orders.shape[1]))
    in_order = orders[np.lexsort(columns[::-1])]
    is_new = np.ones(len(orders), dtype=bool)
    is_new[1:] = (in_order[1:] != in_order[:-1]).any(axis=1)
    return in_order[is_new]


class AboutPieces(Task):
    """Asks about the pieces of a sample.

    Parameters
    ----------
    cutter : Cutter
    **how
        What ``PieceCutter.show`` takes: gap, normalize, full_size.
    """

    def __init__(self, cutter: Cutter, **how: Any):
        self.cutter = cutter
        self.how = how

    def show(self, batch: Tensor) -> list[Tensor]:
        """Return what the encoder is to see of samples whose pieces are where they are."""
        if isinstance(self.cutter, PieceCutter):
            return self.cutter.show(batch, **self.how)
        return [self.cutter.settle(batch)]


class WhichOrder(AboutPieces):
    """Asks in which of some orders the pieces of a sample are.

    Parameters
    ----------
    cutter : Cutter
    orders : Tensor of shape (n_classes, n_pieces)
    **how
        What ``PieceCutter.show`` takes.
    """

    def __init__(self, cutter: Cutter, orders: Tensor, **how: Any):
        super().__init__(cutter, **how)
        self.orders = orders
        self.n_classes = len(orders)
        self.n_parts = cutter.n_pieces if isinstance(cutter, PieceCutter) else 1

    def pose(self, batch: Tensor, answers: Tensor) -> list[Tensor]:
        order = self.orders.to(batch.device)[answers]
        if self.n_parts == 1:
            return self.show(self.cutter.rearrange(batch, order))
        rows = torch.arange(len(batch), device=batch.device)[:, None]
        return list(torch.stack(self.show(batch), dim=1)[rows, order].unbind(dim=1))


class _PiecesTask(_PretextTask):
    """Base class of the tasks whose samples are cut into pieces.

    Parameters
    ----------
    gap : "auto" or float, default="auto"
        The part of each side of a piece that is left out, from 0 to below 1; what is shown is at a
        random place in the rest. Without gaps, pieces could be put together by the edges that
        they share. "auto" is 1/8, at least 1, of sides of 6 or more.
    normalize_pieces : bool, default=True
        Whether all pieces get the mean and the standard deviation of the whole sample, for series
        by channel, so that their level does not tell where they belong. Unlike the mean 0 and the
        standard deviation 1 of the paper, these leave the values in the range that the encoder
        meets in `transform`. Has no meaning for texts and point clouds.
    """

    gap: Auto[float] = param(AUTO, BELOW_ONE, default="auto")
    normalize_pieces: bool = param("boolean", default=True)

    _shortcut_remedy = "try a larger gap, normalize_pieces=True, or views."

    def _how(self) -> dict[str, Any]:
        """Return how an encoder is shown the pieces."""
        full_size = self.takes_one_size()
        return {"gap": self.gap, "normalize": self.normalize_pieces, "full_size": full_size}


class _OrderTask(_PiecesTask):
    """Base class of the tasks whose pieces are shuffled and put back in order.

    Attributes
    ----------
    permutations_ : ndarray of shape (n_permutations, n_pieces)
        The orders to be told apart. Place ``i`` of a sample that is shuffled by permutation ``j``
        has the piece that was at place ``permutations_[j, i]``.
    """

    @abstractmethod
    def _make_cutter(self, samples: Tensor) -> Cutter:
        """Return what cuts the samples, after a check that it can."""

    @abstractmethod
    def _choose_orders(self, n_pieces: int) -> np.ndarray:
        """Return the permutations to be told apart."""

    def _make_task(self, samples: Tensor) -> Task:
        cutter = self._make_cutter(samples)
        self.permutations_ = self._choose_orders(cutter.n_pieces)
        return WhichOrder(cutter, torch.from_numpy(self.permutations_), **self._how())

    @property
    def _cutter(self) -> Cutter:
        """What cuts the samples; it is the same for all encoders side by side."""
        part = cast(TaskObjective, self._objective.parts[0])
        return cast(WhichOrder, part.task).cutter

    def shuffle(self, X: Samples) -> tuple[Any, np.ndarray]:
        """Shuffle the pieces of samples, always in the same way.

        Parameters
        ----------
        X : array-like
            Samples.

        Returns
        -------
        X_shuffled : array-like
            In the form that :meth:`solve` returns.
        answers : ndarray of shape (n_samples,), int64
            Index in ``permutations_`` of the order in which the pieces of each sample are; -1 for
            files that could not be read.
        """
        check_is_fitted(self)
        samples, loaded = self.prepare_samples(X)
        rng = np.random.default_rng(self._seed)
        answers = rng.integers(self.n_classes_, size=len(samples))
        shuffled = self._rearranged(samples, self.permutations_[answers], X, loaded)
        if loaded is not None:
            every = np.full(len(loaded), -1)
            every[loaded] = answers
            answers = every
        return shuffled, answers

    def solve(self, X: Samples) -> Any:
        """Put the pieces of shuffled samples back in order.

        Parameters
        ----------
        X : array-like
            Samples whose pieces are in one of the orders ``permutations_``.

        Returns
        -------
        X_solved : array-like
            In the form, layout and dtype of `X`; images from files are an array. Values are moved,
            and none is changed, though those of float64 are rounded to float32 like everywhere.
            What does not belong to a piece, where a sample cannot be divided, stays where it is.

            For texts, the known tokens are returned, with a space between them, in an array if `X`
            is one and in a list otherwise. The bounding cube of a shuffled point cloud may not be
            quite that of the whole one, so that points near the walls of voxels may go astray; the
            others come back to within the precision of float32.

        Raises
        ------
        ValueError
            If `X` are texts whose tokens overlap, as n-grams do.
        """
        from skssl.training import resolve_device, seeded

        check_is_fitted(self)
        samples, loaded = self.prepare_samples(X)

        def read(objective: Objective, batch: Tensor) -> Tensor:
            return probabilities(objective, lambda task: task.show(batch))

        with seeded(self._seed, resolve_device(self.device)):
            rounds = [self.apply_objective(read, samples) for _ in range(ROUNDS)]
        answers = torch.stack(rounds).mean(dim=0).argmax(dim=1).numpy()
        # The piece that belongs to place j is where the permutation has j.
        return self._rearranged(samples, self.permutations_[answers].argsort(axis=1), X, loaded)

    def _rearranged(
        self, samples: Tensor, order: np.ndarray, X: Samples, loaded: np.ndarray | None
    ) -> Samples:
        moved = Restorable.of(self.modality_).restore(
            self._cutter.rearrange(samples, torch.from_numpy(order)), X
        )
        given = as_samples(X)
        if isinstance(moved, list):
            return [_in_dtype_of(like, one) for one, like in zip(moved, given, strict=True)]
        like = given[0] if isinstance(given, (list, tuple)) else given
        return in_all_rows(_in_dtype_of(like, moved), loaded)


def _in_dtype_of(like: Any, samples: Any) -> Any:
    """Return arrays in the dtype of another array; what is no array, such as a text, as it is."""
    arrays = isinstance(like, np.ndarray) and isinstance(samples, np.ndarray)
    return samples.astype(like.dtype, copy=False) if arrays else samples
