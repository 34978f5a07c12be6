"""Rows of a table."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from torch import Tensor, nn

from skssl._declare import StrOptions, declared, param
from skssl.modality._base import Look, Modality, as_tensor, check_numbers
from skssl.nn import MLPEncoder
from skssl.views import TabularViews, Views


@declared
class Tabular(Modality):
    """Rows of numbers: 2-D arrays and DataFrames.

    Columns are put on one scale before anything else. With ``modality="auto"``, everything of 2
    dimensions is a table.

    Parameters
    ----------
    scaling : {"quantile", "standard"} or None, default="quantile"
        "quantile" maps each column to a normal distribution by its quantiles and then to unit
        variance, which neither outliers nor skew disturb; "standard" only subtracts the mean and
        divides by the standard deviation; None leaves the values as they are.

    Attributes
    ----------
    scaler_ : estimator or None
        The fitted scaler.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skssl import VICReg
    >>> from skssl.modality import Tabular
    >>> X, _ = load_wine(return_X_y=True)
    >>> ssl = VICReg(modality=Tabular(scaling="standard"), max_epochs=1, random_state=0)
    >>> ssl.fit_transform(X).shape
    (178, 256)
    """

    scaling: Literal["quantile", "standard"] | None = param(
        StrOptions({"quantile", "standard"}), None, default="quantile"
    )

    @classmethod
    def recognizes(cls, look: Look) -> bool:
        return len(look.shape) == 2

    def check(self, X: Any, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        self.check_parameters()
        return check_numbers(
            X, dtypes=[np.float32], estimator=estimator, min_samples=min_samples, allow_nd=False
        )

    def fit(self, X: np.ndarray) -> Self:
        self.n_features_ = X.shape[1]
        self.scaler_ = None
        if self.scaling == "standard":
            self.scaler_ = StandardScaler().fit(X)
        elif self.scaling == "quantile":
            quantiles = QuantileTransformer(
                n_quantiles=min(1000, len(X)), output_distribution="normal", random_state=0
            )
            self.scaler_ = make_pipeline(quantiles, StandardScaler()).fit(X)
        return self

    def prepare(self, X: np.ndarray) -> Tensor:
        scaled = X if self.scaler_ is None else self.scaler_.transform(X)
        return as_tensor(scaled.astype(np.float32, copy=False))

    def encoder_names(self) -> list[str]:
        return ["mlp"]

    def build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        return MLPEncoder(self.n_features_)

    def default_views(self) -> Views:
        return TabularViews()
