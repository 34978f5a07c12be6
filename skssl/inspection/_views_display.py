"""The figure of what views do to samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skssl._declare import POSITIVE_INT, StrOptions
from skssl._labels import split_labels
from skssl._numbering import numbered_as
from skssl._sklearn_compat import check_lengths, num_samples, validate_params
from skssl._types import RandomState, Samples
from skssl.base import SelfSupervisedTransformer
from skssl.inspection._arguments import check_method, check_rows
from skssl.inspection._fonts import find_letters
from skssl.inspection._sketch_rows import draw_rows, named_rows, put_titles
from skssl.inspection._sketchers import sketcher_of
from skssl.inspection._sketches import Sketch
from skssl.inspection._style import plain_text, pyplot, shortened
from skssl.modality import take
from skssl.training import seeded
from skssl.views import ViewKind, draw_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Views of tables take cells from other rows of the batch.
_BATCH = 64
_MOST_CLASSES = 10
# Letters of a class beside its row.
_LETTERS = 10


class ViewsDisplay:
    """What the views do to samples: a row for each, the sample itself and then views of it.

    Whatever a sample is, it is shown as such: an image, some frames of a clip, lines of a series
    in the units of `X`, the values of a row, the words of a text, a point cloud from the side. In
    rows of a table, bars say which share of the training rows has a smaller value, and values that
    come from another row are orange.

    A method takes two views of a sample for the same thing. If you would not, its `views` are too
    strong for your samples; if views look all alike, they are too weak.

    Parameters
    ----------
    samples : list of sketches
        The samples.
    views : list of list of sketches
        Views of each of these.
    rows : sequence of int
        Where the samples are in `X`.
    labels : sequence, default=None
        The class of each, None where it has none.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (n_samples, 1 + n_views)
        Where they are drawn.
    bounding_ax_ : matplotlib Axes or None
        The axes that were divided, if such were passed.
    figure_ : matplotlib Figure
        The figure that this is part of.
    artists_ : list of list of artists
        What shows the samples and their views.

    See Also
    --------
    ViewsDisplay.from_estimator : Draws views of your samples.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.inspection import ViewsDisplay
    >>> X = load_digits().images
    >>> display = ViewsDisplay.from_estimator(SimCLR(), X, rows=[0, 7], n_views=3)
    >>> display.axes_.shape
    (2, 4)
    """

    def __init__(
        self,
        *,
        samples: Sequence[Sketch],
        views: Sequence[Sequence[Sketch]],
        rows: ArrayLike,
        labels: Sequence[object] | None = None,
    ):
        self.samples = samples
        self.views = views
        self.rows = rows
        self.labels = labels

    @classmethod
    @validate_params(
        {
            "n_views": [POSITIVE_INT],
            "kind": [StrOptions({"global", "local", "weak", "mild"})],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def from_estimator(
        cls,
        estimator: SelfSupervisedTransformer,
        X: Samples,
        y: ArrayLike | None = None,
        *,
        rows: Sequence[int] | None = None,
        n_views: int = 5,
        kind: ViewKind = "global",
        random_state: RandomState = 0,
        unlabeled: object = "auto",
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw views of samples.

        Parameters
        ----------
        estimator : estimator
            A method, fitted or not: views need no training. One that is not fitted finds out from
            all of `X` what `fit` would.
        X : array-like
            Samples, as for `fit`.
        y : array-like of shape (n_samples,), default=None
            Classes, to be written beside the samples.
        rows : sequence of int, default=None
            Which of them to draw. None is the first of each class, of ten classes at the most;
            without `y`, the first four.
        n_views : int, default=5
            Views of each.
        kind : {"global", "local", "weak", "mild"}, default="global"
            Ordinary views, those of smaller parts of a sample that methods with multi-crop draw as
            well, those with smaller changes that some teachers get, or those that show what a
            sample is as clearly as itself, for learning from labels.
        random_state : int, RandomState instance or None, default=0
            Seed of the views. None draws other ones each time.
        unlabeled : "auto", None or a label, default="auto"
            What stands for a missing label, as in :class:`skssl.semi_supervised.LabeledOnly`.
        ax : matplotlib Axes or sequence of these, default=None
            One that is divided, or as many as there are samples and views. None makes a figure.

        Returns
        -------
        display : ViewsDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If `rows` are not in `X`, or the method shows samples as they are.
        ImportError
            Without matplotlib.
        """
        pyplot(cls.__name__)
        method = check_method(estimator, cls.__name__)
        labels: dict[int, object] = {}
        if y is not None:
            check_lengths(X=X, y=y)
            classes, known, _ = split_labels(y, unlabeled, caller=cls.__name__)
            labels = dict(zip(known.tolist(), classes.tolist(), strict=True))
            if rows is None:
                firsts = np.unique(classes, return_index=True)[1][:_MOST_CLASSES]
                rows = known[firsts].tolist()
        places = check_rows(rows, X)
        if not method.__sklearn_is_fitted__():
            method = method.with_views_of(X)
        if not method.shows_views():
            raise ValueError(
                f"{type(method).__name__} shows samples as they are, with views="
                f"{method.views!r}: there is nothing to draw. It takes views that are named, such "
                f"as views={type(method.modality_.default_views()).__name__}()."
            )
        others = np.setdiff1d(np.arange(min(num_samples(X), _BATCH)), places)
        chosen = take(X, places)
        batch = np.concatenate([places, others])
        with numbered_as(batch):
            samples, _ = method.prepare_samples(take(X, batch), every=True)
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        generator = torch.Generator().manual_seed(seed)
        # A user's own views may draw from torch's global generator.
        with torch.no_grad(), seeded(seed, torch.device("cpu")):
            shown = method.modality_.input_layer()(samples)
            drawn = draw_views(method.views_.of_kind(kind), shown, n_views, generator=generator)
        n = len(places)
        sketcher = sketcher_of(method.modality_)
        views = [sketcher.sketch_views(chosen, samples[:n], one[:n]) for one in drawn]
        display = cls(
            samples=sketcher.sketch(chosen),
            views=[list(of_sample) for of_sample in zip(*views, strict=True)],
            rows=places,
            labels=None if y is None else [labels.get(row) for row in places.tolist()],
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the samples and their views.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of these, default=None
            One that is divided, or as many as there are samples and views. None makes a figure.

        Returns
        -------
        display : ViewsDisplay
            This object.
        """
        plt = pyplot("ViewsDisplay.plot")
        lines = [[one, *views] for one, views in zip(self.samples, self.views, strict=True)]
        names = named_rows(self.rows)
        if self.labels is not None:
            names = [
                name if label is None else f"{name}: {plain_text(shortened(label, _LETTERS))}"
                for name, label in zip(names, self.labels, strict=True)
            ]
        grid, self.artists_ = draw_rows(plt, ax, lines, names)
        self.axes_, self.bounding_ax_, self.figure_ = grid.axes, grid.bounding, grid.figure
        put_titles(grid, ["sample", *(f"view {place}" for place in range(1, len(lines[0])))])
        find_letters(grid.axes.ravel())
        return self
