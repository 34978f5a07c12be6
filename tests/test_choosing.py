"""Scorers that need no labels, in scikit-learn's searches."""

import copy
import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from cases import CASES, tiny_conv
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skssl import (
    MSN,
    Colorization,
    MaskedAutoencoder,
    RotationPrediction,
    SimCLR,
    VICReg,
    model_selection,
)
from skssl.exceptions import CollapseWarning, RandomWeightsWarning
from skssl.metrics import alignment_score, knn_score, lidar_score, mean_correlation, rankme_score
from skssl.modality import PointCloud
from skssl.model_selection import (
    EmbeddingScorer,
    alignment_scorer,
    check_against_random_weights,
    clid_scorer,
    default_scorer,
    embed_views,
    knn_scorer,
    lidar_scorer,
    rankme_scorer,
    view_ranking_scorer,
)
from skssl.views import CallableViews, ImageViews

SCORERS = {
    name: scorer
    for name, scorer in vars(model_selection).items()
    if isinstance(scorer, EmbeddingScorer)
}
FOR_ALL = [case for case in CASES if case.supports(SimCLR)]
LABEL_FREE = {name: scorer for name, scorer in SCORERS.items() if not scorer.needs_labels}


def tiny(method=SimCLR, **params):
    return method(
        **{"encoder": tiny_conv, "max_epochs": 1, "device": "cpu", "random_state": 0} | params
    )


@pytest.fixture(scope="module")
def X(digits):
    return digits[0][:120]


@pytest.fixture(scope="module")
def fitted(X):
    return tiny().fit(X)


def test_every_scorer_is_public():
    assert set(SCORERS) <= set(model_selection.__all__)
    assert len(SCORERS) == 13


@pytest.mark.parametrize("name", LABEL_FREE)
def test_search_without_labels(name, X):
    search = GridSearchCV(tiny(), {"max_epochs": [0, 10]}, scoring=SCORERS[name], cv=2)
    results = search.fit(X).cv_results_
    for fold in ("split0_test_score", "split1_test_score"):
        assert np.isfinite(results[fold]).all()
    first, second = results["mean_test_score"]
    assert first != second
    assert search.best_index_ == np.argmax(results["mean_test_score"])


def test_search_over_views(X):
    grid = {"views__crop_scale": [(0.05, 0.1), (0.5, 1.0)], "views__noise": [0.05, 3.0]}
    search = GridSearchCV(tiny(max_epochs=5), grid, scoring=default_scorer, cv=2, refit=False)
    scores = search.fit(X).cv_results_["mean_test_score"]
    assert len(np.unique(scores)) == 4


def test_several_scorers_at_once(X):
    scoring = {"lidar": lidar_scorer, "rankme": rankme_scorer}
    search = GridSearchCV(
        tiny(), {"temperature": [0.1, 1.0]}, scoring=scoring, refit="rankme", cv=2
    )
    search.fit(X)
    together = search.cv_results_["mean_test_lidar"][1]
    alone = cross_val_score(tiny(temperature=1.0), X, scoring=lidar_scorer, cv=2).mean()
    assert together == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("name", SCORERS)
def test_scores_can_be_repeated_and_leave_everything_as_it_is(name, digits, fitted):
    X, y = digits[0][120:200], digits[1][120:200]
    before = pickle.dumps(fitted)
    np.random.seed(0)  # noqa: NPY002 - the global state is what is tested
    torch.manual_seed(0)
    states = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    score = SCORERS[name](fitted, X, y)
    assert type(score) is float
    assert pickle.loads(pickle.dumps(SCORERS[name]))(fitted, X, y) == score
    assert copy.deepcopy(SCORERS[name])(fitted, X, y) == score
    with torch.autocast("cpu", torch.bfloat16):  # somebody else's
        assert SCORERS[name](fitted, X, y) == score
    assert pickle.dumps(fitted) == before
    assert np.array_equal(np.random.get_state()[1], states[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[1])


def test_score_is_the_metric_of_the_embedding(X, fitted):
    # The rows that a scorer takes are a copy, which convolutions may sum in another order.
    about = partial(pytest.approx, rel=1e-5)
    assert rankme_scorer(fitted, X) == about(rankme_score(fitted.transform(X)))
    assert lidar_scorer(fitted, X) == about(lidar_score(embed_views(fitted, X, n_views=10)))
    lower_is_better = EmbeddingScorer(mean_correlation, greater_is_better=False)
    assert lower_is_better(fitted, X) == about(-mean_correlation(fitted.transform(X)))
    scorer = EmbeddingScorer(partial(lidar_score, delta=1.0), n_views=3, random_state=5)
    Z = embed_views(fitted, X, n_views=3, random_state=5)
    assert scorer(fitted, X) == about(lidar_score(Z, delta=1.0))


def test_samples_are_capped(X, fitted):
    seen = []
    scorer = EmbeddingScorer(lambda Z: seen.append(Z) or 0.0, max_samples=50)
    scorer(fitted, X)
    scorer(fitted, X)
    assert seen[0].shape == (50, 16)
    np.testing.assert_array_equal(seen[0], seen[1])
    rows = fitted.transform(X)
    assert all((np.abs(rows - row).max(axis=1) < 1e-6).sum() == 1 for row in seen[0])
    EmbeddingScorer(lambda Z: seen.append(Z) or 0.0, max_samples=None)(fitted, X)
    np.testing.assert_allclose(seen[2], rows, rtol=1e-5, atol=1e-6)


def test_rows_without_labels_are_left_out(digits, fitted):
    X, y = digits[0][:200], digits[1][:200].copy()
    y[::2] = -1
    assert knn_scorer(fitted, X, y) == knn_score(fitted.transform(X[1::2]), y[1::2])
    for scorer in (knn_scorer, EmbeddingScorer(partial(knn_score), needs_labels=True)):
        with pytest.raises(ValueError, match="^knn_score needs labels, but y is None"):
            scorer(fitted, X)


def test_what_cannot_be_scored_is_said_of_x(X, fitted):
    with pytest.raises(ValueError, match="embedding Z of X has no view_information.*4 samples.*3"):
        fitted.score(X[:3])
    with pytest.raises(ValueError, match=r"has no lidar_score: .* \(120, 16\)\. Set n_views=4"):
        EmbeddingScorer(lidar_score)(fitted, X)


@pytest.mark.parametrize("scorer", [default_scorer, rankme_scorer, embed_views])
def test_what_is_not_fitted_is_said(scorer, X):
    for estimator in (tiny(), make_pipeline(tiny()), FrozenEstimator(tiny())):
        with pytest.raises(NotFittedError):
            scorer(estimator, X)
    with pytest.raises(NotFittedError, match="This SimCLR instance is not fitted yet"):
        tiny().score(X)


def test_views_are_those_of_the_encoder(X, fitted):
    Z = embed_views(fitted, X, n_views=3)
    assert Z.shape == (120, 3, 16)
    assert Z.dtype == np.float32
    assert not np.array_equal(Z[:, 0], Z[:, 1])
    np.testing.assert_array_equal(Z, embed_views(fitted, X, n_views=3))
    assert not np.array_equal(Z, embed_views(fitted, X, n_views=3, random_state=1))
    # Views that change nothing show what transform sees.
    same = embed_views(fitted, X, views=CallableViews(torch.clone))
    np.testing.assert_allclose(same[:, 1], fitted.transform(X), rtol=1e-5, atol=1e-6)


def test_all_candidates_see_the_same_views(X):
    weak = ImageViews(crop_scale=(1, 1), flip=0, jitter=0, noise=0.01, grayscale=0)
    trained = [tiny(max_epochs=0, views=views).fit(X) for views in ("auto", weak)]
    first, second = (embed_views(ssl, X) for ssl in trained)
    np.testing.assert_array_equal(first, second)
    own = [alignment_score(embed_views(ssl, X, views="own")) for ssl in trained]
    assert own[0] == alignment_score(first)
    assert own[1] > own[0]
    assert EmbeddingScorer(alignment_score, n_views=2, views=weak)(trained[0], X) == own[1]


@pytest.mark.parametrize("method", [MaskedAutoencoder, RotationPrediction])
def test_methods_that_train_without_views_have_the_default_ones(method, X):
    size = {"width": 16, "depth": 1, "n_heads": 2, "encoder": "auto"}
    ssl = tiny(method, **(size if method is MaskedAutoencoder else {})).fit(X)
    assert -4 < alignment_scorer(ssl, X) < 0


@pytest.mark.parametrize("method", [Colorization, MSN])
def test_methods_with_views_of_their_own_have_the_default_ones(method):
    case = next(c for c in CASES if c.name == ("colors" if method is Colorization else "text"))
    samples = case.load()[0][:60]
    ssl = case.make_small(method, max_epochs=0).fit(samples)
    asked = embed_views(ssl, samples)
    views = ssl.modality_.default_views()
    views = views.full_size() if method is Colorization else views
    np.testing.assert_array_equal(asked, embed_views(ssl, samples, views=views))
    assert not np.array_equal(asked, embed_views(ssl, samples, views="own"))


def test_search_without_scoring(X):
    grid = {"max_epochs": [0, 5]}
    search = GridSearchCV(tiny(), grid, cv=2).fit(X)
    told = GridSearchCV(tiny(), grid, cv=2, scoring=default_scorer).fit(X)
    assert search.best_score_ == told.best_score_
    assert search.score(X) == default_scorer(search.best_estimator_, X)
    pipeline = make_pipeline(tiny(max_epochs=0)).fit(X)
    assert pipeline.score(X) == default_scorer(pipeline, X)
    # Tasks of their own are scored as they were.
    task = tiny(RotationPrediction).fit(X)
    assert 0 <= task.score(X) <= 1


def test_pipelines(X, fitted):
    brighter = FunctionTransformer(partial(np.multiply, 2))
    pipeline = make_pipeline(brighter, tiny()).fit(X)
    alone = tiny().fit(2 * X)
    for scorer in (rankme_scorer, lidar_scorer):
        assert scorer(pipeline, X) == scorer(alone, 2 * X)
    assert lidar_scorer(make_pipeline(FrozenEstimator(fitted)), X) == lidar_scorer(fitted, X)
    rows = X.reshape(len(X), -1)
    assert rankme_scorer(PCA(3).fit(rows), rows) <= 3


def test_what_has_no_views(digits, fitted):
    X, y = digits[0][:120], digits[1][:120]
    rows = X.reshape(len(X), -1)
    with pytest.raises(TypeError, match="last step is one; got PCA"):
        lidar_scorer(PCA(3).fit(rows), rows)
    classifier = make_pipeline(FrozenEstimator(fitted), LogisticRegression(max_iter=1000)).fit(X, y)
    with pytest.raises(TypeError, match=r"got LogisticRegression.*GridSearchCV\(pipe\[:-1\], "):
        lidar_scorer(classifier, X)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"metric": "lidar"}, "metric must be callable, got 'lidar'"),
        ({"n_views": 1}, "n_views must be None or an integer of at least 2, got 1"),
        ({"max_samples": 1.5}, "max_samples must be None or an integer of at least 2, got 1.5"),
        ({"views": "strong"}, "views='strong' is not allowed; it must be 'auto', 'own' or"),
    ],
)
def test_bad_scorers(params, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingScorer(**{"metric": lidar_score} | params)


@pytest.mark.parametrize("n_views", [0, 2.0])
def test_bad_number_of_views(n_views, X, fitted):
    with pytest.raises(ValueError, match=f"n_views must be .* got {n_views}"):
        embed_views(fitted, X, n_views=n_views)


def test_training_is_compared_with_random_weights(digits):
    X, held_out = digits[0][:400], digits[0][400:600]
    trained = tiny(max_epochs=10, batch_size=50).fit(X)
    untrained = tiny(max_epochs=0).fit(held_out)
    gain = check_against_random_weights(trained, held_out, scorer=view_ranking_scorer)
    at_random = view_ranking_scorer(untrained, held_out)
    assert gain == view_ranking_scorer(trained, held_out) - at_random > 0
    with pytest.warns(
        RandomWeightsWarning, match="SimCLR scores .*, and with random weights .*max_epochs=0"
    ):
        gain = check_against_random_weights(untrained, held_out)
    assert gain == 0


def test_the_control_looks_at_labels_and_says_what_scorers_are(digits, fitted):
    X, y = digits[0][400:600], digits[1][400:600]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RandomWeightsWarning)
        by_labels = check_against_random_weights(fitted, X, y)
        assert by_labels == check_against_random_weights(fitted, X, y, scorer=knn_scorer)
        assert by_labels != check_against_random_weights(fitted, X)
    with pytest.raises(TypeError, match=r"scorer='accuracy' must .*knn_scorer"):
        check_against_random_weights(fitted, X, y, scorer="accuracy")


def test_the_control_says_when_all_is_right_either_way():
    X, y = np.repeat(np.eye(8)[:, None] * 9, 20, axis=0).repeat(8, axis=1), np.arange(160) // 20
    trained = tiny(max_epochs=1).fit(X)
    with pytest.warns(RandomWeightsWarning, match="both are always right, .*few_label_report"):
        assert check_against_random_weights(trained, X, y) == 0


def test_the_control_says_what_is_likely(X, fitted):
    def worse(estimator, X, y):
        return -float(estimator.n_steps_)

    with pytest.warns(
        RandomWeightsWarning, match=rf"had {fitted.n_steps_} steps, in {fitted.n_iter_} ep"
    ):
        check_against_random_weights(fitted, X, scorer=worse)
    with pytest.warns(CollapseWarning):
        collapsed = tiny(weight_decay=1000, max_epochs=20).fit(X)
    with pytest.warns(RandomWeightsWarning, match="It had collapsed"):
        check_against_random_weights(collapsed, X, scorer=worse)


@pytest.mark.parametrize("case", FOR_ALL, ids=[case.name for case in FOR_ALL])
@pytest.mark.parametrize("method", [SimCLR, MaskedAutoencoder])
def test_the_control_is_the_winner_before_its_training(method, case):
    samples, _ = case.load()
    seen, others = samples[:90], samples[90:150]
    scorer = clid_scorer if method is MaskedAutoencoder else default_scorer
    trained, untrained = (
        case.make_small(method, encoder="auto", max_epochs=n, random_state=None) for n in (1, 0)
    )
    for ssl in (trained, untrained):
        ssl.set_params(random_state=np.random.RandomState(3))  # noqa: NPY002
        if case.name == "points":
            ssl.set_params(modality=PointCloud())
        ssl.fit(seen)
    expected = scorer(trained, others) - scorer(untrained, others)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RandomWeightsWarning)
        gain = check_against_random_weights(trained, others, scorer=scorer)
    assert gain == expected != 0
    with pytest.warns(RandomWeightsWarning):
        assert check_against_random_weights(untrained, others, scorer=scorer) == 0


def test_the_control_has_the_steps_and_the_head_of_the_winner(digits):
    X, held_out = digits[0][:150].reshape(150, -1), digits[0][150:250].reshape(100, -1)
    pipeline = make_pipeline(StandardScaler(), SimCLR(max_epochs=0, device="cpu"))
    with pytest.warns(RandomWeightsWarning):
        assert check_against_random_weights(pipeline.fit(X), 3 * held_out + 5) == 0
    task = tiny(RotationPrediction, max_epochs=0).fit(digits[0][:150])
    with pytest.warns(RandomWeightsWarning):
        own = RotationPrediction.score
        assert check_against_random_weights(task, digits[0][150:250], scorer=own) == 0


def test_search_is_compared_by_its_own_scorer(X):
    grid = {"simclr__max_epochs": [0]}
    pipeline = make_pipeline(tiny())
    for scoring, refit in ((rankme_scorer, True), ({"a": lidar_scorer, "b": rankme_scorer}, "b")):
        search = GridSearchCV(pipeline, grid, scoring=scoring, refit=refit, cv=2).fit(X)
        value = f"{rankme_scorer(search.best_estimator_, X):.4g}"
        with pytest.warns(RandomWeightsWarning, match=value):
            assert check_against_random_weights(search, X) == 0


def test_only_methods_are_compared_with_random_weights(X, fitted):
    rows = X.reshape(len(X), -1)
    with pytest.raises(TypeError, match="got PCA"):
        check_against_random_weights(PCA(2).fit(rows), rows)
    with pytest.raises(TypeError, match="got PCA"):
        check_against_random_weights(make_pipeline(PCA(2)).fit(rows), rows)


def test_default_is_one_of_the_scorers(X):
    assert default_scorer is SCORERS["view_information_scorer"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(default_scorer(tiny(VICReg).fit(X), X))
