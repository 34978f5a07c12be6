"""DCL."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from skssl._declare import AUTO, POSITIVE, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import dcl
from skssl.nn import Objective, PairObjective, mlp_head


class DCL(SelfSupervisedTransformer):
    """Decoupled contrastive learning: SimCLR without the positive among the negatives.

    In SimCLR's loss, a pair that is close already hardly pushes the other samples away. Here the
    positive is left out of the denominator, so that small batches and short trainings teach more.
    With `sigma`, pairs that are far apart weigh more (DCLW).

    Parameters
    ----------
    temperature : float, default=0.2
        Divides the cosine similarities.
    sigma : float, default=None
        Temperature of the weights of the pairs; the paper has 0.5. None weighs all pairs alike.
    projector_dim : int, default=128
        Size of the projections that the loss compares.
    projector_hidden_dim : int, default="auto"
        Width of the projector's hidden layer. "auto" is the size of the embedding.

    See Also
    --------
    SimCLR : The original.

    Notes
    -----
    The projector is SimCLR's. The paper's temperature is 0.1, for many classes and large sets;
    0.2 did better on small ones.

    References
    ----------
    Yeh, Hong, Hsu, Liu, Chen and LeCun, "Decoupled Contrastive Learning", ECCV 2022.
    https://arxiv.org/abs/2110.06848

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import DCL
    >>> X = load_digits().images[:100]
    >>> ssl = DCL(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    temperature: float = param(POSITIVE, default=0.2)
    sigma: float | None = param(POSITIVE, None, default=None)
    projector_dim: int = param(POSITIVE_INT, default=128)
    projector_hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = "Try a lower temperature, a larger batch_size or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        hidden = resolve_auto(self.projector_hidden_dim, embedding_dim)
        projector = mlp_head([embedding_dim, hidden, self.projector_dim], last_norm=True)
        loss = partial(dcl, temperature=self.temperature, sigma=self.sigma)
        # As in SimCLR, both views go through BatchNorm together.
        return PairObjective(encoder, projector, loss, together=True)
