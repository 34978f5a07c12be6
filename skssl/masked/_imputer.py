"""Filling in missing cells as a step of a pipeline."""

from __future__ import annotations

from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skssl._declare import Declared, HasMethods, param
from skssl._sklearn_compat import fit_context
from skssl._state import Versioned
from skssl._transaction import take_over
from skssl._types import Samples
from skssl.masked._mae import MaskedAutoencoder
from skssl.modality import Imputable, Modality, Tabular, as_samples


class SelfSupervisedImputer(Versioned, OneToOneFeatureMixin, TransformerMixin, Declared):
    """Fill in the missing cells of a table by what a masked method learned from the others.

    The method is trained on the rows with all their gaps: it learns to predict known cells from
    other known cells of the same row. Categories become the most probable one, and numbers what it
    expects: by default on the scale of their quantiles, which is near the median. Where squared
    errors or means count, pass ``MaskedAutoencoder(modality=Tabular(scaling="standard"))``. Numbers
    that are codes should be categories, and columns that identify rows should be left out. Columns
    that depend on each other in ways that are neither linear nor local are where it pays; for few
    rows, ``KNNImputer`` and ``IterativeImputer`` of scikit-learn are hard to beat, and so is an
    ``IterativeImputer`` of trees where these suit the table.

    Parameters
    ----------
    method : estimator, default=None
        A masked method that can impute, :class:`MaskedAutoencoder` or :class:`SimMIM`, with its
        settings and a ``random_state``. None is ``MaskedAutoencoder()``. With ``modality="auto"``,
        it takes what it is given for a table. Settings of the training belong to it, as in
        ``SelfSupervisedImputer(method=MaskedAutoencoder(max_epochs=20))``.

    Attributes
    ----------
    method_ : estimator
        The fitted method.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if `X` had them.

    See Also
    --------
    MaskedAutoencoder : Imputes as well (``impute``), embeds rows, and fills gaps of series, images
        and clips (``reconstruct``).
    ContextEncoder : Fills holes in images (``inpaint``).

    Examples
    --------
    >>> import numpy as np
    >>> from skssl import MaskedAutoencoder, SelfSupervisedImputer
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 1)) + 0.1 * rng.normal(size=(200, 3))
    >>> X[rng.random(X.shape) < 0.1] = np.nan
    >>> imputer = SelfSupervisedImputer(method=MaskedAutoencoder(max_epochs=5, random_state=0))
    >>> bool(np.isnan(imputer.fit_transform(X)).any())
    False
    """

    method: BaseEstimator | None = param(HasMethods(["fit", "impute"]), None, default=None)

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Samples, y: ArrayLike | None = None) -> Self:
        """Learn from the known cells of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            An array or a DataFrame of pandas or polars.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        self : object
            The fitted imputer.

        Raises
        ------
        ValueError
            If `X` is not a table, or `method` is not for tables.
        """
        method = MaskedAutoencoder() if self.method is None else clone(self.method)
        modality = getattr(method, "modality", None)
        if isinstance(modality, str) and modality == "auto":
            # Whatever else the samples may look like, such as texts in a single column.
            method.set_params(modality=Tabular())
        elif isinstance(modality, Modality) and not isinstance(modality, Imputable):
            raise ValueError(
                f"method={method!r} is for {type(modality).__name__}, but only the cells of "
                "tables can be imputed, modality=Tabular(). What is missing in series and images, "
                "MaskedAutoencoder.reconstruct fills in."
            )
        shape = getattr(as_samples(X), "shape", ())
        if len(shape) > 2:
            raise ValueError(
                f"X is nothing that SelfSupervisedImputer takes: it has dim {len(shape)}, shape "
                f"{tuple(shape)}, but only the cells of tables (n, columns) can be imputed. Holes "
                "in images are filled by ContextEncoder.inpaint, gaps of series, images and clips "
                "by MaskedAutoencoder.reconstruct."
            )
        self.method_ = method.fit(X)
        take_over(self, method, "n_features_in_", "feature_names_in_")
        return self

    def transform(self, X: Samples) -> Any:
        """Fill in the missing cells.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows with the columns that were seen in `fit`.

        Returns
        -------
        X_filled : array-like of shape (n_samples, n_features)
            As `X`, with no cell missing but those of columns that had no value in `fit`, of which a
            warning tells.
        """
        check_is_fitted(self)
        return self.method_.impute(X)

    def tell_fitted(self) -> dict[str, str]:
        """Return what the fitted method tells of the columns of a table."""
        return self.method_.tell_fitted() if hasattr(self, "method_") else {}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
