"""Tokens of what has a grid: patches of images, tubes of video, stretches of series."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl.nn._heads import PieceHead
from skssl.nn._tokenizer import FillingTokenizer, Pieces

# Keeps the standard deviation of a patch of one value from zero, as in the authors' code of MAE.
_SMALLEST_VARIANCE = 1e-6
# Share of the samples that may begin within a patch.
_MOVED = 0.5


class Patches(FillingTokenizer):
    """Patches of samples with channels and one to three axes.

    Samples that the patches do not divide are padded with NaN. NaN has no loss, and a patch with
    nothing else does not exist.

    Parameters
    ----------
    batch : Tensor of shape (n, channels, ...)
        Training samples in the scale of the input layer.
    patch : sequence of int
        Size of a patch along each axis.
    width : int
    mask_ratio : float
    mask_shapes : tuple of str
    complete : bool
        Whether values are never missing.
    any_start : bool, default=False
        Whether the first patch may begin at any step of the one that it would be.
    """

    mean: Tensor
    std: Tensor
    deviation: Tensor
    complete: bool = False

    def __init__(
        self,
        batch: Tensor,
        patch: Sequence[int],
        *,
        width: int,
        mask_ratio: float,
        mask_shapes: tuple[str, ...],
        complete: bool,
        any_start: bool = False,
    ):
        channels, *sizes = batch.shape[1:]
        steps = [math.ceil(size / p) for size, p in zip(sizes, patch, strict=True)]
        super().__init__(math.prod(steps), width)
        self.sizes = tuple(sizes)
        self.patch = tuple(patch)
        self.n_axes = len(self.patch)
        self.mask_ratio = mask_ratio
        self.mask_shapes = mask_shapes
        self.complete = complete
        self.any_start = any_start
        self.normalized = False
        by_channel = batch.transpose(0, 1).flatten(1)
        count = (~by_channel.isnan()).sum(dim=1, keepdim=True).clamp(min=1)
        mean = by_channel.nansum(dim=1, keepdim=True) / count
        std = (((by_channel - mean) ** 2).nansum(dim=1, keepdim=True) / count).sqrt()
        std = torch.where(std > 0, std, torch.ones_like(std))
        deviation = ((by_channel - mean).abs() / std).nansum(dim=1, keepdim=True) / count
        per_patch = math.prod(self.patch)
        # A value for every place in a patch, whose order is channels first.
        self.register_buffer("mean", mean.expand(-1, per_patch).flatten().contiguous())
        self.register_buffer("std", std.expand(-1, per_patch).flatten().contiguous())
        self.register_buffer("deviation", deviation.mean().clamp(min=_SMALLEST_VARIANCE))
        self.layer = nn.Linear(channels * per_patch, width)

    def cut(self, batch: Tensor) -> Tensor:
        """Return patches of shape (n, t, channels * values), padded with NaN, or with False."""
        sizes = batch.shape[2:]
        padding = [-size % p for size, p in zip(sizes, self.patch, strict=True)]
        if any(padding):
            ends = [end for pad in reversed(padding) for end in (0, pad)]
            batch = F.pad(batch, ends, value=False if batch.dtype == torch.bool else torch.nan)
        shape = [*batch.shape[:2]]
        for size, p in zip(batch.shape[2:], self.patch, strict=True):
            shape += [size // p, p]
        axes = range(self.n_axes)
        order = [0, *(2 + 2 * axis for axis in axes), 1, *(3 + 2 * axis for axis in axes)]
        cut = batch.reshape(shape).permute(order)
        return cut.flatten(1 + self.n_axes).flatten(1, self.n_axes)

    def join(self, patches: Tensor, like: Tensor) -> Tensor:
        """Undo `cut`, for samples of the size of `like`."""
        channels, *sizes = like.shape[1:]
        steps = self._steps(sizes)
        axes = range(self.n_axes)
        order = [0, 1 + self.n_axes]
        for axis in axes:
            order += [1 + axis, 2 + self.n_axes + axis]
        whole = patches.reshape(len(patches), *steps, channels, *self.patch).permute(order)
        whole = whole.reshape(
            len(patches), channels, *(s * p for s, p in zip(steps, self.patch, strict=True))
        )
        for axis, size in enumerate(sizes):
            whole = whole.narrow(2 + axis, 0, size)
        return whole

    def _steps(self, sizes: Sequence[int]) -> list[int]:
        return [math.ceil(size / p) for size, p in zip(sizes, self.patch, strict=True)]

    def split(self, batch: Tensor) -> Pieces:
        values = self.cut(batch)
        steps = self._steps(batch.shape[2:])
        axes = [torch.arange(size, device=batch.device) for size in steps]
        places = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)
        if self.complete:
            present = torch.ones(values.shape[:2], dtype=torch.bool, device=batch.device)
        else:
            present = (~values.isnan()).any(dim=2)
        return Pieces(values, present, places[None].to(values.dtype), tuple(steps))

    def from_anywhere(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        (patch, *others), length = self.patch, batch.shape[2]
        if not self.any_start or others or patch == 1:
            return batch, None
        n, device = len(batch), batch.device
        # Of short samples too little would be left.
        is_long = (~batch.isnan()).any(dim=1).sum(dim=1) >= 2 * patch
        moved = is_long & (torch.rand(n, device=device) < _MOVED)
        start = torch.randint(patch, (n,), device=device) * moved
        index = torch.arange(length, device=device) + start[:, None]
        later = batch.gather(2, index.clamp(max=length - 1)[:, None].expand_as(batch))
        later = later.masked_fill((index >= length)[:, None], torch.nan)
        return later, start / patch

    def embed(self, pieces: Pieces) -> Tensor:
        # A missing value counts as the mean.
        return self.layer(((pieces.values - self.mean) / self.std).nan_to_num())

    def make_head(self, width: int) -> PieceHead:
        return PieceHead(width, len(self.mean))

    def normalize_pieces(self) -> None:
        """From now on predict each patch relative to its own mean and standard deviation."""
        self.normalized = True

    def errors(self, prediction: Tensor, pieces: Pieces, *, absolute: bool = False) -> Tensor:
        target = (pieces.values - self.mean) / self.std
        known = ~target.isnan()
        count = known.sum(dim=2).clamp(min=1)
        if self.normalized:
            mean = target.nansum(dim=2, keepdim=True) / count[..., None]
            variance = ((target - mean) ** 2).nansum(dim=2, keepdim=True) / count[..., None]
            target = (target - mean) / (variance + _SMALLEST_VARIANCE).sqrt()
        difference = torch.where(known, prediction.float() - target.nan_to_num(), 0.0)
        if absolute:
            return difference.abs().sum(dim=2) / count / self.deviation
        return (difference**2).sum(dim=2) / count

    def covered(self, cells: Tensor) -> Tensor:
        return self.cut(cells).any(dim=2)

    def cells(self, mask: Tensor, batch: Tensor) -> Tensor:
        return self.join(mask[..., None].expand(-1, -1, len(self.mean)), batch)

    def fill(self, batch: Tensor, prediction: Tensor) -> Tensor:
        return self.join(prediction * self.std + self.mean, batch)


def patch_sizes(
    sizes: Sequence[int], patch_size: int | str, *, patches: int, what: str
) -> tuple[int, ...]:
    """Return the sides of a square patch for samples of these sides.

    Parameters
    ----------
    sizes : sequence of int
    patch_size : int or "auto"
        "auto" divides the shorter side into about as many patches as said.
    patches : int
    what : str
        What messages call the samples.

    Raises
    ------
    ValueError
        If a patch of this size does not divide the samples.
    """
    common = math.gcd(*sizes)
    divisors = [d for d in range(1, common + 1) if common % d == 0]
    if not isinstance(patch_size, str):
        if patch_size not in divisors:
            raise ValueError(
                f"patch_size={patch_size} does not divide {what} of {' x '.join(map(str, sizes))}; "
                f"allowed are {', '.join(map(str, divisors))}."
            )
        return (patch_size,) * len(sizes)
    side = min(sizes)
    # A patch of a single value has no form.
    wanted = max(side / patches, 2)
    near = [d for d in divisors if wanted / 2 <= d <= 2 * wanted]
    # Where no patch divides the sides, the last ones are padded.
    best = min(near, key=lambda d: abs(d - wanted)) if near else max(1, round(wanted))
    return (best,) * len(sizes)
