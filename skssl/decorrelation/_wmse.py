"""W-MSE."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from skssl._declare import AT_LEAST_TWO, AUTO, BELOW_ONE, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import w_mse
from skssl.nn import MultiViewObjective, Objective, mlp_head

_WIDEST = 64


class WMSE(SelfSupervisedTransformer):
    """Whitening MSE: views agree after the batch is whitened, so that nothing can collapse.

    The projections of a batch are whitened: their covariance becomes the identity, by
    construction. All that is left to learn is that the views of a sample agree. No weights to
    balance, no negatives, no teacher.

    Parameters
    ----------
    n_views : int, default=2
        Views of each sample, at least 2; all pairs of them are compared. The paper has 2 and 4.
    projector_dim : int, default="auto"
        Size of the projections, smaller than the batch. "auto" is 64, but at most a quarter of the
        batch and the size of the embedding.
    projector_hidden_dim : int, default="auto"
        Width of the projector's hidden layer. "auto" is twice the size of the embedding.
    sub_batch : int, default="auto"
        Samples that are whitened together, more than `projector_dim`. "auto" is twice
        `projector_dim`, as in the paper: a random split of the batch that changes with every step
        keeps the whitening from being learned by heart. Batches that are smaller are whitened
        whole.
    epsilon : float, default=0.001
        Share of the identity in the covariance, so that a batch can be whitened although a
        dimension is constant in it. The paper has 0 as well as small values.

    Raises
    ------
    ValueError
        If `projector_dim` is not smaller than the batch or `sub_batch`.

    See Also
    --------
    VIbCReg : With a whitening layer and further terms.

    Notes
    -----
    The projector has two layers with BatchNorm and ReLU in between. All views go through BatchNorm
    together, as in the authors' code; each is whitened on its own, by Cholesky.

    References
    ----------
    Ermolov, Siarohin, Sangineto and Sebe, "Whitening for Self-Supervised Representation
    Learning", ICML 2021. https://arxiv.org/abs/2007.06346

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import WMSE
    >>> X = load_digits().images[:100]
    >>> ssl = WMSE(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    n_views: int = param(AT_LEAST_TWO, default=2)
    projector_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")
    projector_hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")
    sub_batch: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    epsilon: float = param(BELOW_ONE, default=1e-3)

    collapse_remedy = "Try a larger batch_size, n_views=4 or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        batch_size = self.batch_size_
        auto = max(1, min(_WIDEST, batch_size // 4, embedding_dim))
        dim = resolve_auto(self.projector_dim, auto)
        sub_batch = resolve_auto(self.sub_batch, 2 * dim)
        if dim >= min(batch_size, sub_batch):
            raise ValueError(
                f"projector_dim={dim} must be smaller than the number of samples that are whitened "
                f"together, here {min(batch_size, sub_batch)}: lower it, or raise batch_size or "
                "sub_batch."
            )
        hidden = resolve_auto(self.projector_hidden_dim, 2 * embedding_dim)
        projector = mlp_head([embedding_dim, hidden, dim], last_norm=False, last_bias=True)
        fitting = sub_batch if sub_batch < batch_size else None
        loss = partial(w_mse, sub_batch=fitting, epsilon=self.epsilon)
        return MultiViewObjective(encoder, projector, loss, n_views=self.n_views)
