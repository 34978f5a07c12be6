"""The general form of a pretext task: which of some transforms was applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from skssl._declare import param
from skssl.pretext._base import Task, _PretextTask


class WhichTransform(Task):
    """Asks which of some transforms was applied to a sample.

    Parameters
    ----------
    transforms : sequence of callable
        Each gets a batch and returns it changed, in the same shape.
    """

    def __init__(self, transforms: Sequence[Callable[[Tensor], Tensor]]):
        self.transforms = list(transforms)
        self.n_classes = len(self.transforms)

    def pose(self, batch: Tensor, answers: Tensor) -> list[Tensor]:
        posed = torch.empty_like(batch)
        for answer, transform in enumerate(self.transforms):
            chosen = (answers == answer).nonzero()[:, 0]
            # Of a few samples, some answers are nobody's.
            if len(chosen):
                posed[chosen] = transform(batch[chosen])
        return [posed]


class TransformPrediction(_PretextTask):
    """Tell which of some transforms of your own was applied to a sample.

    The general form of pretext tasks: rotation, the arrow of time and others ask the same with
    transforms that suit a modality. The encoder learns what it needs to tell the transforms apart,
    and nothing else, so they should be such that one has to know what a sample is to see them.
    Works on every modality.

    Parameters
    ----------
    transforms : list of callable, default=None
        At least 2 functions, one for each answer, and there is no default. Each gets a batch
        and returns it changed, in the same shape; one of them may return it as it is. A batch has
        the scale of what goes into the encoder: images are floats from 0 to 1 of shape (n,
        channels, height, width), series have NaN where a value is missing, texts are token ids
        with 0 where there is no token. Random numbers are to come from torch's global generator,
        which training seeds and then puts back. Functions that are not defined in a module, such
        as lambdas, cannot be pickled.

    References
    ----------
    Gidaris, Singh and Komodakis, "Unsupervised Representation Learning by Predicting Image
    Rotations", ICLR 2018. https://arxiv.org/abs/1803.07728

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import TransformPrediction
    >>> def keep(batch):
    ...     return batch
    >>> def mirror(batch):
    ...     return batch.flip(-1)
    >>> X = load_digits().images[:800]
    >>> ssl = TransformPrediction(
    ...     transforms=[keep, mirror], batch_size=64, max_epochs=4, random_state=0
    ... )
    >>> ssl.fit(X[:600]).score(X[600:]) > 0.7
    True
    """

    transforms: Sequence[Callable[[Tensor], Tensor]] | None = param(list, tuple, None, default=None)

    def _make_task(self, samples: Tensor) -> Task:
        transforms = self.transforms
        if transforms is None or len(transforms) < 2 or not all(map(callable, transforms)):
            raise ValueError(
                "transforms must be a list of at least 2 functions that change a batch, got "
                f"{transforms!r}."
            )
        few = self.modality_.input_layer()(samples[:2])
        for index, transform in enumerate(transforms):
            changed = transform(few.clone())
            if not isinstance(changed, Tensor) or changed.shape != few.shape:
                got = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed)
                raise ValueError(
                    f"transforms[{index}]={transform!r} must keep the shape of a batch, but made "
                    f"{got} of a batch of shape {tuple(few.shape)}."
                )
        return WhichTransform(transforms)
