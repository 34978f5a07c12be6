"""VISReg."""

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
from skssl.losses import visreg
from skssl.nn import MultiViewObjective, Objective, mlp_head, random_directions

_GLOBAL_VIEWS = 2


def _visreg(projections: Tensor, *, n_directions: int, weight: float) -> Tensor:
    directions = random_directions(projections, n_directions)
    return visreg(projections, n_global=_GLOBAL_VIEWS, directions=directions, weight=weight)


@declared
class VISReg(SelfSupervisedTransformer):
    """Variance-invariance-sketching: views agree, and the embedding has a Gaussian's quantiles.

    As :class:`~skssl.LeJEPA`, with the difference to a normal distribution measured by its centre,
    its scale and, along random directions, the sliced Wasserstein distance: the sorted values
    against the normal quantiles. Each of the three has a gradient wherever it is needed, also far
    from the goal.

    Parameters
    ----------
    weight : float, default=0.5
        Weight of the distribution's terms, from 0 to 1; that of the views' agreement is 1 less it.
    n_local_views : int, default=2
        Views of a small part of each sample, beside the two large ones. More cost more and help.
    n_directions : int, default=256
        Random directions to compare along, drawn anew in every step.
    projector_dim : int, default=64
        Size of the projections.
    projector_hidden_dim : int, default="auto"
        Width of the projector's two hidden layers. "auto" is twice the size of the embedding.

    See Also
    --------
    LeJEPA : With the characteristic function.

    Notes
    -----
    The projector has three layers with BatchNorm and ReLU after the first two.

    References
    ----------
    Wu, Balestriero and Levine, "VISReg: Variance-Invariance-Sketching Regularization for JEPA
    training", 2026. https://arxiv.org/abs/2606.02572

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import VISReg
    >>> X = load_digits().images[:200]
    >>> ssl = VISReg(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (200, 256)
    """

    weight: float = param(FRACTION, default=0.5)
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
        loss = partial(_visreg, n_directions=self.n_directions, weight=self.weight)
        return MultiViewObjective(
            encoder, projector, loss, n_views=_GLOBAL_VIEWS, n_local_views=self.n_local_views
        )
