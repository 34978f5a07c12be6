"""NNCLR."""

from __future__ import annotations

from torch import Tensor, nn

from skssl._declare import AUTO, POSITIVE, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import info_nce
from skssl.nn import DrawViews, Objective, Queue, auto_queue_size, mlp_head


class _NNCLRObjective(Objective):
    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        predictor: nn.Module,
        queue: Queue,
        temperature: float,
    ):
        super().__init__(encoder)
        self.projector = projector
        self.predictor = predictor
        self.queue = queue
        self.temperature = temperature

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        z1, z2 = (self.projector(self.encoder(view)) for view in draw_views(batch, 2))
        p1, p2 = (self.predictor(z).float() for z in (z1, z2))
        # The search comes before the queue moves: each would find itself otherwise.
        near1, near2 = (self.queue.nearest(z) for z in (z1, z2))
        loss = (
            info_nce(near1, p2, temperature=self.temperature)
            + info_nce(near2, p1, temperature=self.temperature)
        ) / 2
        self.queue.enqueue(z1)
        return loss


class NNCLR(SelfSupervisedTransformer):
    """Nearest-neighbour contrastive learning: the positive is the nearest of earlier samples.

    As :class:`~skssl.SimCLR`, but what a view is to be recognised from is not the other view but
    that view's nearest neighbour in a queue of earlier samples: other samples of the same kind,
    which differ more than any random change. It leans less on well-chosen views.

    Parameters
    ----------
    temperature : float, default=0.1
        Divides the cosine similarities.
    queue_size : int, default="auto"
        Number of earlier samples to search. "auto" is half of the training samples, at most 4096.
    projector_dim : int, default=128
        Size of the projections.
    hidden_dim : int, default="auto"
        Width of the hidden layers of projector and predictor. "auto" is twice the size of the
        embedding.

    See Also
    --------
    SimCLR : With the other view as the positive.

    Notes
    -----
    As in the paper, the projector has three layers with BatchNorm after each, the predictor two
    with BatchNorm in between, the loss takes the mean of both directions, and only projections of
    the first view go into the queue, after the search.

    References
    ----------
    Dwibedi, Aytar, Tompson, Sermanet and Zisserman, "With a Little Help from My Friends:
    Nearest-Neighbor Contrastive Learning of Visual Representations", ICCV 2021.
    https://arxiv.org/abs/2104.14548

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import NNCLR
    >>> X = load_digits().images[:100]
    >>> ssl = NNCLR(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    temperature: float = param(POSITIVE, default=0.1)
    queue_size: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")
    projector_dim: int = param(POSITIVE_INT, default=128)
    hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = "Try a larger queue_size, a lower temperature or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        dim = self.projector_dim
        hidden = resolve_auto(self.hidden_dim, 2 * embedding_dim)
        projector = mlp_head([embedding_dim, hidden, hidden, dim], last_norm=True)
        predictor = mlp_head([dim, hidden, dim], last_norm=False, last_bias=True)
        size = resolve_auto(self.queue_size, auto_queue_size(n_samples))
        return _NNCLRObjective(encoder, projector, predictor, Queue(size, dim), self.temperature)
