"""Jigsaw puzzles."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from skssl._declare import AT_LEAST_TWO, AUTO, param
from skssl._types import Auto
from skssl.modality import Cuttable, Cutter
from skssl.pretext._orders import _OrderTask, distant_orders

# More orders than those of 4 pieces are too many to tell apart.
_MOST_ORDERS = 24
_ENOUGH_ORDERS = 100


class JigsawPuzzle(_OrderTask):
    """Tell in which order the pieces of a sample are, and put them back.

    The encoder sees the pieces one by one (the context-free network of the paper). A head looks at
    each of them, and then tells from all which of some permutations was applied. To know where a
    piece belongs, the encoder has to learn what the parts of things look like. It suits samples
    whose parts have usual places; where all parts are alike, as in textures, there is nothing to
    learn.

    The pieces are tiles of images, halves in time of the tiles of video, segments of series, spans
    of neighbouring tokens of texts. Sequences are cut from the start to their own end; missing
    values at the end of a series count as the end. Samples that the grid does not divide keep what
    is left over at the end or the lower and right edge, where it is not shown. Pieces have their
    own size, but for an encoder of your own they are made as large as the samples.

    For point clouds, the voxels of the bounding cube move with their points, and the encoder sees
    the whole shuffled cloud at once, as Sauder and Sievers do, who ask for the voxel of every
    point where this asks for the permutation.

    Parameters
    ----------
    views : "auto", Views or callable, default="auto"
        Random changes that are made to a sample before it is cut. "auto" are the modality's for
        images, which the paper crops and changes in colour as well, and none for others. A function
        that returns its batch makes none.
    grid : "auto" or int, default="auto"
        Pieces along each axis, at least 2: ``grid ** 2`` tiles, segments or spans, ``2 * grid **
        2`` tiles of video, ``grid ** 3`` voxels. "auto" is 2, and 3 for point clouds. Pieces have
        at least 2 pixels, frames or steps along every side, or 1 token.
    n_permutations : "auto" or int, default="auto"
        Number of orders to tell apart, at least 2, chosen to be as different as possible. "auto"
        is all of them for up to 4 pieces, and 100 for more.

    References
    ----------
    Noroozi and Favaro, "Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles",
    ECCV 2016. https://arxiv.org/abs/1603.09246

    Sauder and Sievers, "Self-Supervised Deep Learning on Point Clouds by Reconstructing Space",
    NeurIPS 2019. https://arxiv.org/abs/1901.08396

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skssl import JigsawPuzzle
    >>> X = load_digits().images[:800]
    >>> ssl = JigsawPuzzle(batch_size=64, max_epochs=4, random_state=0).fit(X[:600])
    >>> ssl.permutations_.shape
    (24, 4)
    >>> ssl.score(X[600:]) > 0.2
    True
    >>> X_shuffled, answers = ssl.shuffle(X[600:])
    >>> solved = ssl.solve(X_shuffled)
    >>> float(np.mean(solved == X[600:])) > float(np.mean(X_shuffled == X[600:]))
    True
    """

    grid: Auto[int] = param(AUTO, AT_LEAST_TWO, default="auto")
    n_permutations: Auto[int] = param(AUTO, AT_LEAST_TWO, default="auto")

    needs = (Cuttable,)

    def augments(self) -> bool:
        return super().augments() or Cuttable.of(self.modality_).views_keep_order

    def _make_cutter(self, samples: Tensor) -> Cutter:
        cutter = Cuttable.of(self.modality_).cutter(None if self.grid == "auto" else int(self.grid))
        cutter.check(samples, f"grid={self.grid!r}")
        return cutter

    def _choose_orders(self, n_pieces: int) -> np.ndarray:
        possible = math.factorial(n_pieces)
        if self.n_permutations == "auto":
            n_orders = possible if possible <= _MOST_ORDERS else _ENOUGH_ORDERS
        else:
            n_orders = int(self.n_permutations)
        if n_orders > possible:
            raise ValueError(
                f"n_permutations={n_orders} is more than the {possible} orders that {n_pieces} "
                f"pieces can be in, with grid={self.grid!r}."
            )
        return distant_orders(n_pieces, n_orders, np.random.default_rng(self._seed))
