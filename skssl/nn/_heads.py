"""Heads: networks that serve training only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl._precision import full_precision
from skssl.nn._tokenizer import Pieces


def _relu() -> nn.Module:
    return nn.ReLU(inplace=True)


def mlp_head(
    sizes: Sequence[int],
    *,
    norm: bool = True,
    last_norm: bool | Literal["plain"],
    last_bias: bool = False,
    activation: Callable[[], nn.Module] = _relu,
) -> nn.Sequential:
    """Build linear layers with BatchNorm and an activation between them.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input and of every layer.
    norm : bool, default=True
        Whether BatchNorm stands before the activations. The layers have a bias if it does not.
    last_norm : bool or "plain"
        Whether BatchNorm follows the last layer, too; "plain" is one without weights. False where
        the loss itself sees to it that samples do not all become the same, by a variance, a
        covariance or a contrast. Where it does not, as in SimSiam, "plain" keeps every column of
        the projections as wide as the others.
    last_bias : bool, default=False
        Whether the last layer has a bias.
    activation : callable, default=nn.ReLU
        Returns the activation that follows all layers but the last.

    Returns
    -------
    nn.Sequential
        From tensors (n, sizes[0]) to (n, sizes[-1]).
    """
    *hidden, out = sizes
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(hidden):
        layers.append(nn.Linear(width_in, width_out, bias=not norm))
        if norm:
            layers.append(nn.BatchNorm1d(width_out))
        layers.append(activation())
    layers.append(nn.Linear(hidden[-1], out, bias=last_bias))
    if last_norm:
        layers.append(nn.BatchNorm1d(out, affine=last_norm != "plain"))
    return nn.Sequential(*layers)


class PartsHead(nn.Module):
    """Projects every part of a sample alone, and tells the answer from all projections.

    What only the task needs is then learned by the projections, and not by the encoder.

    Parameters
    ----------
    dim : int
        Size of the embedding of a part.
    n_parts : int
    hidden : int
        Width of all layers but the last: two for each part, and one for all parts together.
    n_classes : int

    References
    ----------
    Noroozi and Favaro, "Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles",
    ECCV 2016, whose network has one layer for each part ("fc6"). With two, the embedding of the
    encoder keeps more of what tells things apart.
    """

    def __init__(self, dim: int, n_parts: int, hidden: int, n_classes: int):
        super().__init__()
        self.n_parts = n_parts
        self.project = nn.Sequential(mlp_head([dim, hidden, hidden], last_norm=True), nn.ReLU())
        self.answer = mlp_head(
            [n_parts * hidden, hidden, n_classes], last_norm=False, last_bias=True
        )

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings of shape (n, n_parts * dim), side by side, to (n, n_classes)."""
        parts = embeddings.unflatten(1, (self.n_parts, -1)).flatten(0, 1)
        return self.answer(self.project(parts).unflatten(0, (-1, self.n_parts)).flatten(1))


class PairwiseHead(nn.Module):
    """Compares the embeddings of the parts of a sample two by two, before it tells the answer.

    The same layer looks at every pair; a last one sees what it says of all of them.

    Parameters
    ----------
    dim : int
        Size of the embedding of a part.
    n_parts : int
    hidden : int
        Width of the layer that looks at a pair.
    n_classes : int

    References
    ----------
    Xu et al., "Self-Supervised Spatiotemporal Learning via Video Clip Order Prediction", CVPR 2019.
    """

    def __init__(self, dim: int, n_parts: int, hidden: int, n_classes: int):
        super().__init__()
        self.pairs = list(combinations(range(n_parts), 2))
        self.compare = nn.Sequential(nn.Linear(2 * dim, hidden), nn.ReLU(inplace=True))
        self.answer = nn.Sequential(nn.Dropout(), nn.Linear(len(self.pairs) * hidden, n_classes))
        self.n_parts = n_parts

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings of shape (n, n_parts * dim), side by side, to (n, n_classes)."""
        parts = embeddings.chunk(self.n_parts, dim=1)
        compared = [self.compare(torch.cat([parts[i], parts[j]], dim=1)) for i, j in self.pairs]
        return self.answer(torch.cat(compared, dim=1))


class PieceHead(nn.Linear):
    """Predicts what pieces hold from their tokens alone."""

    def forward(self, tokens: Tensor, pieces: Pieces | None = None) -> Tensor:
        return super().forward(tokens)


class Prototypes(nn.Module):
    """Unit vectors that projections are compared with, by cosine, in float32 or better.

    Parameters
    ----------
    dim : int
        Size of a projection.
    n_prototypes : int
    """

    def __init__(self, dim: int, n_prototypes: int):
        super().__init__()
        self.weight = nn.Parameter(F.normalize(torch.randn(n_prototypes, dim), dim=1))

    def forward(self, projections: Tensor, *, frozen: bool = False) -> Tensor:
        """Return the cosines, of shape (n, n_prototypes); if `frozen`, the vectors do not learn."""
        weight = self.weight.detach() if frozen else self.weight
        with full_precision(projections, weight) as (projections, weight):
            return F.normalize(projections, dim=1) @ F.normalize(weight, dim=1).T


def random_directions(projections: Tensor, n_directions: int) -> Tensor:
    """Draw unit vectors, one in each column, in the space of the projections (..., d)."""
    drawn = torch.randn(projections.shape[-1], n_directions, device=projections.device)
    return F.normalize(drawn, dim=0)


def auto_prototypes(n_samples: int) -> int:
    """Return a number of groups: one for ten samples, from 10 to 300."""
    return min(max(10, n_samples // 10), 300)
