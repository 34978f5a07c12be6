"""The whole scikit-learn contract, once for all methods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

import joblib
import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.optim import Optimizer

from skssl._checkpoint import Checkpoint
from skssl._declare import (
    API_PAGES,
    AT_LEAST_TWO,
    AUTO,
    NOT_NEGATIVE,
    NOT_NEGATIVE_INT,
    POSITIVE,
    Duration,
    HasMethods,
    Pace,
    StrOptions,
    param,
)
from skssl._interrupts import Interrupts
from skssl._quote import quoted
from skssl._samples import in_all_rows
from skssl._sklearn_compat import fit_context
from skssl._starting import StartParameters
from skssl._state import KeepsState
from skssl._streams import Stream
from skssl._trainings import File, Folder
from skssl._transaction import transaction
from skssl._types import Auto, Callbacks, RandomState, Samples
from skssl._warn import each_once
from skssl.exceptions import TrainingInterrupted
from skssl.modality import Modality
from skssl.nn import adapted
from skssl.views import ChangedViews, Views, ViewsParameter

# What trainings that go on leave as it is.
_UNCHANGED = ("modality_", "views_")


class SelfSupervisedTransformer(KeepsState, TransformerMixin, StartParameters):
    """Base class of all methods: learns an encoder from unlabelled samples, and applies it.

    A method adds its own parameters and says in ``make_objective`` what is trained.

    Parameters
    ----------
    views : "auto", Views or callable, default="auto"
        The random changes that the embedding is to be indifferent to: an object from
        :mod:`skssl.views`, or a function that returns a changed copy of a batch. With "auto",
        ranges of the modality's default views can be searched as well, and set, as in
        ``set_params(views__flip=0)`` or ``views=skssl.views.ChangedViews(flip=0)``. Names are
        checked in `fit`, when the kind of data is known; the `views_` of a method that was fitted
        with ``max_epochs=0`` has them and their values, by its ``get_params()``. For an encoder
        that is not given by name, the default views are as large as the samples.
    max_epochs : int, default="auto"
        Passes over the training rows. "auto" counts in steps of the optimiser: 300 for up to 1000
        rows, growing with their number to the power of 0.6 to 4000; on a CPU fewer, where samples
        or encoder are so large that this would take too long; at least one pass. 0 leaves the
        encoder with the weights that it starts from, the control that a trained one has to beat.
    max_time : float or str, default=None
        Longest time of the training in `fit`, in seconds or as a str such as "90s", "5min" or
        "1.5h"; checking and preparing the samples comes before it. The learning rate falls to zero
        over what fits in, so that the encoder is a trained one, after one step at least. The
        training ends with `max_epochs` if that comes first. How many steps there are depends on
        the machine and on what else it does, so the bits are not repeatable. Ignored by
        `partial_fit`; an error together with `warm_start`.
    batch_size : int, default="auto"
        Samples in a batch, at least 2; all of them if there are fewer. "auto" is 256, and on a CPU
        down to 64 for large samples and encoders.
    learning_rate : float, default="auto"
        Peak of the learning rate, which rises over a tenth of the training and then falls to zero
        with a cosine. "auto" is 0.002 for "adamw", 0.008 for "muon", 0.05 for "sgd" and 0.5 for
        "lars".
    weight_decay : float, default=0.01
        Weight decay of matrices and filters. Biases and norms are not decayed, and an optimizer
        that is passed as a class gets this value, too.
    optimizer : {"auto", "adamw", "lars", "muon", "sgd"} or callable, default="auto"
        A name, or a class such as ``torch.optim.RMSprop`` that is called with groups of parameters
        and ``lr``. "auto" is "muon" for networks with 2-D convolutions and for the transformers of
        masked methods, which learn more from a sample with it, and "adamw" for others. "muon" is
        torch's for matrices and filters, with AdamW for the rest. "lars" leaves the rate of biases
        and norms as it is; it is timm's, for which there is ``pip install 'skssl[optimizers]'``.
    device : str or torch.device, default="auto"
        Where to train and to embed, such as "cpu" or "cuda:1". "auto" is the GPU if torch has one
        of CUDA (NVIDIA's, or AMD's with ROCm), and the CPU otherwise. For Apple's GPUs, which have
        not been tried, pass "mps"; ``benchmarks/check_device.py`` tests them.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the training. "auto" is bfloat16 on GPUs that compute in it, and for networks
        with 2-D convolutions also on CPUs that do (AVX512-BF16 or AMX). Embeddings are always
        computed in float32.
    callbacks : list of skorch callbacks, default=None
        Called during the training, with the skorch net that trains.
    checkpoint : str or Path, default=None
        A file in which `fit` keeps the training while it goes on, and from which the same `fit`,
        in another process as well, goes on: with the bits of one that was never interrupted. It
        is written before the first step, every `checkpoint_every`, at the end, and when the process
        gets Ctrl-C or SIGTERM. A training that is over is taken from it as it is. A file of another
        method, version, parameter (but for `callbacks`, `device` and `verbose`) or other samples
        is an error, and left as it is. It is unpickled, so nobody else may have write permission.
        Ignored by `partial_fit`; an error together with `max_time` or `warm_start`.
    checkpoint_every : float or str, default="5min"
        Time between two writings of it, as in `max_time`, or a number of steps such as "100 steps".
    random_state : int, RandomState instance or None, default=None
        One seed for weights, order and views. The same seed gives the same bits on one CPU with
        the same number of threads (``torch.get_num_threads()``), in whichever thread or process.
        The global random states are left as they are.
    warm_start : bool, str, Path or joblib.Memory, default=False
        With True, `fit` continues the training before to a total of `max_epochs`, instead of
        starting anew, if samples and parameters are the same, apart from `max_epochs`,
        `callbacks`, `device` and `verbose`. The optimizer starts afresh, and its learning rate
        rises and falls once more over the epochs that are added. A training has rounds of that
        kind from the start, each to three times the epochs in all (..., 2, 6, 18), so that what
        comes of it does not depend on which trainings there were before. No file is written, and
        a clone starts anew.
        With a folder, or with that of a ``joblib.Memory``, every round is kept there in a file, and
        `fit` continues the longest training of this kind that any estimator, in any process, put
        there, so that ``HalvingGridSearchCV(..., resource="max_epochs", factor=3)`` continues the
        candidates that it keeps, fold by fold; its last fit, to all samples, has nothing to
        continue. The folder is made if it is not there, and stays until you delete it. Its files
        are unpickled, so one in which other users can write is an error, and such a file is passed
        over; on Windows, which folder is safe is for you to know.
    verbose : int, default=0
        1 says when samples are being prepared, and then shows how far the training is, the loss,
        two measures of collapse (``embedding_std`` and ``view_ranking``) and the time left: a bar
        in terminals and notebooks, and elsewhere a line now and then. 2 adds a line for each epoch.

    Attributes
    ----------
    encoder_ : nn.Module
        The learned encoder, in eval mode and on the CPU, usable on its own:
        ``encoder_(modality_.prepare(X))`` is what `transform` computes, of an `X` that
        ``modality_.check`` returned.
    modality_ : Modality
        The fitted modality: how samples are checked and prepared.
    views_ : Views
        The views that were used.
    batch_size_ : int
        Number of samples in a batch of `fit`.
    n_iter_ : int
        Number of epochs trained.
    n_steps_ : int
        Number of steps of the optimizer in these epochs.
    loss_curve_ : list of float
        Mean loss of each epoch.
    history_ : list of dict
        What skorch recorded for each epoch, and measures of the embedding from
        :mod:`skssl.metrics`: ``embedding_std``, ``mean_correlation``, ``rankme``,
        ``view_retrieval``, ``view_ranking`` and, of what the loss sees, ``projection_std`` and
        ``projection_ranking``. They are taken at the end of an epoch, from two views of up to 256
        training samples: of the first and the last one, and in between each time that 40 times as
        many samples were trained on as are looked at. Other epochs repeat the latest values.
    before_training_ : dict
        The same measures of the same samples and views, taken before the first step.
    n_features_in_ : int
        Number of values in a sample.
    feature_names_in_ : ndarray of str
        Names of the columns, if `X` had them.
    """

    views: ViewsParameter = param(AUTO, Views, ChangedViews, callable, default="auto")
    max_epochs: Auto[int] = param(AUTO, NOT_NEGATIVE_INT, default="auto")
    max_time: float | str | None = param(Duration(), None, default=None)
    batch_size: Auto[int] = param(AUTO, AT_LEAST_TWO, default="auto")
    learning_rate: Auto[float] = param(AUTO, POSITIVE, default="auto")
    weight_decay: float = param(NOT_NEGATIVE, default=0.01)
    optimizer: str | Callable[..., Optimizer] = param(
        StrOptions({"auto", "adamw", "lars", "muon", "sgd"}), callable, default="auto"
    )
    device: str | torch.device = param(str, torch.device, default="auto")
    precision: str = param(StrOptions({"auto", "float32", "bfloat16"}), default="auto")
    callbacks: Callbacks = param(list, HasMethods("on_train_begin"), None, default=None)
    checkpoint: str | Path | None = param(File(), None, default=None)
    checkpoint_every: float | str = param(Pace(), default="5min")
    random_state: RandomState = param("random_state", default=None)
    warm_start: bool | str | Path | joblib.Memory = param(
        "boolean", Folder(), joblib.Memory, default=False
    )
    verbose: int = param("verbose", default=0)

    _doc_link_template = f"{API_PAGES}/skssl.{{estimator_name}}.html"

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Samples, y: ArrayLike | None = None) -> Self:
        """Learn an encoder from unlabelled samples.

        Parameters
        ----------
        X : array-like
            The samples, at least 2.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        self : object
            The fitted estimator. After an error it is what it was before.

        Raises
        ------
        TrainingInterrupted
            A KeyboardInterrupt, after Ctrl-C in the training: the estimator is fitted with what
            was learned so far. Before the first step is done, it is what it was before.
        """
        if self.warm_start and self.max_time is not None:
            raise ValueError(
                f"max_time={self.max_time!r} cannot be combined with "
                f"warm_start={quoted(self.warm_start)}, which continues trainings that can be "
                "repeated; set max_epochs instead."
            )
        goes_on = bool(self.warm_start)
        with transaction(self, goes_on=goes_on, unchanged=_UNCHANGED) as (ssl, interrupts):
            checkpoint = Checkpoint.of(ssl, ssl.device)
            samples = ssl._resume(X) if goes_on else ssl._start(X)
            if checkpoint is not None:
                checkpoint.compare_samples(samples, *ssl._known_of_samples())
                checkpoint.restore()
            is_finished = checkpoint is not None and checkpoint.is_finished
            rounds = [] if is_finished else ssl._rounds(len(samples))
            for end in rounds:
                epochs = end - ssl.n_iter_
                stopped = ssl._train(samples, interrupts, checkpoint, epochs=epochs, partial=False)
                if goes_on:
                    ssl._keep_training()
                if stopped:
                    break
            if rounds:
                ssl.conclude()
            if checkpoint is not None:
                checkpoint.finish(steps=ssl.n_steps_)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Samples, y: ArrayLike | None = None) -> Self:
        """Continue the training with one pass over `X`.

        The learning rate is constant. What was learned from the first samples about their scale
        stays as it is. The state of the optimizer is kept from one call to the next, until `fit`.

        Parameters
        ----------
        X : array-like
            The samples, at least 2.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        first = not hasattr(self, "encoder_")
        with transaction(self, goes_on=not first, unchanged=_UNCHANGED) as (ssl, interrupts):
            samples = ssl._start(X) if first else ssl.training_samples(X)
            ssl._train(samples, interrupts, None, epochs=1, partial=True)
        return self

    def transform(self, X: Samples) -> np.ndarray:
        """Embed samples with the learned encoder.

        Parameters
        ----------
        X : array-like
            Samples of the kind that was seen in `fit`.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features_out), float32
            The embedding. That of one sample does not depend on the others.
        """
        check_is_fitted(self)
        parts = []
        for samples, loaded in self.in_parts(X):
            run = self._apply(self.encoder_, lambda encoder, batch: encoder(batch), samples)
            parts.append(in_all_rows(run.numpy(), loaded))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def fit_transform(self, X: Samples, y: ArrayLike | None = None) -> np.ndarray:
        """Learn an encoder from samples, and embed these.

        Parameters
        ----------
        X : array-like
            The samples, at least 2.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features_out), float32
            The embedding.
        """
        with each_once():
            return self.fit(X).transform(X)

    def score(self, X: Samples, y: ArrayLike | None = None) -> float:
        """Return how good the embedding of samples is, as far as that can be told without labels.

        It is what :data:`skssl.model_selection.default_scorer` says, so that a search needs no
        ``scoring``: how much a view tells about which sample it is of.

        Parameters
        ----------
        X : array-like
            Samples, best those that were not trained on; at least 4, best some hundreds.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        score : float
            The higher the better, in nats (see :func:`skssl.metrics.view_information_score`).
            Compare scores of the same samples only.
        """
        from skssl.model_selection import default_scorer

        return default_scorer(self, X)

    def tell_fitted(self) -> dict[str, str]:
        """Return what `fit` found that `repr` and the HTML view are to tell, by what it is of.

        Returns
        -------
        dict of str to str
            Empty before `fit`.
        """
        if not self.__sklearn_is_fitted__():
            return {}
        modality = {"modality_": type(self.modality_).__name__ + "()"}
        return (modality if isinstance(self.modality, str) else {}) | self.modality_.tell_fitted()

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "encoder_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        if isinstance(self.modality, Modality):
            self.modality.set_input_tags(tags.input_tags)
        else:
            tags.input_tags.one_d_array = True
            tags.input_tags.three_d_array = True
            tags.input_tags.string = True
            tags.input_tags.allow_nan = True
        return tags

    def _train(
        self,
        samples: Tensor | Stream,
        interrupts: Interrupts,
        checkpoint: Checkpoint | None,
        *,
        epochs: int,
        partial: bool,
    ) -> bool:
        """Train for some epochs; return whether a callback has ended that."""
        from skssl.training import HeadFirst, make_optimizer, resolve_device, train

        batch_size = min(self._resolve_batch_size(), len(samples))
        # Later calls of partial_fit must not repeat the random numbers of earlier ones.
        seed = int(np.random.SeedSequence([self._seed, self.n_steps_]).generate_state(1)[0])
        how = (self.optimizer, self.learning_rate, self.weight_decay)
        plan = self.plan()
        with self._keeping_start(), adapted(self._objective, plan, seed=seed) as (rates, late):
            net, interrupted = train(
                self._objective,
                samples,
                title=type(self).__name__,
                epochs=epochs,
                steps_per_epoch=len(samples) // batch_size,
                device=resolve_device(self.device),
                precision=self.precision,
                callbacks=self.callbacks,
                first_callbacks=[self._monitor, *([HeadFirst(late)] if late else [])],
                verbose=self.verbose,
                optimizer_state=self._optimizer_state,
                interrupts=interrupts,
                checkpoint=checkpoint,
                views=self.views_,
                input_layer=self._input_layer,
                make_optimizer=lambda part: make_optimizer(part, *how, rates, late=late),
                seed=seed,
                constant_rate=partial,
                max_seconds=None if partial else Duration.seconds(self.max_time),
                batch_size=batch_size,
            )
        self._optimizer_state = net.optimizer_.state_dict() if partial else None
        self.n_steps_ += net.steps_done_
        self._objective.zero_grad()
        self._objective.to("cpu").eval()
        self._finish_encoder(samples)
        self.history_ += net.records()
        self.loss_curve_ = [row["train_loss"] for row in self.history_]
        self.n_iter_ = len(self.history_)
        self.before_training_ = self._monitor.at_start
        if interrupted:
            raise TrainingInterrupted(interrupted)
        return net.stopped_by_callback_

    def has_collapsed(self) -> bool:
        """Whether the training warned of a collapse.

        Returns
        -------
        bool
            True from the :class:`~skssl.exceptions.CollapseWarning` on.
        """
        return self._monitor.has_warned

    def conclude(self) -> None:
        """Look back at a training that is over, and warn of what went wrong."""
        self._monitor.conclude()
        if self.is_adapted():
            self._monitor.warn_if_worse()
