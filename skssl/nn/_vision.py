"""Networks of `transformers` as encoders of images and clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

VisionPooling = Literal["mean", "cls"]


class VisionEncoder(nn.Module):
    """What a network of `transformers` makes of the patches of an image or a clip, as one vector.

    Parameters
    ----------
    network : nn.Module
        Gets images ``(n, channels, height, width)``, or clips ``(n, frames, channels, height,
        width)``, and returns a ``last_hidden_state`` with a token for each patch.
    pooling : {"mean", "cls"}, default="mean"
        The mean over all tokens, or the first one, which stands for the whole.
    options : mapping, default=None
        What the network is told beside its samples.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        pooling: VisionPooling = "mean",
        options: Mapping[str, bool] | None = None,
    ):
        super().__init__()
        self.network = network
        self.pooling = pooling
        self.options = dict(options or {})

    def forward(self, samples: Tensor) -> Tensor:
        """Return embeddings (n, d) of samples whose channels come first."""
        is_clips = samples.ndim == 5
        output: Any = self.network(samples.transpose(1, 2) if is_clips else samples, **self.options)
        hidden: Tensor = output.last_hidden_state
        return hidden[:, 0] if self.pooling == "cls" else hidden.mean(dim=1)
