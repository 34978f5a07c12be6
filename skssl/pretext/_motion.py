"""Motion prediction."""

from __future__ import annotations

from numbers import Integral
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skssl._declare import AUTO, POSITIVE_INT, param, resolve_auto
from skssl._types import Samples
from skssl.modality import Filmed, Restorable
from skssl.nn import DrawViews, Objective, Pyramid
from skssl.pretext._dense import DenseObjective, _DenseTask, predicted, scale_of, some_of

# Frames of the past that the decoder sees in full: enough to tell an acceleration.
_LAST_FRAMES = 3
_PAST_FOR_EACH = 3


class _MotionObjective(DenseObjective):
    def __init__(
        self, encoder: nn.Module, clips: Tensor, n_past: int, *, padded: bool, augment: bool
    ):
        n_channels, n_frames = clips.shape[1:3]
        self.n_past = n_past
        self.n_ahead = n_frames - n_past
        self.padded = padded
        few = clips[:2, :, :n_past]
        seen = self._pad(few)
        super().__init__(
            encoder,
            Pyramid.of(encoder, seen),
            seen,
            few[:, :, -_LAST_FRAMES:].flatten(1, 2),
            n_channels * self.n_ahead,
            augment=augment,
        )
        self.standardize = scale_of(clips)

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        if self.augment:
            (batch,) = draw_views(batch, 1)
            n_frames = self.n_past + self.n_ahead
            if batch.shape[2] != n_frames:
                raise ValueError(
                    f"views must keep the {n_frames} frames of a clip for MotionPrediction, got "
                    f"{batch.shape[2]}."
                )
        clips = self.standardize(batch)
        future, last = clips[:, :, self.n_past :], clips[:, :, self.n_past - 1 : self.n_past]
        # The variance of a pixel is 1.
        loss = ((self._continue(batch) - future) ** 2).mean()
        copied = ((last - future) ** 2).mean()
        self.measure("relative_error", loss)
        self.measure("error_over_copy", loss / copied.clamp(min=torch.finfo(copied.dtype).tiny))
        return loss

    def embed(self, samples: Tensor) -> tuple[Tensor, Tensor | None]:
        # Views of clips have fewer frames.
        return super().embed(self._pad(samples))

    def _pad(self, clips: Tensor) -> Tensor:
        """Repeat the first frame for encoders that take clips of one length."""
        missing = self.n_past + self.n_ahead - clips.shape[2]
        if not self.padded or missing <= 0:
            return clips
        return torch.cat([clips[:, :, :1].expand(-1, -1, missing, -1, -1), clips], dim=2)

    def _continue(self, clips: Tensor) -> Tensor:
        """Return the frames that follow on the first ones of the clips, in standard units."""
        past = clips[:, :, : self.n_past]
        last = self.standardize(past[:, :, -_LAST_FRAMES:])
        change = self.decode(self._pad(past), last.flatten(1, 2))
        return last[:, :, -1:] + change.unflatten(1, (-1, self.n_ahead))

    def predict(self, batch: Tensor, *given: Tensor) -> Tensor:
        return self.standardize.inverse(self._continue(batch))

    def compare(self, batch: Tensor, prediction: Tensor, *given: Tensor) -> Tensor:
        future, last = batch[:, :, self.n_past :], batch[:, :, self.n_past - 1 : self.n_past]
        answers = torch.stack([prediction, last.expand_as(future)], dim=1)
        error = (answers - future[:, None]) / self.standardize.std[:, None]
        return (error**2).sum(dim=(2, 3, 4, 5))


def _roll(objective: Objective, clips: Tensor, n_frames: int) -> Tensor:
    """Predict as many frames, from predicted ones where the clips end."""
    n_past = clips.shape[2]
    known = clips
    while known.shape[2] < n_past + n_frames:
        future = predicted(objective, known[:, :, -n_past:]).clamp(0, 1)
        known = torch.cat([known, future], dim=2)
    return known[:, :, n_past : n_past + n_frames]


class MotionPrediction(_DenseTask):
    """Predict the next frames of a clip from those before.

    To know where things go, the encoder has to learn how they move. The learned network continues
    clips, see :meth:`forecast`. It is for video with motion that can be foreseen; where many things
    may happen, the prediction is blurred.

    In training, the encoder sees the first frames of a clip, and in `transform` whole clips. A
    decoder paints the next frames from the encoder's embedding, from the maps that it makes on its
    way, if any, and from the last 3 frames. An encoder without maps has to tell all else through
    its embedding, and does worse.

    Parameters
    ----------
    views : "auto", Views or callable, default="auto"
        Random changes that are made to a clip before its end is asked for. "auto" makes none. They
        must keep the number of frames, as ``VideoViews(window=(1, 1), n_frames=100)`` does for
        clips of up to 100 frames.
    n_frames : int, default="auto"
        Frames at the end of a clip to predict at once from those before, at least 1; one frame at
        least must be left. "auto" is a quarter of the clip.

    Attributes
    ----------
    n_frames_ : int
        Number of frames that are predicted at once.
    n_past_ : int
        Number of frames that they are predicted from.
    history_ : list of dict
        As for all methods, with ``relative_error``, which is the loss: the squared error, divided
        by the variance of the pixels; and ``error_over_copy``: the squared error, divided by that
        of repeating the last frame. 1 is no better than that.

    Notes
    -----
    The network predicts the change from the last frame, with the squared error as the loss. The
    reference has further losses, one of them adversarial, for sharper frames; they are left out. An
    encoder that is not given by name may take clips of one length only: it sees the past with its
    first frame repeated, so that it is as long as a whole clip.

    References
    ----------
    Mathieu, Couprie and LeCun, "Deep Multi-Scale Video Prediction beyond Mean Square Error",
    ICLR 2016. https://arxiv.org/abs/1511.05440

    Examples
    --------
    A bar that moves to the right:

    >>> import numpy as np
    >>> from skssl import MotionPrediction
    >>> from skssl.modality import Video
    >>> X = np.zeros((64, 6, 8, 16))
    >>> for clip in range(64):
    ...     for frame in range(6):
    ...         X[clip, frame, :, clip % 8 + frame] = 1
    >>> ssl = MotionPrediction(batch_size=16, max_epochs=16, modality=Video(), random_state=0)
    >>> ssl = ssl.fit(X)
    >>> ssl.score(X) > 0.5
    True
    >>> ssl.forecast(X[:, :4], n_frames=3).shape
    (64, 3, 8, 16)
    """

    n_frames: int | Literal["auto"] = param(AUTO, POSITIVE_INT, default="auto")

    needs = (Filmed,)
    _judged_by = "error_over_copy"
    _trivial_answer = "repeating the last frame"
    _nothing_to_score = "nothing moves in X."

    def _resolve_encoder(self, samples: Tensor) -> nn.Module:
        length = samples.shape[2]
        auto = max(1, round(length / (1 + _PAST_FOR_EACH)))
        self.n_frames_ = int(resolve_auto(self.n_frames, auto))
        self.n_past_ = length - self.n_frames_
        if self.n_past_ < 1:
            raise ValueError(
                f"n_frames={self.n_frames} leaves no frame to predict from in clips of {length} "
                f"frames; at most {length - 1} is possible."
            )
        return super()._resolve_encoder(samples)

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        return _MotionObjective(
            encoder,
            self._input_layer(some_of(samples)),
            self.n_past_,
            padded=self.takes_one_size(),
            augment=self.augments(),
        )

    def score(self, X: Samples, y: ArrayLike | None = None) -> float:
        """Return how well the last frames are predicted: one minus the relative squared error.

        Parameters
        ----------
        X : array-like
            Clips as long as those seen in `fit`.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        score : float
            One minus the squared error, divided by that of repeating the last frame of the past. 1
            is perfect, 0 is no better than repeating.
        """
        return self._score(X)

    def forecast(self, X: Samples, n_frames: int | None = None) -> np.ndarray:
        """Continue clips.

        Parameters
        ----------
        X : array-like
            Clips of at least ``n_past_`` frames, of which the last ones count.
        n_frames : int, default=None
            How many frames to predict, at least 1. None is ``n_frames_``. More than ``n_frames_``
            are predicted from predicted ones, which become less and less certain.

        Returns
        -------
        future : ndarray
            Clips of `n_frames` frames in the layout and the kind of numbers of `X`, and in the
            range of the clips seen in `fit`.
        """
        check_is_fitted(self)
        wanted = self.n_frames_ if n_frames is None else n_frames
        check_scalar(wanted, "n_frames", Integral, min_val=1)
        X, loaded = self.modality_.load(X)
        checked = self.modality_.check(X, estimator=type(self).__name__)
        clips = Filmed.of(self.modality_).prepare_frames(checked)
        if clips.shape[2] < self.n_past_:
            raise ValueError(
                f"X has clips of {clips.shape[2]} frames; MotionPrediction predicts from "
                f"{self.n_past_}."
            )
        past = clips[:, :, -self.n_past_ :]
        future = self.apply_objective(lambda net, batch: _roll(net, batch, wanted), past)
        return self.give_back(Restorable.of(self.modality_).unscale(future, clips), X, loaded)
