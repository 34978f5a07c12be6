"""The tests that skssl's own methods and modalities pass, for yours.

They are ordinary functions, which raise an AssertionError that says what is broken; with pytest::

    def test_my_method():
        check_method(MyMethod)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.base import BaseEstimator

from skssl._quote import quoted
from skssl._types import Samples
from skssl.base import SelfSupervisedTransformer
from skssl.modality import Modality
from skssl.testing._cases import CASES, N_FEW, Case, make
from skssl.testing._checks import FITTED_CHECKS, METHOD_CHECKS, Fitted, take
from skssl.testing._holding import found_in
from skssl.testing._modality import MODALITY_CHECKS

__all__ = [
    "CASES",
    "FITTED_CHECKS",
    "METHOD_CHECKS",
    "MODALITY_CHECKS",
    "N_FEW",
    "Case",
    "Fitted",
    "check_method",
    "check_modality",
    "found_in",
    "make",
]


def check_method(
    method: type[SelfSupervisedTransformer],
    *,
    cases: str | Sequence[Case | str] | None = None,
    **params: object,
) -> list[str]:
    """Check that a method keeps what all methods of skssl promise, on every modality it works with.

    Scikit-learn's own checks; embeddings in float32 that do not depend on the batch; copies that
    embed alike; the same bits from the same seed; two rows that are enough; errors that change
    nothing; neither samples nor the state of an optimizer in what is fitted. Whether it learns
    something is for you to see: on your own data, beside ``max_epochs=0``.

    All cases take minutes: begin with one. Nothing is printed on the way; to see how far it is, go
    through the names in a loop.

    Parameters
    ----------
    method : type
        A subclass of :class:`~skssl.base.SelfSupervisedTransformer`.
    cases : str or sequence of str, default=None
        The samples to check with, by name: "images", "colors", "points", "series", "tabular",
        "video", "categories" and "text", which are the ``name`` of each of ``CASES``. A ``Case``
        with samples of your own is taken as well. None is all whose modality the method works with.
    **params : dict
        Parameters of the method, those that it cannot do without, and such that make it quick.

    Returns
    -------
    passed : list of str
        The names of the checks that ran, each with the modality.

    Raises
    ------
    AssertionError
        If a promise is broken.
    TypeError, ValueError
        If `method` is not such a class, or a case is not known.

    Examples
    --------
    >>> from skssl import SimCLR
    >>> from skssl.testing import check_method
    >>> for name in ["tabular"]:
    ...     print(name, len(check_method(SimCLR, cases=name)))
    tabular 12
    """
    if not (isinstance(method, type) and issubclass(method, SelfSupervisedTransformer)):
        raise TypeError(
            f"method must be a subclass of SelfSupervisedTransformer, got {quoted(method)}."
        )
    passed: list[str] = []
    for case in _cases_of(method, cases):
        sized = case.with_params(params)
        fitted = Fitted.of(method, sized)
        for of_fitted in FITTED_CHECKS:
            _run(of_fitted, f"{method.__name__} on {case.name}", passed, fitted)
        for of_method in METHOD_CHECKS:
            _run(of_method, f"{method.__name__} on {case.name}", passed, method, sized)
    return passed


def check_modality(
    modality: Modality, X: Samples, *, methods: Sequence[type[BaseEstimator]] | None = None
) -> list[str]:
    """Check that a modality keeps what all modalities of skssl promise, with every method.

    Its steps fit together, what it inherits beside :class:`~skssl.modality.Modality` does what the
    class says, and every method that works with it passes the checks of :func:`check_method`, apart
    from scikit-learn's, which are about rows of numbers.

    Parameters
    ----------
    modality : Modality
        Unfitted.
    X : array-like
        At least 122 samples: a number that no layer has, so that data that is kept is found.
    methods : sequence of type, default=None
        The methods to check with. None is all that work with the modality.

    Returns
    -------
    passed : list of str
        The names of the checks that ran, each with the method.

    Raises
    ------
    AssertionError
        If a promise is broken.
    TypeError, ValueError
        If `modality` is not a modality, or `X` has too few samples.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl import SimCLR
    >>> from skssl.modality import Tabular
    >>> from skssl.testing import check_modality
    >>> X = np.random.default_rng(0).normal(size=(122, 5))
    >>> len(check_modality(Tabular(), X, methods=[SimCLR]))
    16
    """
    if not isinstance(modality, Modality):
        raise TypeError(f"modality must be an object of a Modality, got {quoted(modality)}.")
    if len(X) < N_FEW:
        raise ValueError(f"X must have at least {N_FEW} samples, got {len(X)}.")
    X = take(X, slice(N_FEW))
    name = type(modality).__name__
    passed: list[str] = []
    for kind, of_modality in MODALITY_CHECKS:
        if isinstance(modality, kind):
            _run(of_modality, name, passed, modality, X)
    case = Case(name, "auto", None, lambda: (X, np.zeros(N_FEW)), modality=modality)
    if methods is None:
        from skssl.utils import all_estimators

        methods = [method for _, method in all_estimators() if case.supports(method)]
    for method in methods:
        fitted = Fitted.of(method, case)
        for of_fitted in FITTED_CHECKS:
            _run(of_fitted, f"{method.__name__} on {name}", passed, fitted)
        for of_method in METHOD_CHECKS:
            if of_method.__name__ != "scikit_learn_checks_pass":
                _run(of_method, f"{method.__name__} on {name}", passed, method, case)
    return passed


def _cases_of(
    method: type[SelfSupervisedTransformer], cases: str | Sequence[Case | str] | None
) -> list[Case]:
    """Return the cases that were asked for, or all that a method works with."""
    if cases is None:
        return [case for case in CASES if case.supports(method)]
    by_name = {case.name: case for case in CASES}
    found = []
    for case in [cases] if isinstance(cases, str) else cases:
        if isinstance(case, str) and case not in by_name:
            raise ValueError(f"cases has {case!r}; allowed are {', '.join(map(repr, by_name))}.")
        found.append(by_name[case] if isinstance(case, str) else case)
    return found


def _run(check: Callable[..., None], what: str, passed: list[str], *arguments: object) -> None:
    """Run a check; say in its error what it was of."""
    try:
        check(*arguments)
    except Exception as error:
        error.add_note(f"This was {check.__name__}, of {what}.")
        raise
    passed.append(f"{check.__name__}, of {what}")
