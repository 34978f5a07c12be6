"""Between the cells of a table and a network, and the network for it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl.nn._encoders import MLPEncoder


class TableStem(nn.Module):
    """Turn prepared rows into plain floats: gaps filled, indicators, categories as vectors.

    Code 0 of a categorical column stands for what was not seen in fit, and is a vector of zeros.

    Parameters
    ----------
    n_numbers : int
        Number of numeric columns. They come first; categorical columns, as codes, follow.
    indicators : sequence of int
        Numeric columns that get an indicator of missing values. A missing number becomes 0.
    n_codes : sequence of int
        Number of codes of each categorical column.
    dim : int or None
        Size of the vector that is learned for every category. None gives every code but 0 a
        column of zeros and ones instead (one-hot).
    """

    indicators: Tensor
    offsets: Tensor
    known: Tensor

    def __init__(
        self, n_numbers: int, indicators: Sequence[int], n_codes: Sequence[int], *, dim: int | None
    ):
        super().__init__()
        self.n_numbers = n_numbers
        self.n_codes = sum(n_codes)
        offsets = torch.tensor([0, *n_codes[:-1]]).cumsum(0) if n_codes else torch.zeros(0)
        unknown = torch.zeros(self.n_codes, dtype=torch.bool)
        unknown[offsets.long()] = True
        self.register_buffer("indicators", torch.tensor(list(indicators), dtype=torch.long))
        self.register_buffer("offsets", offsets.long())
        self.register_buffer("known", (~unknown).nonzero()[:, 0])
        self.embedding: nn.Parameter | None = None
        if dim is not None and n_codes:
            vectors = torch.randn(self.n_codes, dim) / dim**0.5
            self.embedding = nn.Parameter(vectors.masked_fill(unknown[:, None], 0.0))
        width = len(self.known) if dim is None else dim * len(n_codes)
        self.n_features = n_numbers + len(self.indicators) + width

    def forward(self, rows: Tensor) -> Tensor:
        numbers = rows[:, : self.n_numbers]
        missing = numbers.isnan()
        parts = [numbers.masked_fill(missing, 0.0)]
        if len(self.indicators):
            parts.append(missing[:, self.indicators].to(rows.dtype))
        if self.n_codes:
            codes = rows[:, self.n_numbers :].long() + self.offsets
            if self.embedding is not None:
                parts.append(F.embedding(codes, self.embedding).flatten(1))
            else:
                hot = rows.new_zeros(len(rows), self.n_codes).scatter(1, codes, 1.0)
                parts.append(hot[:, self.known])
        return torch.cat(parts, dim=1)


class TableEncoder(nn.Module):
    """A stem and an MLP for rows of numbers and categories.

    A last BatchNorm, without weights of its own, centers the embedding and gives its dimensions
    unit variance.

    Parameters
    ----------
    stem : TableStem
    widths : sequence of int
        Width of every layer; the last is the size of the embedding.
    """

    def __init__(self, stem: TableStem, widths: Sequence[int] = (256, 256, 256)):
        super().__init__()
        self.stem = stem
        self.body = MLPEncoder(stem.n_features, widths)
        self.norm = nn.BatchNorm1d(widths[-1], affine=False)

    def forward(self, rows: Tensor) -> Tensor:
        return self.norm(self.body(self.stem(rows)))
