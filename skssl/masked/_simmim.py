"""SimMIM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skssl.masked._masks import Masks
from skssl.masked._reconstruction import Reconstruction, ReconstructionObjective
from skssl.nn import Pieces, TokenEncoder


class _SimMIMObjective(ReconstructionObjective):
    def __init__(self, encoder: TokenEncoder, masks: Masks, *, augment: bool):
        super().__init__(encoder, masks, encoder.width, augment=augment, absolute=True)
        self.mask_token = nn.Parameter(0.02 * torch.randn(encoder.width))

    def decode(self, pieces: Pieces, mask: Tensor, *, most_visible: int) -> Tensor:
        return self.encoder.encode(pieces, mask, self.mask_token)


class SimMIM(Reconstruction):
    """SimMIM: predict hidden pieces with one linear layer, from an encoder that sees mask tokens.

    Each hidden piece is replaced by a learned mask token, all tokens go through the encoder, and a
    linear layer predicts what is hidden. On texts this is masked language modelling, as of BERT.
    The loss of numbers is the absolute error, as in the paper, divided by the mean absolute
    deviation in the training data, so that 1.0 is as good as predicting the mean; it aims at the
    median more than at the mean. Categories and texts have the cross entropy, divided by that of
    their frequencies, and point clouds the Chamfer distance.

    Compared with :class:`MaskedAutoencoder`, the encoder does more of the prediction itself and
    sees all places of a sample, which costs more for each step. `reconstruct` and `impute` give
    back what is predicted.

    See Also
    --------
    MaskedAutoencoder : The encoder sees only what is not hidden; a decoder predicts.
    Data2Vec : Predicts what a slow copy of the network makes of the hidden pieces.

    Notes
    -----
    The paper masks patches of 32 pixels and 0.6 of an image; the defaults here are those of all
    masked methods, and `mask_ratio` and `patch_size` can be set to those.

    References
    ----------
    Xie et al., "SimMIM: A Simple Framework for Masked Image Modeling", CVPR 2022.
    https://arxiv.org/abs/2111.09886

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimMIM
    >>> X = load_digits().images[:200]
    >>> ssl = SimMIM(max_epochs=5, mask_ratio=0.6, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (200, 192)
    """

    def _make_reconstruction(self, encoder: TokenEncoder, masks: Masks) -> ReconstructionObjective:
        return _SimMIMObjective(encoder, masks, augment=self.augments())
