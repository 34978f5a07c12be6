"""LeJEPA."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

from skssl._declare import (
    FRACTION,
    POSITIVE_INT,
    Integral,
    Interval,
    StrOptions,
    declared,
    param,
    resolve_auto,
)
from skssl.base import SelfSupervisedTransformer
from skssl.losses import lejepa
from skssl.nn import MultiViewObjective, Objective, mlp_head, random_directions

_GLOBAL_VIEWS = 2


def _lejepa(projections: Tensor, *, n_directions: int, weight: float) -> Tensor:
    directions = random_directions(projections, n_directions)
    return lejepa(projections, n_global=_GLOBAL_VIEWS, directions=directions, weight=weight)


@declared
class LeJEPA(SelfSupervisedTransformer):
    """Views agree, and the embedding is a Gaussian cloud: no heuristics, one weight.

    The projections of all views of a sample are drawn to the mean of its large views. SIGReg
    compares the batch, along random directions, with a standard normal distribution, which is
    shown to be the best an embedding can have when the later task is not known. No teacher, no
    stop-gradient, no negatives.

    Parameters
    ----------
    weight : float, default=0.05
        Weight of SIGReg, from 0 to 1; that of the views' agreement is 1 less it.
    n_local_views : int, default=2
        Views of a small part of each sample, beside the two large ones; the paper has 6. More cost
        more and help.
    n_directions : int, default=256
        Random directions to compare along, drawn anew in every step.
    projector_dim : int, default=64
        Size of the projections.
    projector_hidden_dim : int, default="auto"
        Width of the projector's two hidden layers. "auto" is twice the size of the embedding.

    See Also
    --------
    VISReg : With the sliced Wasserstein distance to a normal distribution.
    VICReg : Only with variances and covariances.

    Notes
    -----
    SIGReg is computed for each view over the samples and averaged, as in the authors' minimal
    example. The projector has three layers with BatchNorm and ReLU after the first two.

    References
    ----------
    Balestriero and LeCun, "LeJEPA: Provable and Scalable Self-Supervised Learning Without the
    Heuristics", 2025. https://arxiv.org/abs/2511.08544

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import LeJEPA
    >>> X = load_digits().images[:200]
    >>> ssl = LeJEPA(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (200, 256)
    """

    weight: float = param(FRACTION, default=0.05)
    n_local_views: int = param(Interval(Integral, 0, None, closed="left"), default=2)
    n_directions: int = param(POSITIVE_INT, default=256)
    projector_dim: int = param(POSITIVE_INT, default=64)
    projector_hidden_dim: Any = param(StrOptions({"auto"}), POSITIVE_INT, default="auto")

    _collapse_remedy = "Try a larger weight, a larger batch_size or stronger views."

    def _make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int
    ) -> Objective:
        hidden = resolve_auto(self.projector_hidden_dim, 2 * embedding_dim)
        projector = mlp_head([embedding_dim, hidden, hidden, self.projector_dim], last_norm=False)
        loss = partial(_lejepa, n_directions=self.n_directions, weight=self.weight)
        return MultiViewObjective(
            encoder, projector, loss, n_views=_GLOBAL_VIEWS, n_local_views=self.n_local_views
        )
