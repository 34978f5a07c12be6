"""Rotation prediction."""

from __future__ import annotations

from torch import Tensor, nn

from skssl.modality import Turnable
from skssl.pretext._base import Task, _PretextTask
from skssl.pretext._transform import WhichTransform


class RotationPrediction(_PretextTask):
    """Tell by which rotation a sample was turned.

    Images and video are turned by 0, 90, 180 or 270 degrees, or by 0 or 180 if they are not
    square. To know which way is up, the encoder has to learn what things look like. It learns
    little of things that look alike from all sides, and of those that have no usual pose.

    Point clouds are turned in space, by one of the 24 rotations that map the axes onto each other.
    Features of the points stay as they are, so none of them should be a direction, such as a
    normal, which would betray the rotation. A voxel grid can be passed as the points at its filled
    voxels, with their values as features.

    Parameters
    ----------
    batch_size : int, default="auto"
        Samples in a batch, each in all its turns, at least 2; all of them if there are fewer.
        "auto" is 64, and on a CPU down to 16 for large samples and encoders.

    Notes
    -----
    As in the authors' code, a batch holds each of its samples in all four turns. A point
    cloud is there in four of its 24 turns, drawn anew for each.

    References
    ----------
    Gidaris, Singh and Komodakis, "Unsupervised Representation Learning by Predicting Image
    Rotations", ICLR 2018. https://arxiv.org/abs/1803.07728

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import RotationPrediction
    >>> X = load_digits().images[:800]
    >>> ssl = RotationPrediction(batch_size=64, max_epochs=4, random_state=0).fit(X[:600])
    >>> ssl.transform(X[600:]).shape
    (200, 320)
    >>> ssl.score(X[600:]) > 0.5
    True
    """

    needs = (Turnable,)
    _most_asked = 4
    # So that there are as many images in a step as by default elsewhere.
    _smallest_batch, _largest_batch = 16, 64

    def _make_task(self, samples: Tensor) -> Task:
        return WhichTransform(Turnable.of(self.modality_).turns())

    def _count_work(self, encoder: nn.Module, samples: Tensor) -> float:
        # Of other methods, a sample goes through the encoder as two views.
        shown = self._n_asked(len(Turnable.of(self.modality_).turns()))
        return super()._count_work(encoder, samples) * shown / 2
