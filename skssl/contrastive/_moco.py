"""MoCo."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skssl._declare import (
    AUTO,
    FRACTION,
    NOT_NEGATIVE_INT,
    POSITIVE,
    POSITIVE_INT,
    param,
    resolve_auto,
)
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import info_nce
from skssl.nn import (
    DrawViews,
    Objective,
    Queue,
    TaughtObjective,
    auto_queue_size,
    has_attention,
    mlp_head,
)

# Samples that share the statistics of BatchNorm when keys are computed, at least.
_SMALLEST_PART = 16


class _MoCoV2Objective(TaughtObjective):
    momentum_rises = False

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        queue: Queue,
        *,
        temperature: float,
        momentum: float,
    ):
        super().__init__(encoder, projector, momentum=momentum)
        self.queue = queue
        self.temperature = temperature

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        view, other = draw_views(batch, 2)
        queries = self.projector(self.encoder(view)).float()
        keys = self._keys(other).float()
        loss = info_nce(queries, keys, temperature=self.temperature, negatives=self.queue.rows)
        self.queue.enqueue(keys)
        return loss

    def _keys(self, views: Tensor) -> Tensor:
        """Embed the views in shuffled parts.

        A query and its key must not share the statistics of BatchNorm, which would tell them from
        the queue. On several devices this is the paper's shuffling BN.
        """
        n = len(views)
        order = torch.randperm(n, device=views.device)
        n_parts = max(1, min(4, n // _SMALLEST_PART))
        keys = torch.cat([self.teacher(views[rows]) for rows in order.tensor_split(n_parts)])
        return keys[order.argsort()]


class _MoCoV3Objective(TaughtObjective):
    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        predictor: nn.Module,
        *,
        temperature: float,
        momentum: float,
    ):
        super().__init__(encoder, projector, momentum=momentum)
        self.predictor = predictor
        self.temperature = temperature

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        views = draw_views(batch, 2)
        q1, q2 = (self.predictor(self.projector(self.encoder(view))).float() for view in views)
        k1, k2 = (self.teacher(view).float() for view in views)
        loss = info_nce(q1, k2, temperature=self.temperature)
        loss = loss + info_nce(q2, k1, temperature=self.temperature)
        return 2 * self.temperature * loss


class MoCo(SelfSupervisedTransformer):
    """Momentum contrast: SimCLR's task with keys that a slow copy of the network makes.

    The network embeds one view (the query), a teacher, its moving average, the other (the key).
    The query is to be nearer to its key than to the keys of earlier batches, which wait in a queue
    (MoCo v2): many negatives without a large batch. With ``queue_size=0``, a predictor stands
    behind the network and the negatives are those of the batch (MoCo v3), which suits vision
    transformers.

    Parameters
    ----------
    queue_size : int, default="auto"
        Keys of earlier batches to compare with. "auto" is half of the training samples, at most
        4096, so that few samples meet keys of their own. 0 is MoCo v3.
    temperature : float, default=0.2
        Divides the cosine similarities.
    momentum : float, default=0.99
        What the teacher keeps of its weights in a step; the papers have 0.999 and, with v3, 0.99
        that rises to 1 with a cosine.
    projector_dim : int, default=128
        Size of queries and keys.
    hidden_dim : int, default="auto"
        Width of the hidden layers of projector and predictor. "auto" is the size of the embedding
        in v2, as in the paper, and twice that in v3.

    See Also
    --------
    SimCLR : Without a teacher.
    BYOL : Without negatives.

    Notes
    -----
    v2: the projector is a two-layer perceptron without BatchNorm, the loss is computed in one
    direction, and the queue moves after it. Keys go through BatchNorm in shuffled parts of the
    batch, as they do on several devices in the paper. v3: projector and predictor have BatchNorm,
    and the loss is the sum of both directions times twice the temperature. As in the authors' code,
    the heads of encoders with attention are a projector of three layers and a predictor of two, all
    with BatchNorm, without weights after the last layer; those of others, as of a ResNet, are two
    layers each, and the predictor does not end in BatchNorm.

    References
    ----------
    He, Fan, Wu, Xie and Girshick, "Momentum Contrast for Unsupervised Visual Representation
    Learning", CVPR 2020. https://arxiv.org/abs/1911.05722

    Chen, Fan, Girshick and He, "Improved Baselines with Momentum Contrastive Learning", 2020.
    https://arxiv.org/abs/2003.04297

    Chen, Xie and He, "An Empirical Study of Training Self-Supervised Vision Transformers", ICCV
    2021. https://arxiv.org/abs/2104.02057

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import MoCo
    >>> X = load_digits().images[:100]
    >>> ssl = MoCo(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    queue_size: Auto[int] = param(AUTO, NOT_NEGATIVE_INT, default="auto")
    temperature: float = param(POSITIVE, default=0.2)
    momentum: float = param(FRACTION, default=0.99)
    projector_dim: int = param(POSITIVE_INT, default=128)
    hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = "Try a larger queue_size, a lower temperature or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        is_v3, dim = self.queue_size == 0, self.projector_dim
        auto = (2 if is_v3 else 1) * embedding_dim
        hidden = resolve_auto(self.hidden_dim, auto)
        settings = {"temperature": self.temperature, "momentum": self.momentum}
        if is_v3:
            attends = has_attention(encoder)
            layers = [hidden, hidden] if attends else [hidden]
            projector = mlp_head([embedding_dim, *layers, dim], last_norm="plain")
            predictor = mlp_head([dim, hidden, dim], last_norm="plain" if attends else False)
            return _MoCoV3Objective(encoder, projector, predictor, **settings)
        size = resolve_auto(self.queue_size, auto_queue_size(n_samples))
        projector = mlp_head(
            [embedding_dim, hidden, dim], norm=False, last_norm=False, last_bias=True
        )
        return _MoCoV2Objective(encoder, projector, Queue(size, dim), **settings)
