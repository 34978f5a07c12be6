"""What code of a user's returns is looked at where it is first used, and the error names it."""

import numpy as np
import pytest
import torch
from cases import tiny_conv, tiny_mlp
from sklearn.datasets import load_digits
from torch import nn

from skssl import SimCLR
from skssl.exceptions import CollapseWarning, NonFiniteLossError
from skssl.extend import (
    POSITIVE,
    Objective,
    PairObjective,
    SelfSupervisedTransformer,
    Views,
    mlp_head,
    param,
)
from skssl.pretext import RotationPrediction
from skssl.views import CallableViews

TABLE = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
PICTURES = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
QUICK = {"max_epochs": 1, "batch_size": 20, "device": "cpu", "random_state": 0}


def method_that(make_objective, **body):
    """Return a method of a user's with this make_objective."""
    body = {"make_objective": make_objective, "__doc__": "A method.", **body}
    return type("Mine", (SelfSupervisedTransformer,), body)


def returning(make):
    """Return a method whose objective is what a function makes of encoder and its size."""

    def make_objective(self, encoder, samples, *, embedding_dim, n_samples):
        return make(encoder, embedding_dim)

    return method_that(make_objective)


def distance(z1, z2):
    return (z1 - z2).square().mean()


def pairs(encoder, dim, loss=distance):
    return PairObjective(encoder, mlp_head([dim, 8], last_norm=False), loss, together=True)


class NoForward(Objective):
    """Has no loss."""


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda encoder, dim: None, TypeError, "Mine.make_objective returned None; .* Objective"),
        (lambda encoder, dim: nn.Linear(3, 4), TypeError, r"returned Linear\(.* Objective"),
        (lambda encoder, dim: NoForward(encoder), TypeError, "NoForward has to define forward"),
        (
            lambda encoder, dim: pairs(tiny_mlp((4,)), dim),
            ValueError,
            "a PairObjective whose encoder lacks '.*0.weight' of the encoder that it was given",
        ),
        (lambda encoder, dim: pairs(nn.Identity(), 4), ValueError, "lacks '.*0.weight'"),
    ],
    ids=["none", "module", "no forward", "another encoder", "no encoder"],
)
def test_objectives(make, kind, message):
    with pytest.raises(kind, match=message):
        returning(make)(encoder=tiny_mlp, **QUICK).fit(TABLE)


def test_an_objective_may_wrap_the_encoder():
    wrapped = returning(lambda encoder, dim: pairs(nn.Sequential(encoder, nn.ReLU()), dim))
    assert wrapped(encoder=tiny_mlp, **QUICK).fit(TABLE).transform(TABLE).shape == (20, 16)


@pytest.mark.parametrize(
    ("loss", "kind", "message"),
    [
        (lambda z1, z2: 1.0, TypeError, "loss that PairObjective returns is 1.0; .* a tensor"),
        (lambda z1, z2: None, TypeError, "returns is None; it has to be a tensor"),
        (lambda z1, z2: (distance(z1, z2), 1), TypeError, "it has to be a tensor"),
        (lambda z1, z2: distance(z1, z2).detach(), ValueError, "PairObjective .* has no gradient"),
        (lambda z1, z2: torch.tensor(3), ValueError, "PairObjective returns has no gradient"),
        (
            lambda z1, z2: distance(z1, z2) * torch.nan,
            NonFiniteLossError,
            "nan at step 1, before a weight has changed.*where views or the loss are your own",
        ),
    ],
)
def test_losses(loss, kind, message):
    method = returning(lambda encoder, dim: pairs(encoder, dim, loss))
    with pytest.raises(kind, match=message):
        method(encoder=tiny_mlp, **QUICK).fit(TABLE)


def test_a_loss_without_a_term_against_collapse():
    def closeness(z1, z2):
        return -torch.cosine_similarity(z1, z2).mean()

    method = returning(lambda encoder, dim: pairs(encoder, dim, closeness))
    ssl = method(encoder=tiny_conv, **{**QUICK, "batch_size": 64, "max_epochs": 10})
    with pytest.warns(CollapseWarning, match="Mine: .*A loss without a term that keeps samples"):
        ssl.fit(load_digits().images[:400])


class Changed(Views):
    """What a function makes of a batch."""

    def __call__(self, batch, *, generator):
        return self.change(batch)


def with_both(change):
    """Return a function as views, and a subclass of Views that does the same."""
    return change, type("Mine", (Changed,), {"change": staticmethod(change)})()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda batch: batch[:3], r"samples with 4 axes.*got \(3, 1, 8, 8\)"),
        (lambda batch: batch[:, 0], r"got \(2, 8, 8\)"),
        (lambda batch: batch.double(), "of torch.float32; got .* of torch.float64"),
        (lambda batch: (255 * batch).byte(), "of torch.float32; got .* of torch.uint8"),
        (lambda batch: batch.numpy(), "got ndarray"),
        (lambda batch: None, "got NoneType"),
        (
            lambda batch: batch.repeat(1, 3, 1, 1),
            r"views of shape \(3, 8, 8\) of samples of shape \(1, 8, 8\).*cannot embed the views",
        ),
        (lambda batch: batch / 0, "makes views that encoder=.* embeds as NaN or infinity"),
    ],
    ids=["rows", "axes", "double", "bytes", "numpy", "none", "channels", "infinite"],
)
def test_views(change, message):
    for views, name in zip(with_both(change), ("<function", r"Mine\(\)"), strict=True):
        for method in (SimCLR, RotationPrediction):
            ssl = method(encoder=tiny_conv, views=views, **QUICK)
            with pytest.raises(ValueError, match=f"views={name}.*{message}"):
                ssl.fit(PICTURES)


def test_views_may_have_another_size():
    for views in with_both(lambda batch: batch[..., 1:]):
        SimCLR(encoder="auto", views=views, **QUICK).fit(PICTURES)


def with_generator(batch, *, generator):
    return batch


@pytest.mark.parametrize(
    ("views", "message"),
    [
        (with_generator, "views=.*with_generator.* is called with the batch alone.*generator"),
        (lambda: 0, "is called with the batch alone: too many positional arguments"),
        (nn.Identity, r"got the class Identity; write views=Identity\(\)"),
    ],
)
def test_views_that_cannot_be_called(views, message):
    with pytest.raises(ValueError, match=message):
        SimCLR(encoder=tiny_mlp, views=views, **QUICK).fit(TABLE)


class Returns(nn.Module):
    """An encoder that returns what a function makes of a batch."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, batch):
        return self.function(batch.flatten(1))


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (Returns(lambda batch: (batch, 1)), r"shape \(n, d\), got tuple"),
        (Returns(lambda batch: batch.mean(0, keepdim=True)), r"got shape \(1, 4\) for 2 samples"),
        (
            nn.Flatten,
            r"encoder=<class .*Flatten.*called with the shape of a sample; .* such as Flatten\(\)",
        ),
    ],
    ids=["tuple", "mean", "class"],
)
def test_encoders(encoder, message):
    with pytest.raises(ValueError, match=message):
        SimCLR(encoder=encoder, **QUICK).fit(TABLE)


def test_a_method_that_changes_a_parameter():
    def make_objective(self, encoder, samples, *, embedding_dim, n_samples):
        self.weight_, self.weight = 7.0, 7.0
        return pairs(encoder, embedding_dim)

    declared = {"weight": param(POSITIVE, default=1.0), "__annotations__": {"weight": float}}
    ssl = method_that(make_objective, **declared)(encoder=tiny_mlp, **QUICK)
    with pytest.raises(TypeError, match=r"parameter weight from 1.0 to 7.0.*self.weight_"):
        ssl.fit(TABLE)
    assert ssl.weight == 1.0


def test_a_method_that_checks_more_of_its_parameters():
    class Checked(SimCLR):
        """Wants few epochs for a small batch."""

        def check_parameters(self):
            super().check_parameters()
            if self.max_epochs > self.batch_size:
                raise ValueError(f"max_epochs={self.max_epochs} must not exceed batch_size.")

    with pytest.raises(ValueError, match="max_epochs=30 must not exceed"):
        Checked(**{**QUICK, "max_epochs": 30}).fit(TABLE)
    with pytest.raises(ValueError, match="'temperature' parameter of Checked"):
        Checked(temperature=-1.0, **QUICK).fit(TABLE)


@pytest.mark.parametrize(
    ("base", "name", "function"),
    [
        (SelfSupervisedTransformer, "make_objective", lambda self, encoder, samples: None),
        (SelfSupervisedTransformer, "make_objective", lambda self, e, s, *, dim, n_samples: None),
        (Views, "__call__", lambda self, batch: batch),
        (Objective, "forward", lambda self, batch: batch),
    ],
)
def test_what_is_called_otherwise_is_an_error_of_the_class(base, name, function):
    with pytest.raises(TypeError, match=rf"Mine.{name} has to be defined as {name}\(self"):
        type("Mine", (base,), {name: function})


def test_other_names_of_what_comes_by_position_are_fine():
    type("Mine", (Objective,), {"forward": lambda self, x, draw: x})
    method_that(lambda self, net, X, *, embedding_dim, n_samples: None)
    method_that(lambda self, *args, **kwargs: None)
    CallableViews(torch.flip).check_parameters()
