"""Context encoder."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skssl._declare import POSITIVE_INT, WITHIN_ONE, Range, param
from skssl._types import Samples
from skssl.modality import Paintable, Restorable
from skssl.nn import DrawViews, Objective, Pyramid
from skssl.pretext._dense import DenseObjective, _DenseTask, predicted, scale_of, some_of
from skssl.views import random_rectangles


def _random_holes(images: Tensor, n_holes: int, scale: tuple[float, float]) -> Tensor:
    """Mark `n_holes` rectangles in each image, which may overlap."""
    holes = [random_rectangles(images, generator=None, area=scale) for _ in range(n_holes)]
    return torch.stack(holes).any(dim=0)


class _InpaintingObjective(DenseObjective):
    def __init__(
        self,
        encoder: nn.Module,
        images: Tensor,
        *,
        n_holes: int,
        hole_scale: tuple[float, float],
        augment: bool,
    ):
        few = images[:2]
        known = torch.cat([few, few[:, :1]], dim=1)
        pyramid = Pyramid.of(encoder, few)
        super().__init__(encoder, pyramid, few, known, images.shape[1], augment=augment)
        self.standardize = scale_of(images)
        self.n_holes = n_holes
        self.hole_scale = hole_scale

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        if self.augment:
            (batch,) = draw_views(batch, 1)
        holes = _random_holes(batch, self.n_holes, self.hole_scale)
        error = (self._paint(batch, holes) - self.standardize(batch)) ** 2
        # The variance of a pixel is 1.
        loss = (error * holes).sum() / (holes.sum() * batch.shape[1])
        self.measure("relative_error", loss)
        return loss

    def _paint(self, batch: Tensor, holes: Tensor) -> Tensor:
        seen = torch.where(holes, self.standardize.mean, batch)
        known = torch.cat([self.standardize(seen), holes.to(seen)], dim=1)
        return self.decode(seen, known)

    def predict(self, batch: Tensor, *given: Tensor) -> Tensor:
        (holes,) = given
        return self.standardize.inverse(self._paint(batch, holes))

    def compare(self, batch: Tensor, prediction: Tensor, *given: Tensor) -> Tensor:
        (holes,) = given
        answers = torch.stack([prediction, self.standardize.mean.expand_as(batch)], dim=1)
        error = (answers - batch[:, None]) / self.standardize.std[:, None]
        return (error**2 * holes[:, None]).sum(dim=(2, 3, 4))


class ContextEncoder(_DenseTask):
    """Inpainting: paint what is missing in an image, from what is around it.

    Rectangles are cut out of every image, at random, and the network has to fill them. For that it
    has to know what usually goes with what. The learned network fills holes of the user's own, see
    :meth:`inpaint`.

    The encoder sees the image with the mean in the holes; a decoder paints, from the encoder's
    embedding and from the maps that it makes on its way, if any. An encoder without maps, such as a
    multilayer perceptron, has to tell all through its embedding, and paints worse.

    Parameters
    ----------
    hole_scale : tuple of two floats, default=(0.05, 0.25)
        Range of the area of a hole, as a fraction of the image, between 0 and 1.
    n_holes : int, default=2
        Holes in an image. They may overlap.

    Attributes
    ----------
    history_ : list of dict
        As for all methods, with ``relative_error``, which is the loss: the squared error in the
        holes, divided by the variance of the pixels. 1 is that of filling with the mean.

    See Also
    --------
    MaskedAutoencoder : Fills in what a mask marks, too, of images, clips and series:
        ``reconstruct``.
    SelfSupervisedImputer : Fills in missing cells of tables.

    Notes
    -----
    This is the paper's reconstruction loss, with its "random block" holes, and in the holes only.
    Its adversarial loss, which makes what is painted sharp rather than right, is left out, and so
    is the greater weight of a border. The paper's decoder sees nothing but the embedding; here it
    also sees the rest of the image, as in a U-Net, so that what is painted fits its
    surroundings.

    References
    ----------
    Pathak, Krähenbühl, Donahue, Darrell and Efros, "Context Encoders: Feature Learning by
    Inpainting", CVPR 2016. https://arxiv.org/abs/1604.07379

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skssl import ContextEncoder
    >>> from skssl.nn import SmallConvNet
    >>> def narrow(shape):
    ...     return SmallConvNet(shape[0], shape[1:], widths=(16, 32, 32, 64))
    >>> X = load_digits().images[:600]
    >>> ssl = ContextEncoder(encoder=narrow, batch_size=32, max_epochs=8, random_state=0)
    >>> ssl.fit(X[:500]).score(X[500:]) > 0.3
    True
    >>> mask = np.zeros((8, 8), dtype=bool)
    >>> mask[2:5, 2:5] = True
    >>> filled = ssl.inpaint(X[500:], mask)
    >>> bool((filled[:, ~mask] == X[500:][:, ~mask]).all())
    True
    """

    hole_scale: tuple[float, float] = param(Range(WITHIN_ONE), default=(0.05, 0.25))
    n_holes: int = param(POSITIVE_INT, default=2)

    needs = (Paintable,)
    _trivial_answer = "filling with the mean"
    _nothing_to_score = "all pixels of X are the mean of the training images."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        return _InpaintingObjective(
            encoder,
            self._input_layer(some_of(samples)),
            n_holes=self.n_holes,
            hole_scale=self.hole_scale,
            augment=self.augments(),
        )

    def _questions(self, samples: Tensor) -> tuple[Tensor, ...]:
        images = torch.empty(len(samples), 1, *samples.shape[2:])
        return (_random_holes(images, self.n_holes, self.hole_scale),)

    def score(self, X: Samples, y: ArrayLike | None = None) -> float:
        """Return how well random holes are filled: one minus the relative squared error.

        The holes are the same each time, and drawn as in training.

        Parameters
        ----------
        X : array-like
            Images.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        score : float
            As for R^2, 1 is perfect and 0 is filling with the mean of the training images, channel
            by channel.
        """
        return self._score(X)

    def inpaint(self, X: Samples, mask: ArrayLike) -> np.ndarray:
        """Fill the pixels that `mask` marks.

        Parameters
        ----------
        X : array-like
            Images of the kind that was seen in `fit`. What they have where the mask is True is not
            looked at, but must be finite. Holes that are NaN:
            ``inpaint(np.nan_to_num(X), np.isnan(X))``, with colours last
            ``np.isnan(X).any(axis=-1)``, and ``np.nan_to_num(X).astype("uint8")`` where `fit` has
            seen such; `fit` takes whole images only.
        mask : array-like of bool, of shape (n, height, width) or (height, width)
            True where to fill, of each image or of all; in each, something has to be left.

        Returns
        -------
        filled : ndarray
            `X`, with other values where the mask is True; in float32 if it is float64.
        """
        check_is_fitted(self)
        samples, loaded = self.prepare_to_fill(X, "inpaint")
        n_all = len(samples) if loaded is None else len(loaded)
        holes = Paintable.of(self.modality_).pixel_mask(mask, n_all)
        if loaded is not None:
            holes = holes[torch.tensor(loaded)]
        full = holes.flatten(1).all(dim=1).nonzero()
        if len(full):
            raise ValueError(
                f"mask marks all pixels of image {int(full[0])}; something must be left to fill "
                "from."
            )
        painted = self.apply_objective(predicted, samples, holes)
        filled = torch.where(
            holes, Restorable.of(self.modality_).unscale(painted, samples), samples
        )
        return self.give_back(filled, X, loaded)
