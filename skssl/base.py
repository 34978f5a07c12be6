"""The whole scikit-learn contract, once for all methods."""

from __future__ import annotations

import copy
import difflib
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from skssl._declare import Declared, Duration, HasMethods, Interval, StrOptions, declared, param
from skssl._interrupts import Interrupts
from skssl._quote import quoted
from skssl._runner import apply_network, with_same_weights
from skssl._settings import OwnSettings, own_settings
from skssl._sklearn_compat import InvalidParameterError, fit_context
from skssl._transaction import transaction
from skssl._warm_start import WarmStart
from skssl._warn import warn
from skssl.exceptions import TrainingInterrupted
from skssl.modality import MODALITIES, Modality, infer_modality
from skssl.modality._sameness import nothing_to_tell
from skssl.nn import JointObjective, Objective, SideBySide
from skssl.views import CallableViews, ChangedViews, Views

__all__ = ["SelfSupervisedTransformer"]

# What trainings that go on leave as it is.
_UNCHANGED = ("modality_", "views_")


@declared
class SelfSupervisedTransformer(
    OwnSettings, WarmStart, ClassNamePrefixFeaturesOutMixin, TransformerMixin, Declared
):
    """Base class of all methods: learns an encoder from unlabelled samples, and applies it.

    A method adds its own parameters and says in ``_make_objective`` what is trained.

    Parameters
    ----------
    modality : "auto" or Modality, default="auto"
        What a sample is: an instance of a class in :mod:`skssl.modality`. "auto" tells by the
        shape and dtype of `X`, by the rule in :func:`skssl.modality.infer_modality`.
    encoder : str, nn.Module or callable, default="auto"
        The network from sample to embedding. "auto" is a small one that suits the modality and a
        CPU. Other names are those of the modality, such as "conv", "vit" and torchvision's
        ("resnet18", ...) for images. A module is copied and trained from the weights that it has.
        A callable gets the shape of one prepared sample, such as (channels, height, width), and
        returns a module.
    views : "auto", Views or callable, default="auto"
        The random changes that the embedding is to be indifferent to: an object from
        :mod:`skssl.views`, or a function that returns a changed copy of a batch. With "auto",
        ranges of the modality's default views can be set and searched as well, for example
        ``views__crop_scale``. For an encoder that is no name, the default views are as large as the
        samples.
    max_epochs : int, default="auto"
        Passes over the training rows. "auto" counts in steps of the optimiser: 300 for up to 1000
        rows, growing with their number to the power of 0.6 to 4000; on a CPU fewer, where samples
        or encoder are so large that this would take too long. 0 leaves the encoder with random
        weights, the control that a trained one has to beat.
    max_time : float or str, default=None
        Longest time of the training in `fit`, in seconds or as a str such as "90s", "5min" or
        "1.5h"; checking and preparing the samples comes before it. The learning rate falls to zero
        over what fits in, so that the encoder is a trained one, after one step at least. The
        training ends with `max_epochs` if that comes first. How many steps there are depends on
        the machine and on what else it does, so the bits are not repeatable. Has no part in
        `partial_fit`, and is refused with ``warm_start=True``.
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
        of CUDA (NVIDIA's, or AMD's with ROCm), and the CPU otherwise. Apple's GPUs are asked for by
        name, "mps", and were not tried yet: ``benchmarks/check_device.py`` does.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the training. "auto" is bfloat16 on GPUs that compute in it, and for networks
        with 2-D convolutions also on CPUs that do (AVX512-BF16 or AMX). Embeddings are always
        computed in float32.
    callbacks : list of skorch callbacks, default=None
        Called during the training, with the skorch net that trains.
    random_state : int, RandomState instance or None, default=None
        One seed for weights, order and views. The same seed gives the same bits on one CPU with
        the same number of threads (``torch.get_num_threads()``), in whichever thread or process.
        The global random states are left as they are.
    warm_start : bool, default=False
        With True, `fit` continues an earlier training to a total of `max_epochs`, instead of
        starting anew: one with the same samples and the same parameters, apart from `max_epochs`,
        `callbacks`, `device` and `verbose`. The optimizer starts afresh, and its learning rate
        rises and falls once more over the epochs that are added. A training has rounds of that
        kind from the start, each to three times the epochs in all (..., 2, 6, 18), so that what
        comes of it does not depend on which trainings there were before. The trainings of an
        estimator's clones count as its own, also in other processes on the same machine, so that
        ``HalvingGridSearchCV(..., resource="max_epochs", factor=3)`` continues the candidates that
        it keeps, fold by fold; its last fit, to all samples, has nothing to continue. For this,
        every round of a clone is kept in a temporary file for as long as the estimator lives.
    verbose : int, default=0
        1 shows how far the training is, the loss, two measures of collapse (``embedding_std`` and
        ``view_ranking``) and the time left: a bar in terminals and notebooks, and elsewhere a line
        now and then. 2 adds a line for each epoch.

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
    loss_curve_ : list of float
        Mean loss of each epoch.
    history_ : list of dict
        What skorch recorded for each epoch, and measures of the embedding from
        :mod:`skssl.metrics`: ``embedding_std``, ``mean_correlation``, ``rankme``,
        ``view_retrieval``, ``view_ranking`` and, of what the loss sees, ``projection_std`` and
        ``projection_ranking``. They are taken at the end of an epoch, from two views of up to 256
        training samples: of the first and the last one, and in between each time that 40 times as
        many samples were trained on as are looked at. Other epochs repeat the latest values.
    n_features_in_ : int
        Number of values in a sample.
    feature_names_in_ : ndarray of str
        Names of the columns, if `X` had them.
    """

    modality: Any = param(StrOptions({"auto"}), Modality, default="auto")
    encoder: Any = param(str, nn.Module, callable, default="auto")
    views: Any = param(StrOptions({"auto"}), Views, ChangedViews, callable, default="auto")
    max_epochs: Any = param(
        StrOptions({"auto"}), Interval(Integral, 0, None, closed="left"), default="auto"
    )
    max_time: Any = param(Duration(), None, default=None)
    batch_size: Any = param(
        StrOptions({"auto"}), Interval(Integral, 2, None, closed="left"), default="auto"
    )
    learning_rate: Any = param(
        StrOptions({"auto"}), Interval(Real, 0, None, closed="neither"), default="auto"
    )
    weight_decay: float = param(Interval(Real, 0, None, closed="left"), default=0.01)
    optimizer: Any = param(
        StrOptions({"auto", "adamw", "lars", "muon", "sgd"}), callable, default="auto"
    )
    device: Any = param(str, torch.device, default="auto")
    precision: str = param(StrOptions({"auto", "float32", "bfloat16"}), default="auto")
    callbacks: Any = param(list, HasMethods("on_train_begin"), None, default=None)
    random_state: Any = param("random_state", default=None)
    warm_start: bool = param("boolean", default=False)
    verbose: int = param("verbose", default=0)

    # None where an embedding that looks collapsed says nothing.
    _collapse_remedy: ClassVar[str | None] = (
        "Try stronger views, a larger batch_size or a smaller learning_rate."
    )

    # What "auto" makes of batches: of large samples at the least, and of others.
    _smallest_batch: ClassVar[int] = 64
    _largest_batch: ClassVar[int] = 256

    # What a modality has to offer beyond what all of them do, by the names of its methods.
    _needs: ClassVar[tuple[str, ...]] = ()

    _doc_link_module = "skssl"
    _doc_link_template = (
        "https://skssl.readthedocs.io/en/stable/generated/{estimator_module}.{estimator_name}.html"
    )

    @abstractmethod
    def _make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int
    ) -> Objective:
        """Return what this method trains around `encoder`, on these prepared samples."""

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
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
                f"max_time={self.max_time!r} cannot be said with warm_start=True, which continues "
                "trainings that can be repeated; say max_epochs instead."
            )
        with transaction(self, goes_on=self.warm_start, unchanged=_UNCHANGED) as (ssl, interrupts):
            samples = ssl._resume(X) if self.warm_start else ssl._start(X)
            rounds = ssl._rounds(len(samples))
            for end in rounds:
                epochs = end - ssl.n_iter_
                stopped = ssl._train(samples, interrupts, epochs=epochs, partial=False)
                if self.warm_start:
                    ssl._keep_training()
                if stopped:
                    break
            if rounds:
                ssl._conclude()
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None) -> Self:
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
            samples = ssl._start(X) if first else ssl._prepare(X, min_samples=2)[0]
            ssl._train(samples, interrupts, epochs=1, partial=True)
        return self

    def transform(self, X: Any) -> np.ndarray:
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
        samples, loaded = self._prepare(X)
        run = self._apply(self.encoder_, lambda encoder, batch: encoder(batch), samples)
        return in_all_rows(run.numpy(), loaded)

    def score(self, X: Any, y: Any = None) -> float:
        """Return how good the embedding of samples is, as far as that can be told without labels.

        It is what :data:`skssl.model_selection.default_scorer` says, so that a search needs no
        ``scoring``: how much a view tells about which sample it is of.

        Parameters
        ----------
        X : array-like
            Samples, best those that were not trained on; at least 4.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        score : float
            The higher the better. Compare scores of the same samples only.
        """
        from skssl.model_selection import default_scorer

        return default_scorer(self, X)

    def set_params(self, **params: Any) -> Self:
        """Set the parameters of this estimator.

        ``views__<range>`` can be set for ``views="auto"`` as well.

        Parameters
        ----------
        **params : dict
            Estimator parameters.

        Returns
        -------
        self : object
            This estimator.
        """
        ranges = [name for name in params if name.startswith("views__")]
        views = params.get("views", self.views)
        if ranges and isinstance(views, str) and views == "auto":
            params["views"] = ChangedViews()
        return super().set_params(**params)

    def _validate_params(self) -> None:
        if isinstance(self.modality, str) and self.modality != "auto":
            names = {kind.__name__.lower(): kind.__name__ for kind in MODALITIES}
            close = difflib.get_close_matches(self.modality.lower(), names, n=1, cutoff=0.5)
            name = names[close[0]] if close else "Images"
            raise InvalidParameterError(
                f"modality={self.modality!r} must be 'auto' or an object, such as "
                f"modality=skssl.modality.{name}()."
            )
        super()._validate_params()

    def _tell(self) -> dict[str, str]:
        if not self.__sklearn_is_fitted__():
            return {}
        modality = {"modality_": type(self.modality_).__name__ + "()"}
        return (modality if isinstance(self.modality, str) else {}) | self.modality_._tell()

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

    def _apply(
        self, network: nn.Module, function: Callable[..., Tensor], *samples: Tensor
    ) -> Tensor:
        """Apply a function of a network and samples batch by batch, on the device.

        Parameters
        ----------
        network : nn.Module
            In eval mode; it is copied to the device if it is not there.
        function : callable
            Gets the network on the device and a batch of each of the `samples`.
        *samples : Tensor
            Of the same length.
        """
        title = type(self).__name__
        return apply_network(network, function, *samples, device=self.device, title=title)

    def _embed_views(self, X: Any, views: Views, *, n_views: int, seed: int) -> np.ndarray:
        """Embed random views of samples as `transform` embeds samples.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_views, n_features_out), float32
        """
        from skssl.training import resolve_device, seeded

        check_is_fitted(self)
        samples, loaded = self._prepare(X)
        device = resolve_device(self.device)
        generator = torch.Generator(device).manual_seed(seed)

        def embed(assembled: nn.Sequential, batch: Tensor) -> Tensor:
            input_layer, encoder = assembled
            drawn = views.draw(input_layer(batch), n_views, generator=generator)
            return torch.stack([encoder(view) for view in drawn], dim=1)

        # A user's own views may draw from torch's global generator.
        with seeded(seed, device):
            embedded = self._apply(self.encoder_, embed, samples).numpy()
        return in_all_rows(embedded, loaded)

    def _give_back(self, samples: Tensor, X: Any, loaded: np.ndarray | None) -> Any:
        """Return prepared samples in the form of `X`, one for each of its rows."""
        return in_all_rows(self.modality_.restore(samples, X), loaded)

    def _apply_objective(self, function: Callable[..., Tensor], *samples: Tensor) -> Tensor:
        """Apply a function of the trained objective and of samples, as :meth:`_apply` does.

        The first of the `samples` are prepared ones and go through the input layer.
        """
        trained = nn.ModuleList([self._input_layer, self._objective])

        def run(networks: nn.ModuleList, batch: Tensor, *more: Tensor) -> Tensor:
            input_layer, objective = networks
            return function(objective, input_layer(batch), *more)

        # Networks that look at their own maps while they run are to be nobody else's.
        return self._apply(with_same_weights(trained), run, *samples)

    def _start(self, X: Any) -> Tensor:
        """Resolve every "auto" and build encoder and objective; return the prepared samples."""
        from skssl.training import Monitor, resolve_device, seeded, with_memory_advice

        device = resolve_device(self.device)
        modality = infer_modality(X) if isinstance(self.modality, str) else self.modality
        self.modality_ = copy.deepcopy(modality)
        self._check_modality()
        samples, _ = self._prepare(X, reset=True, min_samples=2)
        self.views_ = self._resolve_views()
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._shape = tuple(samples.shape)
        with seeded(self._seed, device):
            self.encoder_ = with_memory_advice(
                lambda: self._build_networks(samples, device),
                title=type(self).__name__,
                doing="building",
                device=torch.device("cpu"),
            )
        self.batch_size_ = min(self._resolve_batch_size(), len(samples))
        self._optimizer_state: dict[str, Any] | None = None
        self._monitor = Monitor(type(self).__name__, self._collapse_remedy)
        self._steps = 0
        self.n_iter_ = 0
        self.loss_curve_: list[float] = []
        self.history_: list[dict[str, Any]] = []
        return samples

    def _build_networks(self, samples: Tensor, device: torch.device) -> nn.Module:
        """Build encoder and objective, and find out how large a batch is to be."""
        from skssl.training import auto_batch_size, seeded

        encoder = self._resolve_encoder(samples)
        self._input_layer = self.modality_.input_layer()
        assembled = self.modality_.assemble(self._input_layer, encoder).eval()
        self._n_features_out = self._embedding_dim(assembled, samples[:2])
        with seeded(self._seed, device):  # What comes next draws the same numbers as without.
            self._work = self._find_work(encoder, samples, device)
        self._auto_batch_size = auto_batch_size(
            len(samples), self._work, smallest=self._smallest_batch, largest=self._largest_batch
        )
        self._objective = self._objective_of(encoder, samples)
        return assembled

    def _untrained(self, X: Any) -> Self:
        """Return a copy with the weights that the training started from.

        They are drawn again from the seed. What was learned from the training samples without
        training - scales, vocabularies, kernels - is that of this estimator.

        Parameters
        ----------
        X : array-like
            Samples that a head may be built for; at least 2.
        """
        from skssl.training import resolve_device, seeded

        check_is_fitted(self)
        samples, _ = self._prepare(X, min_samples=2)
        # How many numbers are drawn depends on the shape of the training samples alone.
        blank = samples.new_zeros((1, *self._shape[1:])).expand(self._shape)
        # copy.copy() would ask for what pickle sees.
        start = object.__new__(type(self))
        start.__dict__.update(self.__dict__)
        with own_settings(), seeded(self._seed, resolve_device(self.device)):
            encoder = self._resolve_encoder(blank)
            start.encoder_ = self.modality_.assemble(self._input_layer, encoder).eval()
            if isinstance(self.encoder, str):
                _share_fixed_parts(self.encoder_, start.encoder_)
            start._objective = self._objective_of(encoder, samples).eval()
        start._steps = start.n_iter_ = 0
        start.loss_curve_, start.history_ = [], []
        return start

    @classmethod
    def _modalities(cls) -> list[str]:
        """Return the names of the modalities that this method has a meaning for."""
        return sorted(kind.__name__ for kind in MODALITIES if kind.offers(*cls._needs))

    def _check_modality(self) -> None:
        if not self.modality_.offers(*self._needs):
            raise ValueError(
                f"{type(self).__name__} has no meaning for modality="
                f"{type(self.modality_).__name__}(); it works with {', '.join(self._modalities())}."
            )

    def _objective_of(self, encoder: nn.Module, samples: Tensor) -> Objective:
        """Return what is trained around `encoder`, or around each of those side by side."""
        if isinstance(encoder, SideBySide):
            trainable = [b for b in encoder.branches() if any(True for _ in b.parameters())]
            return JointObjective(encoder, [self._objective_of(p, samples) for p in trainable])
        dim = self._embedding_dim(nn.Sequential(self._input_layer, encoder), samples[:2])
        return self._make_objective(encoder, samples, embedding_dim=dim)

    def _prepare(
        self, X: Any, *, reset: bool = False, min_samples: int = 1, of_any_length: bool = False
    ) -> tuple[Tensor, np.ndarray | None]:
        """Check `X`; return a tensor of samples, and which ones could be loaded if not all.

        Series of one channel may have other lengths than in `fit` with ``of_any_length``.
        """
        X, loaded = self.modality_.load(X)
        checked = self.modality_.check(X, estimator=type(self).__name__, min_samples=min_samples)
        has_columns = self.modality_.has_columns(X)
        if reset:
            self._had_columns = has_columns
        if has_columns and self._had_columns and not of_any_length:
            validate_data(self, X, reset=reset, skip_check_array=True)
        if reset:
            self.modality_.fit(checked)
        samples = self.modality_.prepare(checked)
        if reset and not has_columns:
            self.n_features_in_ = self.modality_.n_features(samples)
        if reset and self.max_epochs != 0:
            self._warn_of_sameness(samples)
        return samples, loaded

    def _warn_of_sameness(self, samples: Tensor) -> None:
        """Warn before a training from which nothing can come."""
        sameness = nothing_to_tell(samples, self.modality_.input_layer())
        if sameness is not None:
            warn(
                f"{type(self).__name__}: {sameness}, so that there is nothing to learn from them. "
                "The training goes on, but its embedding will tell nothing apart."
            )

    def _resolve_views(self) -> Views:
        if isinstance(self.views, Views):
            self._check_views(self.views)
            views = copy.deepcopy(self.views)
        elif isinstance(self.views, (str, ChangedViews)):
            views = self._default_views()
            if isinstance(self.views, ChangedViews):
                views = self.views.apply(views)
        else:
            views = CallableViews(self.views)
        views.check_parameters()
        return views

    def _check_views(self, views: Views) -> None:
        """Raise an error if views are those of another modality."""
        of_class = {kind.views_class: kind for kind in MODALITIES}
        kind = next((of_class[cls] for cls in type(views).__mro__ if cls in of_class), None)
        # Modalities of one's own may have the views of another one.
        is_ours = isinstance(self.modality_, MODALITIES)
        if kind is not None and is_ours and not isinstance(self.modality_, kind):
            default = self.modality_.views_class
            raise ValueError(
                f"views={type(views).__name__}() are views of {kind.__name__}, but the samples of "
                f"X are {type(self.modality_).__name__}; their views are "
                f"{default.__name__ if default else Views.__name__}."
            )

    def _default_views(self) -> Views:
        """Return the modality's default views, in a size that the encoder takes."""
        views = self.modality_.default_views()
        return views.full_size() if self._takes_one_size() else views

    def _takes_one_size(self) -> bool:
        """Whether the encoder may take samples of one size only: a user's own."""
        return not isinstance(self.encoder, str)

    def _augments(self) -> bool:
        """Whether the user asked for views, for methods that need none of their own."""
        return not (isinstance(self.views, str) and self.views == "auto")

    def _resolve_encoder(self, samples: Tensor) -> nn.Module:
        if isinstance(self.encoder, str):
            if self.encoder == "auto":  # Listing the names of torchvision takes seconds.
                return self._build_encoder("auto", samples)
            names = ["auto", *self._encoder_names()]
            if self.encoder not in names:
                close = difflib.get_close_matches(self.encoder, names) or names[:3]
                raise ValueError(
                    f"encoder={quoted(self.encoder)} is no encoder for "
                    f"{type(self.modality_).__name__}; did you mean "
                    f"{' or '.join(map(repr, close))}? Allowed are "
                    f"{self._describe_encoders(names)}, an nn.Module, or a callable."
                )
            return self._build_encoder(self.encoder, samples)
        stem = self.modality_.stem()
        if stem is None:
            return self._own_encoder(samples)
        with torch.no_grad():
            filled = stem.eval()(self.modality_.input_layer()(samples[:2]))
        return nn.Sequential(OrderedDict(stem=stem, body=self._own_encoder(filled)))

    def _encoder_names(self) -> list[str]:
        """Return the names of the encoders that this method can train on the fitted modality."""
        return self.modality_.encoder_names()

    def _build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        """Return a new encoder: "auto" or one of the names."""
        return self.modality_.build_encoder(name, samples)

    def _own_encoder(self, samples: Tensor) -> nn.Module:
        """Return the user's own encoder for samples of this shape."""
        from skssl.training import ran_out_of_memory

        if isinstance(self.encoder, nn.Module):
            return copy.deepcopy(self.encoder)
        shape = tuple(samples.shape[1:])
        try:
            encoder = self.encoder(shape)
        except Exception as error:
            if ran_out_of_memory(error):
                raise
            hint = "an object of this class, " if isinstance(self.encoder, type) else ""
            raise ValueError(
                f"encoder={quoted(self.encoder)} was called with the shape of a sample, {shape}, "
                f"and raised {type(error).__name__}: {error}. Pass {hint}an nn.Module, or a "
                "callable that returns one for this shape."
            ) from error
        if not isinstance(encoder, nn.Module):
            raise ValueError(
                f"encoder={quoted(self.encoder)} is a callable and must return an nn.Module, "
                f"got {quoted(encoder)}."
            )
        return encoder

    @staticmethod
    def _describe_encoders(names: list[str]) -> str:
        if len(names) <= 12:
            return ", ".join(map(repr, names))
        return "'auto', 'conv', 'vit', and the names in torchvision.models.list_models()"

    def _embedding_dim(self, encoder: nn.Module, samples: Tensor) -> int:
        """Run `encoder` on some samples, to see that it gives vectors, and of which size."""
        from skssl.training import ran_out_of_memory

        with torch.no_grad():
            try:
                embedding = encoder.eval()(samples)
            except Exception as error:
                if isinstance(self.encoder, str) or ran_out_of_memory(error):
                    raise
                raise ValueError(
                    f"encoder={type(self.encoder).__name__} cannot embed a batch of "
                    f"{len(samples)} samples of {type(self.modality_).__name__}, which have shape "
                    f"{tuple(samples.shape[1:])}: {type(error).__name__}: {error}"
                ) from error
        if not isinstance(embedding, Tensor) or embedding.ndim != 2:
            shape = tuple(embedding.shape) if isinstance(embedding, Tensor) else type(embedding)
            raise ValueError(
                f"encoder={quoted(self.encoder)} must turn a batch of n samples into a tensor of "
                f"shape (n, d), got {shape} for {len(samples)} samples of shape "
                f"{tuple(samples.shape[1:])}."
            )
        return embedding.shape[1]

    def _shows_views(self) -> bool:
        """Whether the encoder is shown views of samples in training, rather than whole ones."""
        return True

    def _find_work(self, encoder: nn.Module, samples: Tensor, device: torch.device) -> float:
        """Return the work of a sample, 0 where nothing depends on it."""
        is_needed = "auto" in (self.batch_size, self.max_epochs)
        return self._count_work(encoder, samples) if is_needed and device.type == "cpu" else 0.0

    def _count_work(self, encoder: nn.Module, samples: Tensor) -> float:
        """Return the seconds in which a view of a sample goes through the encoder and back."""
        from skssl.training import count_work

        generator = torch.Generator().manual_seed(self._seed)

        def run(batch: Tensor) -> Tensor:
            shown = self._input_layer(batch)
            if self._shows_views():
                (shown,) = self.views_.draw(shown, 1, generator=generator)
            return encoder(shown)

        work = count_work(run, samples)
        encoder.zero_grad()
        return work

    def _resolve_epochs(self, n_samples: int) -> int:
        from skssl.training import affordable_steps, epochs_of

        if self.max_epochs != "auto":
            return int(self.max_epochs)
        batch_size = self._resolve_batch_size()
        steps = affordable_steps(n_samples, batch_size, self._work)
        return epochs_of(steps, n_samples, batch_size)

    def _resolve_batch_size(self) -> int:
        return self._auto_batch_size if self.batch_size == "auto" else int(self.batch_size)

    def _train(
        self, samples: Tensor, interrupts: Interrupts, *, epochs: int, partial: bool
    ) -> bool:
        """Train for some epochs; return whether a callback has ended that."""
        from skssl.training import make_optimizer, resolve_device, train

        batch_size = min(self._resolve_batch_size(), len(samples))

        def optimizer_of(objective: Objective) -> torch.optim.Optimizer:
            return make_optimizer(objective, self.optimizer, self.learning_rate, self.weight_decay)

        # Later calls of partial_fit must not repeat the random numbers of earlier ones.
        seed = int(np.random.SeedSequence([self._seed, self._steps]).generate_state(1)[0])
        net, interrupted = train(
            self._objective,
            samples,
            title=type(self).__name__,
            epochs=epochs,
            steps_per_epoch=len(samples) // batch_size,
            device=resolve_device(self.device),
            precision=self.precision,
            callbacks=self.callbacks,
            first_callbacks=[self._monitor],
            verbose=self.verbose,
            optimizer_state=self._optimizer_state,
            interrupts=interrupts,
            views=self.views_,
            input_layer=self._input_layer,
            make_optimizer=optimizer_of,
            seed=seed,
            constant_rate=partial,
            max_seconds=None if partial else Duration.seconds(self.max_time),
            batch_size=batch_size,
        )
        self._optimizer_state = net.optimizer_.state_dict() if partial else None
        self._steps += net.steps_done_
        self._objective.zero_grad()
        self._objective.to("cpu").eval()
        self.encoder_.to("cpu").eval()
        self.history_ += net.records()
        self.loss_curve_ = [row["train_loss"] for row in self.history_]
        self.n_iter_ = len(self.history_)
        if interrupted:
            raise TrainingInterrupted(interrupted)
        return net.stopped_by_callback_

    def _conclude(self) -> None:
        """Look back at a training that is over, and warn of what went wrong."""
        self._monitor.conclude()


def _share_fixed_parts(source: nn.Module, target: nn.Module) -> None:
    """Give a module the buffers of another of its form, but for what BatchNorm learns."""
    parts = dict(source.named_modules())
    for name, part in target.named_modules():
        if not isinstance(part, _BatchNorm):
            part._buffers.update(parts[name]._buffers)


def in_all_rows(rows: Any, loaded: np.ndarray | None) -> Any:
    """Put NaN in the rows of the samples that could not be loaded, in float32 then."""
    if loaded is None:
        return rows
    every = np.full((len(loaded), *rows.shape[1:]), np.nan, dtype=np.float32)
    every[loaded] = rows
    return every


def check_all_loaded(loaded: np.ndarray | None) -> None:
    """Raise an error if some samples could not be loaded where each has to have an answer."""
    if loaded is not None and not loaded.all():
        raise ValueError(
            f"X has {(~loaded).sum()} samples that could not be loaded, the first of them at "
            f"position {np.argmin(loaded)}."
        )
