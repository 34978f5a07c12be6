"""Displays show what they say: behaviour, not pixels."""

import re

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases import CASES

from skssl import ContextEncoder, MaskedAutoencoder, SimCLR
from skssl.inspection import ViewsDisplay

CASE = {case.name: case for case in CASES}
KINDS = ["images", "points", "series", "categories", "video", "text"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def unfitted(kind, cls=SimCLR, **params):
    return CASE[kind].make(cls, **params)


@pytest.mark.parametrize("kind", KINDS)
def test_views_of_every_modality_are_drawn_and_seeded(kind):
    X = CASE[kind].few()
    method = unfitted(kind)

    def draw(**params):
        return ViewsDisplay.from_estimator(method, X, rows=[3, -1], n_views=2, **params)

    first, again, other = draw(), draw(), draw(random_state=1)
    assert first.axes_.shape == (2, 3)
    assert not hasattr(method, "modality_")
    assert [ax.get_ylabel() for ax in first.axes_[:, 0]] == ["row 3", f"row {len(X) - 1}"]
    assert repr(first.views) == repr(again.views)
    assert repr(first.views) != repr(other.views)
    first.figure_.canvas.draw()
    assert first.plot().figure_ is not again.figure_


def test_views_are_those_of_the_method():
    X = CASE["images"].few()
    twice = ViewsDisplay.from_estimator(unfitted("images", views=lambda batch: 1 - batch), X)
    for sample, views in zip(twice.samples, twice.views, strict=True):
        np.testing.assert_allclose(views[0].pixels, 1 - sample.pixels, atol=1e-6)
    fitted = unfitted("images").fit(X)
    shown = [ViewsDisplay.from_estimator(one, X).views for one in (fitted, unfitted("images"))]
    assert repr(shown[0]) == repr(shown[1])


def test_changed_cells_are_marked():
    X = CASE["categories"].few()
    display = ViewsDisplay.from_estimator(unfitted("categories"), X, n_views=3)
    n_changed = 0
    for sample, views in zip(display.samples, display.views, strict=True):
        for view in views:
            differs = np.array(sample.texts) != np.array(view.texts)
            np.testing.assert_array_equal(view.marked, differs)
            n_changed += differs.sum()
    assert n_changed


@pytest.mark.parametrize("cls", [MaskedAutoencoder, ContextEncoder])
def test_methods_without_views_say_so(cls):
    method = cls(random_state=0)
    with pytest.raises(ValueError, match=rf"{cls.__name__} shows samples as they are"):
        ViewsDisplay.from_estimator(method, CASE["images"].few())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rows": [0, 200]}, "rows has 200, but X has 122 samples"),
        ({"rows": [0.5]}, "rows must be the positions of samples"),
        ({"rows": []}, "rows must be the positions of samples"),
        ({"n_views": 0}, "'n_views'"),
        ({"kind": "wild"}, "'kind'"),
    ],
)
def test_errors_of_views(params, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ViewsDisplay.from_estimator(unfitted("images"), CASE["images"].few(), **params)


def test_axes_are_divided_or_used():
    X = CASE["images"].few()
    display = ViewsDisplay.from_estimator(unfitted("images"), X, rows=[0], n_views=1)
    figure, axes = plt.subplots(1, 2)
    assert display.plot(ax=axes).figure_ is figure
    assert list(display.axes_.ravel()) == list(axes)
    _, ax = plt.subplots()
    assert display.plot(ax=ax).bounding_ax_ is ax
    assert display.axes_.shape == (1, 2)
    with pytest.raises(ValueError, match=re.escape("2 of them (1 rows of 2), got 3")):
        display.plot(ax=plt.subplots(1, 3)[1])
    with pytest.raises(ValueError, match="ax has no place in a grid"):
        display.plot(ax=plt.figure().add_axes((0, 0, 1, 1)))
