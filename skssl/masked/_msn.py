"""Masked Siamese networks."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from skssl._declare import FRACTION, NOT_NEGATIVE, POSITIVE, POSITIVE_INT, param
from skssl.losses import sinkhorn
from skssl.masked._base import MaskedObjective, _MaskedMethod
from skssl.masked._masks import Masks
from skssl.nn import (
    DrawViews,
    Objective,
    Prototypes,
    Teacher,
    TeacherStays,
    TokenEncoder,
    first_of,
    mlp_head,
)
from skssl.views import TextViews, Views

# Share of the words that a view of a text lacks.
_TEXT_DROPOUT = 0.5
# How much longer the training would be at whose end the teacher stands still. It learns in the last
# step as well, which may be the only one.
_LONGER = 1.25


class _MSNObjective(TeacherStays, MaskedObjective):
    def __init__(
        self,
        encoder: TokenEncoder,
        masks: Masks,
        projector: nn.Module,
        prototypes: Prototypes,
        *,
        temperature: float,
        target_temperature: float,
        entropy_weight: float,
        use_sinkhorn: bool,
        momentum: float,
    ):
        super().__init__(encoder, masks, augment=True)
        self.projector = projector
        self.prototypes = prototypes
        self.teacher = Teacher(encoder, projector)
        self.temperature = temperature
        self.target_temperature = target_temperature
        self.entropy_weight = entropy_weight
        self.use_sinkhorn = use_sinkhorn
        self.momentum = momentum

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        anchor, target = draw_views(batch, 2)
        with torch.no_grad():
            scores = self.prototypes(self.teacher(target).float())
            targets = self._sharpened(scores)
        pieces = self.encoder.tokenizer.split(anchor)
        masks = self.masks.of_one_ratio()
        visible = pieces.present & ~masks.draw(pieces)
        index, valid = first_of(visible, masks.most_visible(pieces))
        embedded = self.encoder.pool(self.encoder.encode_some(pieces, index, valid), valid)
        scores = self.prototypes(self.projector(embedded).float()) / self.temperature
        cross_entropy = -(targets * scores.log_softmax(dim=1)).sum(dim=1).mean()
        mean = scores.softmax(dim=1).mean(dim=0)
        # From 0, if all prototypes are used alike, to the logarithm of their number.
        unevenness = math.log(len(mean)) + torch.special.xlogy(mean, mean).sum()
        return cross_entropy + self.entropy_weight * unevenness

    def _sharpened(self, scores: Tensor) -> Tensor:
        if self.use_sinkhorn:
            return sinkhorn(scores, epsilon=self.target_temperature)
        return (scores / self.target_temperature).softmax(dim=1)

    def after_step(self, progress: float) -> None:
        momentum = self.momentum + (1 - self.momentum) * progress / _LONGER
        self.teacher.follow(self.encoder, self.projector, momentum=momentum)


class MSN(_MaskedMethod):
    """Masked Siamese networks: sort a masked view into groups as the teacher sorts a whole one.

    Two views of every sample are drawn. The network sees one with parts left out, a teacher, its
    moving average, sees the whole other one, and both compare it with prototypes. The network
    learns to agree with the sharpened answer of the teacher, while the answers over a batch are
    kept as even as possible, so that no group takes all. Nothing is reconstructed, and the hidden
    parts need no computation. It is made for few labels.

    Parameters
    ----------
    views : "auto", Views or callable, default="auto"
        The random changes that the embedding is to be indifferent to. "auto" is the default of the
        modality; of a text, though, a view has a random half of the words, and two views share
        some: from halves without a word in common, a transformer learns little but the length.
    mask_ratio : float or pair of floats, default="auto"
        The share of the tokens that is hidden from the network. From a pair (low, high), each
        batch draws its own. "auto" is 0.3: the network has to recognise what it sees.
    n_prototypes : int, default=256
        Number of groups; the paper has 1024.
    temperature : float, default=0.1
        Divides the network's scores.
    target_temperature : float, default=0.025
        Divides the teacher's scores; lower than `temperature`, which sharpens them.
    entropy_weight : float, default=1.0
        Weight of the term that keeps the groups even.
    use_sinkhorn : bool, default=True
        Whether the teacher's answers are made even by Sinkhorn-Knopp as well, as the authors do in
        what they released; in the paper, `entropy_weight` alone has to keep the groups even. In
        short trainings, that leaves a few groups that hold everything.
    momentum : float, default=0.99
        What the teacher keeps of its weights in a step, at the start. As in the authors' code, it
        rises evenly, as if it were 1 after a training that is longer by a quarter. Closer to 1 for
        longer trainings; the paper has 0.996.
    projector_dim : int, default=128
        Size of what is compared with the prototypes; the paper has 256.
    projector_hidden_dim : int, default=256
        Width of the projector's two hidden layers; the paper has 2048.

    See Also
    --------
    DINO : Without masks, with centred answers of the teacher.

    Notes
    -----
    There is one masked view; the authors add ten small crops. The paper masks 0.15 for small
    networks and up to 0.7 for large ones. The learned encoder is the teacher, as in the authors'
    evaluation.

    References
    ----------
    Assran et al., "Masked Siamese Networks for Label-Efficient Learning", ECCV 2022.
    https://arxiv.org/abs/2204.07141

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import MSN
    >>> X = load_digits().images[:200]
    >>> ssl = MSN(max_epochs=5, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (200, 192)
    """

    n_prototypes: int = param(POSITIVE_INT, default=256)
    temperature: float = param(POSITIVE, default=0.1)
    target_temperature: float = param(POSITIVE, default=0.025)
    entropy_weight: float = param(NOT_NEGATIVE, default=1.0)
    use_sinkhorn: bool = param("boolean", default=True)
    momentum: float = param(FRACTION, default=0.99)
    projector_dim: int = param(POSITIVE_INT, default=128)
    projector_hidden_dim: int = param(POSITIVE_INT, default=256)

    _auto_mask_ratio = 0.3

    collapse_remedy = "Try a larger entropy_weight, a larger batch_size or stronger views."

    def shows_views(self) -> bool:
        return True

    def default_views(self) -> Views:
        views = super().default_views()
        if isinstance(views, TextViews):
            return replace(views, halves=False, dropout=_TEXT_DROPOUT)
        return views

    def _make_masked_objective(self, encoder: TokenEncoder, masks: Masks) -> Objective:
        hidden = self.projector_hidden_dim
        projector = mlp_head(
            [encoder.width, hidden, hidden, self.projector_dim], activation=nn.GELU, last_norm=False
        )
        return _MSNObjective(
            encoder,
            masks,
            projector,
            Prototypes(self.projector_dim, self.n_prototypes),
            temperature=self.temperature,
            target_temperature=self.target_temperature,
            entropy_weight=self.entropy_weight,
            use_sinkhorn=self.use_sinkhorn,
            momentum=self.momentum,
        )
