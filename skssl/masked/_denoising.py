"""The denoising autoencoder of texts."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl._declare import POSITIVE_INT, param
from skssl.base import SelfSupervisedTransformer
from skssl.modality import Worded
from skssl.nn import DrawViews, Objective
from skssl.views import Views

_INIT_STD = 0.05


class _DenoisingObjective(Objective):
    """Tells from the embedding of what is left of a text which words it had.

    Parameters
    ----------
    encoder : nn.Module
    embedding_dim, word_dim : int
    counts : Tensor of shape (n_tokens + 1,)
        How often each token is in the training texts; the first is none.
    """

    frequency: Tensor

    def __init__(self, encoder: nn.Module, embedding_dim: int, word_dim: int, counts: Tensor):
        super().__init__(encoder)
        self.head = nn.Linear(embedding_dim, word_dim)
        self.words = nn.Parameter(_INIT_STD * torch.randn(len(counts), word_dim))
        self.register_buffer("frequency", counts.clamp(min=1).float().log())

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        (noised,) = draw_views(batch, 1)
        told = self.head(self.encoder(noised)).float()
        # Words are told from those of the other texts of the batch.
        words, place = torch.unique(batch.long(), return_inverse=True)
        usual = self.frequency[words].masked_fill(words == 0, -torch.inf)
        scores = told @ F.embedding(words, self.words).float().T + usual
        present = batch != 0
        n_words = present.sum(dim=1).clamp(min=1)

        def loss_of(scores: Tensor) -> Tensor:
            wrong = -scores.log_softmax(dim=1).gather(1, place)
            return (torch.where(present, wrong, 0.0).sum(dim=1) / n_words).mean()

        loss = loss_of(scores)
        chance = loss_of(usual.expand_as(scores))
        self.measure("relative_error", loss / chance.clamp(min=1e-6))
        return loss


class DenoisingAutoencoder(SelfSupervisedTransformer):
    """Denoising: tell from the embedding of what is left of a text which words it had.

    Most of the words of a text are taken away, the rest is embedded, and this one vector is all
    from which the words of the whole text are predicted, among those of the other texts of the
    batch. No text is pushed away from another one, and no two views have to mean the same. It is
    the idea of TSDAE, which adapts pretrained sentence encoders to texts of another kind better
    than contrastive learning does, with a decoder that leaves out the order of the words.

    Parameters
    ----------
    views : "auto", Views or callable, default="auto"
        What takes words away. "auto" is ``TextViews(halves=False, dropout=0.6)``, as in the paper.
    word_dim : int, default=128
        Size of the vectors by which the words are told.

    Attributes
    ----------
    history_ : list of dict
        As for all methods, with ``relative_error``: the loss, where 1.0 is as good as always
        telling how frequent the words are.

    See Also
    --------
    SimCLR : Contrastive learning of two halves of a text.
    MaskedAutoencoder : Tells single words from those around them.

    Notes
    -----
    The decoder of the paper is a transformer with the weights of the encoder, which writes the text
    word by word.

    References
    ----------
    Wang, Reimers and Gurevych, "TSDAE: Using Transformer-based Sequential Denoising Auto-Encoder
    for Unsupervised Sentence Embedding Learning", Findings of EMNLP 2021.
    https://arxiv.org/abs/2104.06979

    Examples
    --------
    >>> from skssl import DenoisingAutoencoder
    >>> X = ["rain and wind", "wind and sun", "cats and dogs", "dogs chase cats"] * 10
    >>> from skssl.modality import Text
    >>> text = Text(concat_input=False)
    >>> ssl = DenoisingAutoencoder(modality=text, max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(["wind and rain"]).shape
    (1, 256)
    """

    word_dim: int = param(POSITIVE_INT, default=128)

    # What tells words does not collapse; its error says whether it learned.
    collapse_remedy = None

    needs = (Worded,)

    def default_views(self) -> Views:
        return Worded.of(self.modality_).noise()

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        n_tokens = Worded.of(self.modality_).n_tokens()
        tokens = self._input_layer(samples).flatten().long()
        counts = torch.bincount(tokens, minlength=n_tokens + 1)
        return _DenoisingObjective(encoder, embedding_dim, self.word_dim, counts)
