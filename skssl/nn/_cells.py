"""Tokens of what comes in single cells: the columns of a table, the tokens of a text."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl.nn._heads import PieceHead
from skssl.nn._tokenizer import FillingTokenizer, Pieces, Tokenizer

# Below this, a column says nothing that could be predicted.
_SMALLEST_VARIANCE = 1e-12
_SMALLEST_ENTROPY = 1e-6


def _entropy(counts: Tensor) -> Tensor:
    shares = counts / counts.sum().clamp(min=1)
    return -torch.special.xlogy(shares, shares).sum()


class TableHead(nn.Module):
    """Predicts, for each column, two numbers and the scores of the codes of all columns.

    Every column has weights of its own.

    Parameters
    ----------
    width, n_columns, n_codes : int
    """

    def __init__(self, width: int, n_columns: int, n_codes: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_columns, 2 * width) / width**0.5)
        self.bias = nn.Parameter(torch.zeros(n_columns, 2))
        self.codes = nn.Linear(width, n_codes) if n_codes else None

    def forward(self, tokens: Tensor, pieces: Pieces) -> Tensor:
        columns = pieces.places[..., 0].long().expand(tokens.shape[:2])
        weight = F.embedding(columns, self.weight).unflatten(2, (2, -1))
        numbers = (weight * tokens[:, :, None]).sum(dim=3) + F.embedding(columns, self.bias)
        return numbers if self.codes is None else torch.cat([numbers, self.codes(tokens)], dim=2)


class TableTokens(FillingTokenizer):
    """One token per column of a table: numbers come first, categories as codes follow.

    A number is predicted on the scale of the input and on the original one, since the best guess
    on the one is not the best on the other. A missing cell does not exist, and nor does a cell of
    a column with one value, which says nothing.

    Parameters
    ----------
    rows : Tensor of shape (n, columns)
        Training rows in the scale of the input layer.
    n_codes : sequence of int
        Codes of each categorical column.
    first_code : int
        The first code that stands for a category.
    scaled, original : Tensor of shape (numeric columns, k)
        Corresponding values on the scale of the input and on the original scale, rising.
    width : int
    """

    ordered = False
    positions = "learned"
    mask_ratio = (0.1, 0.7)
    offsets: Tensor
    scaled: Tensor
    original: Tensor
    allowed: Tensor
    means: Tensor
    stds: Tensor
    deviations: Tensor
    entropies: Tensor
    known: Tensor

    def __init__(
        self,
        rows: Tensor,
        n_codes: Sequence[int],
        first_code: int,
        scaled: Tensor,
        original: Tensor,
        *,
        width: int,
    ):
        n_numbers = rows.shape[1] - len(n_codes)
        super().__init__(rows.shape[1], width)
        self.n_numbers = n_numbers
        self.first_code = first_code
        self.register_buffer("scaled", scaled)
        self.register_buffer("original", original)
        offsets = torch.tensor([0, *n_codes]).cumsum(0)
        self.register_buffer("offsets", offsets[:-1])
        total = int(offsets[-1])
        # Which codes a column has: those of categories that were seen.
        self.register_buffer("allowed", torch.zeros(rows.shape[1], total, dtype=torch.bool))
        self.register_buffer("means", torch.zeros(rows.shape[1], 2))
        self.register_buffer("stds", torch.ones(rows.shape[1], 2))
        self.register_buffer("deviations", torch.ones(rows.shape[1], 2))
        self.register_buffer("entropies", torch.ones(rows.shape[1]))
        self.register_buffer("known", torch.zeros(rows.shape[1], dtype=torch.bool))
        both = torch.stack([rows[:, :n_numbers], self._to_original(rows[:, :n_numbers])], dim=2)
        for column in range(n_numbers):
            values = both[~rows[:, column].isnan(), column]
            if len(values):
                self.means[column] = values.mean(dim=0)
                std = values.std(dim=0, correction=0)
                self.known[column] = bool((std**2 > _SMALLEST_VARIANCE).all())
                self.stds[column] = torch.where(std > 0, std, 1.0)
                spread = ((values - self.means[column]).abs() / self.stds[column]).mean(dim=0)
                self.deviations[column] = torch.where(spread > 0, spread, 1.0)
        for place, count in enumerate(n_codes):
            column, start = n_numbers + place, int(offsets[place])
            self.allowed[column, start + first_code : start + count] = True
            counts = torch.bincount(rows[:, column].long(), minlength=count)[first_code:count]
            entropy = _entropy(counts.float())
            self.known[column] = bool(entropy > _SMALLEST_ENTROPY)
            self.entropies[column] = entropy if self.known[column] else 1.0
        self.slopes = nn.Parameter(torch.randn(n_numbers, width))
        self.bends = nn.Parameter(torch.randn(n_numbers, 2 * width))
        self.bent = nn.Linear(width, width)
        self.codes = nn.Parameter(torch.randn(total, width))

    def _to_original(self, numbers: Tensor) -> Tensor:
        return _interpolate(numbers, self.scaled, self.original)

    def split(self, batch: Tensor) -> Pieces:
        numbers, codes = batch[:, : self.n_numbers], batch[:, self.n_numbers :]
        present = torch.cat([~numbers.isnan(), codes >= self.first_code], dim=1) & self.known
        columns = torch.arange(batch.shape[1], device=batch.device, dtype=batch.dtype)
        return Pieces(batch[..., None], present, columns[None, :, None])

    def embed(self, pieces: Pieces) -> Tensor:
        numbers = pieces.values[:, : self.n_numbers].nan_to_num()
        slope, shift = self.bends.chunk(2, dim=1)
        bent = self.bent(F.gelu(numbers * slope + shift))
        codes = pieces.values[:, self.n_numbers :, 0].long() + self.offsets
        return torch.cat([numbers * self.slopes + bent, F.embedding(codes, self.codes)], dim=1)

    def make_head(self, width: int) -> TableHead:
        return TableHead(width, self.n_tokens, len(self.codes))

    def errors(self, prediction: Tensor, pieces: Pieces, *, absolute: bool = False) -> Tensor:
        columns = pieces.places[..., 0].long().expand(prediction.shape[:2])
        is_number = columns < self.n_numbers
        values = pieces.values[..., 0]
        numbers = torch.where(is_number, values, 0.0).nan_to_num()
        pairs = torch.stack([numbers, self._original_at(numbers, columns)], dim=2)
        target = (pairs - F.embedding(columns, self.means)) / F.embedding(columns, self.stds)
        difference = prediction[..., :2].float() - target
        if absolute:
            wrong = (difference.abs() / F.embedding(columns, self.deviations)).mean(dim=2)
        else:
            wrong = (difference**2).mean(dim=2)
        if not len(self.offsets):
            return wrong
        place = (columns - self.n_numbers).clamp(min=0)
        code = torch.where(is_number, self.first_code, values.nan_to_num()).long()
        code = code.clamp(min=self.first_code) + self.offsets[place]
        scores = self._scores(prediction, columns)
        surprise = torch.logsumexp(scores, dim=2) - scores.gather(2, code[..., None])[..., 0]
        return torch.where(is_number, wrong, surprise / self.entropies[columns])

    def _original_at(self, numbers: Tensor, columns: Tensor) -> Tensor:
        """Return numbers (n, m) of these columns on the original scale."""
        if columns.shape[1] == self.n_tokens:
            original = self._to_original(numbers[:, : self.n_numbers])
            return F.pad(original, (0, self.n_tokens - self.n_numbers))
        original = numbers.new_zeros(len(numbers), self.n_tokens).scatter(1, columns, numbers)
        original = self._to_original(original[:, : self.n_numbers])
        return F.pad(original, (0, self.n_tokens - self.n_numbers)).gather(1, columns)

    def _scores(self, prediction: Tensor, columns: Tensor) -> Tensor:
        """Return the scores of all codes, of which those of other columns are very low."""
        # A column of numbers has no code; finite scores keep its unused error free of NaN.
        lowest = torch.finfo(torch.float32).min / 2
        return prediction[..., 2:].float().masked_fill(~self.allowed[columns], lowest)

    def covered(self, cells: Tensor) -> Tensor:
        return cells

    def cells(self, mask: Tensor, batch: Tensor) -> Tensor:
        return mask

    def fill(self, batch: Tensor, prediction: Tensor) -> Tensor:
        values = prediction[:, : self.n_numbers, 1] * self.stds[: self.n_numbers, 1]
        values = values + self.means[: self.n_numbers, 1]
        parts = [_interpolate(values, self.original, self.scaled)]
        if len(self.offsets):
            columns = torch.arange(self.n_numbers, self.n_tokens, device=batch.device)
            scores = self._scores(prediction[:, self.n_numbers :], columns.expand(len(batch), -1))
            parts.append((scores.argmax(dim=2) - self.offsets).to(batch.dtype))
        return torch.cat(parts, dim=1)


def _interpolate(values: Tensor, knots: Tensor, at_knots: Tensor) -> Tensor:
    """Return the piecewise linear function through the knots of each column, constant outside.

    Parameters
    ----------
    values : Tensor of shape (n, columns)
        NaN stays NaN.
    knots, at_knots : Tensor of shape (columns, k)
        Rising in every column.
    """
    if not knots.numel():
        return values
    columns = values.T.contiguous()
    right = torch.searchsorted(knots, columns.nan_to_num()).clamp(1, knots.shape[1] - 1)
    low, high = knots.gather(1, right - 1), knots.gather(1, right)
    share = ((columns - low) / torch.where(high > low, high - low, 1.0)).clamp(0, 1)
    start, end = at_knots.gather(1, right - 1), at_knots.gather(1, right)
    return (start + share * (end - start)).T


class TextTokens(Tokenizer):
    """One token per token id of a text, of which 0 is none.

    Parameters
    ----------
    ids : Tensor of shape (n, length)
        Token ids of training texts.
    n_ids : int
        Number of known tokens; their ids go from 1 to this.
    max_length : int
        Largest number of tokens in a text.
    width : int
    """

    mask_ratio = 0.25
    mask_shapes = ("random", "span")
    entropy: Tensor

    def __init__(self, ids: Tensor, n_ids: int, max_length: int, *, width: int):
        super().__init__(max_length, width)
        counts = torch.bincount(ids.flatten().long(), minlength=n_ids + 1)[1:]
        self.register_buffer("entropy", _entropy(counts.float()).clamp(min=_SMALLEST_ENTROPY))
        self.vectors = nn.Embedding(n_ids + 1, width, padding_idx=0)

    def split(self, batch: Tensor) -> Pieces:
        places = torch.arange(batch.shape[1], device=batch.device, dtype=torch.float32)
        return Pieces(batch[..., None], batch != 0, places[None, :, None])

    def embed(self, pieces: Pieces) -> Tensor:
        return self.vectors(pieces.values[..., 0])

    def make_head(self, width: int) -> PieceHead:
        return PieceHead(width, self.vectors.num_embeddings - 1)

    def errors(self, prediction: Tensor, pieces: Pieces, *, absolute: bool = False) -> Tensor:
        target = (pieces.values[..., 0].long() - 1).clamp(min=0)
        scores = prediction.float().flatten(0, 1)
        wrong = F.cross_entropy(scores, target.flatten(), reduction="none")
        return wrong.view(target.shape) / self.entropy
