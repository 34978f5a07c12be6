"""Measures of an embedding, against NumPy."""

import numpy as np
import pytest
import scipy.sparse
import torch

from skssl.metrics import (
    embedding_std,
    mean_correlation,
    rankme_score,
    view_ranking_score,
    view_retrieval_score,
)

OF_ONE = [embedding_std, mean_correlation, rankme_score]
OF_TWO = [view_retrieval_score, view_ranking_score]


def normalized(Z):
    return Z / np.linalg.norm(Z, axis=1, keepdims=True)


@pytest.fixture
def Z(rng):
    return rng.normal(size=(30, 7)) * np.linspace(0.1, 2, 7) + 0.5


@pytest.fixture
def views(rng, Z):
    return Z + 0.4 * rng.normal(size=Z.shape), Z + 0.4 * rng.normal(size=Z.shape)


def test_embedding_std(Z):
    expected = normalized(Z).std(axis=0).mean() * np.sqrt(7)
    assert embedding_std(Z) == pytest.approx(expected, abs=1e-12)
    assert embedding_std(1e3 * Z) == pytest.approx(expected, abs=1e-12)


def test_mean_correlation(Z):
    R = np.corrcoef(Z.T)
    expected = np.abs(R[~np.eye(7, dtype=bool)]).mean()
    assert mean_correlation(Z) == pytest.approx(expected, abs=1e-12)
    with_constants = np.column_stack([Z, np.full(30, 0.1), np.zeros(30)])
    assert mean_correlation(with_constants) == pytest.approx(expected, abs=1e-12)
    assert mean_correlation(with_constants.astype(np.float32)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("transposed", [False, True])
def test_rankme(Z, transposed):
    A = Z.T if transposed else Z
    p = np.linalg.svd(A, compute_uv=False)
    p = p / p.sum() + 1e-7
    assert rankme_score(A) == pytest.approx(np.exp(-(p * np.log(p)).sum()), abs=1e-9)


def test_rankme_of_low_rank(Z):
    p = np.linalg.svd(Z[:, :2], compute_uv=False)
    p = np.append(p / p.sum(), np.zeros(5)) + 1e-7
    low = Z[:, :2] @ np.linalg.qr(Z[:7].T)[0][:2]
    assert rankme_score(low) == pytest.approx(np.exp(-(p * np.log(p)).sum()), abs=1e-5)


def test_rankme_keeps_to_its_bounds():
    # Where all directions weigh the same, the constant alone would exceed them.
    assert rankme_score(np.eye(300)) == 300
    assert rankme_score(np.eye(60) - 1 / 60) == pytest.approx(59, abs=1e-2)


def test_view_scores(views):
    cosines = normalized(views[0]) @ normalized(views[1]).T
    own, others = np.diag(cosines), ~np.eye(30, dtype=bool)
    found = [(c.argmax(axis=1) == np.arange(30)).mean() for c in (cosines, cosines.T)]
    assert 0 < np.mean(found) < 1
    assert view_retrieval_score(*views) == pytest.approx(np.mean(found), abs=1e-12)
    nearer = [(own[:, None] > c)[others].mean() for c in (cosines, cosines.T)]
    assert view_ranking_score(*views) == pytest.approx(np.mean(nearer), abs=1e-12)


@pytest.mark.parametrize("score", OF_TWO)
def test_views_are_interchangeable(views, score):
    first, second = views
    assert score(first, second) == score(second, first)
    assert score(first, 5 * first) == 1.0


def test_of_a_constant_embedding():
    for Z in (np.zeros((10, 4)), np.ones((10, 4)), np.full((10, 4), 0.1, dtype=np.float32)):
        assert embedding_std(Z) == pytest.approx(0, abs=1e-12)
        assert np.isnan(mean_correlation(Z))
        assert rankme_score(Z) == pytest.approx(1, abs=1e-4)
        assert view_retrieval_score(Z, Z) == pytest.approx(0.1)
        assert view_ranking_score(Z, Z) == pytest.approx(0.5)


def test_bounds_are_reached(rng):
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    spread = np.concatenate([Q, -Q])
    assert rankme_score(spread) == pytest.approx(6, abs=1e-4)
    assert embedding_std(np.concatenate([np.eye(6), -np.eye(6)])) == pytest.approx(1, abs=1e-12)
    line = rng.normal(size=(20, 1))
    assert mean_correlation(line * [1.0, -2.0, 3.0]) == pytest.approx(1, abs=1e-12)
    assert view_ranking_score([[1, 0], [0, 1]], [[0, 1], [1, 0]]) == 0.0


def test_two_samples():
    Z = [[1, 0, 2], [0, 1, 0]]
    values = [score(Z) for score in OF_ONE] + [score(Z, Z) for score in OF_TWO]
    assert all(type(value) is float and np.isfinite(value) for value in values)


def test_ties_are_shared():
    first, second = np.eye(3), np.eye(3)[[0, 0, 2]]
    # Row 0 is as near to two rows, row 1 to all; backwards, row 1 finds another than its own.
    forwards, backwards = (1 / 2 + 1 / 3 + 1) / 3, (1 + 0 + 1) / 3
    expected = (forwards + backwards) / 2
    assert view_retrieval_score(first, second) == pytest.approx(expected, abs=1e-12)


def test_takes_lists_arrays_and_tensors(Z):
    tensor = torch.tensor(Z, requires_grad=True)
    for score in OF_ONE:
        assert score(Z) == score(Z.tolist()) == score(tensor)
        assert score(tensor.bfloat16()) == pytest.approx(score(Z), rel=0.02)
    for score in OF_TWO:
        assert score(Z, tensor) == score(tensor, Z.tolist()) == 1.0


@pytest.mark.parametrize("score", OF_ONE + OF_TWO)
def test_bad_input(Z, score):
    two = score in OF_TWO
    for bad in (np.nan, np.inf):
        broken = Z.copy()
        broken[3, 2] = bad
        with pytest.raises(ValueError, match="contains NaN or infinite"):
            score(*[broken] * (1 + two))
    for shape in ((5,), (5, 2, 2), (0, 3), (5, 0)):
        with pytest.raises(ValueError, match="must have the shape"):
            score(*[np.ones(shape)] * (1 + two))
    if two:
        with pytest.raises(ValueError, match=r"got \(30, 7\) and \(30, 6\)"):
            score(Z, Z[:, :6])


@pytest.mark.parametrize(
    ("Z", "message"),
    [
        ([["a", "b"]] * 3, "dtype <U1"),
        ([[1.0, 2.0], [1.0]], "list: .*inhomogeneous"),
        (np.zeros((9, 3), complex), "dtype complex128"),
        (torch.zeros(9, 3, dtype=torch.complex64), "dtype torch.complex64"),
        (np.zeros((9, 3), "datetime64[D]"), "dtype datetime64"),
        (scipy.sparse.eye_array(9).tocsr(), "csr_array"),
        (np.ma.masked_array(np.ones((9, 3)), np.eye(9, 3)), "contains NaN"),
        (np.full((9, 3), 1e200) * np.arange(3), r"values beyond 1e\+150"),
    ],
    ids=["strings", "ragged", "complex", "tensor", "dates", "sparse", "masked", "huge"],
)
def test_what_no_measure_takes_is_named(Z, message):
    for score in (rankme_score, mean_correlation):
        with pytest.raises(ValueError, match=f"^Z .*{message}"):
            score(Z)


@pytest.mark.parametrize("score", [embedding_std, mean_correlation])
def test_one_sample_is_too_few(score):
    with pytest.raises(ValueError, match="at least 2 samples, got 1"):
        score([[1.0, 2.0]])
