"""Values of losses, computed with other libraries, or here with NumPy and SciPy."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.integrate import trapezoid
from scipy.linalg import solve_triangular
from scipy.special import log_softmax, softmax
from scipy.stats import norm
from torch.testing import assert_close

from skssl.losses import (
    barlow_twins,
    dcl,
    dino,
    fixmatch,
    frossl,
    info_nce,
    lejepa,
    mmcr,
    negative_cosine,
    nt_xent,
    pseudo_label,
    relational,
    sigreg,
    sinkhorn,
    swav,
    tico,
    vibcreg,
    vicreg,
    visreg,
    w_mse,
    whiten,
)
from skssl.losses._spectral import _negative_capacity

DIRECTIONS = torch.eye(16, dtype=torch.float64)


def unit(z):
    return F.normalize(z, dim=-1)


def prototype_scores(reference):
    return [unit(z) @ reference.prototypes.T for z in (reference.a, reference.b)]


def first_tico(a, b):
    return tico(a, b, covariance=torch.zeros(16, 16))[0]


REFERENCES = {
    # lightly, solo-learn and stable-pretraining agree on the first two.
    "nt_xent T=.5": (partial(nt_xent, temperature=0.5), 1.1701984563),
    "nt_xent T=.1": (partial(nt_xent, temperature=0.1), 0.0070263401),
    # solo-learn; MoCo v3 is scaled by 2 T.
    "MoCo v3": (lambda a, b: 2 * 0.2 * info_nce(a, b, temperature=0.2), 0.0412921623),
    "NNCLR": (partial(info_nce, temperature=0.2), 0.1032304057),
    # lightly.
    "DCL": (partial(dcl, temperature=0.1), -5.0850431646),
    "DCLW": (partial(dcl, temperature=0.1, sigma=0.5), -5.0659910603),
    # lightly and solo-learn; solo-learn and stable-pretraining.
    "SimSiam": (negative_cosine, -0.9152614684),
    "BYOL": (lambda a, b: 2 + 2 * negative_cosine(a, b), 0.1694770633),
    # lightly and stable-pretraining, as in the authors' code.
    "VICReg": (vicreg, 14.4267411662),
    "VICReg x .3": (lambda a, b: vicreg(0.3 * a, 0.3 * b), 17.1896761003),
    # solo-learn, whose code is the author's.
    "VIbCReg": (vibcreg, 61.5392661845),
    # lightly.
    "Barlow Twins": (barlow_twins, 0.5170854595),
    "TiCo": (first_tico, 0.2389917979),
    "FroSSL": (lambda a, b: frossl([a, b]), -2.9838062983),
    "LeJEPA, invariance": (
        lambda a, b: lejepa([a, b], directions=DIRECTIONS, weight=0),
        0.0534601827,
    ),
    "VISReg, centre": (
        lambda a, b: visreg(
            [a, b], directions=DIRECTIONS, weight=1, scale_weight=0, shape_weight=0
        ),
        0.0755847477,
    ),
    "VISReg, scale": (
        lambda a, b: visreg(
            [a, b], directions=DIRECTIONS, weight=1, center_weight=0, shape_weight=0
        ),
        0.0647792252,
    ),
    # lightly, which does not normalise the projections.
    "MMCR": (lambda a, b: _negative_capacity(torch.stack([a, b, b, a]), 5e-3), -31.5803756617),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_reference(pair, name):
    loss, expected = REFERENCES[name]
    assert loss(*pair).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [((1, 0, 0), 0.0192456658), ((0, 1, 0), 0.6658850801), ((0, 0, 1), 0.0614074548)],
)
def test_vicreg_terms(pair, weights, expected):
    a, b = pair
    names = ("invariance_weight", "variance_weight", "covariance_weight")
    loss = vicreg(0.3 * a, 0.3 * b, **dict(zip(names, weights, strict=True)))
    assert loss.item() == pytest.approx(expected, abs=1e-9)


def test_dino_reference(reference):
    # lightly; the last two values need more views, and a centre that has moved.
    student, teacher = reference.student, reference.teacher
    center = torch.zeros(1, 12)
    loss = dino(student[:2], teacher, center=center)
    assert loss.item() == pytest.approx(12.7476573834, abs=1e-9)
    loss = dino(student, teacher, center=center)
    assert loss.item() == pytest.approx(15.1474986110, abs=1e-9)
    center = 0.9 * center + 0.1 * teacher.mean(dim=(0, 1))
    loss = dino(student, teacher, center=center)
    assert loss.item() == pytest.approx(15.1284225720, abs=1e-9)


def test_swav_reference(reference):
    # lightly and solo-learn.
    scores = prototype_scores(reference)
    assert swav(scores).item() == pytest.approx(1.0979346634, abs=1e-9)
    expected = [3.49e-06, 0.57126335, 0.42835873, 3.3175e-04, 4.267e-05]
    assert sinkhorn(scores[0])[0].tolist() == pytest.approx(expected, abs=1e-8)


def test_info_nce_with_other_keys_as_negatives(pair):
    a, b = pair
    rows = [
        info_nce(a[[i]], b[[i]], temperature=0.2, negatives=torch.cat([b[:i], b[i + 1 :]]))
        for i in range(len(a))
    ]
    assert_close(torch.stack(rows).mean(), info_nce(a, b, temperature=0.2))


def test_dcl_weights_get_no_gradient(pair):
    a, b = (z.clone().requires_grad_() for z in pair)
    grads = torch.autograd.grad(dcl(a, b, temperature=0.1, sigma=0.5), (a, b))
    cosines = (unit(a) * unit(b)).sum(dim=1)
    extra = (len(a) * (cosines.detach() / 0.5).softmax(dim=0) - 1) * cosines / 0.1
    expected = torch.autograd.grad(dcl(a, b, temperature=0.1) + extra.mean(), (a, b))
    assert_close(grads, expected)


def test_relational_against_numpy(reference):
    student, teacher, bank = (unit(z).numpy() for z in (reference.a, reference.b, reference.b[:5]))
    targets = softmax(teacher @ bank.T / 0.04, axis=1)
    expected = -(targets * log_softmax(student @ bank.T / 0.1, axis=1)).sum(axis=1).mean()
    loss = relational(
        reference.a,
        reference.b,
        reference.b[:5],
        student_temperature=0.1,
        teacher_temperature=0.04,
    )
    assert loss.item() == pytest.approx(expected, abs=1e-9)


def test_dino_pairs(reference):
    student, teacher = reference.student, reference.teacher
    center = teacher[0, 0]
    pairs = [(v, w) for v in range(2) for w in range(4) if v != w]
    expected = [
        F.cross_entropy(student[w] / 0.2, ((teacher[v] - center) / 0.1).softmax(dim=1))
        for v, w in pairs
    ]
    loss = dino(student, teacher, center=center, student_temperature=0.2, teacher_temperature=0.1)
    assert_close(loss, torch.stack(expected).mean())


def test_sinkhorn_against_numpy(reference):
    (scores, _) = prototype_scores(reference)
    q = np.exp(scores.numpy() / 0.05)
    for _ in range(3):
        q /= q.sum(axis=0) * q.shape[1]
        q /= q.sum(axis=1, keepdims=True)
    assert_close(sinkhorn(scores), torch.tensor(q))


def test_sinkhorn_balances(reference):
    (scores, _) = prototype_scores(reference)
    assignments = sinkhorn(scores.requires_grad_(), n_iterations=500)
    assert not assignments.requires_grad
    assert_close(assignments.sum(dim=1), torch.ones(8, dtype=torch.float64))
    assert_close(assignments.mean(dim=0), torch.full((5,), 0.2, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_sinkhorn_of_large_scores(reference, dtype):
    (scores, _) = prototype_scores(reference)
    assignments = sinkhorn(1e4 * scores.to(dtype))
    assert_close(assignments.sum(dim=1), torch.ones(8))


def test_swav_crops_and_queue(reference):
    a, b = prototype_scores(reference)
    crop, queues = (a + b).flip(0), [b.flip(1), a.flip(1)]

    def cross_entropy(target, scores):
        return F.cross_entropy(scores / 0.2, target)

    q_a = sinkhorn(torch.cat([a, queues[0]]))[:8]
    q_b = sinkhorn(torch.cat([b, queues[1]]))[:8]
    expected = [
        cross_entropy(q_a, b),
        cross_entropy(q_a, crop),
        cross_entropy(q_b, a),
        cross_entropy(q_b, crop),
    ]
    loss = swav([a, b, crop], temperature=0.2, queue_scores=queues)
    assert_close(loss, torch.stack(expected).mean())


def test_swav_assignments_get_no_gradient(reference):
    a, b = (scores.requires_grad_() for scores in prototype_scores(reference))
    grads = torch.autograd.grad(swav([a, b]), (a, b))
    expected = (F.cross_entropy(a / 0.1, sinkhorn(b)) + F.cross_entropy(b / 0.1, sinkhorn(a))) / 2
    assert_close(grads, torch.autograd.grad(expected, (a, b)))


def test_tico_covariance_moves(pair):
    a, b = pair
    z1, z2 = unit(a).numpy(), unit(b).numpy()
    old = np.diag(np.linspace(0, 1, 16))
    moved = 0.8 * old + 0.2 * z1.T @ z1 / 8
    expected = 1 - (z1 * z2).sum() / 8 + 3 * np.einsum("ij,jk,ik->", z1, moved, z1) / 8
    loss, covariance = tico(a.requires_grad_(), b, covariance=torch.tensor(old), beta=0.8, rho=3)
    assert loss.item() == pytest.approx(expected, abs=1e-9)
    assert loss.requires_grad and not covariance.requires_grad
    assert_close(covariance, torch.tensor(moved))


def numpy_whiten(z):
    centered = z - z.mean(axis=0)
    factor = np.linalg.cholesky(np.cov(z, rowvar=False))
    return solve_triangular(factor, centered.T, lower=True).T


def test_whiten_makes_the_covariance_the_identity(pair):
    views = torch.stack(pair)[..., :3]
    white = whiten(views)
    assert_close(white.mean(dim=1), torch.zeros(2, 3, dtype=torch.float64))
    for z, w in zip(views, white, strict=True):
        assert_close(w.T.cov(), torch.eye(3, dtype=torch.float64))
        assert_close(w, torch.tensor(numpy_whiten(z.numpy())))


def test_whiten_epsilon(pair):
    z = pair[0][:2]
    factor = np.linalg.cholesky(0.9 * np.cov(z.numpy(), rowvar=False) + 0.1 * np.eye(16))
    expected = np.linalg.solve(factor, (z - z.mean(dim=0)).numpy().T).T
    assert_close(whiten(z, epsilon=0.1), torch.tensor(expected))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_whiten_tells_constant_from_narrow_dimensions(pair, dtype, scale):
    z = pair[0][:, :3].to(dtype) * torch.tensor([1.0, scale, 1.0], dtype=dtype)
    whiten(z)
    z[:, 1] = 0.3 * scale
    with pytest.raises(ValueError, match="a dimension is constant, or follows from others"):
        whiten(z)
    z[:, 1] = 2 * z[:, 0]
    with pytest.raises(ValueError, match="a dimension is constant, or follows from others"):
        whiten(z)


def test_whiten_passes_nan_on(pair):
    z = pair[0][:, :3].clone()
    z[0, 0] = float("nan")
    assert whiten(z).isnan().any()


@pytest.mark.parametrize(
    ("sub_batch", "d", "sizes"), [(4, 3, [4, 4]), (3, 2, [4, 4]), (5, 3, [8]), (None, 3, [8])]
)
def test_w_mse_against_numpy(pair, sub_batch, d, sizes):
    views = [z[:, :d] for z in (*pair, pair[0].flip(1))]
    order = np.arange(8)
    if len(sizes) > 1:
        order = torch.randperm(8, generator=torch.Generator().manual_seed(3)).numpy()
    unit_views = []
    for z in views:
        groups = np.split(z.numpy()[order], np.cumsum(sizes)[:-1])
        white = np.concatenate([numpy_whiten(group) for group in groups])
        unit_views.append(white / np.linalg.norm(white, axis=1, keepdims=True))
    expected = np.mean(
        [
            ((unit_views[u] - unit_views[v]) ** 2).sum(axis=1).mean()
            for u, v in [(0, 1), (0, 2), (1, 2)]
        ]
    )
    generator = torch.Generator().manual_seed(3)
    loss = w_mse(views, sub_batch=sub_batch, generator=generator)
    assert loss.item() == pytest.approx(expected, abs=1e-9)


def test_w_mse_of_two_samples():
    z = torch.tensor([[1.0], [2.0]])
    assert w_mse([z, z]).item() == pytest.approx(0, abs=1e-6)
    assert w_mse([z, -z]).item() == pytest.approx(4, abs=1e-6)


def test_mmcr_normalises_and_takes_momentum_views(pair):
    views = torch.stack(pair)
    momentum = views.flip(2)
    z = unit(torch.cat([views, momentum])).numpy()
    local = np.mean([np.linalg.norm(z[:, i], "nuc") for i in range(8)])
    expected = 0.1 * local - np.linalg.norm(z.mean(axis=0), "nuc")
    loss = mmcr(2 * views, momentum, local_weight=0.1)
    assert loss.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("d", [3, 16])
def test_frossl_against_numpy(pair, d):
    views = [z[:, :d] for z in (*pair, pair[0].flip(1))]
    columns = [z.numpy() / np.linalg.norm(z.numpy(), axis=0) for z in views]
    mean = np.mean(columns, axis=0)
    expected = 0.0
    for z in columns:
        eigenvalues = np.linalg.eigvalsh(z.T @ z / d)
        expected += np.log((eigenvalues**2).sum()) + 0.5 * 3 * d * ((z - mean) ** 2).mean()
    loss = frossl(views, invariance_weight=0.5)
    assert loss.item() == pytest.approx(expected, abs=1e-9)


def test_sigreg_reference(pair):
    # lightly, whose knots and weights are float32.
    both = sigreg(torch.stack(pair), directions=DIRECTIONS)
    assert both.item() == pytest.approx(1.0863015367, abs=1e-8)
    assert sigreg(pair[0], directions=DIRECTIONS).item() == pytest.approx(0.9885026550, abs=1e-8)


def test_sigreg_against_numpy(pair):
    z, t = pair[0].numpy(), np.linspace(-3, 3, 33)
    normal = np.exp(-(t**2) / 2)
    empirical = np.exp(1j * z[..., None] * t).mean(axis=0)
    integrals = trapezoid(np.abs(empirical - normal) ** 2 * normal, t)
    loss = sigreg(pair[0], directions=DIRECTIONS)
    assert loss.item() == pytest.approx(8 * integrals.mean(), abs=1e-12)


def test_sigreg_averages_views(pair):
    directions = unit(torch.tensor(np.random.default_rng(0).standard_normal((9, 16)))).T
    each = [sigreg(z, directions=directions, n_knots=9, t_max=2.0) for z in pair]
    together = sigreg(torch.stack(pair)[None], directions=directions, n_knots=9, t_max=2.0)
    assert_close(together, torch.stack(each).mean())


def test_lejepa_with_crops(pair):
    views = torch.stack([*pair, pair[0].flip(0)])
    invariance = (views - (pair[0] + pair[1]) / 2).square().mean()
    expected = 0.8 * invariance + 0.2 * sigreg(views, directions=DIRECTIONS)
    assert_close(lejepa(views, directions=DIRECTIONS, weight=0.2), expected)


def test_visreg_shape_against_scipy(pair):
    directions = unit(torch.tensor(np.random.default_rng(0).standard_normal((9, 16)))).T
    z = torch.stack(pair).numpy()
    standardised = (z - z.mean(axis=1, keepdims=True)) / (z.std(axis=1, keepdims=True) + 1e-4)
    quantiles = norm.ppf(np.arange(1, 9) / 9)[:, None]
    projected = np.sort(standardised @ directions.numpy(), axis=1)
    expected = 0.7 * ((projected - quantiles) ** 2).mean()
    loss = visreg(
        pair, directions=directions, weight=0.7, center_weight=0, scale_weight=0, n_global=1
    )
    invariance = 0.3 * (pair[1] - pair[0]).square().mean() / 2
    assert_close(loss, expected + invariance)


def test_visreg_shape_gets_no_gradient_through_the_scale(pair):
    z = pair[0].clone().requires_grad_()
    only_shape = {"weight": 1, "center_weight": 0, "scale_weight": 0, "n_global": 1}
    loss = visreg([z], directions=DIRECTIONS, **only_shape)
    (grad,) = torch.autograd.grad(loss, z)

    # Standardised values are a linear function of z while the standard deviation is held.
    scale = z.detach().std(dim=0, correction=0) + 1e-4
    standardised = (z - z.mean(dim=0)) / scale
    quantiles = torch.special.ndtri(torch.arange(1, 9, dtype=torch.float64) / 9)[:, None]
    expected = (standardised.sort(dim=0).values - quantiles).square().mean()
    assert_close((grad,), torch.autograd.grad(expected, z))


def test_fixmatch_by_hand():
    probabilities = torch.tensor([[0.96, 0.04], [0.9, 0.1], [0.02, 0.98]], dtype=torch.float64)
    strong = torch.tensor([[0.25, 0.75], [0.5, 0.5], [0.5, 0.5]], dtype=torch.float64)
    # The second is not certain enough, but counts among the three.
    expected = (np.log(4) + np.log(2)) / 3
    assert fixmatch(probabilities.log(), strong.log()).item() == pytest.approx(expected)
    # At the threshold is certain enough.
    certain = torch.tensor([[0.0, 0.0]], dtype=torch.float64)
    assert fixmatch(certain, certain, threshold=0.5).item() == pytest.approx(np.log(2))


def test_fixmatch_has_no_gradient_of_the_weak_view(reference):
    weak, strong = (z.clone().requires_grad_() for z in (reference.a, reference.b))
    fixmatch(weak, strong, threshold=0.0).backward()
    assert weak.grad is None
    assert strong.grad.abs().sum() > 0


def test_pseudo_label_by_hand():
    probabilities = torch.tensor([[0.2, 0.8], [0.5, 0.5]], dtype=torch.float64)
    expected = -(np.log(0.8) + np.log(0.5)) / 2
    assert pseudo_label(probabilities.log()).item() == pytest.approx(expected)
