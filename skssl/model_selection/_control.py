"""Whether a model that was chosen is better than no training at all."""

from __future__ import annotations

import copy
from collections.abc import Callable

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skssl._types import Samples
from skssl._warn import warn
from skssl.base import SelfSupervisedTransformer
from skssl.exceptions import RandomWeightsWarning
from skssl.model_selection._scorers import default_scorer, knn_scorer


def check_against_random_weights(
    estimator: BaseEstimator,
    X: Samples,
    y: ArrayLike | None = None,
    *,
    scorer: Callable[..., float] | None = None,
) -> float:
    """Warn if a fitted method scores no better than with the weights that it started from.

    A search without labels always finds a best candidate, but no score knows whether training was
    of any use; random weights are a strong start, those of others a stronger one, and some metrics
    even prefer them. The control is the estimator as it was before its training: the same encoder
    with the weights that it started from, random or those of others, the same vocabulary, scales
    and steps of a Pipeline, all from the rows that the estimator was fitted to. Another way is to
    let the search itself decide, by a 0 among the values of ``max_epochs``.

    Parameters
    ----------
    estimator : estimator
        A fitted method, a Pipeline whose last step is one, or a fitted search over one of these,
        such as ``GridSearchCV``, of which ``best_estimator_`` is looked at.
    X : array-like
        The samples to score. Best are some that the estimator was not trained on; a search trains
        its best candidate on all that it gets.
    y : array-like of shape (n_samples,), default=None
        Labels, which the scorer gets; some rows may have none.
    scorer : callable, default=None
        Called as ``scorer(estimator, X, y)``, such as the scorers of this module. Names such as
        "accuracy" are none, as a method predicts nothing. None is the scorer of a search that has
        one (``scorer_``; of several the one that it refitted by). Else it is :data:`knn_scorer` if
        there are labels, and :data:`default_scorer` if not, which cannot know whether what the
        views ask is what you ask.

    Returns
    -------
    float
        By how much the score is higher than that of the control, in units of the scorer; positive
        if training paid. Those of :data:`default_scorer` are nats
        (:func:`skssl.metrics.view_information_score`), of :data:`knn_scorer` shares of the rows.

    Warns
    -----
    RandomWeightsWarning
        If it is not, as where nothing was trained (``max_epochs=0``).

    Raises
    ------
    TypeError
        If the estimator is not a method or a Pipeline that ends in one, or `scorer` is not
        callable.
    NotFittedError
        If the estimator, or the search, is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.model_selection import check_against_random_weights
    >>> X = load_digits().images
    >>> ssl = SimCLR(max_epochs=10, batch_size=100, random_state=0).fit(X[:200])
    >>> check_against_random_weights(ssl, X[200:400]) > 0
    True
    """
    check_is_fitted(estimator)
    if not (scorer is None or callable(scorer)):
        raise TypeError(
            f"scorer={scorer!r} must be None or be called as scorer(estimator, X, y), such as "
            "skssl.model_selection.knn_scorer, which needs labels, or default_scorer, which needs "
            "none."
        )
    usual = default_scorer if y is None else knn_scorer
    fitted, scorer = _chosen(estimator, scorer, usual)
    control = _without_training(fitted, X)
    score, at_random = scorer(fitted, X, y), scorer(control, X, y)
    if not score > at_random:
        method = _method(fitted)
        start = "frozen, as it started," if method.starts_from_known() else "with random weights"
        advice = _advice(method, few_labels=y is None)
        if method.n_steps_ and scorer is knn_scorer and score == at_random == 1:
            advice = (
                "both are always right, which does not tell them apart. "
                "skssl.inspection.few_label_report compares them with fewer labels."
            )
        warn(
            f"{type(method).__name__} scores {score:.4g}, and {start} {at_random:.4g}: by this "
            f"score, {advice}",
            RandomWeightsWarning,
        )
    return score - at_random


def _advice(method: SelfSupervisedTransformer, *, few_labels: bool) -> str:
    """Say why the score may be no better, and what to do."""
    if not method.n_steps_:
        return "there is nothing to compare, since nothing was trained (max_epochs=0)."
    if method.has_collapsed():
        advice = "It had collapsed: do what the CollapseWarning says"
    else:
        from skssl.training import auto_steps

        # Of few samples, a default training is not short.
        steps = "" if method.n_steps_ >= auto_steps(1) else "more steps or "
        advice = (
            f"Try {steps}other views (this training had {method.n_steps_} steps, in "
            f"{method.n_iter_} epochs)"
        )
    if few_labels:
        advice += ", or look at a few labels, since this score does not know the classes"
    return f"training did not pay. {advice}; see 'When it does not work' in the documentation."


def _chosen(
    estimator: BaseEstimator,
    scorer: Callable[..., float] | None,
    usual: Callable[..., float],
) -> tuple[BaseEstimator, Callable[..., float]]:
    """Return the best estimator of a search, or the estimator itself, and the scorer."""
    if isinstance(estimator, (SelfSupervisedTransformer, Pipeline)):
        return estimator, scorer or usual
    if not hasattr(estimator, "best_estimator_"):
        hint = ""
        if getattr(estimator, "refit", None) is False:
            hint = " With refit=False there is none: pass what you fit with its best_params_."
        raise TypeError(
            "Expected a fitted method of skssl, a Pipeline that ends in one, or a search with a "
            f"best_estimator_, got {type(estimator).__name__}.{hint}"
        )
    if scorer is None:
        own = estimator.scorer_
        scorer = own[estimator.refit] if isinstance(own, dict) else own
    return estimator.best_estimator_, scorer


def _method(estimator: BaseEstimator) -> SelfSupervisedTransformer:
    method = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if not isinstance(method, SelfSupervisedTransformer):
        raise TypeError(
            "Only a method of skssl has weights to compare with, alone or as the last step of a "
            f"Pipeline; got {type(method).__name__}."
        )
    return method


def _without_training(estimator: BaseEstimator, X: Samples) -> BaseEstimator:
    """Return a copy whose method has the weights that it started from."""
    method = _method(estimator)
    if not isinstance(estimator, Pipeline):
        return method.untrained(X)
    *before, (name, _) = estimator.steps
    seen = estimator[:-1].transform(X) if before else X
    control = copy.copy(estimator)
    control.steps = [*before, (name, method.untrained(seen))]
    return control
