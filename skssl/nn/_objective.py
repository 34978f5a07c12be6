"""What a method trains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self, cast

import torch
from torch import Tensor, nn

from skssl._signatures import check_override
from skssl.nn._queue import Queue
from skssl.views import ViewKind


class DrawViews(Protocol):
    """Draws random views of every sample of a batch."""

    def __call__(self, batch: Tensor, n_views: int, *, kind: ViewKind = "global") -> list[Tensor]:
        """Return `n_views` views: ordinary ones, of small parts, or with milder changes."""


def apply_by_size(network: Callable[[Tensor], Tensor], *groups: list[Tensor]) -> Tensor:
    """Apply a network to views; those of a group, which have one size, go through it together.

    Parameters
    ----------
    network : callable
    *groups : list of Tensor
        Views of the same n samples. Empty groups are left out.

    Returns
    -------
    Tensor of shape (n_views, n, d), float32
    """
    outputs = [network(torch.cat(views)).float() for views in groups if views]
    return torch.cat(outputs).unflatten(0, (-1, len(groups[0][0])))


# Goes through all samples once, in a random order: which rows a batch has, and the batch.
AllBatches = Callable[[], Iterator[tuple[Tensor, Tensor]]]


class Objective(nn.Module):
    """Encoder and heads, and the loss of a batch.

    Parameters
    ----------
    encoder : nn.Module
        The network that stays after training.
    """

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        check_override(cls, "forward", Objective.forward)

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder
        self._measured: dict[str, tuple[Tensor, int]] = {}

    @abstractmethod
    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        batch : Tensor of shape (n, ...)
            Samples, as the modality's ``input_layer`` returns them, on the device of the training.
        draw_views : callable
            ``draw_views(batch, n)`` returns a list of n batches, each with one random view of every
            sample. ``kind="local"``, "weak" or "mild" are the views of that kind
            (:meth:`Views.of_kind`).

        Returns
        -------
        Tensor
            A scalar, the mean over the samples. Its gradient is what the training follows.
        """
        raise TypeError(
            f"{type(self).__name__} has to define forward(self, batch, draw_views), which returns "
            "the loss."
        )

    def embed(self, samples: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the embedding of `samples`, and what the `projector`, if any, makes of it.

        For looks at what is being learned, without gradient and in eval mode.

        Parameters
        ----------
        samples : Tensor of shape (n, ...)
            Whole samples or views of them, as the modality's ``input_layer`` returns them.

        Returns
        -------
        embedding : Tensor of shape (n, embedding_dim)
            What the encoder makes of them.
        projection : Tensor of shape (n, d) or None
            What the projector makes of the embedding; None without a projector.
        """
        embedding = self.encoder(samples)
        projector = getattr(self, "projector", None)
        return embedding, None if projector is None else projector(embedding)

    def before_training(self, batches: AllBatches, draw_views: DrawViews) -> None:
        """Get ready for a training.

        Methods that override this and `after_training` leave the queues to this class.

        Parameters
        ----------
        batches : callable
            ``batches()`` goes through all samples once, in a random order. It yields pairs: the
            indices of the rows of a batch, at least 2, and the batch.
        draw_views : callable
            The same as for `forward`.
        """
        for queue in self._queues():
            queue.fill()

    def before_step(self, rows: Tensor) -> None:
        """Learn which training samples the next batch holds.

        Parameters
        ----------
        rows : Tensor of shape (n,), int64
            Indices of the training samples.
        """

    def after_step(self, progress: float) -> None:
        """Update what no optimiser updates: teachers, queues, schedules.

        Called after every optimiser step.

        Parameters
        ----------
        progress : float
            The part of the training that is done, in (0, 1]. It is 0.5 in `partial_fit`, which does
            not know its end.
        """

    def after_training(self, *, goes_on: bool = False) -> None:
        """Forget what is known about single samples.

        Parameters
        ----------
        goes_on : bool, default=False
            Whether `partial_fit` goes on, probably with other samples. Queues are kept then.
        """
        if not goes_on:
            for queue in self._queues():
                queue.clear()

    def _queues(self) -> list[Queue]:
        return [module for module in self.modules() if isinstance(module, Queue)]

    def measure(self, name: str, value: Tensor) -> None:
        """Note a value of this batch; its mean over the epoch goes to ``history_``.

        The value stays on the device until the end of the epoch.

        Parameters
        ----------
        name : str
            The key in ``history_``.
        value : Tensor
            A scalar. No gradient passes through it.
        """
        total, count = self._measured.get(name, (torch.zeros_like(value), 0))
        self._measured[name] = (total + value.detach(), count + 1)

    def take_measures(self) -> dict[str, float]:
        """Return the means of what was noted since the last call, and forget it.

        Returns
        -------
        dict of str to float
            The mean of each measure by its name.
        """
        means = {name: (total / count).item() for name, (total, count) in self._measured.items()}
        self._measured.clear()
        return means

    def steady(self) -> list[nn.Module]:
        """Return the networks whose learning rate does not decay.

        Returns
        -------
        list of nn.Module
            Parts of this objective; none by default.
        """
        return []

    @property
    def parts(self) -> list[Objective]:
        """What has an encoder of its own: the objective itself, or those it is made of."""
        return [self]

    @classmethod
    def mean_over(cls, objective: Objective, tell: Callable[[Self], Tensor]) -> Tensor:
        """Return what a function tells of an objective of this class.

        Parameters
        ----------
        objective : Objective
            One of this class, or several of them for encoders that stand side by side.
        tell : callable
            Gets an objective of this class, and returns a tensor.

        Returns
        -------
        Tensor
            What the function returned; the mean of it for several objectives.

        Raises
        ------
        TypeError
            If an objective is of another class.
        """
        told = []
        for part in objective.parts:
            if not isinstance(part, cls):
                raise TypeError(f"{type(part).__name__} is not {cls.__name__}.")
            told.append(tell(part))
        return torch.stack(told).mean(dim=0)


class PairObjective(Objective):
    """A projector behind the encoder, and a loss of the projections of two views.

    Parameters
    ----------
    encoder : nn.Module
        What ``make_objective`` gets: from batches of views to embeddings.
    projector : nn.Module
        From embeddings to what the loss compares. It is of no use after the training.
    loss : callable
        Gets the projections of both views, two tensors of shape (n, d), and returns a scalar.
    together : bool
        Whether the views go through the networks as one batch, so that BatchNorm sees both, as in
        SimCLR. With False, each view has statistics of its own, as in VICReg and Barlow Twins.
    """

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        *,
        together: bool,
    ):
        super().__init__(encoder)
        self.projector = projector
        self.loss = loss
        self.together = together

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        views = draw_views(batch, 2)
        groups = [views] if self.together else [[view] for view in views]
        z1, z2 = apply_by_size(lambda view: self.projector(self.encoder(view)), *groups)
        return self.loss(z1, z2)


class MultiViewObjective(Objective):
    """A projector behind the encoder, and a loss of the projections of any number of views.

    Parameters
    ----------
    encoder : nn.Module
        What ``make_objective`` gets: from batches of views to embeddings.
    projector : nn.Module
        From embeddings to what the loss compares.
    loss : callable
        Gets a tensor of shape (n_views, n, d), with the local views last, and returns a scalar.
    n_views, n_local_views : int
    together : bool
        Whether views of one size go through the networks as one batch, so that BatchNorm sees all
        of them.
    """

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        loss: Callable[[Tensor], Tensor],
        *,
        n_views: int,
        n_local_views: int = 0,
        together: bool = True,
    ):
        super().__init__(encoder)
        self.projector = projector
        self.loss = loss
        self.n_views = n_views
        self.n_local_views = n_local_views
        self.together = together

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        views = draw_views(batch, self.n_views)
        local = draw_views(batch, self.n_local_views, kind="local")
        groups = [views, local] if self.together else [[view] for view in (*views, *local)]
        return self.loss(apply_by_size(lambda view: self.projector(self.encoder(view)), *groups))


class JointObjective(Objective):
    """Several objectives on the same batches, each with an encoder of its own.

    Networks side by side are trained like this: behind one head, the one that solves the task
    first would leave nothing for the others to learn. The loss is the mean of theirs.

    Parameters
    ----------
    encoder : nn.Module
        The encoder that holds those of the `objectives`.
    objectives : sequence of Objective
    """

    def __init__(self, encoder: nn.Module, objectives: Sequence[Objective]):
        super().__init__(encoder)
        self.objectives = nn.ModuleList(objectives)

    @property
    def parts(self) -> list[Objective]:
        """The objectives of the encoders side by side."""
        return cast(list[Objective], list(self.objectives))

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        return torch.stack([part(batch, draw_views) for part in self.parts]).mean()

    def before_training(self, batches: AllBatches, draw_views: DrawViews) -> None:
        for part in self.parts:
            part.before_training(batches, draw_views)

    def before_step(self, rows: Tensor) -> None:
        for part in self.parts:
            part.before_step(rows)

    def embed(self, samples: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return those of the parts, one after the other.

        What is not trained is left out: beside it, a collapse would hardly show.
        """
        embedded = [part.embed(samples) for part in self.parts]
        embeddings, projections = zip(*embedded, strict=True)
        projected = [projection for projection in projections if projection is not None]
        return torch.cat(embeddings, dim=1), torch.cat(projected, dim=1) if projected else None

    def after_step(self, progress: float) -> None:
        for part in self.parts:
            part.after_step(progress)

    def after_training(self, *, goes_on: bool = False) -> None:
        for part in self.parts:
            part.after_training(goes_on=goes_on)

    def take_measures(self) -> dict[str, float]:
        """Return the means over the parts."""
        measures = [part.take_measures() for part in self.parts]
        return {
            name: sum(of_part[name] for of_part in measures) / len(measures) for name in measures[0]
        }

    def steady(self) -> list[nn.Module]:
        return [network for part in self.parts for network in part.steady()]
