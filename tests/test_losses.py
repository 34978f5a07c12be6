"""Losses, against values that were computed with other libraries."""

import numpy as np
import pytest
import torch

from skssl.losses import nt_xent, vicreg


@pytest.fixture
def pair():
    rs = np.random.RandomState(0)  # noqa: NPY002 - the reference values were made with it
    a = rs.standard_normal((8, 16))
    b = a + 0.5 * rs.standard_normal((8, 16))
    assert a.sum() == pytest.approx(17.3849661216, abs=1e-9)
    assert b.sum() == pytest.approx(13.2421650676, abs=1e-9)
    return torch.tensor(a), torch.tensor(b)


@pytest.mark.parametrize(("temperature", "expected"), [(0.5, 1.1701984563), (0.1, 0.0070263401)])
def test_nt_xent_reference(pair, temperature, expected):
    # lightly, solo-learn and stable-pretraining agree on these.
    assert nt_xent(*pair, temperature=temperature).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("scale", "expected"), [(1.0, 14.4267411662), (0.3, 17.1896761003)])
def test_vicreg_reference(pair, scale, expected):
    # lightly and stable-pretraining, as in the authors' code.
    a, b = pair
    assert vicreg(scale * a, scale * b).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [((1, 0, 0), 0.0192456658), ((0, 1, 0), 0.6658850801), ((0, 0, 1), 0.0614074548)],
)
def test_vicreg_terms(pair, weights, expected):
    a, b = pair
    names = ("invariance_weight", "variance_weight", "covariance_weight")
    loss = vicreg(0.3 * a, 0.3 * b, **dict(zip(names, weights, strict=True)))
    assert loss.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("loss", [lambda a, b: nt_xent(a, b, temperature=0.5), vicreg])
def test_gradients(pair, loss):
    a, b = (0.5 * z[:4, :5].clone().requires_grad_() for z in pair)
    assert torch.autograd.gradcheck(loss, (a, b))


@pytest.mark.parametrize("loss", [lambda a, b: nt_xent(a, b, temperature=0.5), vicreg])
def test_views_are_interchangeable(pair, loss):
    a, b = pair
    torch.testing.assert_close(loss(a, b), loss(b, a))


def test_bad_input():
    z = torch.ones(4, 3)
    with pytest.raises(ValueError, match=r"got \(4, 3\) and \(4, 2\)"):
        vicreg(z, z[:, :2])
    with pytest.raises(ValueError, match="at least 2 samples, got 1"):
        vicreg(z[:1], z[:1])
    with pytest.raises(ValueError, match=r"temperature=-1"):
        nt_xent(z, z, temperature=-1)
