"""What every set of views has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Real
from typing import Literal

import torch
from torch import Tensor

from skssl._declare import Declared, Interval, Range, param
from skssl._quote import quoted
from skssl._signatures import check_override, refusal

ViewKind = Literal["global", "local", "weak", "mild"]
# Parts of a sample that a view may show, at the least and at the most.
PARTS = Range(Interval(Real, 0.01, 1, closed="both"))


class Views(Declared, ABC):
    """Random, label-preserving changes of a batch, drawn anew for every sample.

    Calling the object draws one view of every sample. Its parameters are the ranges to draw from;
    they can be searched (``views__crop_scale`` of a method).

    Methods that learn from views of different extent (multi-crop, as in SwAV and DINO) draw those
    that show a smaller part of a sample from ``local()``.
    """

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        check_override(cls, "__call__", Views.__call__)

    @abstractmethod
    def __call__(self, batch: Tensor, *, generator: torch.Generator) -> Tensor:
        """Draw one view of each sample of a batch.

        Parameters
        ----------
        batch : Tensor of shape (n, ...)
            Samples, as the modality's ``input_layer`` returns them, on the device of the training.
            They must not be changed in place.
        generator : torch.Generator
            Source of the random numbers, on the device of `batch`.

        Returns
        -------
        Tensor of shape (n, ...)
            One view of each sample, with as many axes and of the same dtype, on the same device.
            The size along the axes of a sample may be another one.
        """

    def draw(self, batch: Tensor, n_views: int, *, generator: torch.Generator) -> list[Tensor]:
        """Draw `n_views` views of each sample of `batch`.

        They are independent of each other, unless a subclass knows better: views of a text are
        disjoint parts of it.

        Parameters
        ----------
        batch : Tensor of shape (n, ...)
            Samples, as the modality's ``input_layer`` returns them.
        n_views : int
            How many views to draw of each sample.
        generator : torch.Generator
            Source of the random numbers, on the device of `batch`.

        Returns
        -------
        list of Tensor
            `n_views` batches, each with one view of every sample.
        """
        return [self(batch, generator=generator) for _ in range(n_views)]

    def local(self) -> Views:
        """Return views of smaller parts of the samples, with the same other changes.

        They may have another size than the ordinary views, but all of them have the same.

        Returns
        -------
        Views
            These views themselves, if they know no smaller parts.
        """
        return self

    def full_size(self) -> Views:
        """Return views that are all as large as the samples, for encoders that take one size.

        Returns
        -------
        Views
            These views themselves, if they do not change the size.
        """
        return self

    def weak(self) -> Views:
        """Return views with milder changes, for the teachers of methods that want such.

        Returns
        -------
        Views
            These views themselves, if they know no milder changes.
        """
        return self

    def mild(self) -> Views:
        """Return views that show what a sample is as clearly as the sample itself.

        For learning from labels, and for guessing them.

        Returns
        -------
        Views
            The weak ones, if these views know none that are milder.
        """
        return self.weak()

    def of_kind(self, kind: ViewKind) -> Views:
        """Return the views of a kind: these, or the local, weak or mild ones that go with them.

        Parameters
        ----------
        kind : {"global", "local", "weak", "mild"}
            "global" is these views themselves; the others are the methods of that name.

        Returns
        -------
        Views
            The views of that kind.
        """
        if kind == "global":
            return self
        return {"local": self.local, "weak": self.weak, "mild": self.mild}[kind]()


class CallableViews(Views):
    """A user's own function of a batch, in the place of a views object.

    ``views=function`` is the same as ``views=CallableViews(function)``. The function takes its
    random numbers from torch's global generator, which training seeds and then puts back. It knows
    no smaller parts of a sample: local views are ordinary ones. A fitted estimator has it in
    ``views_``, and can be pickled only if it is defined in a module, by ``def``: neither a lambda
    nor a function within another one can.

    Parameters
    ----------
    function : callable
        Gets a batch and returns a changed copy of it, with as many samples and axes and of the
        same dtype. What a batch is depends on the modality: images are floats from 0 to 1 of
        shape (n, channels, height, width).
    """

    function: Callable[[Tensor], Tensor] = param(callable, kw_only=False)

    def check_parameters(self) -> None:
        super().check_parameters()
        reason = refusal(self.function, None)
        if reason is not None:
            raise ValueError(
                f"views={quoted(self.function)} is called with the batch alone: {reason}. Its "
                "random numbers come from torch's global generator; where a generator= is to be "
                "passed, write a subclass of Views."
            )

    def __call__(self, batch: Tensor, *, generator: torch.Generator) -> Tensor:
        return self.function(batch)


def draw_views(
    views: Views, batch: Tensor, n_views: int, *, generator: torch.Generator
) -> list[Tensor]:
    """Draw views as :meth:`Views.draw` does, and look at what code of a user's has returned."""
    drawn = views.draw(batch, n_views, generator=generator)
    wanted = (batch.dtype, batch.ndim, len(batch), batch.device)
    for view in drawn:
        is_tensor = isinstance(view, Tensor) and view.ndim > 0
        if is_tensor and (view.dtype, view.ndim, len(view), view.device) == wanted:
            continue
        got = type(view).__name__
        if isinstance(view, Tensor):
            where = "" if view.device == batch.device else f" on {view.device}"
            got = f"{tuple(view.shape)} of {view.dtype}{where}"
        raise ValueError(
            f"{name_of_views(views)} must return a changed copy of the batch, a tensor of "
            f"{len(batch)} samples with {batch.ndim} axes, of {batch.dtype}; got {got} for a batch "
            f"of shape {tuple(batch.shape)} on {batch.device}."
        )
    return drawn


def name_of_views(views: Views) -> str:
    """Return what a message calls views."""
    if isinstance(views, CallableViews):
        return f"views={quoted(views.function)}"
    return f"views={type(views).__name__}()"


def uniform(
    low: float,
    high: float,
    shape: int | tuple[int, ...],
    like: Tensor,
    generator: torch.Generator | None,
) -> Tensor:
    """Draw uniform numbers from `low` to `high`, in the dtype and on the device of `like`."""
    size = (shape,) if isinstance(shape, int) else shape
    return torch.empty(size, dtype=like.dtype, device=like.device).uniform_(
        low, high, generator=generator
    )


def chance(
    probability: float, shape: int | tuple[int, ...], like: Tensor, generator: torch.Generator
) -> Tensor:
    """Draw booleans that are true with `probability`, on the device of `like`."""
    return uniform(0.0, 1.0, shape, like, generator) < probability


def reduced(size: tuple[int, ...], resolution: float, *, at_least: int) -> tuple[int, ...]:
    """Multiply `size` by `resolution`, but by no less than what leaves its shortest side so long.

    A side that is shorter than `at_least` already stays as it is.
    """
    factor = max(resolution, min(1.0, at_least / min(size)))
    return tuple(max(1, round(factor * side)) for side in size)


def quartered(limits: tuple[float, float]) -> tuple[float, float]:
    """Return a range of scales a quarter as far from 1, where nothing changes."""
    low, high = limits
    return 1 + (low - 1) / 4, 1 + (high - 1) / 4


def random_noise(samples: Tensor, *, generator: torch.Generator, std: float) -> Tensor:
    """Add Gaussian noise, independent for every value.

    Parameters
    ----------
    samples : Tensor of any shape
        Floating point values. NaN stays NaN.
    generator : torch.Generator
        Source of the random numbers, on the device of `samples`.
    std : float
        Standard deviation of the noise, in the unit of the values.

    Returns
    -------
    Tensor of the same shape
        A changed copy.
    """
    noise = torch.empty_like(samples).normal_(0.0, std, generator=generator)
    return samples + noise
