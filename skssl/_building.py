"""What a method trains: every "auto" resolved, and its networks built."""

from __future__ import annotations

import copy
import difflib
import sys
from abc import abstractmethod
from numbers import Number
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from skssl._own_parts import are_own, check_objective, check_views, unchanged_parameters
from skssl._processes import is_first, random_state_of_all
from skssl._quote import quoted
from skssl._signatures import check_override
from skssl._sklearn_compat import InvalidParameterError
from skssl._some_rows import some_rows
from skssl._starting import StartsFrom
from skssl._streams import Stream, choose_rows
from skssl._types import Auto, RandomState, Samples
from skssl._warn import warn
from skssl.modality import (
    MODALITIES,
    Modality,
    Raw,
    Stored,
    Worded,
    check_capable,
    infer_modality,
    is_capable,
    known_modalities,
    nothing_to_tell,
)
from skssl.nn import Embedding, JointObjective, Objective, SideBySide
from skssl.views import CallableViews, ChangedViews, Views, ViewsParameter, draw_views

# What to pass where names such as views__flip are to be set.
_WITH_PARAMETERS = {
    "modality": ". Pass an object, such as modality=skssl.modality.Images()",
    "views": ". Pass an object, such as views=skssl.views.ImageViews(), or leave it at 'auto'",
}
# How many samples tell how widely an embedding spreads.
_SPREAD_SAMPLES = 256


class BuildsNetworks(StartsFrom):
    """What comes before the training: modality, views, encoder and objective."""

    views: ViewsParameter
    max_epochs: Auto[int]
    batch_size: Auto[int]
    random_state: RandomState
    verbose: int

    # None where an embedding that looks collapsed says nothing.
    collapse_remedy: ClassVar[str | None] = (
        "A loss without a term that keeps samples apart, such as a contrast or a variance, ends "
        "like this in every training: add one. If it has one, try stronger views, a larger "
        "batch_size or a smaller learning_rate."
    )

    # What "auto" makes of batches: of large samples at the least, and of others.
    _smallest_batch: ClassVar[int] = 64
    _largest_batch: ClassVar[int] = 256

    # What a modality has to be able to do beyond the minimum.
    needs: ClassVar[tuple[type[Modality], ...]] = ()
    # How many channels its samples have to have; None for any number.
    needs_channels: ClassVar[int | None] = None

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        check_override(cls, "make_objective", BuildsNetworks.make_objective)

    def set_params(self, **params: object) -> Self:
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
        own = {**self.get_params(deep=False), **params}
        for name in params:
            owner, _, inner = name.partition("__")
            if inner and owner in own and not hasattr(own[owner], "set_params"):
                raise ValueError(
                    f"{name} cannot be set, since {owner}={quoted(own[owner])} has no parameters"
                    f"{_WITH_PARAMETERS.get(owner, '')}."
                )
        return super().set_params(**params)

    def _validate_params(self) -> None:
        if isinstance(self.modality, str) and self.modality != "auto":
            names = {kind.__name__.lower(): kind.__name__ for kind in known_modalities()}
            close = difflib.get_close_matches(self.modality.lower(), names, n=1, cutoff=0.5)
            name = names[close[0]] if close else "Images"
            raise InvalidParameterError(
                f"modality={self.modality!r} must be 'auto' or an object, such as "
                f"modality=skssl.modality.{name}()."
            )
        allowed = (Views, ChangedViews)
        is_auto = isinstance(self.views, str) and self.views == "auto"
        if not (is_auto or isinstance(self.views, allowed) or callable(self.views)):
            name = type(self).__name__
            raise InvalidParameterError(
                f"The 'views' parameter of {name} must be 'auto', an object of skssl.views or a "
                f"callable. Got {quoted(self.views)} instead. A single range of the default views "
                f"is set by its name, as in {name}().set_params(views__crop_scale=(0.5, 1.0))."
            )
        super()._validate_params()

    def _wants_object(self, name: str, cls: type) -> bool:
        # A class is callable as well, but what is called on a batch is an object of it.
        return name == "views" or super()._wants_object(name, cls)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns of the embedding.

        Parameters
        ----------
        input_features : Ignored
            Present for API consistency.

        Returns
        -------
        ndarray of str
            The columns of the description, where there is one, have names of their own. Others are
            the name of the class in lower case and a number.
        """
        check_is_fitted(self)
        prefix = type(self).__name__.lower()
        learned = [f"{prefix}{index}" for index in range(self.n_learned())]
        return np.array([*self._described, *learned], dtype=object)

    def n_learned(self) -> int:
        """Return how many columns of the embedding are learned.

        Returns
        -------
        int
            They come last, behind those of the description, where there is one.
        """
        return self._n_features_out - len(self._described)

    @abstractmethod
    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        """Return what this method trains around an encoder.

        It is called once more where a file is read, with samples that stand in for those of `fit`
        and have nothing but their form. What is learned from samples here belongs in buffers.

        Parameters
        ----------
        encoder : nn.Module
            From what views show to embeddings of shape (n, embedding_dim).
        samples : Tensor
            Prepared training samples, some or all of them.
        embedding_dim : int
        n_samples : int
            How many training samples there are.

        Returns
        -------
        Objective
            The encoder with its heads, and the loss of a batch.
        """
        raise TypeError(
            f"{type(self).__name__} has to define make_objective(self, encoder, samples, *, "
            "embedding_dim, n_samples), which returns an Objective."
        )

    @classmethod
    def works_with(cls, modality: type[Modality]) -> bool:
        """Whether this method has a meaning for a modality, which can do what it needs.

        Parameters
        ----------
        modality : type
            A subclass of :class:`~skssl.modality.Modality`.

        Returns
        -------
        bool
            If False, `fit` refuses samples of this modality.
        """
        return is_capable(modality, cls.needs)

    def _start(self, X: Samples) -> Tensor | Stream:
        """Resolve every "auto" and build encoder and objective; return the prepared samples."""
        from skssl.training import with_memory_advice

        return with_memory_advice(
            lambda: self._set_up(X),
            title=type(self).__name__,
            doing="building",
            device=torch.device("cpu"),
        )

    def _set_up(self, X: Samples) -> Tensor | Stream:
        from skssl.training import Monitor, remedy_for, resolve_device, seeded

        device = resolve_device(self.device)
        samples, training = self._learn_form(X)
        self._seed = int(random_state_of_all(self.random_state).randint(2**31 - 1))
        self._shape, self._dtype = tuple(training.shape), str(samples.dtype)
        # Parameters may be set to something else later.
        self._made_with: dict[str, object] = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if value is None or isinstance(value, (str, Number, tuple))
        }
        if self._folder_name is not None:
            self._made_with["encoder"] = self._folder_name
        # The form of a network does not depend on what is in the file.
        self._made_with.setdefault("weights", True)
        with seeded(self._seed, device):
            self.encoder_ = self._build_networks(samples, device)
        spreads = self._finish_encoder(samples)
        self._start_scale = {name: part.numpy() for name, part in self.encoder_.scale().items()}
        if self._described and spreads[0] == 0:
            self._warn_of_description(samples)
        self._optimizer_state: dict[str, object] | None = None
        self._monitor = Monitor(type(self).__name__, remedy_for(self, self.collapse_remedy))
        self.n_steps_ = 0
        self.n_iter_ = 0
        self.loss_curve_: list[float] = []
        self.history_: list[dict[str, float]] = []
        self.before_training_: dict[str, float] = {}
        return training

    def with_views_of(self, X: Samples) -> Self:
        """Return a copy that has the modality and the views which `fit` would find for `X`.

        It has no networks, and is not fitted.

        Parameters
        ----------
        X : array-like
            Samples.

        Returns
        -------
        Self
            A copy with ``modality_`` and ``views_``.
        """
        self._validate_params()
        known = copy.copy(self)
        known._learn_form(X)
        return known

    def _learn_form(self, X: Samples) -> tuple[Tensor, Tensor | Stream]:
        """Fit the modality and find the views.

        Returns prepared samples that stand for all, and what is to be trained on.
        """
        stored = Stored.of(X)
        if stored is not None and stored.fits():
            X = stored.all()
        modality = infer_modality(X) if isinstance(self.modality, str) else self.modality
        self.modality_ = copy.deepcopy(modality)
        self._folder_name = self._find_folder_name()
        self._expect_known()
        check_capable(self.modality_, self.needs, who=type(self).__name__)
        is_default = isinstance(self.encoder, str) and self.encoder == "auto"
        if isinstance(self.modality_.concat_input, str) and not is_default:
            # Whoever chooses an encoder expects its columns.
            self.modality_.concat_input = False
        self._one_length = is_default and self.modality_.one_length
        name = self._name()
        if name is not None:
            self.modality_.expect_encoder(name)
        elif isinstance(self.modality_, Worded):
            known = self._known_embedding()
            if known is not None:
                self.modality_.go_on_from(known.prepare)
        stored = self.on_demand(X)
        some = X if stored is None else self._sample_of(stored)
        if self.verbose and is_first():
            # Files are read, patches learned: with many samples, that is minutes of silence.
            print(f"{type(self).__name__}: preparing samples", file=sys.stderr, flush=True)
        samples, _ = self.prepare_samples(some, reset=True, min_samples=2)
        self.views_ = self._resolve_views()
        return samples, samples if stored is None else self._stream(stored, samples)

    def _sample_of(self, stored: Stored) -> Raw:
        """Return rows that stand for all when scales are learned and networks are built."""
        rows = choose_rows(stored)
        if self.verbose and is_first():
            print(
                f"{type(self).__name__}: {stored.name()}, is read while it is needed; scales and "
                f"the like are those of {len(rows):,} of {len(stored):,} samples."
            )
        return stored.read(rows)

    def _build_networks(self, samples: Tensor, device: torch.device) -> Embedding:
        """Build encoder and objective, and find out how large a batch is to be."""
        from skssl.training import auto_batch_size, seeded

        encoder = self._resolve_encoder(samples)
        self._check_start(encoder)
        self._input_layer = self.modality_.input_layer()
        with seeded(self._seed, device):  # What comes next draws the same numbers as without.
            description = self.modality_.describe(samples, self.views_)
        assembled = self._assemble(encoder, description)
        learned = self._embedding_dim(nn.Sequential(self._input_layer, encoder), samples[:2])
        described = 0 if description is None else description(samples[:1]).shape[1]
        self._n_features_out = described + learned
        self._described = self.modality_.description_names(described) if described else []
        with seeded(self._seed, device):
            self._check_views(assembled, samples[:2])
        with seeded(self._seed, device):
            self._work = self._find_work(encoder, samples, device)
        self._auto_batch_size = auto_batch_size(
            self._shape[0], self._work, smallest=self._smallest_batch, largest=self._largest_batch
        )
        self.batch_size_ = min(self._resolve_batch_size(), self._shape[0])
        self._objective = self._first_objective(encoder, samples)
        self._start_weights = {} if self._may_be_gone() else None
        return assembled

    def _assemble(self, encoder: nn.Module, description: nn.Module | None) -> Embedding:
        """Return the embedding that encoder and description make."""
        return Embedding(
            self._input_layer,
            encoder,
            description,
            share=self.modality_.description_share,
            one_length=self._one_length,
        ).eval()

    def untrained(self, X: Samples) -> Self:
        """Return a copy with the weights that the training started from.

        They are drawn again from the seed, and those that were read are not read once more. What
        was learned from the training samples without training - scales, vocabularies, kernels - is
        that of this estimator.

        Parameters
        ----------
        X : array-like
            Samples like those of `fit`, at least 2, such as these; nothing is learned from them.

        Returns
        -------
        Self
            A fitted estimator of the same class, with an empty history.
        """
        from skssl.training import resolve_device, seeded

        check_is_fitted(self)
        samples, _ = self.prepare_samples(X, min_samples=2)
        start = copy.copy(self)
        with seeded(self._seed, resolve_device(self.device)):
            encoder = self._encoder_at_start()
            start.encoder_ = self.encoder_.with_encoder(encoder)
            if self._name() is not None:
                _share_fixed_parts(self.encoder_, start.encoder_)
            start._objective = self._first_objective(encoder, samples).eval()
        scale = {name: torch.tensor(part) for name, part in self._start_scale.items()}
        start.encoder_.set_scale(scale)
        start.n_steps_ = start.n_iter_ = 0
        start.loss_curve_, start.history_, start.before_training_ = [], [], {}
        return start

    def _finish_encoder(self, samples: Tensor | Stream) -> list[float]:
        """Leave the encoder on the CPU, in eval mode, and its embedding with the usual spread.

        Returns how widely each block spread before.
        """
        self.encoder_.to("cpu").eval()
        known = samples.known if isinstance(samples, Stream) else samples
        few = some_rows(known, _SPREAD_SAMPLES)
        with torch.no_grad():
            sizes = self.encoder_.sizes(few[:1])
        # No more at once than in a step.
        columns = torch.cat(
            [
                self._apply(self.encoder_, lambda encoder, batch: encoder.columns(batch), part)
                for part in few.split(self.batch_size_)
            ]
        )
        return self.encoder_.spread_evenly(columns, sizes)

    def _warn_of_description(self, samples: Tensor) -> None:
        """Warn that what stands beside the embedding says nothing of samples, if they differ."""
        if nothing_to_tell(samples, self._input_layer) is None:
            warn(
                f"{type(self).__name__}: the description that stands beside what is learned "
                f"(concat_input) is the same for all samples of X that were looked at, so that its "
                f"{len(self._described)} columns tell nothing apart."
            )

    def stand_ins(self) -> Tensor:
        """Return samples of the form of the training samples, which are all the same one.

        How many random numbers are drawn for networks depends on their shape alone.

        Returns
        -------
        Tensor of shape (n_samples, ...)
            Of the shape and dtype of the prepared training samples.
        """
        dtype, shape = getattr(torch, self._dtype.removeprefix("torch.")), (1, *self._shape[1:])
        if dtype.is_floating_point:
            # Below 1, which is 0 where it is a category.
            sample = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
        elif dtype == torch.uint8:
            sample = torch.randint(256, shape, generator=torch.Generator().manual_seed(0)).to(dtype)
        else:
            # A token that is known.
            sample = torch.ones(shape, dtype=dtype)
        return sample.expand(self._shape)

    def _first_objective(self, encoder: nn.Module, samples: Tensor) -> Objective:
        """Return the objective with the heads that the training starts with."""
        from skssl.training import resolve_device, seeded

        if not self._may_be_gone():
            return self._objective_of(encoder, samples)
        # How many random numbers are drawn before depends on how an encoder is read.
        with seeded(self._seed, resolve_device(self.device)):
            return self._objective_of(encoder, samples)

    def _objective_of(self, encoder: nn.Module, samples: Tensor) -> Objective:
        """Return what is trained around `encoder`, or around each of those side by side."""
        if isinstance(encoder, SideBySide):
            trainable = [b for b in encoder.branches() if any(True for _ in b.parameters())]
            return JointObjective(encoder, [self._objective_of(p, samples) for p in trainable])
        dim = self._embedding_dim(nn.Sequential(self._input_layer, encoder), samples[:2])
        title = type(self).__name__
        with unchanged_parameters(lambda: self.get_params(deep=False), title=title):
            objective = self.make_objective(
                encoder, samples, embedding_dim=dim, n_samples=self._shape[0]
            )
        return check_objective(objective, encoder, title=title)

    def _resolve_views(self) -> Views:
        if isinstance(self.views, Views):
            self.check_views(self.views)
            views = copy.deepcopy(self.views)
        elif isinstance(self.views, (str, ChangedViews)):
            views = self.default_views()
            if isinstance(self.views, ChangedViews):
                views = self.views.apply(views)
        else:
            views = CallableViews(self.views)
        views.check_parameters()
        return views

    def check_views(self, views: Views) -> None:
        """Raise an error if views are those of another modality.

        Parameters
        ----------
        views : Views
            What the user passed.
        """
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

    def default_views(self) -> Views:
        """Return the modality's default views, in a size that the encoder takes.

        Returns
        -------
        Views
            What ``views="auto"`` means here.
        """
        views = self.modality_.default_views()
        return views.full_size() if self.takes_one_size() else views

    def augments(self) -> bool:
        """Whether the user asked for views, for methods that need none of their own.

        Returns
        -------
        bool
            False for ``views="auto"``.
        """
        return not (isinstance(self.views, str) and self.views == "auto")

    def shows_views(self) -> bool:
        """Whether the encoder is shown views of samples in training, rather than whole ones.

        Returns
        -------
        bool
            True by default.
        """
        return True

    def _check_views(self, embedding: Embedding, samples: Tensor) -> None:
        """Look at what views and encoder make of samples, if the user has written one of them."""
        is_ours = self._name() is not None and not self.starts_from_known()
        if self.shows_views() and (are_own(self.views_) or not is_ours):
            encoder = f"encoder={quoted(self.encoder)}"
            check_views(self.views_, embedding, samples, encoder=encoder, seed=self._seed)

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
            if self.shows_views():
                (shown,) = draw_views(self.views_, shown, 1, generator=generator)
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


def _share_fixed_parts(source: nn.Module, target: nn.Module) -> None:
    """Give a module the buffers of another of its form, but for what BatchNorm learns."""
    parts = dict(source.named_modules())
    for name, part in target.named_modules():
        if not isinstance(part, _BatchNorm):
            for buffer, values in parts[name].named_buffers(recurse=False):
                setattr(part, buffer, values)
