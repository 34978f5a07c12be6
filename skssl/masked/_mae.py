"""Masked autoencoder."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from skssl._declare import POSITIVE_INT, param
from skssl.masked._masks import Masks
from skssl.masked._reconstruction import Reconstruction, ReconstructionObjective
from skssl.nn import Pieces, Positions, TokenEncoder, TransformerLayers, first_of


class _MAEObjective(ReconstructionObjective):
    def __init__(
        self,
        encoder: TokenEncoder,
        masks: Masks,
        *,
        augment: bool,
        width: int,
        depth: int,
        n_heads: int,
    ):
        super().__init__(encoder, masks, width, augment=augment, absolute=False)
        self.narrow = nn.Linear(encoder.width, width)
        self.mask_token = nn.Parameter(0.02 * torch.randn(width))
        self.positions = Positions(encoder.tokenizer, width, encoder.position_kind)
        self.decoder = TransformerLayers(width, depth, n_heads)

    def decode(self, pieces: Pieces, mask: Tensor, *, most_visible: int) -> Tensor:
        visible = pieces.present & ~mask
        index, valid = first_of(visible, most_visible)
        encoded = self.narrow(self.encoder.encode_some(pieces, index, valid))
        # Hidden tokens take their places among those that the encoder saw.
        tokens = self.mask_token.to(encoded.dtype).expand(*mask.shape, -1)
        tokens = tokens.scatter(1, index[..., None].expand_as(encoded), encoded)
        tokens = torch.where(visible[..., None], tokens, self.mask_token)
        tokens = tokens + self.positions(pieces.places)
        return self.decoder(tokens, visible | mask)


class MaskedAutoencoder(Reconstruction):
    """Masked autoencoder (MAE): hide most of a sample, and predict it from the rest.

    The encoder sees only the pieces of a sample that are not hidden, which makes the training
    fast. A small decoder gets what it made of them and a mask token for each hidden piece, and
    predicts what these hold. The loss is the squared error of the hidden pieces, divided by the
    variance in the training data: 1.0 is as good as predicting the mean. For categories and texts
    it is the cross entropy, divided by that of their frequencies, and for point clouds the Chamfer
    distance, divided by that of points that all lie at the centre of their patch.

    What it learned is of use beyond its embedding: :meth:`reconstruct` fills in what a mask marks,
    and :meth:`impute` the missing cells of a table. The embedding of a masked autoencoder, left as
    it is, often tells classes apart less well than that of contrastive methods; it needs no views,
    though, and trains on what no views are known for. :meth:`forecast` predicts the next steps of
    series by ridge regression.

    Parameters
    ----------
    decoder_width : int, default=64
        Size of a token in the decoder; `n_heads` divides it.
    decoder_depth : int, default=1
        Number of transformer layers of the decoder. The paper has 8 of width 512 behind an encoder
        of 24 of width 1024.

    See Also
    --------
    SimMIM : The encoder sees mask tokens and predicts without a decoder.
    SelfSupervisedImputer : Fills in missing cells as a step of a pipeline.
    ContextEncoder : Learns from holes in images to fill them: ``inpaint``.

    Notes
    -----
    The paper averages the embedding over all tokens as one of two choices, which is what is done
    here; there is no class token. Layers are those of a vision transformer for all modalities.

    References
    ----------
    He, Chen, Xie, Li, Dollár and Girshick, "Masked Autoencoders Are Scalable Vision Learners",
    CVPR 2022. https://arxiv.org/abs/2111.06377

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import MaskedAutoencoder
    >>> X = load_digits().images[:200]
    >>> ssl = MaskedAutoencoder(max_epochs=20, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (200, 192)
    >>> ssl.history_[-1]["relative_error"] < 1
    True
    >>> ssl.reconstruct(X, "random").shape
    (200, 8, 8)
    """

    decoder_width: int = param(POSITIVE_INT, default=64)
    decoder_depth: int = param(POSITIVE_INT, default=1)

    def _count_work(self, encoder: nn.Module, samples: Tensor) -> float:
        # The encoder gets what is visible, the decoder all tokens.
        ratio = self._resolve_mask_ratio(cast(TokenEncoder, encoder).tokenizer)
        decoder = self.decoder_depth * self.decoder_width / (self.depth * self.width)
        share = 1 - float(np.mean(ratio)) + decoder
        return share * super()._count_work(encoder, samples)

    def _make_reconstruction(self, encoder: TokenEncoder, masks: Masks) -> ReconstructionObjective:
        self._check_heads("decoder_width", self.decoder_width)
        return _MAEObjective(
            encoder,
            masks,
            augment=self.augments(),
            width=self.decoder_width,
            depth=self.decoder_depth,
            n_heads=self.n_heads,
        )
