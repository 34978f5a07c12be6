"""What fine-tuning of classifiers and of regressors have in common."""

from __future__ import annotations

import copy
from abc import abstractmethod
from numbers import Number
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Tags, column_or_1d, get_tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skssl._checkpoint import Checkpoint
from skssl._declare import (
    AUTO,
    NOT_NEGATIVE,
    NOT_NEGATIVE_INT,
    POSITIVE,
    POSITIVE_INT,
    UP_TO_ONE,
    Declared,
    Duration,
    HasMethods,
    Pace,
    param,
    resolve_auto,
)
from skssl._interrupts import Interrupts
from skssl._labels import split_labels
from skssl._processes import random_state_of_all
from skssl._quote import quoted
from skssl._runner import apply_network
from skssl._settings import OwnSettings
from skssl._sklearn_compat import check_lengths, fit_context, plain
from skssl._starting import FREEZE
from skssl._trainings import File
from skssl._transaction import take_over, transaction
from skssl._types import Auto, Callbacks, RandomState, Samples
from skssl._warn import each_once
from skssl.base import SelfSupervisedTransformer
from skssl.contrastive import SimCLR
from skssl.exceptions import TrainingInterrupted
from skssl.nn import Plan, check_plan
from skssl.semi_supervised._classes import as_weights
from skssl.semi_supervised._going_on import (
    checkpoint_of,
    forget_pretraining,
    prepare_again,
    pretrain,
)
from skssl.semi_supervised._head import blank_head
from skssl.semi_supervised._objectives import SupervisedObjective
from skssl.semi_supervised._rows import Labels
from skssl.semi_supervised._state import KeepsTuned

_BATCH = 64
_RATE, _LABELS_FOR_RATE = 3e-4, 250
_RATE_OF_NEW = 2e-3
_DECAY = 0.3
_HELD_OUT = 0.1
# What is guessed for rows without a label gets better on the way, so it is learned for longer.
_TIMES_OF_GUESSES = 2.0


class FineTuner(KeepsTuned, OwnSettings, Declared):
    """Base class of fine-tuning: a pretrained encoder and a head, trained end to end.

    Parameters
    ----------
    method : SelfSupervisedTransformer, default=None
        Where the encoder comes from. One that is not fitted is cloned and pretrained on all rows,
        labelled or not; without a ``random_state`` of its own it gets one that follows from that
        of this estimator. One that is fitted is copied and not trained again; so is one in a
        :class:`~sklearn.frozen.FrozenEstimator`, which stays fitted when a search or
        cross-validation clones it. With ``max_epochs=0`` in the method, everything is learned from
        the labelled rows alone: from the weights that the method starts from, with a head that was
        fitted to them first, or from random ones, with a head that starts from zero. None is
        ``SimCLR()``. Its ``device`` and ``precision`` are those of the fine-tuning as well.
    max_epochs : int, default="auto"
        Passes over the labelled rows. "auto" counts in steps of the optimiser: 300 for up to 1000
        rows that are learned from, growing with their number to the power of 0.6 to 4000, and twice
        that where rows without a label are among them. 0 leaves the head as it was fitted to the
        frozen embeddings, a logistic or ridge regression.
    max_time : float or str, default=None
        Longest time of the fine-tuning, without a pretraining before it, in seconds or as a str
        such as "90s", "5min" or "1.5h". The learning rate falls to zero over what fits in, after
        one step at least; the fine-tuning ends with `max_epochs` if that comes first. The bits are
        then not repeatable. Ignored by `partial_fit`.
    batch_size : int, default=64
        Labelled rows in a batch, at least 1, and 2 for an encoder with BatchNorm that nothing has
        trained yet; all of them if there are fewer.
    learning_rate : float, default="auto"
        Peak of AdamW's learning rate for the head, which rises over a tenth of the training and
        then falls to zero with a cosine. "auto" is 0.0003 from 250 labelled rows on, and
        proportionally less for fewer: an encoder that is moved by a few rows forgets what it knows
        of the others. It is 0.002 with FixMatch, which learns from the others too, and for an
        encoder that nothing has trained yet.
    layer_decay : float, default="auto"
        Rate of the first layer of the encoder as a fraction of the head's, in (0, 1]; it falls
        geometrically in between, so the value means the same for networks of any depth. 1 trains
        all layers alike. "auto" is 0.3, and 1 for an encoder that nothing has trained yet.
    weight_decay : float, default=0.01
        Weight decay of matrices and filters.
    freeze : float, {"all", "norm"} or None, default=None
        What stays as it is of the encoder: a part of its layers from the first one on, from 0
        to 1, all of it, so that the head learns alone, or its norms.
    lora_rank : int, default=None
        Learn a change of this rank for each linear layer and attention of the encoder that is not
        frozen, instead of all weights. It is a part of these when the training ends.
    augment : bool, default=True
        Whether labelled rows are changed by the mild views (``views_.mild()``) of the method.
    early_stopping : "auto" or bool, default="auto"
        Whether a tenth of the labelled rows is held out, to stop when their loss did not get
        smaller for a fifth of the epochs, at least 10, and to keep the weights of the best epoch.
        "auto" does so when there are enough labels to spare some. With True, classes have at least
        2 labels each.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`. "auto" is whatever is missing (None, NaN, the NA of
        pandas, an empty string) and, of classes, the number -1 among whole numbers or names. None
        means that all rows are labelled. Where -1 may as well be a label, "auto" is an error that
        says what to write, as in :class:`LabeledOnly`.
    callbacks : list of skorch callbacks, default=None
        Called during the fine-tuning, with the skorch net that trains.
    checkpoint : str or Path, default=None
        A file in which `fit` keeps the fine-tuning while it goes on, and from which the same `fit`,
        in another process as well, goes on, as that of methods does. A pretraining before it has
        a file of its own until all is over, with ".pretraining" behind the name, unless the method
        has one set, or has `max_time` or `warm_start`. Ignored by `partial_fit`; an error together
        with `max_time`.
    checkpoint_every : float or str, default="5min"
        Time between two writings of it, as in `max_time`, or a number of steps such as "100 steps".
    random_state : int, RandomState instance or None, default=None
        One seed for order, views and held-out rows. The same seed gives the same bits on one CPU
        with the same number of threads. The global random states are left as they are.
    verbose : int, default=0
        1 shows how far the fine-tuning is and the time left, 2 adds a line for each epoch.

    Attributes
    ----------
    method_ : SelfSupervisedTransformer
        The fitted method, as it was before fine-tuning.
    encoder_ : nn.Module
        The fine-tuned encoder, in eval mode and on the CPU: from ``method_.modality_.prepare(X)``
        to embeddings.
    head_ : nn.Module
        From embeddings to what is predicted.
    n_iter_ : int
        Number of epochs of fine-tuning.
    n_steps_ : int
        Number of steps of the optimizer in these epochs.
    loss_curve_ : list of float
        Mean loss of each of these epochs.
    history_ : list of dict
        What skorch recorded for each of them; ``valid_loss`` with early stopping.
    n_features_in_ : int
        Number of values in a sample.
    feature_names_in_ : ndarray of str
        Names of the columns, if `X` had them.
    """

    method: SelfSupervisedTransformer | FrozenEstimator | None = param(
        HasMethods(["fit", "transform"]), None, default=None, kw_only=False
    )
    max_epochs: Auto[int] = param(AUTO, NOT_NEGATIVE_INT, default="auto")
    max_time: float | str | None = param(Duration(), None, default=None)
    batch_size: int = param(POSITIVE_INT, default=_BATCH)
    learning_rate: Auto[float] = param(AUTO, POSITIVE, default="auto")
    layer_decay: Auto[float] = param(AUTO, UP_TO_ONE, default="auto")
    weight_decay: float = param(NOT_NEGATIVE, default=0.01)
    freeze: float | str | None = param(*FREEZE, default=None)
    lora_rank: int | None = param(POSITIVE_INT, None, default=None)
    augment: bool = param("boolean", default=True)
    early_stopping: Auto[bool] = param(AUTO, "boolean", default="auto")
    unlabeled: object = param(object, default="auto")
    callbacks: Callbacks = param(list, HasMethods("on_train_begin"), None, default=None)
    checkpoint: str | Path | None = param(File(), None, default=None)
    checkpoint_every: float | str = param(Pace(), default="5min")
    random_state: RandomState = param("random_state", default=None)
    verbose: int = param("verbose", default=0)

    _target_dtype: ClassVar[type | None] = None

    @abstractmethod
    def _targets(
        self, y: np.ndarray, known: np.ndarray, *, reset: bool, classes: ArrayLike | None = None
    ) -> np.ndarray:
        """Check the labels of the rows that have one, and return targets for all rows."""

    @abstractmethod
    def _n_outputs(self) -> int:
        """Return how many numbers the head says of a sample."""

    @abstractmethod
    def _fit_head(
        self, scaler: StandardScaler, Z: np.ndarray, targets: np.ndarray, weights: np.ndarray
    ) -> nn.Module:
        """Return a head for frozen embeddings `Z` of rows with these targets and weights."""

    @abstractmethod
    def _make_objective(
        self, encoder: nn.Module, targets: Tensor, weights: Tensor
    ) -> SupervisedObjective:
        """Return what is trained, on rows with these targets."""

    @abstractmethod
    def _strata(self, targets: np.ndarray) -> np.ndarray | None:
        """Return which groups held-out rows are drawn from alike."""

    @abstractmethod
    def _has_enough(self, targets: np.ndarray) -> bool:
        """Whether labels can be spared for early stopping."""

    def _class_weights(self, y: np.ndarray) -> np.ndarray:
        """Return how much rows with these labels count."""
        return np.ones(len(y))

    def _n_others(self) -> int:
        """Return how many rows without their labels are in a batch."""
        return 0

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Pretrain on all rows, unless the method is fitted, and fine-tune on the labelled ones.

        Parameters
        ----------
        X : array-like
            The samples.
        y : array-like of shape (n_samples,)
            Their classes or targets, or `unlabeled`. At least 2 classes or targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much labelled rows count, in proportion to each other: a common factor changes
            nothing. The pretraining does not look at it.

        Returns
        -------
        self : object
            The fitted classifier or regressor.
        """
        with each_once(), transaction(self, goes_on=False) as (tuned, interrupts):
            rng = random_state_of_all(self.random_state)
            checkpoint = checkpoint_of(tuned)
            labels = tuned._check_labels(X, y, sample_weight, reset=True)
            known = copy.deepcopy(labels)
            tuned._hold_out(labels, rng)
            seeds = tuned._draw_seeds(rng)
            if checkpoint is not None and checkpoint.restore():
                labels = checkpoint.also["labels"]
                samples = prepare_again(tuned, X, checkpoint)
            else:
                samples, labels = tuned._start(
                    X, labels, seeds, learns=self.max_epochs != 0, checkpoint=checkpoint
                )
            if checkpoint is not None:
                checkpoint.compare_samples(samples, vars(known))
                checkpoint.also["labels"] = labels
            if checkpoint is None or not checkpoint.is_finished:
                epochs = tuned._resolve_epochs(labels)
                tuned._train(samples, labels, interrupts, checkpoint, epochs=epochs, partial=False)
                tuned._conclude(samples, labels)
            if checkpoint is not None:
                checkpoint.finish(steps=tuned.n_steps_)
                forget_pretraining(checkpoint)
        return self

    def _partial_fit(
        self,
        X: Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        classes: ArrayLike | None = None,
    ) -> Self:
        first = not hasattr(self, "encoder_")
        with transaction(self, goes_on=not first, unchanged=("method_",)) as (tuned, interrupts):
            labels = tuned._check_labels(X, y, sample_weight, reset=first, classes=classes)
            if first:
                rng = random_state_of_all(self.random_state)
                seeds = tuned._draw_seeds(rng)
                samples, labels = tuned._start(X, labels, seeds, learns=True, checkpoint=None)
            else:
                samples, labels = tuned._prepare(X, labels)
            tuned._train(samples, labels, interrupts, None, epochs=1, partial=True)
        return self

    def _check_labels(
        self,
        X: Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        *,
        reset: bool,
        classes: ArrayLike | None = None,
    ) -> Labels:
        name = type(self).__name__
        found, rows, others = split_labels(
            y,
            self.unlabeled,
            caller=name,
            kind="quantities" if is_regressor(self) else "classes",
            # Later calls of partial_fit may miss classes.
            classes=getattr(self, "classes_", None) if classes is None and not reset else classes,
            warn=True,
        )
        check_lengths(X=X, y=y, sample_weight=sample_weight)
        n_samples = len(rows) + len(others)
        if len(rows) < 1 + reset:
            raise ValueError(
                f"y has {len(rows)} labelled rows (n_samples={n_samples}); {name} needs at least "
                f"{1 + reset}."
            )
        known = np.zeros(n_samples, dtype=bool)
        known[rows] = True
        if self._target_dtype is not None and found.dtype.kind not in "biuf":
            for row, label in zip(rows, found.tolist(), strict=True):
                if not isinstance(label, Number):
                    raise ValueError(f"y must hold numbers, got {quoted(label)} in row {row}.")
        found = column_or_1d(found, dtype=self._target_dtype)
        y = np.zeros(n_samples, dtype=found.dtype)
        y[rows] = found
        targets = self._targets(y, known, reset=reset, classes=classes)
        weights = np.ones(n_samples) if sample_weight is None else as_weights(sample_weight)
        weights[known] *= self._class_weights(found)
        used = weights[known]
        if not (np.isfinite(used).all() and (used >= 0).all() and used.sum() > 0):
            raise ValueError(
                "sample_weight and class_weight must be finite and not negative, and the weights "
                "of labelled rows not all zero; they have weights from "
                f"{used.min()} to {used.max()}."
            )
        return Labels(targets, weights, known, np.zeros(n_samples, dtype=bool))

    def _hold_out(self, labels: Labels, rng: np.random.RandomState) -> None:
        """Keep some labels for early stopping, if there is to be any."""
        targets = labels.targets[labels.known]
        if self.early_stopping == "auto":
            stops = self._has_enough(targets) and self.max_epochs != 0
        else:
            stops = self.early_stopping
        if stops:
            labels.hold_out(_HELD_OUT, self._strata(targets), seed=rng.randint(2**31 - 1))

    @staticmethod
    def _draw_seeds(rng: np.random.RandomState) -> tuple[int, int]:
        """Return the seeds of the pretraining and of the fine-tuning."""
        return int(rng.randint(2**31 - 1)), int(rng.randint(2**31 - 1))

    def _start(
        self,
        X: Samples,
        labels: Labels,
        seeds: tuple[int, int],
        *,
        learns: bool,
        checkpoint: Checkpoint | None,
    ) -> tuple[Tensor, Labels]:
        """Pretrain if that is to be done, and make the head that a fine-tuning starts from."""
        seed, self._seed = seeds
        method = self.start_method(seed)
        fitted = method.__sklearn_is_fitted__()
        self.method_ = copy.deepcopy(method) if fitted else pretrain(self, method, X, checkpoint)
        self.n_features_in_ = self.method_.n_features_in_
        take_over(self, self.method_, "feature_names_in_")
        try:
            samples, labels = self._prepare(X, labels)
        except ValueError as error:
            if method is self.method:
                error.add_note(
                    f"method={type(method).__name__}(...) is fitted already, and is not trained "
                    "again. If it was fitted to other samples, pass sklearn.base.clone(method)."
                )
            raise
        learned = self.method_.encoder_.learned()
        if self._is_new() and learns:
            # BatchNorm gives the embedding another scale as soon as the training begins.
            head: nn.Module = blank_head(self.method_.n_learned(), self._n_outputs())
        else:
            Z = self._apply(learned, samples).numpy()
            scaler = plain(StandardScaler()).fit(Z)
            head = self._fit_head(
                scaler, Z[labels.known], labels.targets[labels.known], labels.relative(labels.known)
            )
        self.encoder_ = copy.deepcopy(learned)
        if learns and self.lora_rank is not None:
            plan = Plan(freeze=self.freeze, lora_rank=self.lora_rank)
            check_plan(learned.encoder, plan, title=type(self).__name__)
        self.head_ = head.eval()
        self._optimizer_state = None
        self.n_steps_ = 0
        self.n_iter_ = 0
        self.loss_curve_: list[float] = []
        self.history_: list[dict[str, float]] = []
        return samples, labels

    def start_method(self, seed: int) -> SelfSupervisedTransformer:
        """Return the method if it is fitted, and otherwise a clone that is ready to be.

        Parameters
        ----------
        seed : int
            The clone's `random_state`, if the method has none.

        Returns
        -------
        SelfSupervisedTransformer
            What is fine-tuned.
        """
        method = SimCLR() if self.method is None else self.method
        if isinstance(method, FrozenEstimator):
            method = method.estimator
            check_is_fitted(method)
        if not isinstance(method, SelfSupervisedTransformer):
            raise ValueError(
                f"method={method!r} must be a self-supervised method such as SimCLR(), fitted or "
                "not, or a FrozenEstimator of a fitted one."
            )
        if method.__sklearn_is_fitted__():
            return method
        method = clone(method)
        if method.random_state is None:
            method.set_params(random_state=seed)
        return method

    def _prepare(self, X: Samples, labels: Labels) -> tuple[Tensor, Labels]:
        samples, loaded = self.method_.prepare_samples(X)
        if loaded is None:
            return samples, labels
        labels = labels.take(loaded)
        if not labels.known.any():
            raise ValueError("X: of the samples with a label, none could be read.")
        return samples, labels

    def _resolve_epochs(self, labels: Labels) -> int:
        from skssl.training import auto_steps, epochs_of

        if self.max_epochs == "auto":
            n_known = int(labels.known.sum())
            if not self._n_others():
                return epochs_of(auto_steps(n_known), n_known, self.batch_size)
            steps = _TIMES_OF_GUESSES * auto_steps(n_known + int(labels.others.sum()))
            return epochs_of(steps, n_known, self.batch_size)
        return int(self.max_epochs)

    def _train(
        self,
        samples: Tensor,
        labels: Labels,
        interrupts: Interrupts,
        checkpoint: Checkpoint | None,
        *,
        epochs: int,
        partial: bool,
    ) -> None:
        from skssl.semi_supervised._training import fine_tune

        if checkpoint is not None and checkpoint.net is not None:
            objective = checkpoint.net["objective"]
        else:
            encoder = self.encoder_.encoder
            objective = self._make_objective(encoder, *labels.tensors(labels.known))
        net, interrupted = fine_tune(
            objective,
            samples,
            labels,
            method=self.method_,
            n_others=self._n_others(),
            batch_size=self.batch_size,
            learning_rate=resolve_auto(self.learning_rate, self._auto_rate(labels)),
            layer_decay=resolve_auto(self.layer_decay, 1.0 if self._is_new() else _DECAY),
            weight_decay=self.weight_decay,
            plan=Plan(freeze=self.freeze, lora_rank=self.lora_rank),
            title=type(self).__name__,
            epochs=epochs,
            constant_rate=partial,
            max_seconds=None if partial else Duration.seconds(self.max_time),
            # Later calls of partial_fit must not repeat the random numbers of earlier ones.
            seed=int(np.random.SeedSequence([self._seed, self.n_steps_]).generate_state(1)[0]),
            callbacks=self.callbacks,
            verbose=self.verbose,
            optimizer_state=self._optimizer_state,
            interrupts=interrupts,
            checkpoint=checkpoint,
        )
        self._optimizer_state = net.optimizer_.state_dict() if partial else None
        self.n_steps_ += net.steps_done_
        for network in (self.encoder_, self.head_):
            network.zero_grad()
            network.to("cpu").eval()
        self.history_ += net.records()
        self.loss_curve_ = [row["train_loss"] for row in self.history_]
        self.n_iter_ = len(self.history_)
        if interrupted:
            raise TrainingInterrupted(interrupted)

    def _conclude(self, samples: Tensor, labels: Labels) -> None:
        """Look back at a fine-tuning that is over, and warn of what went wrong."""

    def _is_new(self) -> bool:
        """Whether nothing has trained the encoder; modules and weights come trained."""
        return self.method_.n_iter_ == 0 and not self.method_.starts_from_known()

    def _auto_rate(self, labels: Labels) -> float:
        if self._is_new():
            return _RATE_OF_NEW
        return _RATE * min(1.0, labels.known.sum() / _LABELS_FOR_RATE)

    def _outputs(self, X: Samples) -> Tensor:
        """Return what the head says of samples."""
        check_is_fitted(self)
        samples, _ = self.method_.prepare_samples(X, every=True)
        return self._outputs_of(samples)

    def _outputs_of(self, samples: Tensor) -> Tensor:
        """Return what the head says of prepared samples."""
        network = nn.Sequential(self.encoder_, self.head_)
        return self._apply(network, samples)

    def _apply(self, network: nn.Module, samples: Tensor) -> Tensor:
        device, title = self.method_.device, type(self).__name__
        return apply_network(network, nn.Module.__call__, samples, device=device, title=title)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "encoder_")

    def tell_fitted(self) -> dict[str, str]:
        """Return what the fitted method tells of the columns of a table."""
        return self.method_.tell_fitted() if hasattr(self, "method_") else {}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        method = SimCLR() if self.method is None else self.method
        if isinstance(method, BaseEstimator):
            tags.input_tags = get_tags(method).input_tags
        return tags
