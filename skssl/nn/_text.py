"""Encoders of texts, as token ids with 0 where there is no token."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl.nn._heads import mlp_head

# Embeddings start so small that what is learned outweighs them, for rare tokens as well.
_INIT_STD = 0.03
# Weights of about 1, which steps of the usual learning rates can change noticeably.
_IDF_SCALE = 0.2


class BagEncoder(nn.Module):
    """The weighted sum of the embeddings of a text's tokens at unit length, and an MLP beside it.

    Every token has an embedding and a weight, both learned; the weight starts as the inverse
    document frequency. What a perceptron with one hidden layer makes of the sum is added to it, and
    starts at zero. The order of the tokens does not matter.

    Parameters
    ----------
    idf : Tensor of shape (n_tokens,)
        Inverse document frequency of each token; the id of the first is 1.
    dim : int, default=256
        Size of the embedding.
    """

    def __init__(self, idf: Tensor, *, dim: int = 256):
        super().__init__()
        self.embeddings = nn.Parameter(_INIT_STD * torch.randn(len(idf) + 1, dim))
        self.weights = nn.Parameter(torch.cat([idf.new_zeros(1), _IDF_SCALE * idf]))
        self.mlp = mlp_head([dim, dim, dim], last_norm=False)
        *_, last_layer = self.mlp.parameters()
        nn.init.zeros_(last_layer)

    def forward(self, tokens: Tensor) -> Tensor:
        # weights[tokens] would add up its gradient in any order of the threads.
        weights = F.embedding(tokens, self.weights[:, None])
        if torch.compiler.is_exporting():
            # Not every runtime has bags.
            present = (tokens != 0).to(weights.dtype)[..., None]
            bag = (F.embedding(tokens, self.embeddings) * weights * present).sum(dim=1)
        else:
            bag = F.embedding_bag(
                tokens,
                self.embeddings,
                per_sample_weights=weights.squeeze(2),
                mode="sum",
                padding_idx=0,
            )
        bag = F.normalize(bag, dim=1)
        return bag + self.mlp(bag)


class TextTransformer(nn.Module):
    """A small transformer over the tokens; the embedding is the mean over those of a text.

    A text without tokens is embedded as zeros.

    Parameters
    ----------
    n_tokens : int
        Number of tokens that are known; their ids go from 1 to this.
    max_length : int
        Largest number of tokens in a text.
    dim : int, default=128
        Width of the layers and size of the embedding.
    depth : int, default=2
        Number of layers, of 4 heads each.
    """

    def __init__(self, n_tokens: int, max_length: int, *, dim: int = 128, depth: int = 2):
        super().__init__()
        self.tokens = nn.Embedding(n_tokens + 1, dim, padding_idx=0)
        self.positions = nn.Parameter(0.02 * torch.randn(max_length, dim))
        layer = nn.TransformerEncoderLayer(
            dim, nhead=4, dim_feedforward=2 * dim, activation="gelu", batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> Tensor:
        missing = tokens == 0
        # Attention over nothing is NaN, so an empty text looks at itself; its mean leaves it out.
        hidden = missing & ~missing.all(dim=1, keepdim=True)
        x = self.tokens(tokens) + self.positions[: tokens.shape[1]]
        x = self.layers(x, src_key_padding_mask=hidden)
        present = (~missing).to(x.dtype)[..., None]
        return (x * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)
