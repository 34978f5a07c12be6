"""A regressor that is fine-tuned from a self-supervised method."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import assert_all_finite
from torch import Tensor, nn

from skssl._scales import Units, are_constant, check_size, find_outliers
from skssl._sklearn_compat import fit_context
from skssl._types import Samples
from skssl._warn import warn
from skssl.semi_supervised._base import FineTuner
from skssl.semi_supervised._classes import score_labeled
from skssl.semi_supervised._head import Unscale, linear_head
from skssl.semi_supervised._objectives import SupervisedObjective

_FEWEST_ROWS = 500
_PENALTIES = np.logspace(-2, 4, 13)
# Share of the targets that may be outliers.
_OUTLIERS = 0.05


class FineTuneRegressor(RegressorMixin, FineTuner):
    """Predict numbers by a self-supervised encoder that is trained on with a linear head.

    The encoder is pretrained on all rows, or comes from a fitted method. First a ridge regression,
    whose penalty is chosen by the error in leaving one row out, is fitted to the frozen,
    standardised embeddings of the labelled rows, which is where the head starts. Then head and
    encoder learn together, early layers at a lower rate than late ones. Rows without a label, NaN
    in `y`, serve the pretraining only: pseudo-labels and FixMatch are about classes.

    See Also
    --------
    FineTuneClassifier : For classes instead of numbers.

    Notes
    -----
    ``early_stopping="auto"`` stops early if there are at least 500 labels. The loss is the squared
    error of targets with mean 0 and standard deviation 1. BatchNorm layers keep the statistics of
    the pretraining.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from skssl import SimCLR
    >>> from skssl.semi_supervised import FineTuneRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> y[100:] = np.nan  # the labels of these rows are not known
    >>> reg = FineTuneRegressor(SimCLR(max_epochs=3), max_epochs=3, random_state=0).fit(X, y)
    >>> reg.predict(X[100:]).shape
    (342,)
    """

    _target_dtype = np.float64

    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X: Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Continue the fine-tuning with one pass over the labelled rows of `X`.

        The first call pretrains, unless the method is fitted, and fits the head; the scale of the
        targets stays as it was there. The learning rate is constant, and no rows are held out.

        Parameters
        ----------
        X : array-like
            The samples.
        y : array-like of shape (n_samples,)
            Their targets, or `unlabeled`.
        sample_weight : array-like of shape (n_samples,), default=None
            How much labelled rows count.

        Returns
        -------
        self : object
            The fitted regressor.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Samples) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : array-like
            Samples of the kind that was seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,), float64
        """
        return self._outputs(X)[:, 0].double().numpy() * self._scale + self._mean

    def score(self, X: Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the coefficient of determination on the rows that have a label.

        Parameters
        ----------
        X : array-like
            Samples of the kind that was seen in `fit`.
        y : array-like of shape (n_samples,)
            Their targets, or `unlabeled`.
        sample_weight : array-like of shape (n_samples,), default=None
            How much rows count.

        Returns
        -------
        float
        """
        return score_labeled(self, r2_score, X, y, sample_weight)

    def _targets(
        self, y: np.ndarray, known: np.ndarray, *, reset: bool, classes: ArrayLike | None = None
    ) -> np.ndarray:
        assert_all_finite(y[known], input_name="y")
        if reset:
            self._fit_scale(y, known)
        with np.errstate(over="ignore"):
            scaled = (y[known] - self._mean) / self._scale
        check_size(scaled, y[known], lambda at: f"row {np.flatnonzero(known)[at[0]]}", name="y")
        targets = np.zeros(len(y), dtype=np.float32)
        targets[known] = scaled
        return targets

    def _fit_scale(self, y: np.ndarray, known: np.ndarray) -> None:
        """Learn mean and standard deviation of the targets, and warn if one of them decides both.

        They are computed in units of float64, so that no square of a target overflows.
        """
        targets = y[known]
        low, high = targets.min(keepdims=True), targets.max(keepdims=True)
        for found in find_outliers(targets[None], low, high, share=_OUTLIERS):
            row = int(np.flatnonzero(known)[found.first])
            warn(
                f"y has the value {y[row]:.6g} in row {row}, beside which all others, from "
                f"{found.low:.6g} to {found.high:.6g}, look the same: hardly anything is learned "
                "of their differences. Replace it if it is an error, or predict a logarithm."
            )
        units = Units.of_range(low, high)
        shift, unit = units.shift[0], units.unit[0]
        in_units = (targets - shift) / unit
        constant = are_constant(low, high)[0]
        self._mean = float(in_units.mean() * unit + shift)
        self._scale = 1.0 if constant else float(in_units.std() * unit)

    def _n_outputs(self) -> int:
        return 1

    def answer_layer(self) -> nn.Module:
        """Return what turns the outputs of ``head_`` into predictions."""
        return Unscale(self._mean, self._scale)

    def _fit_head(
        self, scaler: StandardScaler, Z: np.ndarray, targets: np.ndarray, weights: np.ndarray
    ) -> nn.Module:
        # The penalty is chosen by the error in leaving one row out.
        ridge = RidgeCV(alphas=_PENALTIES)
        ridge.fit(scaler.transform(Z), targets, sample_weight=weights)
        return linear_head(scaler, np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_))

    def _strata(self, targets: np.ndarray) -> None:
        return None

    def _has_enough(self, targets: np.ndarray) -> bool:
        return len(targets) >= _FEWEST_ROWS

    def _make_objective(
        self, encoder: nn.Module, targets: Tensor, weights: Tensor
    ) -> SupervisedObjective:
        parts = (encoder, self.head_, targets, weights)
        return SupervisedObjective(*parts, loss=_squared_error, augment=self.augment)


def _squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs[:, 0] - targets).square()
