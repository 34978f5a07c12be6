"""What every loss has in common: gradients, precision, edges, errors."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from numpydoc.docscrape import NumpyDocString
from torch import Tensor

from skssl import losses
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


@dataclass(frozen=True)
class Case:
    """A loss as a function of two views with the shape (n, 4)."""

    function: Callable
    call: Callable[[Tensor, Tensor], Tensor]
    name: str = ""
    symmetric: bool = True
    stops_gradient: bool = False
    needs_full_rank: bool = False

    @property
    def id(self) -> str:
        return "_".join(filter(None, [self.function.__name__, self.name]))


def directions(d: int = 4) -> Tensor:
    return torch.eye(d)


def others(z: Tensor) -> Tensor:
    """Rows that are no view of a sample."""
    return torch.linspace(-1, 1, 12, dtype=z.dtype).sin().reshape(3, 4)


CASES = [
    Case(nt_xent, lambda a, b: nt_xent(a, b, temperature=0.5)),
    Case(info_nce, lambda a, b: info_nce(a, b, temperature=0.2), symmetric=False),
    Case(
        info_nce,
        lambda a, b: info_nce(a, b, temperature=0.2, negatives=others(a)),
        "with_negatives",
        symmetric=False,
    ),
    Case(dcl, lambda a, b: dcl(a, b, temperature=0.1)),
    Case(dcl, lambda a, b: dcl(a, b, temperature=0.1, sigma=0.5), "weighted", stops_gradient=True),
    Case(negative_cosine, negative_cosine),
    Case(
        relational,
        lambda a, b: relational(a, b, others(a), student_temperature=0.1, teacher_temperature=0.04),
        symmetric=False,
    ),
    Case(
        dino,
        lambda a, b: dino(torch.stack([a, b]), torch.stack([a, b]), center=others(a)[0]),
    ),
    Case(fixmatch, lambda a, b: fixmatch(a, b, threshold=0.3), symmetric=False),
    Case(pseudo_label, lambda a, b: pseudo_label(a) + pseudo_label(b)),
    Case(sinkhorn, lambda a, b: (sinkhorn(a) * sinkhorn(b)).sum(), stops_gradient=True),
    Case(swav, lambda a, b: swav([a, b]), stops_gradient=True),
    Case(swav, lambda a, b: swav([others(a).repeat(3, 1)[: len(a)], a, b], n_assign=1), "crops"),
    Case(vicreg, vicreg),
    Case(vibcreg, vibcreg),
    Case(barlow_twins, barlow_twins),
    Case(tico, lambda a, b: tico(a, b, covariance=torch.ones(4, 4))[0], symmetric=False),
    Case(whiten, lambda a, b: (whiten(a) * whiten(b)).sum(), needs_full_rank=True),
    Case(w_mse, lambda a, b: w_mse([a, b]), needs_full_rank=True),
    Case(w_mse, lambda a, b: w_mse([a, b, a + b], epsilon=0.1), "with_epsilon"),
    Case(mmcr, lambda a, b: mmcr([a, b], local_weight=0.1)),
    Case(frossl, lambda a, b: frossl([a, b])),
    Case(sigreg, lambda a, b: sigreg(torch.stack([a, b]), directions=directions())),
    Case(lejepa, lambda a, b: lejepa([a, b], directions=directions())),
    Case(visreg, lambda a, b: visreg([a, b], directions=directions()), stops_gradient=True),
    Case(
        visreg,
        lambda a, b: visreg([a, b], directions=directions(), shape_weight=0),
        "without_shape",
    ),
]
SMOOTH = [case for case in CASES if not case.stops_gradient]

every_case = pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
every_function = pytest.mark.parametrize("name", losses.__all__)


def test_no_loss_is_forgotten():
    assert {case.function.__name__ for case in CASES} == set(losses.__all__)
    # Sinkhorn's assignments are targets, which never get a gradient.
    assert {case.function.__name__ for case in SMOOTH} == set(losses.__all__) - {"sinkhorn"}


@every_function
def test_every_parameter_is_described(name):
    function = getattr(losses, name)
    doc = NumpyDocString(inspect.getdoc(function))
    described = [n.strip() for parameter in doc["Parameters"] for n in parameter.name.split(",")]
    assert described == [*dict.fromkeys(described)]
    assert sorted(described) == sorted(inspect.signature(function).parameters)
    assert doc["Raises"] and doc["References"] and doc["Examples"]


@pytest.fixture
def views(pair):
    """Two views whose values and gradients are of a common size."""
    return tuple(0.5 * z[:, :4] for z in pair)


@pytest.mark.parametrize("case", SMOOTH, ids=[case.id for case in SMOOTH])
def test_gradients(views, case):
    a, b = (z[:6].clone().requires_grad_() for z in views)
    assert torch.autograd.gradcheck(case.call, (a, b))


@every_case
def test_views_are_interchangeable(views, case):
    a, b = views
    same = torch.allclose(case.call(a, b), case.call(b, a))
    assert same == case.symmetric


@every_case
def test_float32_is_close_to_float64(views, case):
    a, b = views
    single = case.call(a.float(), b.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), case.call(a, b), rtol=1e-4, atol=1e-5)


@every_case
def test_autocast_does_not_lower_the_precision(views, case):
    a, b = (z.float() for z in views)
    with torch.autocast("cpu", torch.bfloat16):
        inside = case.call(a, b)
    torch.testing.assert_close(inside, case.call(a, b), rtol=0, atol=0)


def few_samples(a, b):
    return a[:2], b[:2]


def equal_views(a, b):
    return a, a.clone()


def constant_dimension(a, b):
    return tuple(torch.cat([torch.full_like(z[:, :1], 0.3), z[:, 1:]], dim=1) for z in (a, b))


@every_case
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("edge", [few_samples, equal_views, constant_dimension])
def test_edges(views, case, dtype, edge):
    a, b = (z.to(dtype).requires_grad_() for z in edge(*views))
    if case.needs_full_rank and edge is not equal_views:
        with pytest.raises(ValueError, match="more samples than|cannot be whitened"):
            case.call(a, b)
        return
    loss = case.call(a, b)
    assert loss.isfinite()
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    if loss.requires_grad:
        for grad in torch.autograd.grad(loss, (a, b), materialize_grads=True):
            assert grad.isfinite().all()
            assert grad.abs().max() < 1e3


Z = torch.ones(4, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vicreg(Z, Z[:, :2]), r"z1 and z2 .* got \(4, 3\) and \(4, 2\)"),
        (lambda: vicreg(Z[:1], Z[:1]), "z1 and z2 must have at least 2 samples, got 1"),
        (lambda: vibcreg(Z[:1], Z[:1]), "at least 2 samples, got 1"),
        (lambda: barlow_twins(Z[:1], Z[:1]), "at least 2 samples, got 1"),
        (lambda: nt_xent(Z, Z, temperature=-1), "temperature=-1 must be above 0"),
        (lambda: info_nce(Z, Z[:3], temperature=1), "queries and keys must have the same shape"),
        (lambda: info_nce(Z, Z, temperature=0), "temperature=0 must be above 0"),
        (
            lambda: info_nce(Z, Z, temperature=1, negatives=Z[:, :2]),
            r"negatives must have the shape \(n_rows, 3\), got \(4, 2\)",
        ),
        (lambda: info_nce(Z, Z, temperature=1, negatives=Z[:0]), r"negatives .* got \(0, 3\)"),
        (lambda: dcl(Z[:1], Z[:1], temperature=1), "at least 2 samples, got 1"),
        (lambda: dcl(Z, Z, temperature=1, sigma=0), "sigma=0 must be above 0"),
        (lambda: negative_cosine(Z, Z[0]), r"p and z .* got \(4, 3\) and \(3,\)"),
        (
            lambda: relational(Z, Z, Z.T, student_temperature=1, teacher_temperature=1),
            r"bank must have the shape \(n_rows, 3\), got \(3, 4\)",
        ),
        (
            lambda: relational(Z, Z, Z, student_temperature=1, teacher_temperature=0),
            "teacher_temperature=0 must be above 0",
        ),
        (
            lambda: dino(Z, Z, center=Z[0]),
            r"student and teacher must have the shapes .* got \(4, 3\) and \(4, 3\)",
        ),
        (lambda: dino(Z[None], Z[None], center=Z[0]), "pair of different views, got 1 and 1"),
        (
            lambda: dino(Z.expand(2, 4, 3), Z[None], center=Z[0, :2]),
            r"center must have the shape \(3,\) or \(1, 3\), got \(2,\)",
        ),
        (lambda: fixmatch(Z, Z[:2]), r"weak and strong .* got \(4, 3\) and \(2, 3\)"),
        (lambda: fixmatch(Z, Z, threshold=2), "threshold=2 must be between 0 and 1"),
        (lambda: pseudo_label(Z[0]), r"logits must have the shape .* got \(3,\)"),
        (lambda: sinkhorn(Z[0]), r"scores must have the shape .* got \(3,\)"),
        (lambda: sinkhorn(Z, epsilon=0), "epsilon=0 must be above 0"),
        (lambda: sinkhorn(Z, n_iterations=0), "n_iterations=0 must be at least 1"),
        (lambda: swav([Z]), "scores must hold at least 2 tensors, got 1"),
        (lambda: swav([Z, Z[:2]]), r"scores .* the same shape .* got \[\(2, 3\), \(4, 3\)\]"),
        (lambda: swav([Z, Z], n_assign=3), "n_assign=3 must be between 1 and the 2 views"),
        (lambda: swav([Z, Z], queue_scores=[Z]), "queue_scores must hold n_assign=2 tensors"),
        (lambda: swav([Z, Z], queue_scores=[Z, Z[:, :2]]), r"queue_scores .* got \(4, 2\)"),
        (lambda: tico(Z, Z, covariance=Z), r"covariance must have the shape \(3, 3\), got \(4, 3"),
        (lambda: tico(Z, Z, covariance=Z[:3], beta=2), "beta=2 must be between 0 and 1"),
        (lambda: whiten(Z[:3]), r"more samples than dimensions .* got \(3, 3\) and epsilon=0"),
        (lambda: whiten(Z[0]), r"got \(3,\)"),
        (lambda: whiten(Z, epsilon=-1), "epsilon=-1 must be between 0 and 1"),
        (lambda: w_mse([Z]), "views must hold at least 2 tensors, got 1"),
        (lambda: w_mse([Z, Z], sub_batch=3), "sub_batch=3 must be above the number .* 3"),
        (lambda: mmcr([]), "views must hold at least 1 tensors, got 0"),
        (lambda: mmcr(Z), "views must all have the same shape"),
        (lambda: mmcr([Z], [Z[:2]]), r"views and momentum_views .* got \(4, 3\) and \(2, 3\)"),
        (lambda: frossl([Z[:1], Z[:1]]), "views must have at least 2 samples, got 1"),
        (lambda: sigreg(Z, directions=Z), r"z and directions .* got \(4, 3\) and \(4, 3\)"),
        (lambda: sigreg(Z, directions=Z.T, n_knots=1), "n_knots=1 must be at least 2"),
        (lambda: sigreg(Z, directions=Z.T, t_max=0), "t_max=0 must be above 0"),
        (lambda: lejepa([Z], directions=Z.T), "n_global=2 must be between 1 and the 1 views"),
        (lambda: lejepa([Z, Z], directions=Z.T, weight=2), "weight=2 must be between 0 and 1"),
        (lambda: visreg([Z, Z], directions=Z), r"z and directions .* and \(4, 3\)"),
        (lambda: visreg([Z[:1], Z[:1]], directions=Z.T), "at least 2 samples, got 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
