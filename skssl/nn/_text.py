"""Encoders of texts, as token ids with 0 where there is no token."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl.nn._heads import mlp_head

# Embeddings start so small that what is learned outweighs them, for rare tokens as well.
_INIT_STD = 0.03
# Weights of about 1, which steps of the usual learning rates can change noticeably.
_IDF_SCALE = 0.2
# Of numbers that others have learned: training moves them by about as much, whatever their unit.
_START_STD = 0.2


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
    start : Tensor of shape (n_tokens, dim), default=None
        Embeddings to start from, which decide the size; zeros for tokens that start at random. They
        are multiplied with one number.
    """

    def __init__(self, idf: Tensor, *, dim: int = 256, start: Tensor | None = None):
        super().__init__()
        dim = dim if start is None else start.shape[1]
        embeddings = _INIT_STD * torch.randn(len(idf) + 1, dim)
        if start is not None:
            known = start.any(dim=1)
            size = start[known].square().mean().sqrt()
            embeddings[1:][known] = start[known] * (_START_STD / size)
        self.embeddings = nn.Parameter(embeddings)
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


class TakeTokens(nn.Module):
    """Take the first tokens of prepared texts that have their terms behind them.

    Parameters
    ----------
    max_length : int
        Largest number of tokens.
    """

    def __init__(self, max_length: int):
        super().__init__()
        self.max_length = max_length

    def forward(self, samples: Tensor) -> Tensor:
        return samples[:, 0, : self.max_length]


class LatentSemantics(nn.Module):
    """Singular components of the weights of the terms of texts (LSA), at unit length.

    The weight of a term is ``1 + log(count)`` times its inverse document frequency; the weights of
    a text have length 1 before the components are taken. A text without terms is zeros.

    Parameters
    ----------
    idf : Tensor of shape (n_terms + 1,)
        Inverse document frequency of each term, the first of which is none.
    components : Tensor of shape (n_terms + 1, dim)
        What a term of weight 1 adds to each component; zeros for none.
    base : int
        Prepared texts have, behind their tokens, numbers ``term * base + count``, then 0.

    References
    ----------
    Deerwester et al., "Indexing by Latent Semantic Analysis", JASIS 1990.
    """

    idf: Tensor
    components: Tensor

    def __init__(self, idf: Tensor, components: Tensor, *, base: int):
        super().__init__()
        self.base = base
        self.register_buffer("idf", idf)
        self.register_buffer("components", components)

    @classmethod
    def learn(cls, samples: Tensor, n_terms: int, *, base: int, dim: int = 200) -> LatentSemantics:
        """Learn the components from prepared texts; at most `dim`, and a third as many as texts.

        Two of them are learned from fewer than nine texts as well.

        Parameters
        ----------
        samples : Tensor of shape (n, 3, width)
            Tokens, and in the other two rows, one after the other, the terms.
        n_terms : int
        base : int
        dim : int, default=200
        """
        from scipy.sparse import csr_matrix
        from sklearn.decomposition import TruncatedSVD
        from sklearn.preprocessing import normalize

        from skssl._sklearn_compat import plain

        codes = _terms_of(samples).numpy()
        rows, places = codes.nonzero()
        terms, counts = np.divmod(codes[rows, places], base)
        frequency = np.bincount(terms, minlength=n_terms + 1)
        idf = np.log((1 + len(codes)) / (1 + frequency)) + 1
        weights = csr_matrix(
            ((1 + np.log(counts)) * idf[terms], (rows, terms)), shape=(len(codes), n_terms + 1)
        )
        # With as many as there are texts, each would have one of its own; a single one at unit
        # length is the same for all.
        svd = TruncatedSVD(min(dim, n_terms, max(2, len(codes) // 3)), random_state=0)
        # Texts that are all the same leave 0 / 0 of their variance.
        with np.errstate(invalid="ignore", divide="ignore"):
            components = plain(svd).fit(normalize(weights)).components_.T
        components[0] = 0.0
        return cls(
            torch.tensor(idf, dtype=torch.float32),
            torch.tensor(components, dtype=torch.float32),
            base=base,
        )

    def forward(self, samples: Tensor) -> Tensor:
        codes = _terms_of(samples).long()
        terms, counts = codes // self.base, codes % self.base
        weights = (1 + counts.clamp(min=1).to(self.idf.dtype).log()) * self.idf[terms]
        weights = F.normalize(weights * (terms != 0), dim=1)
        if torch.compiler.is_exporting():
            # Not every runtime has bags.
            parts = F.embedding(terms, self.components) * weights[..., None]
            return F.normalize(parts.sum(dim=1), dim=1)
        bag = F.embedding_bag(terms, self.components, per_sample_weights=weights, mode="sum")
        return F.normalize(bag, dim=1)


def _terms_of(samples: Tensor) -> Tensor:
    return samples[:, 1:].flatten(1)
