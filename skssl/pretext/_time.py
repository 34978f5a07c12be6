"""Pretext tasks about time: its order, its arrow and its pace."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from skssl._declare import Whole, param
from skssl.modality import Cutter, Timed
from skssl.nn import PairwiseHead
from skssl.pretext._base import Task, _PretextTask
from skssl.pretext._orders import _OrderTask
from skssl.pretext._transform import WhichTransform

# Counts the steps of samples, whose axis of index 2 is time.
CountSteps = Callable[[Tensor], Tensor]


def at_steps(batch: Tensor, steps: Tensor) -> Tensor:
    """Return what samples have at some steps of shape (n, shown), each its own."""
    shape = (len(batch), 1, -1, *[1] * (batch.ndim - 3))
    return batch.take_along_dim(steps.view(shape), dim=2)


def keep(batch: Tensor) -> Tensor:
    """Return the samples as they are."""
    return batch


def backwards(batch: Tensor, count_steps: CountSteps) -> Tensor:
    """Play samples from their own end to their start; padding stays where it is."""
    steps = torch.arange(batch.shape[2], device=batch.device)
    length = count_steps(batch)[:, None]
    return at_steps(batch, torch.where(steps < length, length - 1 - steps, steps))


class ArrowOfTime(_PretextTask):
    """Tell whether a sample runs forwards or backwards.

    Half of the clips or series are reversed. What tells the arrow of time, such as things that
    fall, start slowly or fade, is what the encoder learns. Where time has none, as in an
    oscillation, there is nothing to learn.

    References
    ----------
    Wei, Lim, Zisserman and Freeman, "Learning and Using the Arrow of Time", CVPR 2018.
    https://openaccess.thecvf.com/content_cvpr_2018/html/Wei_Learning_and_Using_CVPR_2018_paper.html

    Misra, Zitnick and Hebert, "Shuffle and Learn: Unsupervised Learning using Temporal Order
    Verification", ECCV 2016. https://arxiv.org/abs/1603.08561

    Examples
    --------
    >>> import numpy as np
    >>> from skssl import ArrowOfTime
    >>> from skssl.modality import Series
    >>> rng = np.random.default_rng(0)
    >>> onset = (np.arange(40) - rng.integers(0, 30, (300, 1))).clip(0)
    >>> X = onset * np.exp(-onset / 5) + rng.normal(0, 0.1, (300, 40))
    >>> ssl = ArrowOfTime(modality=Series(), max_epochs=8, random_state=0).fit(X[:200])
    >>> ssl.score(X[200:]) > 0.8
    True
    """

    needs = (Timed,)

    def _make_task(self, samples: Tensor) -> Task:
        return WhichTransform(
            [keep, partial(backwards, count_steps=Timed.of(self.modality_).time_steps)]
        )


class WhichPace(Task):
    """Asks how many steps lie between two that are shown.

    Parameters
    ----------
    paces : sequence of int
    count_steps : callable
    full_size : bool
        Whether what is shown is made as long as the samples, by repeating its steps.
    """

    def __init__(self, paces: Sequence[int], count_steps: CountSteps, *, full_size: bool):
        self.paces = torch.tensor(paces)
        self.n_classes = len(paces)
        self.fastest = max(paces)
        self.count_steps = count_steps
        self.full_size = full_size

    def pose(self, batch: Tensor, answers: Tensor) -> list[Tensor]:
        length = self.count_steps(batch)[:, None]
        pace = self.paces.to(batch.device)[answers, None]
        # As many steps are shown as the fastest pace has, whatever the answer is.
        shown = (length - 1) // self.fastest + 1
        room = (length - 1 - (shown - 1) * pace).clamp(min=0)
        draw = torch.rand(len(batch), 1, device=batch.device)
        start = (draw * (room + 1)).long().clamp(max=room)
        if self.full_size:
            places = torch.arange(batch.shape[2], device=batch.device)
            end, index = length, places * shown // length
        else:
            places = torch.arange((batch.shape[2] - 1) // self.fastest + 1, device=batch.device)
            end, index = shown, places
        paced = at_steps(batch, (start + pace * index).clamp(max=batch.shape[2] - 1))
        over = (places >= end).view(len(batch), 1, -1, *[1] * (batch.ndim - 3))
        return [paced.masked_fill(over, torch.nan)]


class PacePrediction(_PretextTask):
    """Tell at which pace a sample is played.

    Of each clip or series, every step is shown, or every second, third, ... one, always the same
    number of them from a random start. To know the pace, the encoder has to learn how fast things
    usually change. It needs samples of similar pace, and views, if any, that do not change it, as
    those of :class:`~skssl.views.VideoViews` do.

    Parameters
    ----------
    paces : sequence of int, default=(1, 2, 3, 4)
        At least 2 different strides. A sample must have more steps than the largest, since at
        least 2 steps are shown. Shorter series than that, beside longer ones, show a single step.

    References
    ----------
    Wang, Jiao and Liu, "Self-supervised Video Representation Learning by Pace Prediction", ECCV
    2020. https://arxiv.org/abs/2008.05861

    Examples
    --------
    >>> import numpy as np
    >>> from skssl import PacePrediction
    >>> from skssl.modality import Series
    >>> rng = np.random.default_rng(0)
    >>> phase = rng.uniform(0, 6, (300, 1)) + np.arange(60) / 3
    >>> X = np.sin(phase) + rng.normal(0, 0.1, (300, 60))
    >>> ssl = PacePrediction(modality=Series(), max_epochs=8, random_state=0).fit(X[:200])
    >>> ssl.score(X[200:]) > 0.5
    True
    """

    paces: Sequence[int] = param(list, tuple, np.ndarray, default=(1, 2, 3, 4))

    needs = (Timed,)

    def _make_task(self, samples: Tensor) -> Task:
        paces = [
            int(pace) for pace in self.paces if isinstance(pace, (int, np.integer)) and pace > 0
        ]
        if len(paces) < 2 or len(set(paces)) < len(self.paces):
            raise ValueError(
                f"paces must be at least 2 different positive integers, got {self.paces!r}."
            )
        longest = int(Timed.of(self.modality_).time_steps(samples).max())
        if max(paces) >= longest:
            raise ValueError(
                f"paces={self.paces!r} has a pace of {max(paces)}, but of the {longest} steps of "
                f"the samples, at least 2 must be shown; the largest pace possible is "
                f"{longest - 1}."
            )
        return WhichPace(
            paces, Timed.of(self.modality_).time_steps, full_size=self.takes_one_size()
        )


class ClipOrder(_OrderTask):
    """Tell in which order the parts of a sample in time are, and put them back.

    Clips, or series, are cut into parts that follow one another, which are shuffled. The encoder
    sees each of them, and the head compares the embeddings of every two of them before it tells
    the order. What changes with time is what the encoder learns. Where time could as well run the
    other way, an order cannot be told from its reverse.

    Parameters
    ----------
    n_clips : int, default=3
        Number of parts, from 2 to 5, of at least 2 frames or steps. All their orders are told
        apart: 6 orders of 3 parts, 120 of 5.
    normalize_pieces : bool, default=False
        Whether all parts get the mean and the standard deviation of the whole sample, for series
        by channel, so that a level that drifts does not tell their order.

    References
    ----------
    Xu et al., "Self-Supervised Spatiotemporal Learning via Video Clip Order Prediction", CVPR
    2019. https://openaccess.thecvf.com/content_CVPR_2019/html/Xu_Self-Supervised_\
Spatiotemporal_Learning_via_Video_Clip_Order_Prediction_CVPR_2019_paper.html

    Examples
    --------
    >>> import numpy as np
    >>> from skssl import ClipOrder
    >>> from skssl.modality import Series
    >>> rng = np.random.default_rng(0)
    >>> phase = rng.uniform(0, 6, (300, 1)) + np.linspace(0, 4, 60) ** 2
    >>> X = np.sin(phase) + rng.normal(0, 0.1, (300, 60))
    >>> ssl = ClipOrder(modality=Series(), max_epochs=8, random_state=0).fit(X[:200])
    >>> ssl.score(X[200:]) > 0.5
    True
    """

    n_clips: int = param(Whole(2, 5), default=3)
    normalize_pieces: bool = param("boolean", default=False)

    needs = (Timed,)

    def _make_cutter(self, samples: Tensor) -> Cutter:
        cutter = Timed.of(self.modality_).clip_cutter(int(self.n_clips))
        cutter.check(samples, f"n_clips={self.n_clips}")
        return cutter

    def _choose_orders(self, n_pieces: int) -> np.ndarray:
        return np.array(list(itertools.permutations(range(n_pieces))))

    def _make_head(self, task: Task, embedding_dim: int) -> nn.Module:
        return PairwiseHead(embedding_dim, task.n_parts, self.head_dim, task.n_classes)
