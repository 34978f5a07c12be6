"""Measures for choosing a model, against closed forms and against NumPy and SciPy."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.spatial.distance import pdist

from skssl.metrics import (
    alignment_score,
    alpha_req_score,
    clid_score,
    cluster_learnability,
    eigenspectrum_decay,
    intrinsic_dimension,
    knn_score,
    lidar_score,
    nesum_score,
    stable_rank_score,
    uniformity_score,
    view_information_score,
)

OF_SAMPLES = [
    alpha_req_score,
    clid_score,
    cluster_learnability,
    eigenspectrum_decay,
    intrinsic_dimension,
    nesum_score,
    stable_rank_score,
    uniformity_score,
]
OF_VIEWS = [alignment_score, lidar_score, view_information_score]
# Directions keep their lengths apart, or have them taken away.
ANY_SCALE = [
    alignment_score,
    alpha_req_score,
    clid_score,
    nesum_score,
    stable_rank_score,
    uniformity_score,
    view_information_score,
]
# Those that standardise columns depend on the axes.
ANY_ROTATION = [
    alignment_score,
    alpha_req_score,
    lidar_score,
    nesum_score,
    stable_rank_score,
    uniformity_score,
    view_information_score,
]


def arguments(score, Z, views):
    return views if score in OF_VIEWS else Z


@pytest.fixture
def Z(rng):
    return rng.normal(size=(60, 7)) * np.linspace(0.1, 2, 7) + 0.5


@pytest.fixture
def views(rng, Z):
    """Three views of each sample, shape (n, 3, d)."""
    return Z[:, None] + 0.4 * rng.normal(size=(60, 3, 7))


@pytest.fixture
def rotation(rng):
    return np.linalg.qr(rng.normal(size=(7, 7)))[0]


@pytest.mark.parametrize("n_dimensions", [7, 70])
def test_lidar_is_the_rank_of_the_discriminant_matrix(rng, n_dimensions):
    n, q = 30, 4
    views = rng.normal(size=(n, 1, n_dimensions)) + 0.5 * rng.normal(size=(n, q, n_dimensions))
    means = views.mean(axis=1)
    between = np.cov(means.T)
    within = sum(np.cov(sample.T) for sample in views) / n + 1e-4 * np.eye(n_dimensions)
    root = np.linalg.inv(np.real(sqrtm(within)))
    p = np.linalg.eigvalsh(root @ between @ root).clip(0)[-min(n - 1, n_dimensions) :]
    p = p / p.sum() + 1e-7
    assert lidar_score(views) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-6)


def test_lidar_does_not_count_what_views_differ_in(rng):
    samples = np.concatenate([np.eye(3), -np.eye(3)])
    assert lidar_score(np.stack([samples] * 2, axis=1)) == pytest.approx(3, abs=1e-4)
    noise = 100 * rng.normal(size=(6, 4, 5))
    noisy = np.concatenate([np.repeat(samples[:, None], 4, axis=1), noise], axis=2)
    assert lidar_score(noisy) == pytest.approx(3, abs=0.01)
    # Within one direction, what counts is the ratio to its own noise.
    assert lidar_score(samples[:, None] * [1, 1, 0.1] * np.ones((1, 2, 1))) < 2.1


@pytest.mark.parametrize("signal", [0.5, 1.0, 4.0])
def test_information_of_gaussian_channels(rng, signal):
    samples = np.array([signal, 1.0, 0.0]) * rng.normal(size=(4000, 1, 3))
    views = (samples + rng.normal(size=(4000, 4, 3))) @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    expected = 0.5 * np.log([1 + signal**2, 2.0]).sum()
    assert view_information_score(views, shrinkage=1e-6) == pytest.approx(expected, abs=0.08)


def test_information_of_noise_is_none(rng):
    # Also with far fewer samples than it takes to know all directions.
    values = [view_information_score(rng.normal(size=(100, 3, 40))) for _ in range(5)]
    assert abs(np.mean(values)) < 0.5
    assert view_information_score(rng.normal(size=(100, 1, 40)).repeat(3, axis=1)) > 50


def test_information_counts_directions_and_how_clear_they_are(rng):
    samples = rng.normal(size=(300, 1, 8))
    noise = rng.normal(size=(300, 2, 8))
    few, blurred = np.where(np.arange(8) < 2, samples, 0), 0.2 * samples
    clear = view_information_score(samples + 0.5 * noise)
    assert view_information_score(few + 0.5 * noise) < clear / 2
    assert view_information_score(blurred + 0.5 * noise) < clear / 2
    # LiDAR sees no difference between clear and blurred.
    assert lidar_score(blurred + 0.5 * noise) > 0.95 * lidar_score(samples + 0.5 * noise)


def test_alignment_is_the_distance_of_pairs(views):
    u = views / np.linalg.norm(views, axis=2, keepdims=True)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([((u[:, v] - u[:, w]) ** 2).sum(axis=1).mean() for v, w in pairs])
    assert alignment_score(views) == pytest.approx(-expected, abs=1e-12)
    assert alignment_score(np.stack([views[:, 0]] * 3, axis=1)) == pytest.approx(0, abs=1e-12)
    assert alignment_score(np.stack([views[:, 0], -views[:, 0]], axis=1)) == -4.0


def test_uniformity_is_the_potential_of_pairs(Z):
    distances = pdist(Z / np.linalg.norm(Z, axis=1, keepdims=True))
    for t in (2, 0.5):
        expected = -np.log(np.exp(-t * distances**2).mean())
        assert uniformity_score(Z, t=t) == pytest.approx(expected, abs=1e-12)


def test_uniformity_of_many_dimensions(rng):
    # Where all pairs are orthogonal, the squared distance is 2.
    assert uniformity_score(np.eye(20)) == pytest.approx(4, abs=1e-12)
    assert uniformity_score(rng.normal(size=(500, 2000))) == pytest.approx(4, abs=0.01)


def with_spectrum(variances):
    """Return centred samples whose covariance has these eigenvalues, up to a common factor."""
    axes = np.diag(np.sqrt(variances))
    return np.concatenate([axes, -axes])


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("d", [3, 12, 100])
def test_decay_of_a_power_law(alpha, d, rng):
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    Z = with_spectrum(np.arange(1, d + 1) ** -alpha) @ rotation + rng.normal(size=d)
    assert eigenspectrum_decay(Z) == pytest.approx(alpha, abs=1e-6)
    assert alpha_req_score(3 * Z) == pytest.approx(-abs(alpha - 1), abs=1e-6)


def test_decay_is_of_the_middle_of_the_spectrum():
    variances = np.arange(1.0, 41.0) ** -1.5
    variances[:2] *= 100
    variances[25:] *= 0.01
    assert eigenspectrum_decay(with_spectrum(variances)) == pytest.approx(1.5, abs=1e-6)


@pytest.mark.parametrize(("d", "last"), [(300, 100), (60, 30)])
def test_decay_is_fitted_with_the_weights_of_the_authors(rng, d, last):
    variances = np.sort(rng.exponential(size=d))[::-1]
    places = np.arange(4, last + 1)
    # polyfit squares its weights.
    slope, _ = np.polyfit(np.log(places), np.log(variances[3:last]), 1, w=places**-0.5)
    assert eigenspectrum_decay(with_spectrum(variances)) == pytest.approx(-slope, rel=1e-6)


def test_sums_of_the_spectrum(Z):
    variances = np.linalg.eigvalsh(np.cov(Z.T))
    assert nesum_score(Z) == pytest.approx(variances.sum() / variances.max(), abs=1e-9)
    expected = (np.linalg.norm(Z) / np.linalg.norm(Z, 2)) ** 2
    assert stable_rank_score(Z) == pytest.approx(expected, abs=1e-9)
    assert stable_rank_score(Z.T) == pytest.approx(expected, abs=1e-9)
    assert nesum_score(with_spectrum([4.0, 2.0, 1.0])) == pytest.approx(1.75, abs=1e-12)


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_dimension_of_a_flat_surface(rng, dimension):
    plane = (
        rng.uniform(size=(3000, dimension)) @ np.linalg.qr(rng.normal(size=(9, 9)))[0][:dimension]
    )
    assert intrinsic_dimension(plane) == pytest.approx(dimension, rel=0.1)


def test_dimension_by_hand():
    line = np.array([[0.0], [1.0], [3.0], [7.0]])
    # Distances to the two nearest: 1, 3; 1, 2; 2, 3; 4, 6.
    ratios = np.log([3, 2, 3 / 2, 6 / 4])
    assert intrinsic_dimension(line) == pytest.approx(1 / ratios.mean(), abs=1e-9)
    # Duplicates have no ratio, but are neighbours to others.
    twins = np.array([[0.0], [0.0], [1.0], [5.0]])
    assert intrinsic_dimension(twins) == pytest.approx(2 / np.log(1 * 5 / 4), rel=1e-6)


def test_clusters_are_learned(rng):
    clouds = rng.normal(size=(90, 4)) + 30 * np.eye(4)[np.arange(90) % 3]
    assert cluster_learnability(clouds, n_clusters=3) == 1.0
    assert clid_score(clouds, n_clusters=3) == pytest.approx(intrinsic_dimension(clouds))
    # Without structure, the borders of many clusters are everywhere.
    noise = rng.normal(size=(90, 20))
    assert cluster_learnability(noise) < 0.8
    assert clid_score(noise) == cluster_learnability(noise) * intrinsic_dimension(noise)


def test_neighbours_by_hand():
    angles = np.deg2rad([0, 5, 12, 90, 94, 40])
    Z = np.column_stack([np.cos(angles), np.sin(angles)]) * [[1], [9], [1], [3], [1], [1]]
    # Of each the nearest: 1, 0, 1, 4, 3, 2.
    assert knn_score(Z, [0, 0, 1, 1, 1, 1], n_neighbors=1) == pytest.approx(5 / 6)
    assert knn_score(Z, list("aabbbb"), n_neighbors=1) == pytest.approx(5 / 6)
    # All others vote: a low temperature leaves it to the nearest, a high one to the majority.
    assert knn_score(Z, [0, 0, 1, 1, 1, 1], temperature=1e-6) == pytest.approx(5 / 6)
    assert knn_score(Z, [0, 0, 1, 1, 1, 1], temperature=1e6) == pytest.approx(4 / 6)


@pytest.mark.parametrize("score", ANY_SCALE)
def test_scale_does_not_matter(score, Z, views):
    array = arguments(score, Z, views)
    assert score(1e3 * array) == pytest.approx(score(array), rel=1e-9)


@pytest.mark.parametrize("score", ANY_ROTATION)
def test_axes_do_not_matter(score, Z, views, rotation):
    array = arguments(score, Z, views)
    assert score(array @ rotation) == pytest.approx(score(array), rel=1e-9)


@pytest.mark.parametrize(
    ("score", "worst"),
    [
        (alignment_score, 0.0),
        (alpha_req_score, -np.inf),
        (clid_score, 0.0),
        (cluster_learnability, 1.0),
        (eigenspectrum_decay, np.inf),
        (intrinsic_dimension, 0.0),
        (lidar_score, 1.0),
        (nesum_score, 1.0),
        (stable_rank_score, 1.0),
        (uniformity_score, 0.0),
        (view_information_score, 0.0),
    ],
)
def test_of_a_constant_embedding(score, worst):
    for value in (0.0, 1.0, 0.1):
        array = np.full((40, 3, 5) if score in OF_VIEWS else (40, 5), value, dtype=np.float32)
        assert score(array) == pytest.approx(worst, abs=1e-4)


@pytest.mark.parametrize("score", OF_SAMPLES + OF_VIEWS)
def test_takes_lists_arrays_and_tensors(score, Z, views):
    array = arguments(score, Z, views)
    value = score(array)
    assert type(value) is float
    assert score(array.tolist()) == score(torch.tensor(array, requires_grad=True)) == value


@pytest.mark.parametrize("score", OF_SAMPLES + OF_VIEWS)
def test_bad_embeddings(score, Z, views):
    array = arguments(score, Z, views).copy()
    with pytest.raises(ValueError, match="must have the shape"):
        score(array[0, 0])
    array[3, 2] = np.nan
    with pytest.raises(ValueError, match="contains NaN or infinite"):
        score(array)


@pytest.mark.parametrize("score", [*OF_SAMPLES, *OF_VIEWS])
def test_one_sample_is_too_few(score, Z, views):
    if score is stable_rank_score:
        assert score(Z[:1]) == pytest.approx(1)
        return
    with pytest.raises(ValueError, match=r"at least \d samples, got 1"):
        score(arguments(score, Z, views)[:1])


@pytest.mark.parametrize("score", OF_VIEWS)
def test_one_view_is_too_few(score, views):
    with pytest.raises(ValueError, match="at least 2 views of each sample, got 1"):
        score(views[:, :1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda Z: lidar_score(Z[:, None].repeat(2, 1), delta=0), "delta must be above 0, got 0"),
        (
            lambda Z: view_information_score(Z[:, None].repeat(2, 1), shrinkage=0),
            "shrinkage must be above 0, got 0",
        ),
        (lambda Z: uniformity_score(Z, t=-1), "t must be above 0, got -1"),
        (lambda Z: clid_score(Z, n_clusters=61), "from 2 to 60, .* got 61"),
        (lambda Z: clid_score(Z, n_clusters="many"), "must be 'auto' or an integer .* got 'many'"),
        (lambda Z: clid_score(Z, n_neighbors=60), "from 1 to 59, .* got 60"),
        (lambda Z: knn_score(Z, np.zeros(59)), r"y must have shape .* got \(59,\)"),
        (lambda Z: knn_score(Z, np.zeros(60), n_neighbors=0), "at least 1, got 0"),
        (lambda Z: knn_score(Z, np.zeros(60), temperature=0), "above 0, got 0"),
    ],
)
def test_bad_parameters(Z, call, message):
    with pytest.raises(ValueError, match=message):
        call(Z)
