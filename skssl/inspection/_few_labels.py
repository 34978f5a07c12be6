"""What a model is worth with few labels, beside everything that one would try instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral

import numpy as np
from joblib import Parallel
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from skssl._declare import AUTO, PART_OF_ROWS, POSITIVE_INT, HasMethods
from skssl._numbering import numbered_as
from skssl._sklearn_compat import plain, validate_params
from skssl._types import Auto, RandomState, Samples
from skssl.inspection import _inputs as inputs
from skssl.inspection._controls import random_weights, resolve_baselines
from skssl.inspection._report import CHOSEN, FewLabelReport
from skssl.inspection._rows import FittedRow, Scorer, draw_labelled, method_in
from skssl.semi_supervised import FineTuner, LabeledOnly


@validate_params(
    {
        "models": [dict, list, tuple, HasMethods("fit")],
        "X": "no_validation",
        "y": "no_validation",
        "X_test": "no_validation",
        "y_test": "no_validation",
        "n_labels": [AUTO, "array-like", POSITIVE_INT],
        "n_repeats": [POSITIVE_INT],
        "baselines": [AUTO, dict, None],
        "probe": [HasMethods("fit"), None],
        "choose": ["boolean"],
        "scoring": [str, callable],
        "unlabeled": "no_validation",
        "test_size": [PART_OF_ROWS, POSITIVE_INT],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def few_label_report(
    models: BaseEstimator | Sequence[BaseEstimator] | Mapping[str, BaseEstimator],
    X: Samples,
    y: ArrayLike,
    *,
    X_test: Samples | None = None,
    y_test: ArrayLike | None = None,
    n_labels: Auto[int | Sequence[int]] = "auto",
    n_repeats: int = 10,
    baselines: Auto[Mapping[str, BaseEstimator] | None] = "auto",
    probe: BaseEstimator | None = None,
    choose: bool = False,
    scoring: str | Scorer = "accuracy",
    unlabeled: object = "auto",
    test_size: float | int = 0.25,
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> FewLabelReport:
    """Compare models with few labels, beside random weights and classical baselines.

    Every method is trained once, on all training rows without their labels. Then some labels of
    each class are drawn, a classifier is fitted to what became of these rows, and scored on test
    rows that nothing has seen. All models get the same draws. The table has two more
    kinds of rows, which a trained encoder has to beat: the same encoder as it was before (with
    random weights, or frozen if others have trained it), and what one would try without
    self-supervised learning.

    Parameters
    ----------
    models : estimator, list of estimators or dict of str to estimator
        What to compare, under a name of their own or that of their class:

        - a method, such as :class:`skssl.SimCLR`, is trained on all training rows; one that is
          fitted already is used as it is, and has to have been kept from the test rows;
        - another transformer is fitted to all training rows without labels;
        - a classifier is fitted to the labelled rows only. The classifiers of
          ``sklearn.semi_supervised`` and ``skssl.semi_supervised`` are fitted to all training rows,
          with -1 or NaN in place of the labels that are not shown. The method that one of these
          fine-tunes is trained once before;
        - of a pipeline, the steps before the classifier, or before one that needs labels by its
          tags, are fitted once, to all training rows without labels, and those from there on as
          classifiers are. Random weights stand behind the same steps as the method.

        The estimators that are passed are not changed.
    X : array-like
        Samples, with or without a label.
    y : array-like of shape (n_samples,)
        Classes. Rows without a label (`unlabeled`) are for training.
    X_test, y_test : array-like, default=None
        Test rows, all of them with a label. None splits them off from the labelled rows, keeping
        the shares of the classes.
    n_labels : "auto", int or sequence of int, default="auto"
        Labels per class, each at least 1. Rows drawn for fewer labels are among those for more, and
        each class has as many, however frequent it is: "2 % of the rows" cannot be drawn. "auto"
        are those of 1, 2, 5, 10 and 25 that each class has labelled training rows for.
    n_repeats : int, default=10
        Draws of the labelled rows, at least 1.
    baselines : "auto", dict of str to estimator or None, default="auto"
        What to compare with. "auto" is :func:`classical_baselines` of the modality of the first
        method. If a pipeline has steps before this method, the baselines come behind the same
        steps. Without a method, it is the modality that `X` looks like. None is nothing.
    probe : classifier, default=None
        What is fitted to embeddings and other features. Of a pipeline, the steps that need no
        labels are fitted to all training rows, the rest to the labelled ones. None is a
        ``LogisticRegression`` behind a ``StandardScaler``, which is fitted to all training rows,
        not to the few labelled ones: features of different kinds spread differently, and a penalty
        weighs on those that hardly do. Random weights get the probe as well: if a pipeline has
        another classifier, pass that one, to compare encoders and not classifiers. Baselines that
        end in a classifier keep it.
    choose : bool, default=False
        Whether to add a row that says what it is worth to choose among the others: in each draw,
        the one of `models` and `baselines` that has the best score in stratified cross-validation
        of the labelled rows of this draw, in as many folds as each class has labels, at most 5.
        Among rows with equal scores it takes the one that comes first, and `models` before
        `baselines`. With one label per class there is nothing to cross-validate, and it takes the
        first of `models`. Classifiers are fitted up to six times as often.
    scoring : str or callable, default="accuracy"
        A score of scikit-learn, such as "balanced_accuracy", or a callable
        ``scorer(estimator, X, y)``, which also gets parts of the test rows.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`, as in :class:`skssl.semi_supervised.LabeledOnly`.
    test_size : float or int, default=0.25
        Share, within (0, 1), or number of the labelled rows that become test rows.
    n_jobs : int, default=None
        Processes that fit classifiers to draws, as in joblib. Methods are trained one after the
        other, since each uses all cores.
    random_state : int, RandomState instance or None, default=None
        Seed of the split and the draws. Models and their random weights have seeds of their own.

    Returns
    -------
    report : FewLabelReport
        To be printed, plotted, or made a DataFrame of. ``print`` includes ``summary()``. It also
        has what was fitted.

    Raises
    ------
    ValueError
        Before anything is trained, if

        - a class has fewer labelled training rows than are to be drawn, or one labelled row where
          test rows are split off;
        - `y` has no label, a single class, or numbers that are not classes, or it cannot be told
          whether -1 is a label; or `y_test` has a row without a label, or another class;
        - `scoring` is not a score for such classes, such as "f1" with more than two;
        - a model is neither a transformer nor a classifier, a name is used twice, or
          ``choose=True`` has a single row to choose from;
        - a parameter has a value that is not allowed, or lengths differ.

        Errors of a model are not caught, so no row is missing from a report; they say which row it
        was.

    See Also
    --------
    classical_baselines : What ``baselines="auto"`` compares with.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.inspection import few_label_report
    >>> X, y = load_digits().images[:300], load_digits().target[:300]
    >>> simclr = SimCLR(max_epochs=2, random_state=0)
    >>> report = few_label_report(simclr, X, y, n_labels=(1, 5), n_repeats=2, random_state=0)
    >>> list(report.scores)
    ['raw + LR', 'PCA + LR', 'PCA, LabelSpreading', 'random weights', 'SimCLR']
    >>> [row["n_labels"] for row in report.rows if row["model"] == "SimCLR"]
    [1, 5]
    """
    asked = inputs.check_n_labels(n_labels)
    named = inputs.named_models(models, "models")
    rng = check_random_state(random_state)
    data = inputs.split(X, y, X_test, y_test, unlabeled, test_size, rng)
    counts = inputs.check_enough_rows(asked, data)
    if probe is None:
        probe = make_pipeline(plain(StandardScaler()), LogisticRegression(max_iter=2000))
    elif not is_classifier(probe):
        raise ValueError(f"probe={probe!r} must be a classifier.")
    scorer = check_scoring(probe, scoring=scoring)
    if isinstance(scoring, str):
        inputs.check_scoring_of_classes(scorer, data.classes)
    seeds = rng.randint(2**31 - 1, size=n_repeats)
    known = np.flatnonzero(data.y != -1)
    draws = [known[draw_labelled(data.y[known], n, seed)] for n in counts for seed in seeds]
    different = _count_different(draws, len(counts))
    for column in np.flatnonzero(np.array(different) == 1):
        # All that there are: another order of theirs must not look like another draw.
        first = column * n_repeats
        draws[first : first + n_repeats] = [draws[first]] * n_repeats

    with numbered_as(data.rows):
        classical = resolve_baselines(baselines, named, data.X)
        controls = random_weights(named, data.X)
    inputs.check_names(classical, controls, named, {CHOSEN: None} if choose else {})
    if choose and len(classical) + len(named) < 2:
        raise ValueError(f"choose=True needs at least 2 rows to choose from, got {list(named)}.")
    scores, test_parts, kinds, estimators, validated = {}, {}, {}, {}, {}
    of_draws = np.repeat(counts, n_repeats)
    several = np.flatnonzero(of_draws > 1)  # draws that have something to cross-validate
    groups = {"classical": classical, "random weights": controls, "model": named}
    with Parallel(n_jobs=n_jobs) as pool:
        for kind, models_of_kind in groups.items():
            for name, model in models_of_kind.items():
                try:
                    row = FittedRow(model, probe, data)
                    cells = row.scores(data, draws, scorer, pool)
                    if choose and kind != "random weights":
                        validated[name] = row.validated(
                            data,
                            [draws[i] for i in several],
                            of_draws[several].tolist(),
                            scorer,
                            pool,
                        )
                except Exception as error:
                    error.add_note(f"This was in the row {name!r} of few_label_report.")
                    raise
                by_draw = np.reshape(cells, (len(counts), n_repeats, -1))
                scores[name], test_parts[name] = by_draw[..., 0], by_draw[..., 1:]
                kinds[name], estimators[name] = kind, row.steps
    return FewLabelReport(
        scores,
        kinds,
        n_labels=counts,
        scoring=scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "score"),
        n_train=len(data.y),
        n_labelled=int((data.y != -1).sum()),
        n_test=len(data.y_test),
        estimators=estimators,
        test_parts=test_parts,
        n_draws=different,
        other_heads=[name for name, model in named.items() if _has_other_head(model, probe)],
        chosen=_choose([*named, *classical], validated, counts, n_repeats) if choose else None,
    )


def _has_other_head(model: BaseEstimator, probe: BaseEstimator) -> bool:
    """Whether a pipeline has another classifier behind a method than the probe."""
    if not isinstance(model, Pipeline) or not is_classifier(model) or method_in(model) is None:
        return False
    last = model.steps[-1][1]
    if isinstance(last, FineTuner):
        return False
    head = last.estimator if isinstance(last, LabeledOnly) else last
    return repr(head) != repr(probe)


def _count_different(draws: Sequence[np.ndarray], n_counts: int) -> list[int]:
    """Return how many draws are of different rows, by number of labels."""
    sets = np.array([np.sort(rows).tobytes() for rows in draws], dtype=object)
    return [len(set(of_count)) for of_count in sets.reshape(n_counts, -1)]


def _choose(
    candidates: Sequence[str],
    validated: Mapping[str, Sequence[float]],
    counts: Sequence[int],
    n_repeats: int,
) -> list[list[str]]:
    """Return the name of the row that is best in cross-validation, by number of labels and draw.

    `validated` has the scores of the draws with several labels per class.
    """
    # Means of the same scores in another order differ in their last bits. Of equal ones, argmax
    # takes the first.
    best = np.round([validated[name] for name in candidates], 9).argmax(axis=0)
    by_count = iter(best.reshape(-1, n_repeats).tolist())
    return [
        [candidates[index] for index in (next(by_count) if n > 1 else [0] * n_repeats)]
        for n in counts
    ]
