"""Networks of `transformers` as encoders of texts."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SentencePooling = Literal["mean", "cls", "max"]


class SentenceEncoder(nn.Module):
    """What a network of `transformers` makes of the tokens of a text, as one vector.

    Parameters
    ----------
    network : nn.Module
        Gets ``input_ids`` and ``attention_mask``, and returns a ``last_hidden_state``.
    before, after : list of int
        Ids that stand before and after those of every text, such as [CLS] and [SEP].
    padding : int, default=0
        The id that fills up shorter texts, which nothing looks at.
    pooling : {"mean", "cls", "max"}, default="mean"
        The mean or the maximum over all tokens, or the first one.
    normalize : bool, default=False
        Whether the result is brought to unit length.
    """

    before: Tensor
    after: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        before: list[int],
        after: list[int],
        padding: int = 0,
        pooling: SentencePooling = "mean",
        normalize: bool = False,
    ):
        super().__init__()
        self.network = network
        self.register_buffer("before", torch.tensor(before, dtype=torch.long))
        self.register_buffer("after", torch.tensor(after, dtype=torch.long))
        self.padding = padding
        self.pooling = pooling
        self.normalize = normalize

    def forward(self, tokens: Tensor) -> Tensor:
        """Return embeddings (n, d) of tokens (n, length): ids from 1, and 0 where there is none."""
        ids, present = self.as_sequence(tokens)
        output: Any = self.network(input_ids=ids, attention_mask=present.long())
        hidden: Tensor = output.last_hidden_state
        if self.pooling == "cls":
            pooled = hidden[:, 0]
        elif self.pooling == "max":
            pooled = hidden.masked_fill(~present[..., None], -torch.inf).amax(dim=1)
        else:
            weights = present[..., None].to(hidden.dtype)
            pooled = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
        return F.normalize(pooled, dim=1) if self.normalize else pooled

    def as_sequence(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the ids that the network gets, without gaps, and which of them are there."""
        known = tokens > 0
        count = known.sum(dim=1, keepdim=True)
        ids = tokens.long() - 1
        # Prepared texts have no gaps, and not every runtime sorts.
        if not torch.compiler.is_exporting():
            # What views have taken away leaves none either, as positions count.
            order = torch.argsort((~known).to(torch.uint8), dim=1, stable=True)
            # One place at least: without special tokens, an empty text has nothing else.
            ids = ids.gather(1, order)[:, : max(1, int(count.max()))]
        n_before, n_after = len(self.before), len(self.after)
        end = torch.full((len(ids), n_after), self.padding, dtype=torch.long, device=ids.device)
        ids = torch.cat([self.before.expand(len(ids), -1), ids, end], dim=1)
        places = torch.arange(ids.shape[1], device=ids.device)
        last = n_before + count
        ids = ids.masked_fill(places >= last, self.padding)
        if n_after:
            more = last + torch.arange(n_after, device=ids.device)
            ids = ids.scatter(1, more, self.after.expand(len(ids), -1))
        # Attention over nothing is NaN, so an empty text looks at one token.
        return ids, places < (last + n_after).clamp(min=1)
