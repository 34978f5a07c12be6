"""Relative position."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from skssl.modality import PieceCutter, Surrounded
from skssl.pretext._base import Task
from skssl.pretext._orders import AboutPieces, _PiecesTask


class WhichNeighbour(AboutPieces):
    """Asks where a piece is in relation to the one in the middle, which is shown first.

    Parameters
    ----------
    cutter : PieceCutter
        Cuts a sample into an odd number of pieces.
    **how
        What ``PieceCutter.show`` takes.
    """

    n_parts = 2

    def __init__(self, cutter: PieceCutter, **how: Any):
        super().__init__(cutter, **how)
        self.middle = cutter.n_pieces // 2
        self.n_classes = cutter.n_pieces - 1

    def pose(self, batch: Tensor, answers: Tensor) -> list[Tensor]:
        pieces = self.show(batch)
        rows = torch.arange(len(batch), device=batch.device)
        others = answers + (answers >= self.middle)
        return [pieces[self.middle], torch.stack(pieces, dim=1)[rows, others]]


class RelativePosition(_PiecesTask):
    """Tell where one piece of a sample is in relation to another.

    Two patches are shown of an image: the one in the middle of a 3 x 3 grid, and one of the 8
    around it, of which the encoder is to tell which it is. In a series, which is cut into 5
    windows, one of the two before the window in the middle or of the two after it is shown beside
    it. It learns from the same as :class:`JigsawPuzzle`, but needs two pieces only, so that a step
    takes less time.

    The patches have gaps between them and a random jitter, as in the paper, though smaller ones.
    Lenses that bend colours differently betray the place in a photo, too; views that change the
    colours, as :class:`~skssl.views.ImageViews` do, prevent that.

    Parameters
    ----------
    gap : "auto" or float, default="auto"
        The part of each side of a piece that is left out, from 0 to below 1; what is shown is at a
        random place in the rest. "auto" is 1/8, at least 1, of sides of 6 or more.
    normalize_pieces : bool, default=True
        Whether all pieces get the mean and the standard deviation of the whole sample, for series
        by channel, so that their level does not tell where they belong.

    References
    ----------
    Doersch, Gupta and Efros, "Unsupervised Visual Representation Learning by Context Prediction",
    ICCV 2015. https://arxiv.org/abs/1505.05192

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import RelativePosition
    >>> X = load_digits().images[:800]
    >>> ssl = RelativePosition(batch_size=64, max_epochs=4, random_state=0).fit(X[:600])
    >>> ssl.n_classes_
    8
    >>> ssl.score(X[600:]) > 0.2
    True
    """

    needs = (Surrounded,)

    def _make_task(self, samples: Tensor) -> Task:
        cutter = Surrounded.of(self.modality_).surroundings()
        cutter.check(samples, type(self).__name__)
        return WhichNeighbour(cutter, **self._how())
