"""I-JEPA."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl._declare import FRACTION, POSITIVE_INT, UP_TO_ONE, WITHIN_ONE, Range, param
from skssl.masked._base import TokenObjective, _TokenMethod, spread_over_samples
from skssl.masked._masks import block_scores, lowest
from skssl.nn import (
    DrawViews,
    Objective,
    Pieces,
    Positions,
    Teacher,
    TokenEncoder,
    TransformerLayers,
    first_of,
    rising_momentum,
    take,
)


class _Predictor(nn.Module):
    """Tells from encoded tokens what lies at other places."""

    def __init__(self, encoder: TokenEncoder, width: int, depth: int, n_heads: int):
        super().__init__()
        self.narrow = nn.Linear(encoder.width, width)
        self.mask_token = nn.Parameter(0.02 * torch.randn(width))
        self.positions = Positions(encoder.tokenizer, width, encoder.position_kind)
        self.layers = TransformerLayers(width, depth, n_heads)
        self.widen = nn.Linear(width, encoder.width)

    def forward(
        self,
        context: Tensor,
        seen: Tensor,
        valid: Tensor,
        places: Tensor,
        index: Tensor,
        asked: Tensor,
    ) -> Tensor:
        """Return what is at `index`, of shape (n, m), from a context at the places `seen`.

        `valid` and `asked` say which of `seen` and `index` count.
        """
        positions = self.positions(places)
        positions = positions.expand(len(index), -1, -1)
        known = self.narrow(context) + take(positions, seen)
        hidden = self.mask_token + take(positions, index)
        tokens = torch.cat([known, hidden.to(known.dtype)], dim=1)
        tokens = self.layers(tokens, torch.cat([valid, asked], dim=1))
        return self.widen(tokens[:, known.shape[1] :])


class _IJEPAObjective(TokenObjective):
    def __init__(
        self,
        encoder: TokenEncoder,
        predictor: _Predictor,
        *,
        augment: bool,
        n_targets: int,
        target_scale: tuple[float, float],
        context_scale: tuple[float, float],
        momentum: float,
    ):
        super().__init__(encoder, augment=augment)
        self.predictor = predictor
        self.teacher = Teacher(encoder)
        self.n_targets = n_targets
        self.target_scale = target_scale
        self.context_scale = context_scale
        self.momentum = momentum

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        pieces = self.encoder.tokenizer.split(self.view(batch, draw_views))
        n_tokens = pieces.present.shape[1]
        context_mask, blocks = self._blocks(pieces)
        targets = self._targets(pieces)
        self.measure("target_std", spread_over_samples(targets, pieces.present))
        fewest, most = (max(1, int(scale * n_tokens)) for scale in self.target_scale)
        seen, valid = first_of(context_mask, n_tokens - fewest)
        shown, _ = self.encoder.tokenizer.as_seen(pieces, ~context_mask)
        context = self.encoder.encode_some(shown, seen, valid)
        total, count = context.new_zeros(()), context.new_zeros(())
        for block in blocks:
            index, asked = first_of(block, most)
            predicted = self.predictor(context, seen, valid, pieces.places, index, asked)
            wrong = F.smooth_l1_loss(predicted.float(), take(targets, index), reduction="none")
            total = total + (wrong.mean(dim=2) * asked).sum()
            count = count + asked.sum()
        return total / count.clamp(min=1)

    def _blocks(self, pieces: Pieces) -> tuple[Tensor, list[Tensor]]:
        """Draw the context, and the target blocks that are taken out of it."""
        present = pieces.present
        # One token, which is no target, makes sure that there is a context.
        spared = lowest(torch.rand(present.shape, device=present.device), present, 1)
        # As in the authors' code, all targets of a batch have one size.
        share = _uniform(self.target_scale)
        blocks = [self._block(pieces, present & ~spared, share) for _ in range(self.n_targets)]
        context = self._block(pieces, present, _uniform(self.context_scale)) | spared
        return context & ~torch.stack(blocks).any(dim=0), blocks

    def _block(self, pieces: Pieces, free: Tensor, share: float) -> Tensor:
        """Draw a rectangle of so large a share, or single tokens where they have no order."""
        if self.encoder.tokenizer.ordered:
            score = block_scores(pieces.places, pieces.present, n_blocks=1)
        else:
            score = torch.rand(free.shape, device=free.device)
        count = (share * pieces.present.sum(dim=1)).long().clamp(min=1)
        return lowest(score, free, count)

    @torch.no_grad()
    def _targets(self, pieces: Pieces) -> Tensor:
        teacher = cast(TokenEncoder, self.teacher.networks[0])
        encoded = teacher.encode(pieces).float()
        return F.layer_norm(encoded, encoded.shape[-1:])

    def after_step(self, progress: float) -> None:
        momentum = rising_momentum(self.momentum, progress)
        self.teacher.follow(self.encoder, momentum=momentum)


def _uniform(scale: tuple[float, float]) -> float:
    low, high = scale
    # Drawn on the CPU, so that no step waits for the device.
    return low + (high - low) * torch.rand(()).item()


class IJEPA(_TokenMethod):
    """I-JEPA: predict what a slow copy of the network makes of blocks, from what surrounds them.

    The encoder sees a large block of a sample, with several smaller ones taken out. A predictor, a
    small transformer, gets what it made of that and the places of a block that was taken out, and
    predicts what a teacher, a moving average of the encoder, makes of it when it sees the whole
    sample. No views are needed, and nothing is predicted that does not matter to the teacher. It
    was made for large images and long trainings. Where pieces have no order, as the columns of a
    table, any of them make a block.

    Parameters
    ----------
    n_targets : int, default=4
        Blocks of a sample to predict.
    target_scale : tuple of two floats, default=(0.15, 0.2)
        The share of the sample that is in a block, drawn from this range.
    context_scale : tuple of two floats, default=(0.85, 1.0)
        The share of the sample that is in the context, before the blocks are taken out of it.
    predictor_width : int, default=64
        Size of a token in the predictor; `n_heads` divides it.
    predictor_depth : int, default=2
        Number of transformer layers of the predictor; the paper has 6 and more.
    momentum : float, default=0.99
        What the teacher keeps of its weights in a step, at the start; it rises to 1 with a cosine.
        Closer to 1 for longer trainings; the paper starts from 0.996.

    Attributes
    ----------
    history_ : list of dict
        As for all methods, with ``target_std``: the standard deviation of the targets of a place
        over the samples. It is near 0 after a collapse.

    See Also
    --------
    Data2Vec : The encoder sees mask tokens in the places to predict.

    Notes
    -----
    As in the authors' code, the targets are normalised by LayerNorm and the loss is smooth L1; the
    paper writes the squared difference. A block is made of the tokens that lie nearest to a random
    one, in a rectangle of random form, and has as many tokens at an edge as elsewhere. In a series
    that is scaled by itself, the context has the scale of its own steps. The learned encoder is the
    student; the paper uses the teacher, which in a training of a few hundred steps still holds a
    part of its random start.

    References
    ----------
    Assran et al., "Self-Supervised Learning from Images with a Joint-Embedding Predictive
    Architecture", CVPR 2023. https://arxiv.org/abs/2301.08243

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import IJEPA
    >>> X = load_digits().images[:200]
    >>> ssl = IJEPA(max_epochs=5, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (200, 192)
    """

    n_targets: int = param(POSITIVE_INT, default=4)
    target_scale: tuple[float, float] = param(Range(WITHIN_ONE), default=(0.15, 0.2))
    context_scale: tuple[float, float] = param(Range(UP_TO_ONE), default=(0.85, 1.0))
    predictor_width: int = param(POSITIVE_INT, default=64)
    predictor_depth: int = param(POSITIVE_INT, default=2)
    momentum: float = param(FRACTION, default=0.99)

    _flat_remedy = (
        "Try a momentum closer to 1, a smaller learning_rate, or smaller targets in target_scale."
    )

    def _make_token_objective(self, encoder: TokenEncoder) -> Objective:
        self._check_heads("predictor_width", self.predictor_width)
        predictor = _Predictor(encoder, self.predictor_width, self.predictor_depth, self.n_heads)
        return _IJEPAObjective(
            encoder,
            predictor,
            augment=self.augments(),
            n_targets=self.n_targets,
            target_scale=self.target_scale,
            context_scale=self.context_scale,
            momentum=self.momentum,
        )
