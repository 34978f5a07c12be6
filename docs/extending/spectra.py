"""A modality of one's own: spectra, such as those of near-infrared light."""

import numpy as np
import torch
from torch import nn

from skssl.extend import (
    NOT_NEGATIVE,
    POSITIVE_INT,
    Tokenizable,
    Views,
    as_tensor,
    check_numbers,
    param,
)
from skssl.nn import Patches


class SpectraViews(Views):
    """What another measurement of the same sample would show.

    Parameters
    ----------
    scatter : float, default=0.2
        How much the path of the light varies, which multiplies a spectrum.
    baseline : float, default=0.5
        How much a baseline rises and bends, in standard deviations of a spectrum.
    noise : float, default=0.05
        Standard deviation of the noise, in standard deviations of a spectrum.
    """

    scatter: float = param(NOT_NEGATIVE, default=0.2)
    baseline: float = param(NOT_NEGATIVE, default=0.5)
    noise: float = param(NOT_NEGATIVE, default=0.05)

    def __call__(self, batch, *, generator):
        """Return a changed copy of spectra of shape (n, 1, bands), each changed in its own way."""

        def normal(*shape):
            return torch.randn(shape, generator=generator, device=batch.device)

        n, _, bands = batch.shape
        place = torch.linspace(-1, 1, bands, device=batch.device)
        path = (self.scatter * normal(n, 1, 1)).exp()
        baseline = normal(n, 1, 1) * place + normal(n, 1, 1) * place.square()
        return path * batch + self.baseline * baseline + self.noise * normal(n, 1, bands)


class ScatterCorrection(nn.Module):
    """Bring every spectrum to mean 0 and standard deviation 1 (standard normal variate)."""

    def forward(self, spectra):
        """Return corrected spectra."""
        std, mean = torch.std_mean(spectra, dim=-1, keepdim=True, correction=0)
        return (spectra - mean) / std.clamp(min=1e-6)


class Spectra(Tokenizable):
    """Spectra: absorbances at bands of wavelengths, in rows of shape (n, bands).

    Parameters
    ----------
    width : int, default=32
        Channels of the default encoder.
    """

    width: int = param(POSITIVE_INT, default=32)

    views_class = SpectraViews

    @classmethod
    def recognizes(cls, look):
        """Return False: rows of numbers may be anything, so Spectra() has to be passed."""
        return False

    def check(self, X, *, estimator, min_samples=1):
        """Return `X` as an array of numbers with two dimensions, or raise an error."""
        return check_numbers(
            X, dtypes=[np.float32], estimator=estimator, min_samples=min_samples, allow_nd=False
        )

    def fit(self, X):
        """Learn the number of bands, and the level and scale of all spectra."""
        self.n_bands_ = X.shape[1]
        self.mean_ = X.mean(dtype=np.float64)
        self.std_ = max(X.std(dtype=np.float64), np.finfo(np.float64).tiny)
        return self

    def prepare(self, X):
        """Return spectra of shape (n, 1, bands) in float32."""
        if X.shape[1] != self.n_bands_:
            raise ValueError(f"X has spectra of {X.shape[1]} bands, fit had {self.n_bands_}.")
        scaled = (X.astype(np.float64) - self.mean_) / self.std_
        return as_tensor(scaled.astype(np.float32))[:, None]

    def input_layer(self):
        """Return what comes before views and encoder."""
        return ScatterCorrection()

    def default_views(self):
        """Return the views that suit spectra."""
        return SpectraViews()

    def encoder_names(self):
        """Return the names that ``encoder=`` knows."""
        return ["conv"]

    def build_encoder(self, name, samples):
        """Return a small network that finds bands of different width."""
        layers, channels = [], 1
        for width in (self.width, 2 * self.width, 4 * self.width):
            layers += [nn.Conv1d(channels, width, 7, padding=3), nn.BatchNorm1d(width), nn.ReLU()]
            layers += [nn.MaxPool1d(2, ceil_mode=True)]
            channels = width
        return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten())

    def tokenizer(self, samples, *, patch_size, width):
        """Return what cuts spectra into pieces, for masked modelling."""
        size = max(1, self.n_bands_ // 16) if patch_size == "auto" else patch_size
        return Patches(
            self.input_layer()(samples),
            (size,),
            width=width,
            mask_ratio=0.5,
            mask_shapes=("random", "span"),
            complete=True,
        )


def make_spectra(n, *, n_bands=120, seed=0):
    """Return made spectra of three kinds of samples (X, y): mixtures of five substances."""
    rng = np.random.default_rng(seed)
    place = np.linspace(0, 1, n_bands)
    substances = np.random.default_rng(0)
    centre, width = substances.uniform(0, 1, (5, 4, 1)), substances.uniform(0.02, 0.08, (5, 4, 1))
    peaks = np.exp(-(((place - centre) / width) ** 2)).sum(axis=1)
    y = rng.integers(0, 3, n)
    shares = rng.dirichlet([2, 2, 2, 2, 2], n) + 0.15 * np.eye(5)[y]
    scatter, level = rng.uniform(0.5, 1.5, (n, 1)), rng.uniform(0, 1, (n, 1))
    slope = rng.normal(0, 0.5, (n, 1)) * place
    return scatter * (shares @ peaks + level) + slope + rng.normal(0, 0.01, (n, n_bands)), y
