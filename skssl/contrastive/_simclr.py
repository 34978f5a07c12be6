"""SimCLR."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from skssl._declare import AUTO, POSITIVE, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import nt_xent
from skssl.modality import Images
from skssl.nn import Objective, PairObjective, mlp_head

_TEMPERATURE, _OF_MANY, _OF_MANY_IMAGES = 0.5, 0.2, 0.3
_MANY = 8_000


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
        high values push all of them away alike, so that clusters stay together. "auto" is 0.5; for
        8,000 samples and more it is 0.2, and 0.3 for images: telling near neighbours apart pays
        when there are many.
    projector_dim : int, default=128
        Size of the projections that the loss compares.
    projector_hidden_dim : int, default="auto"
        Width of the projector's hidden layer. "auto" is the size of the embedding, as in the
        paper.

    Attributes
    ----------
    temperature_ : float
        The temperature that was used.

    See Also
    --------
    DCL : With a loss that learns more from small batches.
    MoCo : With negatives from earlier batches.
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
    >>> X = load_digits().images[:100]
    >>> ssl = SimCLR(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    temperature: Auto[float] = param(AUTO, POSITIVE, default="auto")
    projector_dim: int = param(POSITIVE_INT, default=128)
    projector_hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = "Try a larger batch_size, a lower temperature or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        of_many = _OF_MANY_IMAGES if isinstance(self.modality_, Images) else _OF_MANY
        auto = of_many if n_samples >= _MANY else _TEMPERATURE
        self.temperature_ = float(resolve_auto(self.temperature, auto))
        hidden = resolve_auto(self.projector_hidden_dim, embedding_dim)
        projector = mlp_head([embedding_dim, hidden, self.projector_dim], last_norm=True)
        loss = partial(nt_xent, temperature=self.temperature_)
        # As in the authors' code, both views go through BatchNorm together.
        return PairObjective(encoder, projector, loss, together=True)
