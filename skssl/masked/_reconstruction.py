"""Methods that predict what was hidden, and give it back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from typing import Any, Literal, Self, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skssl._declare import param
from skssl._samples import in_all_rows
from skssl._types import Samples
from skssl._warn import warn
from skssl.masked._base import MaskedObjective, _MaskedMethod
from skssl.masked._forecast import forecast
from skssl.masked._linear import LinearForecast
from skssl.masked._masks import Masks
from skssl.modality import Fillable, Forecastable, Imputable, Modality, Restorable, check_capable
from skssl.nn import (
    DrawViews,
    FillingTokenizer,
    Objective,
    Patches,
    Pieces,
    TokenEncoder,
    first_of,
    take,
)

# Columns that a warning names.
_NAMES = 5


class ReconstructionObjective(MaskedObjective):
    """Predicts the hidden pieces, and is as wrong as it is in units of predicting the mean.

    Parameters
    ----------
    encoder : TokenEncoder
    masks : Masks
    head_width : int
        Size of the tokens that the pieces are predicted from.
    augment : bool
    absolute : bool
        Whether the error of numbers is the absolute one instead of the squared one.
    """

    def __init__(
        self,
        encoder: TokenEncoder,
        masks: Masks,
        head_width: int,
        *,
        augment: bool,
        absolute: bool,
    ):
        super().__init__(encoder, masks, augment=augment)
        self.head = encoder.tokenizer.make_head(head_width)
        self.absolute = absolute
        #: What follows the steps of a sample, if these are series.
        self.linear: LinearForecast | None = None

    @abstractmethod
    def decode(self, pieces: Pieces, mask: Tensor, *, most_visible: int) -> Tensor:
        """Return tokens (n, t, head_width) that tell what is under the mask.

        At most so many tokens of a sample are visible.
        """

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        batch, start = self.encoder.tokenizer.from_anywhere(self.view(batch, draw_views))
        pieces = self.encoder.tokenizer.split(batch).later(start)
        errors, hidden = self.wrong(pieces, self.masks.of_one_ratio())
        loss = (errors * hidden).sum() / hidden.sum().clamp(min=1)
        self.measure("relative_error", loss)
        return loss

    def wrong(self, pieces: Pieces, masks: Masks) -> tuple[Tensor, Tensor]:
        """Return the error of pieces that `masks` hide, (n, m), and which of them are hidden."""
        mask = masks.draw(pieces)
        seen, undo = self.encoder.tokenizer.as_seen(pieces, mask)
        tokens = self.decode(seen, mask, most_visible=masks.most_visible(pieces))
        index, hidden = first_of(mask, masks.most_hidden(pieces))
        pieces = pieces.at(index)
        prediction = undo(self.head(take(tokens, index), pieces).float())
        errors = self.encoder.tokenizer.errors(prediction, pieces, absolute=self.absolute)
        return errors.masked_fill(~hidden, 0.0), hidden

    def reconstruct(self, batch: Tensor, mask: Tensor) -> Tensor:
        """Return what the whole batch would be by what is predicted, given what is visible."""
        pieces = self.encoder.tokenizer.split(batch)
        seen, undo = self.encoder.tokenizer.as_seen(pieces, mask)
        tokens = self.decode(seen, mask, most_visible=mask.shape[1])
        prediction = undo(self.head(tokens, pieces).float())
        return self.filling_tokenizer.fill(batch, prediction)

    @property
    def filling_tokenizer(self) -> FillingTokenizer:
        """The tokenizer, if the modality is one whose samples can be filled in."""
        return cast(FillingTokenizer, self.encoder.tokenizer)


class Reconstruction(_MaskedMethod):
    """Base class of the masked methods that give back what was hidden.

    Parameters
    ----------
    normalize_patches : bool, default=False
        Whether to predict patches relative to their own mean and standard deviation, which the
        paper found to give better embeddings. `reconstruct` then cannot tell how bright a patch
        is, and is not possible.

    Attributes
    ----------
    history_ : list of dict
        As for all methods, with ``relative_error``: the loss of the hidden pieces, where 1.0 is as
        good as always predicting the mean, or the frequencies of categories and tokens.
    """

    # What tells parts of samples apart does not collapse; its error says whether it learned.
    collapse_remedy = None

    normalize_patches: bool = param("boolean", default=False)

    def _make_masked_objective(self, encoder: TokenEncoder, masks: Masks) -> Objective:
        if self.normalize_patches:
            encoder.tokenizer.normalize_pieces()
        return self._make_reconstruction(encoder, masks)

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        objective = super().make_objective(
            encoder, samples, embedding_dim=embedding_dim, n_samples=n_samples
        )
        if isinstance(self.modality_, Forecastable):
            (patch,) = cast(Patches, cast(TokenEncoder, encoder).tokenizer).patch
            objective.linear = LinearForecast(samples, patch)
        return objective

    def untrained(self, X: Samples) -> Self:
        start = super().untrained(X)
        # Forecasts are learned without training.
        start._reconstructing.linear = self._reconstructing.linear
        return start

    @abstractmethod
    def _make_reconstruction(self, encoder: TokenEncoder, masks: Masks) -> ReconstructionObjective:
        """Return what is trained around `encoder`."""

    def score(self, X: Samples, y: ArrayLike | None = None) -> float:
        """Return how well hidden parts of samples are predicted, such as of held-out ones.

        The masks are drawn as in training, and always the same.

        Parameters
        ----------
        X : array-like
            Samples.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        score : float
            1 minus the relative error: 1 is perfect, 0 as good as predicting the mean.
        """
        from skssl.training import resolve_device, seeded

        check_is_fitted(self)
        samples, _ = self.prepare_samples(X)

        def errors(objective: ReconstructionObjective, batch: Tensor) -> Tensor:
            pieces = objective.encoder.tokenizer.split(batch)
            wrong, hidden = objective.wrong(pieces, objective.masks)
            return torch.stack([wrong.sum(dim=1), hidden.sum(dim=1)], dim=1)

        with seeded(self._seed, resolve_device(self.device)):
            total, count = self.apply_objective(errors, samples).double().sum(dim=0).tolist()
        return 1.0 - total / max(1.0, count)

    def reconstruct(self, X: Samples, mask: ArrayLike | Literal["random"] | None = None) -> Any:
        """Fill in what is masked, from what is not.

        For images, video, series and tables.

        Parameters
        ----------
        X : array-like
            Samples.
        mask : array-like of bool, "random" or None, default=None
            What to fill in: pixels (n, height, width) of images, (n, frames, height, width) of
            video, steps (n, length) or (n, channels, length) of series, cells (n, columns) of
            tables; or those of one sample, for all: pixels (height, width), steps (length,). A
            patch with a masked cell is hidden from the network as a whole. None marks what is
            missing: the gaps of series, not what follows the last value, and the missing cells of
            tables; nothing else is changed. "random" hides random parts, as in training, to see
            what the network has learned.

        Returns
        -------
        X_filled : array-like
            As `X`, in float32 where that is float64. What is not masked is as it was, in the bits
            of that dtype.

        Raises
        ------
        ValueError
            If `mask` is None for samples that cannot have gaps, images and video, or is of another
            shape or dtype; or if ``normalize_patches=True``.

        See Also
        --------
        ContextEncoder.inpaint : Fills holes in images, learned from such holes.
        impute : Fills missing cells, of tables alone.
        """
        samples, loaded = self._prepare_filling(X, "reconstruct", (Fillable,))
        if isinstance(mask, str):
            if mask != "random":
                raise ValueError(
                    f"mask={mask!r} must be 'random', None or an array of True and False."
                )
            cells = self._random_cells(samples)
        elif mask is not None and loaded is not None:
            # The mask has rows for what could not be loaded, too.
            every = samples[:1].expand(len(loaded), *samples.shape[1:])
            cells = Fillable.of(self.modality_).cells(mask, every)[torch.from_numpy(loaded)]
        elif mask is not None:
            cells = Fillable.of(self.modality_).cells(mask, samples)
        else:
            self._check_gaps()
            cells = Fillable.of(self.modality_).missing(samples)
        return self.give_back(self._fill(samples, cells), X, loaded)

    def impute(self, X: Samples) -> Any:
        """Fill in the missing cells of a table.

        Categories become the most probable one, and numbers what the network expects on the scale
        that it sees: that of ``Tabular(scaling="quantile")``, the default, gives something near the
        median, that of ``Tabular(scaling="standard")`` the mean. A column without any value in fit
        stays as it is, with a warning.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of a table.

        Returns
        -------
        X_filled : array-like
            As `X`, an array or a DataFrame with the same columns. What was not missing is as it
            was.
        """
        samples, loaded = self._prepare_filling(
            X,
            "impute",
            (Imputable,),
            hint="reconstruct(X, mask) fills in what a mask marks, of series numpy.isnan(X)",
        )
        filled = self._fill(samples, Imputable.of(self.modality_).missing(samples))
        return self.give_back(filled, X, loaded)

    def forecast(self, X: Samples, horizon: int) -> np.ndarray:
        """Predict the next steps of series.

        The network has no part in it: forecasts are ridge regressions of each channel on its known
        steps, relative to the last one, which `fit` learns in seconds, with ``max_epochs=0`` as
        well. On hourly loads (ETTh1) the squared error over the variance is 0.208, 0.268 and 0.334
        at 6, 24 and 96 hours, where ridge regressions with tuned penalties have 0.218, 0.275 and
        0.349, and the day before 0.371, 0.379 and 0.463. There are no intervals.

        To continue one recording, fit to its windows, and pass the end of it as one series:
        ``forecast(windows(recording[-168:], 168), 24)``, with :func:`skssl.utils.windows`.

        Steps are known by where they are in a series, as a day may matter that begins at midnight,
        and `X` is taken to begin where the series of `fit` began; fit to series that begin anywhere
        if those of `X` may. For series that are as long as these, or longer, the last steps are
        looked at, at least a quarter of that length and at most what leaves room for the horizon:
        from where the series looks most like its own beginning, such as after a whole number of
        days. What comes back after a longer time, such as each week, may be lost then: pass no
        longer past than the series of `fit` have room for beside the horizon, or make these at
        least twice as long as what comes back.
        In long forecasts, the first steps are predicted, and the next ones from these, as if
        they had been seen.

        Parameters
        ----------
        X : array-like
            Series, of any length. Their last steps are best, as many as the series of `fit` have
            less the horizon: with 192 steps in `fit`, ``X[..., -168:]`` for a horizon of 24. Gaps
            are interpolated, and a channel that ends earlier is continued from its own last value.
        horizon : int
            Number of steps, at least 1. A warning tells if it is longer than half of the series of
            `fit`.

        Returns
        -------
        Y : ndarray of shape (n, channels, horizon)
            Without the axis of the channels, or with it last, if `X` is like that. NaN, with a
            warning, where a channel has no value to begin from.
        """
        check_is_fitted(self)
        check_capable(
            self.modality_,
            (Forecastable,),
            who="forecast",
            hint="A recording becomes series by skssl.utils.windows and modality=Series()",
        )
        samples, loaded = self.prepare_samples(X, of_any_length=True)
        if isinstance(horizon, bool) or not isinstance(horizon, (int, np.integer)) or horizon < 1:
            raise ValueError(f"horizon must be an int of at least 1, got {horizon!r}.")
        linear = cast(LinearForecast, self._reconstructing.linear)
        window = int(linear.window)
        if horizon > window / 2:
            warn(
                f"{type(self).__name__}: horizon={horizon} is longer than half of the series of "
                f"fit, which have {window} steps. What comes later is predicted from predictions, "
                "and less and less certain. Fit to longer series for longer forecasts.",
            )
        steps = forecast(linear.continued, samples, int(horizon), window=window)
        empty = steps.isnan().any(dim=2).nonzero().tolist()
        if empty:
            row, channel = empty[0]
            warn(
                f"{type(self).__name__}: row {row} of X has no value in channel {channel} among "
                f"the steps that its forecast looks at, so the forecast is NaN there "
                f"({len(empty)} such channel(s) in all)."
            )
        return in_all_rows(Forecastable.of(self.modality_).forecast_form(steps, X), loaded)

    @property
    def _reconstructing(self) -> ReconstructionObjective:
        return cast(ReconstructionObjective, self._objective)

    def _prepare_filling(
        self, X: Samples, name: str, capabilities: tuple[type[Modality], ...], *, hint: str = ""
    ) -> tuple[Tensor, np.ndarray | None]:
        """Return what `prepare_samples` does, or raise an error if nothing can be filled in.

        Where something else can, `hint` says what.
        """
        check_is_fitted(self)
        can_be_filled = isinstance(self.modality_, Fillable)
        check_capable(self.modality_, capabilities, who=name, hint=hint if can_be_filled else "")
        if self.normalize_patches:
            raise ValueError(
                f"{name} needs normalize_patches=False: what is predicted relative to the mean of "
                "a patch does not tell what that is."
            )
        return self.prepare_to_fill(X, name)

    def _check_gaps(self) -> None:
        """Raise an error if nothing can be missing in samples."""
        if type(self.modality_).missing is Fillable.missing:
            name = type(self.modality_).__name__
            raise ValueError(
                f"mask=None fills in what is missing, and nothing is in samples of {name}(). Pass "
                "a mask, True where something is to be filled in, or mask='random' to see what "
                "the network makes of random holes."
            )

    def _random_cells(self, samples: Tensor) -> Tensor:
        from skssl.training import resolve_device, seeded

        def draw(objective: ReconstructionObjective, batch: Tensor) -> Tensor:
            tokenizer = objective.filling_tokenizer
            mask = objective.masks.draw(tokenizer.split(batch))
            return tokenizer.cells(mask, batch)

        with seeded(self._seed, resolve_device(self.device)):
            return self.apply_objective(draw, samples)

    def _fill(self, samples: Tensor, cells: Tensor) -> Tensor:
        """Return prepared samples with what is predicted where `cells` are marked."""
        hidden = Fillable.of(self.modality_).hide(samples, cells)
        mask = self._reconstructing.filling_tokenizer.covered(cells)

        def fill(objective: ReconstructionObjective, batch: Tensor, mask: Tensor) -> Tensor:
            return objective.reconstruct(batch, mask)

        predicted = self.apply_objective(fill, hidden, mask)
        predicted = Restorable.of(self.modality_).unscale(predicted, hidden)
        if isinstance(self.modality_, Imputable):
            never_seen = self.modality_.never_seen()
            self._warn_of_empty([name for at, name in never_seen.items() if cells[:, at].any()])
        return torch.where(cells, predicted.to(samples.dtype), samples)

    def _warn_of_empty(self, names: list[Hashable]) -> None:
        """Warn of columns whose cells stay missing."""
        if names:
            warn(
                f"{type(self).__name__}: columns without any value in fit stay as they are: "
                f"{', '.join(map(repr, names[:_NAMES]))}{', ...' * (len(names) > _NAMES)} "
                f"({len(names)} in all). Leave them out; if the rows of X are series, pass "
                "modality=Series()."
            )
