"""data2vec."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl._declare import AUTO, FRACTION, POSITIVE, POSITIVE_INT, param
from skssl._types import Auto
from skssl.masked._base import MaskedObjective, _MaskedMethod, spread_over_samples
from skssl.masked._masks import Masks
from skssl.nn import (
    DrawViews,
    Objective,
    Pieces,
    Teacher,
    TokenEncoder,
    first_of,
    rising_momentum,
    take,
)


class _Data2VecObjective(MaskedObjective):
    def __init__(
        self,
        encoder: TokenEncoder,
        masks: Masks,
        *,
        augment: bool,
        top_layers: int,
        beta: float,
        momentum: float,
    ):
        super().__init__(encoder, masks, augment=augment)
        self.mask_token = nn.Parameter(0.02 * torch.randn(encoder.width))
        self.head = nn.Linear(encoder.width, encoder.width)
        self.teacher = Teacher(encoder)
        self.top_layers = top_layers
        self.beta = beta
        self.momentum = momentum

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        pieces = self.encoder.tokenizer.split(self.view(batch, draw_views))
        masks = self.masks.of_one_ratio()
        mask = masks.draw(pieces)
        index, hidden = first_of(mask, masks.most_hidden(pieces))
        targets = self._targets(pieces)
        self.measure("target_std", spread_over_samples(targets, pieces.present))
        target = take(targets, index)
        seen, _ = self.encoder.tokenizer.as_seen(pieces, mask)
        predicted = self.head(take(self.encoder.encode(seen, mask, self.mask_token), index))
        wrong = F.smooth_l1_loss(predicted.float(), target, beta=self.beta, reduction="none")
        return (wrong.mean(dim=2) * hidden).sum() / hidden.sum().clamp(min=1)

    @torch.no_grad()
    def _targets(self, pieces: Pieces) -> Tensor:
        """Return the mean of the teacher's last layers, each normalised, on the whole sample."""
        encoder = cast(TokenEncoder, self.teacher.networks[0])
        layers = encoder.layer_outputs(pieces)[-self.top_layers :]
        normalized = [F.layer_norm(layer.float(), layer.shape[-1:]) for layer in layers]
        return torch.stack(normalized).mean(dim=0)

    def after_step(self, progress: float) -> None:
        momentum = rising_momentum(self.momentum, progress)
        self.teacher.follow(self.encoder, momentum=momentum)


class Data2Vec(_MaskedMethod):
    """data2vec: predict what a slow copy of the network makes of the parts that are hidden.

    The network sees a sample with parts replaced by mask tokens. Its teacher, a moving average of
    itself, sees the whole sample, and the mean of its last layers at the hidden places is what the
    network learns to predict. Such targets say what a place means in its sample instead of what
    exactly it holds. It was made to be the same for images, speech and texts.

    Parameters
    ----------
    top_layers : int, default="auto"
        Number of the teacher's last layers whose mean is the target, up to `depth`. "auto" is half
        of them, rounded up, as the paper has 6 of 12 for images.
    beta : float, default=2.0
        Difference at which the loss turns from squared to absolute (smooth L1); the paper has 2
        for images.
    momentum : float, default=0.99
        What the teacher keeps of its weights in a step, at the start; it rises to 1 with a cosine.
        Closer to 1 for longer trainings; the paper goes from 0.999 to 0.9999.

    Attributes
    ----------
    history_ : list of dict
        As for all methods, with ``target_std``: the standard deviation of the targets of a place
        over the samples. It is near 0 after a collapse.

    See Also
    --------
    IJEPA : The encoder sees no mask tokens, and a predictor tells what is hidden.
    SimMIM : Predicts what the hidden parts hold.

    Notes
    -----
    As in the authors' code for images, the outputs of the layers are normalised by themselves
    before their mean is taken, and the loss counts the hidden places only. The output of a layer
    is that of the whole block. The learned encoder is the student. For a series that is scaled by
    itself, what the student sees has the scale of the visible steps alone, and the teacher's whole
    one its own.

    References
    ----------
    Baevski, Hsu, Xu, Babu, Gu and Auli, "data2vec: A General Framework for Self-supervised
    Learning in Speech, Vision and Language", ICML 2022. https://arxiv.org/abs/2202.03555

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import Data2Vec
    >>> X = load_digits().images[:200]
    >>> ssl = Data2Vec(max_epochs=5, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (200, 192)
    """

    top_layers: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")
    beta: float = param(POSITIVE, default=2.0)
    momentum: float = param(FRACTION, default=0.99)

    _flat_remedy = "Try a momentum closer to 1, a smaller learning_rate or another mask_ratio."

    def _make_masked_objective(self, encoder: TokenEncoder, masks: Masks) -> Objective:
        depth = len(encoder.body.layers)
        top_layers = -(-depth // 2) if self.top_layers == "auto" else self.top_layers
        if top_layers > depth:
            raise ValueError(
                f"top_layers={self.top_layers} is more than the {depth} layers of the encoder."
            )
        return _Data2VecObjective(
            encoder,
            masks,
            augment=self.augments(),
            top_layers=top_layers,
            beta=self.beta,
            momentum=self.momentum,
        )
