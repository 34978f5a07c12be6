"""What the pretext tasks have in common that answer with pixels."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import ClassVar

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skssl._some_rows import some_rows
from skssl._standardize import Standardize
from skssl._types import Samples
from skssl._warn import warn
from skssl.base import SelfSupervisedTransformer
from skssl.exceptions import PretextTaskWarning
from skssl.nn import MapDecoder, Objective, Pyramid, channels_last, in_shares
from skssl.views import ViewKind

_FEWEST_STEPS = 50
_ROWS_FOR_STATISTICS = 2000
_NUMBERS_FOR_STATISTICS = 2**25


class DenseObjective(Objective):
    """An encoder, and a decoder of its maps and its embedding.

    Parameters
    ----------
    encoder : nn.Module
    pyramid : Pyramid
        Of the encoder.
    seen : Tensor
        A few samples as the encoder sees them.
    image : Tensor of shape (n, channels, height, width)
        What the decoder sees of these samples.
    out_channels : int
        Values for each pixel of `image`.
    augment : bool
        Whether the samples are changed by the views first.
    full_width : int
        Channels of the decoder at the size of `image`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        pyramid: Pyramid,
        seen: Tensor,
        image: Tensor,
        out_channels: int,
        *,
        augment: bool,
        full_width: int = 16,
    ):
        super().__init__(encoder)
        self.augment = augment
        self.pyramid = pyramid
        with torch.no_grad():
            embedding = encoder.eval()(seen)
        _, channels, height, width = image.shape
        self.decoder = MapDecoder(
            self.pyramid,
            embedding.shape[1],
            image_channels=channels,
            image_size=(height, width),
            out_channels=out_channels,
            full_width=full_width,
        )
        channels_last(self.decoder)

    def decode(self, seen: Tensor, image: Tensor) -> Tensor:
        """Return float32 values of shape (n, out_channels, height, width)."""

        def decode(seen: Tensor, image: Tensor) -> Tensor:
            return self.decoder(*self.pyramid(self.encoder, seen), image).float()

        return in_shares(decode, seen, image)

    @abstractmethod
    def predict(self, batch: Tensor, *given: Tensor) -> Tensor:
        """Return the answer for `batch`, in the units of `compare`."""

    @abstractmethod
    def compare(self, batch: Tensor, prediction: Tensor, *given: Tensor) -> Tensor:
        """Return the errors of the prediction and of the trivial answer, of shape (n, 2)."""


class _DenseTask(SelfSupervisedTransformer):
    """Base class of the pretext tasks that answer with pixels.

    Parameters
    ----------
    views : "auto", Views or callable, default="auto"
        Random changes that are made to a sample before the task makes its own. "auto" makes none.

    Attributes
    ----------
    history_ : list of dict
        As for all methods, with ``relative_error``: the mean error in the epoch, divided by that of
        the trivial answer. 1 is no better, 0 is perfect.
    """

    collapse_remedy: ClassVar[str] = (
        "The task may be too hard or too easy for these samples; look at relative_error in "
        "history_, and try a smaller learning_rate."
    )

    # The measure that tells whether something is learned, what 1 means, and what X lacks at 0 / 0.
    _judged_by: ClassVar[str] = "relative_error"
    _trivial_answer: ClassVar[str]
    _nothing_to_score: ClassVar[str]

    # Nothing is compared between samples.
    _smallest_batch = 16

    def shows_views(self) -> bool:
        return self.augments()

    def _count_work(self, encoder: nn.Module, samples: Tensor) -> float:
        from skssl.training import count_work

        # The decoder, at the size of the answer, may take longer than the encoder.
        objective = self._objective_of(copy.deepcopy(encoder), samples)
        generator = torch.Generator().manual_seed(self._seed)

        def draw_views(batch: Tensor, n: int, *, kind: ViewKind = "global") -> list[Tensor]:
            return self.views_.of_kind(kind).draw(batch, n, generator=generator)

        def run(batch: Tensor) -> Tensor:
            return objective.train()(self._input_layer(batch), draw_views)

        # A sample goes through once, where others go as two views.
        return count_work(run, samples) / 2

    def _questions(self, samples: Tensor) -> tuple[Tensor, ...]:
        """Return what is asked of each sample for a score, from torch's global generator."""
        return ()

    def _score(self, X: Samples) -> float:
        """Return one minus the error on `X` relative to the trivial answer."""
        from skssl.training import resolve_device, seeded

        check_is_fitted(self)
        samples, _ = self.prepare_samples(X)
        with seeded(self._seed, resolve_device(self.device)):
            given = self._questions(samples)
            errors = self.apply_objective(_errors, samples, *given)
        error, trivial = errors.double().sum(dim=0).tolist()
        if not trivial:
            raise ValueError(f"{type(self).__name__}: {self._nothing_to_score}")
        return 1 - error / trivial

    def conclude(self) -> None:
        super().conclude()
        if self.n_steps_ < _FEWEST_STEPS:
            return
        last = self.history_[-1][self._judged_by]
        if last >= 1:
            warn(
                f"{type(self).__name__}: {self._judged_by} is {last:.3f} in the last epoch, so "
                f"what was learned is no better than {self._trivial_answer}. The samples may not "
                "have what the task asks for; if they do, try more max_epochs or an encoder with "
                "maps, such as 'auto'.",
                PretextTaskWarning,
            )


def predicted(objective: Objective, batch: Tensor, *given: Tensor) -> Tensor:
    """Return the answer of a trained objective; of encoders side by side, the mean of theirs."""
    return DenseObjective.mean_over(objective, lambda part: part.predict(batch, *given))


def _errors(objective: Objective, batch: Tensor, *given: Tensor) -> Tensor:
    prediction = predicted(objective, batch, *given)
    # They all compare alike.
    return DenseObjective.mean_over(objective, lambda part: part.compare(batch, prediction, *given))


def some_of(samples: Tensor) -> Tensor:
    """Return up to 2000 samples, enough for a mean or a share; at least 2."""
    rows = min(_ROWS_FOR_STATISTICS, _NUMBERS_FOR_STATISTICS // max(1, samples[0].numel()))
    return some_rows(samples, max(2, rows))


def scale_of(samples: Tensor) -> Standardize:
    """Return what brings every channel of samples (n, channels, ...) to mean 0 and variance 1."""
    others = [axis for axis in range(samples.ndim) if axis != 1]
    std, mean = torch.std_mean(samples.float(), dim=others, keepdim=True, correction=0)
    return Standardize(mean, std.where(std > 0, torch.ones_like(std)))
