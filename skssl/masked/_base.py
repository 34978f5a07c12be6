"""What all masked methods have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, cast

from torch import Tensor, nn

from skssl._declare import AUTO, POSITIVE_INT, WITHIN_ONE, Range, StrOptions, param, resolve_auto
from skssl._quote import quoted
from skssl._types import Auto
from skssl._warn import warn
from skssl.base import SelfSupervisedTransformer
from skssl.exceptions import CollapseWarning
from skssl.masked._masks import Masks
from skssl.modality import Tokenizable
from skssl.nn import DrawViews, Objective, TokenEncoder, Tokenizer

# Of targets of unit variance, the part that tells samples apart; below, there is next to none.
_FLAT = 0.05
_FEWEST_STEPS = 50


class TokenObjective(Objective):
    """A token encoder.

    Parameters
    ----------
    encoder : TokenEncoder
    augment : bool
        Whether the samples are changed by the views first.
    """

    encoder: TokenEncoder

    def __init__(self, encoder: TokenEncoder, *, augment: bool):
        super().__init__(encoder)
        self.augment = augment

    def view(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        """Return the batch as the views change it, if they do."""
        return draw_views(batch, 1)[0] if self.augment else batch


class MaskedObjective(TokenObjective):
    """A token encoder, and masks.

    Parameters
    ----------
    encoder : TokenEncoder
    masks : Masks
    augment : bool
        Whether the samples are changed by the views first.
    """

    def __init__(self, encoder: TokenEncoder, masks: Masks, *, augment: bool):
        super().__init__(encoder, augment=augment)
        self.masks = masks


def spread_over_samples(tokens: Tensor, present: Tensor) -> Tensor:
    """Return the standard deviation of tokens at the same place over samples, from 0.

    It falls to 0 if a teacher says the same of all samples.
    """
    weight = present[..., None].to(tokens.dtype)
    count = weight.sum(dim=0).clamp(min=1)
    mean = (tokens * weight).sum(dim=0) / count
    variance = ((tokens - mean).square() * weight).sum(dim=0) / count
    seen = present.any(dim=0)[:, None].to(tokens.dtype)
    return (variance.sqrt() * seen).sum() / (seen.sum() * tokens.shape[2]).clamp(min=1)


class _TokenMethod(SelfSupervisedTransformer):
    """Base class of the methods that hide a part of every sample.

    Parameters
    ----------
    encoder : {"auto", "transformer"} or TokenEncoder, default="auto"
        A transformer over the pieces of a sample. A fitted one, such as ``encoder_.encoder`` of
        another masked method, is copied and trained on. Other networks cannot leave out what is
        hidden, and are refused.
    views : "auto", Views or callable, default="auto"
        Random changes that are made to a sample before it is masked. "auto" makes none.
    patch_size : int, default="auto"
        Size of a piece: the side of the square patches of images and video, whose patches have 2
        frames; steps of a series; points of a patch of a cloud. It has no meaning for tables and
        texts, whose pieces are columns and tokens. "auto" makes about 8 patches a side of images,
        4 of video, 16 of a series, and up to 64 of a cloud.
    width : int, default=128
        Size of a token, and of the embedding.
    depth : int, default=4
        Number of transformer layers.
    n_heads : int, default=4
        Heads of attention in a layer; they divide `width`.
    positions : {"auto", "sincos", "learned"}, default="auto"
        How a token knows its place: sines and cosines, which suit samples of other sizes as well,
        or learned vectors. "auto" is "learned" for tables and point clouds, "sincos" for others.
    pooling : {"mean", "max"}, default="mean"
        How the tokens of a sample make an embedding.

    Attributes
    ----------
    patch_size_ : tuple of int or None
        Size of a piece along each axis, where there are patches on a grid.
    """

    encoder: str | nn.Module | Callable[[tuple[int, ...]], nn.Module] = param(
        str, nn.Module, callable, default="auto"
    )
    patch_size: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")
    width: int = param(POSITIVE_INT, default=128)
    depth: int = param(POSITIVE_INT, default=4)
    n_heads: int = param(POSITIVE_INT, default=4)
    positions: str = param(StrOptions({"auto", "sincos", "learned"}), default="auto")
    pooling: str = param(StrOptions({"mean", "max"}), default="mean")

    # Views say nothing about methods without them; what they predict does.
    collapse_remedy: ClassVar[str | None] = None
    _flat_remedy: ClassVar[str] = ""

    needs = (Tokenizable,)

    def shows_views(self) -> bool:
        return self.augments()

    def _encoder_names(self) -> list[str]:
        return ["transformer"]

    def _build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        self._check_heads("width", self.width)
        tokenizer = Tokenizable.of(self.modality_).tokenizer(
            samples, patch_size=self.patch_size, width=self.width
        )
        return TokenEncoder(
            tokenizer,
            depth=self.depth,
            n_heads=self.n_heads,
            positions=None if self.positions == "auto" else self.positions,  # type: ignore[arg-type]
            pooling=self.pooling,  # type: ignore[arg-type]
        )

    def _check_heads(self, name: str, width: int) -> None:
        if width % self.n_heads:
            raise ValueError(
                f"{name}={width} must be a multiple of n_heads={self.n_heads}, which share it."
            )

    def _resolve_encoder(self, samples: Tensor) -> nn.Module:
        if isinstance(self.encoder, TokenEncoder):
            return self._own_encoder(samples)
        encoder = super()._resolve_encoder(samples)
        if not isinstance(encoder, TokenEncoder):
            raise ValueError(
                f"encoder={quoted(self.encoder)} cannot leave out parts of a sample, as "
                f"{type(self).__name__} needs; allowed are 'auto', 'transformer', or a "
                "TokenEncoder."
            )
        return encoder

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        tokens = cast(TokenEncoder, encoder)
        n_tokens = self._n_tokens(tokens, samples)
        if n_tokens < 2:
            raise ValueError(
                f"{type(self).__name__} hides a part of every sample, but X has samples of "
                f"{n_tokens} feature(s): one column, patch or token; at least 2 are needed."
            )
        self.patch_size_ = getattr(tokens.tokenizer, "patch", None)
        return self._make_token_objective(tokens)

    def _n_tokens(self, encoder: TokenEncoder, samples: Tensor) -> int:
        return encoder.tokenizer.split(self._input_layer(samples[:2])).present.shape[1]

    def conclude(self) -> None:
        super().conclude()
        spread = self.history_[-1].get("target_std", 1.0) if self.n_steps_ >= _FEWEST_STEPS else 1.0
        if spread < _FLAT:
            warn(
                f"{type(self).__name__}: the targets collapsed, the teacher says nearly the same "
                f"of all samples. target_std is {spread:.3f} (healthy: above 0.2). "
                f"{self._flat_remedy}",
                CollapseWarning,
            )

    @abstractmethod
    def _make_token_objective(self, encoder: TokenEncoder) -> Objective:
        """Return what is trained around `encoder`."""


class _MaskedMethod(_TokenMethod):
    """Base class of the methods that hide tokens by a random mask.

    Parameters
    ----------
    mask_ratio : float or pair of floats, default="auto"
        The share of the tokens that is hidden. From a pair (low, high), each batch draws its own.
        "auto" is 0.75 for images, 0.9 for video, 0.5 for series, 0.25 for texts, 0.6 for point
        clouds, and (0.1, 0.7) for tables, of which any part may be missing later.
    mask_shape : {"auto", "random", "block", "span", "tube"}, default="auto"
        What is hidden together: single tokens, rectangles (images, video, point clouds), spans
        (series, texts), or the same places in all frames (video). "auto" is "tube" for video and
        "random" for others.

    Attributes
    ----------
    mask_ratio_ : float or pair of floats
        The share that was hidden.
    mask_shape_ : str
        The shape of the masks.
    """

    mask_ratio: Auto[float | tuple[float, float]] = param(
        AUTO, WITHIN_ONE, Range(WITHIN_ONE), default="auto"
    )
    mask_shape: str = param(StrOptions({"auto", "random", "block", "span", "tube"}), default="auto")

    # What "auto" is for all modalities; None leaves it to them.
    _auto_mask_ratio: ClassVar[float | None] = None

    def _resolve_mask_ratio(self, tokenizer: Tokenizer) -> float | tuple[float, float]:
        return resolve_auto(self.mask_ratio, self._auto_mask_ratio or tokenizer.mask_ratio)

    def _make_token_objective(self, encoder: TokenEncoder) -> Objective:
        tokenizer = encoder.tokenizer
        self.mask_ratio_ = self._resolve_mask_ratio(tokenizer)
        shapes = tokenizer.mask_shapes
        self.mask_shape_ = resolve_auto(self.mask_shape, shapes[0])
        if self.mask_shape_ not in shapes:
            raise ValueError(
                f"mask_shape={self.mask_shape!r} has no meaning for "
                f"{type(self.modality_).__name__}; allowed are {', '.join(map(repr, shapes))}."
            )
        masks = Masks(tokenizer, self.mask_ratio_, self.mask_shape_)
        return self._make_masked_objective(encoder, masks)

    @abstractmethod
    def _make_masked_objective(self, encoder: TokenEncoder, masks: Masks) -> Objective:
        """Return what is trained around `encoder`."""
