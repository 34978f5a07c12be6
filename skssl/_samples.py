"""Samples on their way into a network, and what it makes of them on the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from skssl._runner import apply_network, with_same_weights
from skssl._settings import OwnSettings
from skssl._streams import Stream, choose_rows, in_order
from skssl._types import Auto, Samples
from skssl._warn import warn
from skssl.modality import Modality, Raw, Restorable, Stored, as_samples, nothing_to_tell
from skssl.nn import Embedding, Objective
from skssl.views import Views, draw_views


class TakesSamples(OwnSettings, BaseEstimator):
    """What checks and prepares samples, and applies trained networks to them."""

    modality: Auto[Modality]
    max_epochs: Auto[int]
    device: str | torch.device
    modality_: Modality
    encoder_: Embedding
    n_features_in_: int
    _input_layer: nn.Module
    _objective: Objective

    def prepare_samples(
        self,
        X: Samples,
        *,
        reset: bool = False,
        min_samples: int = 1,
        of_any_length: bool = False,
        every: bool = False,
    ) -> tuple[Tensor, np.ndarray | None]:
        """Check samples, and turn them into a tensor.

        Parameters
        ----------
        X : array-like
            Samples.
        reset : bool, default=False
            Whether the modality learns scales and the like from them, as in `fit`, instead of
            comparing them with those of `fit`.
        min_samples : int, default=1
            Fewer samples than this are an error.
        of_any_length : bool, default=False
            Whether series of one channel may have other lengths than in `fit`.
        every : bool, default=False
            Whether it is an error if a sample cannot be loaded.

        Returns
        -------
        samples : Tensor of shape (n_loaded, ...)
            Prepared samples, on the CPU.
        loaded : ndarray of shape (n_samples,), bool, or None
            Which samples of `X` could be loaded; None if all.
        """
        X, loaded = (self.modality_.load_all(X), None) if every else self.modality_.load(X)
        if loaded is not None and min_samples == 1:
            min_samples = 0  # Whether it is one that can be read does not depend on the others.
        checked = self.modality_.check(X, estimator=type(self).__name__, min_samples=min_samples)
        has_columns = self.modality_.has_columns(X)
        if reset:
            self._had_columns = has_columns
        if has_columns and self._had_columns and not of_any_length:
            validate_data(self, X, reset=reset, skip_check_array=True)
        if reset:
            self.modality_.fit(checked)
        samples = self.modality_.prepare(checked)
        if reset and not has_columns:
            self.n_features_in_ = self.modality_.n_features(samples)
        if reset and self.max_epochs != 0:
            self._warn_of_sameness(samples)
        return samples, loaded

    def prepare_to_fill(self, X: Samples, name: str) -> tuple[Tensor, np.ndarray | None]:
        """Return what `prepare_samples` does; an error says how to mark NaN to be filled.

        Parameters
        ----------
        X : array-like
            Samples.
        name : str
            The name of the method that fills, for the error message.

        Returns
        -------
        samples, loaded
            As `prepare_samples` returns them.
        """
        values = as_samples(X)
        has_gaps = isinstance(values, np.ndarray) and values.dtype.kind == "f"
        if has_gaps and not self.modality_.allows_nan and np.isnan(values).any():
            as_seen = '.astype("uint8")' if self._dtype == "torch.uint8" else ""
            raise ValueError(
                f"X contains NaN. To fill it, mark it: {name}(np.nan_to_num(X){as_seen}, "
                "np.isnan(X)), or np.isnan(X).any(axis=-1) if colours are the last axis."
            )
        return self.prepare_samples(X)

    def on_demand(self, X: Samples) -> Stored | None:
        """Return samples that are too large for the memory, to be read when they are needed.

        Parameters
        ----------
        X : array-like
            Samples.

        Returns
        -------
        Stored or None
            None if the samples are in memory, or fit into the limit of
            :func:`~skssl.utils.set_memory_limit`.
        """
        stored = self.modality_.stored(X)
        return None if stored is None or stored.fits() else stored

    def _stream(self, stored: Stored, known: Tensor) -> Stream:
        """Return training samples that are read while they are needed; some are known already."""
        return Stream(stored, self._prepare_raw, known)

    def _prepare_raw(self, raw: Raw) -> tuple[Tensor, np.ndarray | None]:
        return self.prepare_samples(raw)

    def training_samples(self, X: Samples) -> Tensor | Stream:
        """Check samples, and return what is trained on.

        Parameters
        ----------
        X : array-like
            At least 2 samples.

        Returns
        -------
        Tensor or Stream
            Prepared samples, or what reads and prepares them while they are needed.
        """
        stored = self.on_demand(X)
        if stored is None:
            return self.prepare_samples(X, min_samples=2)[0]
        known, _ = self.prepare_samples(stored.read(choose_rows(stored)), min_samples=2)
        return self._stream(stored, known)

    def in_parts(self, X: Samples) -> Iterator[tuple[Tensor, np.ndarray | None]]:
        """Go through prepared samples in their order: all at once, or as they are read.

        Each part is a tensor, and a boolean array that says which of the rows it was made of could
        be loaded; None says that all could.

        Parameters
        ----------
        X : array-like
            Samples.

        Yields
        ------
        samples, loaded
            As `prepare_samples` returns them.
        """
        stored = self.on_demand(X)
        if stored is None:
            yield self.prepare_samples(X)
        else:
            yield from in_order(stored, self._prepare_raw)

    def _warn_of_sameness(self, samples: Tensor) -> None:
        """Warn before a training from which nothing can come."""
        sameness = nothing_to_tell(samples, self.modality_.input_layer())
        if sameness is not None:
            warn(
                f"{type(self).__name__}: {sameness}, so that there is nothing to learn from them. "
                "The training goes on, but its embedding will tell nothing apart."
            )

    def give_back(self, samples: Tensor, X: Samples, loaded: np.ndarray | None) -> Any:
        """Return prepared samples in the form of `X`, one for each of its rows.

        Parameters
        ----------
        samples : Tensor
            Prepared samples, such as filled ones, for the rows that could be loaded.
        X : array-like
            The samples that they were made from.
        loaded : ndarray of bool or None
            Which rows of `X` could be loaded; None if all.

        Returns
        -------
        array-like
            NaN in rows that could not be loaded.
        """
        return in_all_rows(Restorable.of(self.modality_).restore(samples, X), loaded)

    def _apply(
        self, network: nn.Module, function: Callable[..., Tensor], *samples: Tensor
    ) -> Tensor:
        """Apply a function of a network and samples batch by batch, on the device.

        Parameters
        ----------
        network : nn.Module
            In eval mode; it is copied to the device if it is not there.
        function : callable
            Gets the network on the device and a batch of each of the `samples`.
        *samples : Tensor
            Of the same length.
        """
        title = type(self).__name__
        return apply_network(network, function, *samples, device=self.device, title=title)

    def apply_objective(self, function: Callable[..., Tensor], *samples: Tensor) -> Tensor:
        """Apply a function of the trained objective and of samples, as :meth:`_apply` does.

        The first of the `samples` are prepared ones and go through the input layer.

        Parameters
        ----------
        function : callable
            Gets the objective and a batch of each of the `samples`, on the device; returns a tensor
            with a row for each.
        *samples : Tensor
            Of the same length.

        Returns
        -------
        Tensor
            Of all rows, on the CPU.
        """
        trained = nn.ModuleList([self._input_layer, self._objective])

        def run(networks: nn.ModuleList, batch: Tensor, *more: Tensor) -> Tensor:
            input_layer, objective = networks
            return function(objective, input_layer(batch), *more)

        # Networks that look at their own maps while they run are to be nobody else's.
        return self._apply(with_same_weights(trained), run, *samples)

    def embed_views(self, X: Samples, views: Views, *, n_views: int, seed: int) -> np.ndarray:
        """Embed random views of samples with what was learned, as `transform` embeds samples.

        Parameters
        ----------
        X : array-like
            Samples.
        views : Views
            What the views are drawn from.
        n_views : int
            How many views to draw of each sample.
        seed : int
            Seed of the views.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_views, n_features_out), float32
        """
        from skssl.training import resolve_device, seeded

        check_is_fitted(self)
        samples, loaded = self.prepare_samples(X)
        device = resolve_device(self.device)
        generator = torch.Generator(device).manual_seed(seed)

        def embed(embedding: Embedding, batch: Tensor) -> Tensor:
            drawn = draw_views(views, embedding.prepare(batch), n_views, generator=generator)
            return torch.stack([embedding.embed_view(view) for view in drawn], dim=1)

        # A user's own views may draw from torch's global generator.
        with seeded(seed, device):
            embedded = self._apply(self.encoder_, embed, samples).numpy()
        return in_all_rows(embedded, loaded)


def in_all_rows(rows: Any, loaded: np.ndarray | None) -> Any:
    """Put NaN in the rows of the samples that could not be loaded, in float32 then."""
    if loaded is None:
        return rows
    every = np.full((len(loaded), *rows.shape[1:]), np.nan, dtype=np.float32)
    every[loaded] = rows
    return every
