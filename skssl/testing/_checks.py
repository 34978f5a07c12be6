"""What holds for every method on every modality, one function for each promise.

Each raises an AssertionError that says what is broken.
"""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.utils.estimator_checks import check_estimator
from torch import Tensor

from skssl._types import Samples
from skssl.base import SelfSupervisedTransformer
from skssl.nn import Queue, Teacher
from skssl.testing._cases import N_FEW, Case
from skssl.testing._holding import found_in

# Of scikit-learn's checks, which are fewer for what takes no 2-D rows.
_FEWEST_CHECKS = 45
# Needs scipy's array API switched on before the first import.
_MAY_BE_SKIPPED = {"check_array_api_input"}
# Bytes of a pickle for parameters, history and the like.
_MOST_BESIDE = 100_000
_FEW_ROWS = ((2, 2), (3, 2), (9, 8))


@dataclass
class Fitted:
    """A small fit, for checks that change nothing."""

    ssl: SelfSupervisedTransformer
    X: Samples
    Z: np.ndarray
    states: tuple[list[np.ndarray], list[np.ndarray]]

    @classmethod
    def of(cls, method: type[BaseEstimator], case: Case) -> Fitted:
        """Fit a method to a case."""
        X = case.few()
        np.random.seed(0)  # noqa: NPY002 - the global state is what is looked at
        torch.manual_seed(0)
        before = _random_states()
        ssl = case.make_small(method).fit(X)
        return cls(ssl, X, ssl.transform(X), (before, _random_states()))


def _random_states() -> list[np.ndarray]:
    numpy_state = np.random.get_state()  # noqa: NPY002 - the global state is what is looked at
    return [*map(np.asarray, numpy_state), torch.get_rng_state().numpy()]


def weights(ssl: SelfSupervisedTransformer) -> list[Tensor]:
    """Return copies of the parameters of a fitted encoder."""
    return [parameter.detach().clone() for parameter in ssl.encoder_.parameters()]


def same_bits(first: SelfSupervisedTransformer, second: SelfSupervisedTransformer) -> bool:
    """Whether two fitted encoders have the same parameters."""
    return all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


def take(X: Samples, rows: Any) -> Any:
    """Return rows of an array or a list."""
    return [X[row] for row in np.arange(len(X))[rows]] if isinstance(X, list) else X[rows]


def copies_embed_alike(fitted: Fitted) -> None:
    """Check that pickles, joblib's files and deep copies are fitted as well, a clone is not."""
    file = io.BytesIO()
    joblib.dump(fitted.ssl, file)
    file.seek(0)
    pickled = pickle.loads(pickle.dumps(fitted.ssl))
    for copied in (pickled, joblib.load(file), copy.deepcopy(fitted.ssl)):
        assert_array_equal(copied.transform(fitted.X), fitted.Z, "a copy embeds otherwise")
    assert not hasattr(clone(fitted.ssl), "encoder_"), "a clone is fitted"


def global_random_state_is_untouched(fitted: Fitted) -> None:
    """Check that neither NumPy's nor torch's global generator has moved."""
    assert all(map(np.array_equal, *fitted.states)), "a global random state has changed"


def embedding_does_not_depend_on_the_batch(fitted: Fitted) -> None:
    """Check that embeddings are float32 of a known shape, and the same beside any others."""
    ssl, X, Z = fitted.ssl, fitted.X, fitted.Z
    assert Z.dtype == np.float32, f"the embedding is of {Z.dtype}"
    shape = (len(X), len(ssl.get_feature_names_out()))
    assert Z.shape == shape, f"the embedding has shape {Z.shape}, not {shape}"
    for rows in ([0], slice(0, 7), np.arange(len(X))[::-1], slice(3, None, 5)):
        some = ssl.transform(take(X, rows))
        assert_allclose(some, Z[rows], rtol=1e-4, atol=1e-6, err_msg="it depends on the batch")


def encoder_is_in_eval_mode(fitted: Fitted) -> None:
    """Check that ``encoder_`` is what `transform` runs, and usable on its own."""
    ssl = fitted.ssl
    assert not any(module.training for module in ssl.encoder_.modules()), "it is in train mode"
    with torch.no_grad():
        Z = ssl.encoder_(ssl.modality_.prepare(ssl.modality_.check(fitted.X, estimator="")))
    assert_allclose(Z.numpy(), fitted.Z, rtol=1e-4, atol=1e-6)


def no_data_is_kept(fitted: Fitted) -> None:
    """Check that the fitted object holds neither samples nor the state of an optimizer."""
    found = found_in(fitted.ssl, n_samples=N_FEW)
    assert not found, "it holds " + "; ".join(found)


def same_seed_same_bits(fitted: Fitted) -> None:
    """Check that a seed decides everything, and another one something."""
    again, other = clone(fitted.ssl), clone(fitted.ssl).set_params(random_state=1)
    assert same_bits(fitted.ssl, again.fit(fitted.X)), "other bits from the same seed"
    assert not same_bits(fitted.ssl, other.fit(fitted.X)), "the seed is ignored"


def scikit_learn_checks_pass(method: type[BaseEstimator], case: Case) -> None:
    """Run ``check_estimator`` of scikit-learn on 2-D rows that the modality takes."""
    if case.modality_for_2d is None:
        return
    ssl = case.make_small(method, modality=case.modality_for_2d)
    results = check_estimator(ssl, on_skip=None, on_fail=None)
    by_status: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": [], "xfail": []}
    for result in results:
        by_status[result["status"]].append(result["check_name"])
    failed = [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"]
    assert not failed, f"failed: {failed}"
    assert not by_status["xfail"]
    n_passed = len(by_status["passed"])
    assert n_passed >= _FEWEST_CHECKS, f"only {n_passed} checks of scikit-learn ran"
    assert set(by_status["skipped"]) <= _MAY_BE_SKIPPED, f"skipped: {by_status['skipped']}"


def few_rows_are_enough(method: type[BaseEstimator], case: Case) -> None:
    """Check that two rows can be trained on, in batches of two, and in `partial_fit`."""
    for n_samples, batch_size in _FEW_ROWS:
        X = take(case.few(), slice(n_samples))
        ssl = case.make_small(method, batch_size=batch_size).fit(X)
        assert np.isfinite(ssl.loss_curve_).all(), f"the loss of {n_samples} rows is not finite"
        assert np.isfinite(ssl.transform(X)).all()
        # Later samples may be fewer than groups, prototypes and queues were made for.
        again = ssl.partial_fit(take(X, slice(2)))
        assert np.isfinite(again.transform(X)).all(), "partial_fit to 2 rows"


def labels_are_not_looked_at(method: type[BaseEstimator], case: Case) -> None:
    """Check that `fit` takes `y` and ignores it."""
    X = case.few()
    labelled = case.make_small(method).fit(X, np.arange(len(X)) % 2)
    assert same_bits(case.make_small(method).fit(X), labelled), "y changes what is learned"


def partial_fit_continues(method: type[BaseEstimator], case: Case) -> None:
    """Check that `partial_fit` adds an epoch, which a copy adds in the same way."""
    X = case.few()
    ssl = case.make_small(method).partial_fit(X)
    before = weights(ssl)
    again = copy.deepcopy(ssl).partial_fit(X)
    ssl.partial_fit(X)
    assert ssl.n_iter_ == len(ssl.loss_curve_) == len(ssl.history_) == 2
    moved = not all(torch.equal(a, b) for a, b in zip(before, weights(ssl), strict=True))
    assert moved, "a second call of partial_fit learns nothing"
    assert same_bits(ssl, again), "a copy goes on otherwise"


def errors_change_nothing(method: type[BaseEstimator], case: Case) -> None:
    """Check that after samples that are refused, a fitted estimator is what it was."""
    X = case.few()
    ssl = case.make_small(method).fit(X)
    before = ssl.transform(X)
    for refused in (np.empty((0, 3)), 3, None):
        try:
            ssl.fit(refused)
        except (ValueError, TypeError) as error:
            named = any(word in str(error) for word in ("X", "modality"))
            assert named, f"an error that does not name X: {error}"
        else:
            raise AssertionError(f"fit takes {refused!r}")
    assert_array_equal(ssl.transform(X), before, "an error in fit has changed the estimator")


def files_have_all_that_it_can_do(method: type[BaseEstimator], case: Case) -> None:
    """Check that with an encoder by name, a pickle is small, and as good as the estimator.

    It has the networks' numbers, and neither a teacher nor a queue.
    """
    X = case.few()
    ssl = case.make_small(method, encoder="auto").fit(X)
    data = pickle.dumps(ssl)
    again = pickle.loads(data)
    assert_array_equal(again.transform(X), ssl.transform(X), "what comes back embeds otherwise")
    assert again.score(X) == ssl.score(X), "what comes back has another score"
    trained = torch.nn.ModuleList(
        value for value in vars(ssl).values() if isinstance(value, torch.nn.Module)
    )
    for_training = {
        id(tensor)
        for part in trained.modules()
        if isinstance(part, (Queue, Teacher))
        for tensor in (*part.parameters(), *part.buffers())
    }
    tensors = [*trained.parameters(), *trained.buffers()]
    needed = sum(t.numel() * t.element_size() for t in tensors if id(t) not in for_training)
    most = 1.1 * needed + len(pickle.dumps(ssl.modality_)) + _MOST_BESIDE
    assert len(data) <= most, f"a pickle of {len(data)} bytes, where networks have {needed}"


#: Of a fitted estimator, which is left as it is.
FITTED_CHECKS: tuple[Callable[[Fitted], None], ...] = (
    copies_embed_alike,
    global_random_state_is_untouched,
    embedding_does_not_depend_on_the_batch,
    encoder_is_in_eval_mode,
    no_data_is_kept,
    same_seed_same_bits,
)
#: Of a method and samples, to which it is fitted anew.
METHOD_CHECKS: tuple[Callable[[type[BaseEstimator], Case], None], ...] = (
    scikit_learn_checks_pass,
    few_rows_are_enough,
    labels_are_not_looked_at,
    partial_fit_continues,
    errors_change_nothing,
    files_have_all_that_it_can_do,
)
