"""SimCLR."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor, nn

from skssl._declare import Interval, StrOptions, declared, param
from skssl.base import SelfSupervisedTransformer
from skssl.losses import nt_xent
from skssl.nn import DrawViews, Objective, mlp_head

_HIGH_TEMPERATURE, _LOW_TEMPERATURE = 0.5, 0.2
_MANY_SAMPLES = 8_000


class _SimCLRObjective(Objective):
    def __init__(self, encoder: nn.Module, projector: nn.Module, temperature: float):
        super().__init__(encoder)
        self.projector = projector
        self.temperature = temperature

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        # As in the authors' code, both views go through BatchNorm together.
        views = torch.cat(draw_views(batch, 2))
        z1, z2 = self.projector(self.encoder(views)).float().chunk(2)
        return nt_xent(z1, z2, temperature=self.temperature)


@declared
class SimCLR(SelfSupervisedTransformer):
    """Contrastive learning: recognise the other view of a sample among those of other samples.

    Two random views of every sample are embedded and projected. The loss (NT-Xent) draws the two
    projections of a sample together and away from those of all other samples in the batch. It is
    robust, learns fast, and is a good first choice; it profits from larger batches, which offer
    more samples to tell apart. Where samples have many near-duplicates, a method without
    negatives, such as :class:`VICReg`, may fit better.

    Parameters
    ----------
    temperature : float, default="auto"
        Divides the cosine similarities. Low values dwell on the most similar of the other samples;
        high values spread all samples evenly and keep clusters together. "auto" is 0.5, and 0.2
        for 8,000 samples and more: telling near neighbours apart pays when there are many.
    projector_dim : int, default=128
        Size of the projections that the loss compares.
    projector_hidden_dim : int, default="auto"
        Width of the projector's hidden layer. "auto" is the size of the embedding, as in the
        paper.

    Attributes
    ----------
    temperature_ : float
        The temperature that was used.
    encoder_ : nn.Module
        The learned encoder, in eval mode and on the CPU, usable on its own:
        ``encoder_(modality_.prepare(X))`` is what `transform` computes.
    modality_ : Modality
        The fitted modality: how samples are checked and prepared.
    views_ : Views
        The views that were used.
    n_iter_ : int
        Number of epochs trained.
    loss_curve_ : list of float
        Mean loss of each epoch.
    history_ : list of dict
        What skorch recorded for each epoch, and measures of the embedding from
        :mod:`skssl.metrics`: ``embedding_std``, ``mean_correlation``, ``rankme``,
        ``view_retrieval``, ``view_ranking`` and, of what the loss sees, ``projection_std`` and
        ``projection_ranking``. They are taken at the end of an epoch, from two views of up to 256
        training samples: of the first and the last one, and in between each time that 40 times as
        many samples were trained on as are looked at. Other epochs repeat the latest values.
    n_features_in_ : int
        Number of values in a sample.
    feature_names_in_ : ndarray of str
        Names of the columns, if `X` had them.

    See Also
    --------
    VICReg : Without negatives.

    Notes
    -----
    The projector is the authors' two-layer perceptron with BatchNorm after both layers.

    References
    ----------
    Chen, Kornblith, Norouzi and Hinton, "A Simple Framework for Contrastive Learning of Visual
    Representations", ICML 2020. https://arxiv.org/abs/2002.05709

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> X = load_digits().images[:200]
    >>> ssl = SimCLR(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (200, 256)
    """

    temperature: Any = param(
        StrOptions({"auto"}), Interval(Real, 0, None, closed="neither"), default="auto"
    )
    projector_dim: int = param(Interval(Integral, 1, None, closed="left"), default=128)
    projector_hidden_dim: Any = param(
        StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), default="auto"
    )

    _collapse_remedy = "Try a larger batch_size, a lower temperature or stronger views."

    def _make_objective(
        self, encoder: nn.Module, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        many = n_samples >= _MANY_SAMPLES
        auto = _LOW_TEMPERATURE if many else _HIGH_TEMPERATURE
        self.temperature_ = auto if self.temperature == "auto" else float(self.temperature)
        hidden = embedding_dim if self.projector_hidden_dim == "auto" else self.projector_hidden_dim
        projector = mlp_head([embedding_dim, hidden, self.projector_dim], last_norm=True)
        return _SimCLRObjective(encoder, projector, self.temperature_)
